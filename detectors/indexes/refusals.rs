//! Why a statement gets no index.

use super::advice::{Refusal, RefusalKind};
use super::choose::Analysis;
use super::model::{Model, before};
use super::uses::Test;
use super::work::{Region, Scan};
use crate::evidence::plan::Engine;
use crate::figures::{count, duration};

/// An execution that takes less is not worth an index, in nanoseconds.
const WORK_MIN_NS: f64 = 100_000.0;

/// Who keeps more than this part of what is read gains little by an index.
const SELECTIVE_MAX: f64 = 0.08;

/// The reason in figures and words; the first that fits.
pub(super) fn refusal(analysis: &Analysis<'_>, model: &Model<'_>) -> Refusal {
    let rewrite = rewrite(analysis);
    let work = &analysis.work;
    let say = |kind, reason: String| Refusal { kind, reason, rewrite: rewrite.clone() };
    if work.is_measured && work.total < WORK_MIN_NS {
        return say(RefusalKind::LittleWork, format!("an execution takes {}", duration(work.total as u64)));
    }
    let Some(region) = work.regions.iter().max_by(|one, other| before(one).total_cmp(&before(other))) else {
        return say(RefusalKind::NoTable, "the plan reads no table".to_owned());
    };
    if rewrite.is_some() {
        let reason = "what it compares is no column that an index could be made on".to_owned();
        return say(RefusalKind::NeedsRewrite, reason);
    }
    if analysis.statement.blocks.iter().any(|block| block.is_shuffled && block.is_limited) {
        return Refusal {
            kind: RefusalKind::NeedsRewrite,
            reason: format!(
                "it gives each of {} rows a number by chance and sorts them by it: no index has that order",
                count(region.rows as u64)
            ),
            rewrite: Some(by_chance(analysis).to_owned()),
        };
    }
    if before(region) < work.total / 3.0 {
        return say(RefusalKind::SmallShare, "reading tables is the smaller part of its time".to_owned());
    }
    if region.joins.iter().any(|joined| joined.kind.contains("Anti")) && !has_filter(region) {
        let reason = format!(
            "rows without a partner: each of {} rows would be looked up, which a hash join does quicker",
            count(region.scans.iter().map(|scan| scan.kept as u64).max().unwrap_or(0))
        );
        return say(RefusalKind::AntiJoin, reason);
    }
    let (kind, reason) = of_scan(region, model);
    say(kind, reason)
}

fn of_scan(region: &Region, model: &Model<'_>) -> (RefusalKind, String) {
    let most = region.scans.iter().max_by(|one, other| one.cost.total_cmp(&other.cost));
    let Some(scan) = most else { return (RefusalKind::NoTable, "the plan reads no table".to_owned()) };
    let kept = scan.kept / scan.read.max(1.0);
    // Estimates do not say how many rows are read before a condition.
    let figures = match model.work.is_measured || model.work.is_reckoned {
        true => format!("{} of {} rows of {}", count(scan.kept as u64), count(scan.read as u64), scan.table),
        false => format!("an estimated {} rows of {}", count(scan.kept as u64), scan.table),
    };
    match () {
        () if !scan.indexes.is_empty() && kept > 0.5 => (
            RefusalKind::AlreadyIndexed,
            format!("{} leads to {figures} already", scan.indexes.join(" and ")),
        ),
        () if !has_filter(region) && !scan.indexes.is_empty() => {
            (RefusalKind::AlreadyIndexed, format!("{} gives its rows", scan.indexes.join(" and ")))
        }
        () if !has_filter(region) && region.wanted.is_none() => {
            (RefusalKind::WholeTable, format!("it needs {figures}"))
        }
        () if kept > SELECTIVE_MAX => (
            RefusalKind::LowSelectivity,
            format!("its conditions keep {figures}: reading them one by one by an index takes about as long"),
        ),
        () if model.work.is_measured => {
            (RefusalKind::SmallShare, format!("an index would give back too little: it keeps {figures}"))
        }
        () => {
            (RefusalKind::SmallShare, "by its estimated cost an index would give back too little".to_owned())
        }
    }
}

fn has_filter(region: &Region) -> bool {
    region.scans.iter().any(|scan: &Scan| scan.kept < scan.read * 0.98)
}

/// How rows by chance are asked for by an index: from a random place of the primary key on.
fn by_chance(analysis: &Analysis<'_>) -> &'static str {
    match analysis.engine {
        // MySQL and MariaDB make a new number for each row that a condition looks at.
        Engine::MySql | Engine::MariaDb => {
            "begin at a random place of the primary key: FROM t JOIN (SELECT floor(rand() * max(id)) AS start FROM t) place \
             ON t.id >= place.start ORDER BY t.id LIMIT …"
        }
        Engine::Sqlite => {
            "begin at a random place of the primary key: WHERE id >= (SELECT abs(random()) % max(id) FROM t) ORDER BY id LIMIT …"
        }
        Engine::PostgreSql => {
            "begin at a random place of the primary key: WHERE id >= (SELECT (random() * max(id))::bigint FROM t) ORDER BY id \
             LIMIT …; or take rows out of some pages of the table: FROM t TABLESAMPLE SYSTEM (1) LIMIT …"
        }
    }
}

/// How a condition that no index serves could be written instead.
pub(super) fn rewrite(analysis: &Analysis<'_>) -> Option<String> {
    let conditions = analysis.statement.uses.iter().flat_map(|table_use| &table_use.conditions);
    let mut texts = conditions.filter_map(|condition| match &condition.test {
        Test::Other(Some(rewrite)) => Some(rewrite.clone()),
        _ => None,
    });
    texts.next()
}
