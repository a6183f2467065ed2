//! Finds statements that read far more than they need because an index is missing, and names the index.
//!
//! ## Why it is slow
//!
//! Without an index that leads to its rows a statement reads a table from end to end, and throws nearly all of it away; or
//! it sorts all rows to give the first ten. Both take longer the more the table holds.
//!
//! ## What counts
//!
//! Plans whose counted rows say that an index would make the statement at least one and a half times as fast. Which index is
//! worked out from the statement, where that is not known from the conditions of PostgreSQL's plan: columns that are
//! compared with one value, then those it is ordered by, then one range; also expressions, both sides of an `OR`, patterns,
//! documents and arrays.
//!
//! ## Stays silent
//!
//! - where so many of the rows are kept that reading them one by one takes as long;
//! - where all rows are needed, as for sums of a whole table;
//! - where a statement has to be written otherwise first: `date(created_at) = …`.
//!
//! ## Remedy
//!
//! The index that is named. What it gives back is predicted from the rows that the plan counted, with prices for each row
//! and each descent of an index: in the best case those of rows that lie together, in the worst of rows that lie apart.
//! That is not proof: the server may choose another plan. `whyslow index` says more, and weighs a whole workload.
//!
//! ## How to check
//!
//! `EXPLAIN (ANALYZE, BUFFERS)` once more: the index is read, fewer pages are, and the execution is shorter.

use crate::figures::{bytes, count};
use crate::finding::Confidence;
use crate::indexes::{Lack, lack};
use crate::plans::{PlanView, Problems};
use crate::settings::Values;
use crate::{Detector, Inspect};

pub(crate) const DETECTOR: Detector = Detector {
    id: "missing-index",
    summary: "a statement reads far more than it needs, for want of an index",
    page: include_str!("missing_index.rs"),
    settings: &[],
    inspect: Inspect::Plan,
    plan: Some(inspect),
    confirm: None,
    logs: true,
    tell: None,
};

/// In the worst case still so much faster: then it is sure.
const SURE: u64 = 3;

fn inspect(view: &PlanView<'_>, _: Values<'_>, problems: &mut Problems) {
    let Some(lack) = lack(view) else { return };
    let [best, _, worst] = lack.saved;
    let claimed: u64 = lack.nodes.iter().map(|node| view.self_ns(*node)).fold(0, u64::saturating_add);
    let left =
        |saved: u64| (claimed.saturating_sub(saved).saturating_mul(1000) / claimed.max(1)).min(1000) as u16;
    let is_sure = worst.saturating_mul(SURE) >= view.times.execution_ns.saturating_mul(SURE - 1);
    let confidence = if is_sure { Confidence::High } else { Confidence::Medium };
    problems
        .push(lack.node, lack.tables.join(", "), confidence)
        .claim_all(lack.nodes.iter().copied(), left(best), left(worst))
        .because(why(&lack))
        .advise(lack.ddl.join("; "), &costs(&lack))
        .check(format!(
            "pages and time of this part of the plan, and the index in it: {} rows are read now",
            count(lack.rows.0)
        ));
}

fn why(lack: &Lack) -> String {
    let (read, kept) = lack.rows;
    let rows = match kept < read {
        true => format!("{} rows are read to keep {}", count(read), count(kept)),
        false => format!("{} rows are read, more than are needed", count(read)),
    };
    let number =
        if lack.ddl.len() > 1 { format!("{} indexes", lack.ddl.len()) } else { "an index".to_owned() };
    format!("{rows}; {number} would lead to the rows (predicted from the plan, unproven)")
}

fn costs(lack: &Lack) -> String {
    match lack.bytes {
        0 => "it costs each write to its table, and space".to_owned(),
        size => format!("it costs each write to its table some microseconds, and about {}", bytes(size)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::evidence::plan::{Key, NodeType};
    use crate::plans::testing::{Sketch, sketch};

    fn scanned(text: Option<&str>, kept: f64) -> Sketch {
        let scan = sketch().node(0, NodeType::SeqScan, 100.0, kept, 1);
        let scan =
            scan.text(Key::RelationName, "orders").text(Key::Alias, "o").text(Key::Filter, "(f(x) = 1)");
        scan.number(Key::RowsRemovedByFilter, 1e6 - kept)
            .execution(101.0)
            .whole(|plan| plan.statement = text.map(Into::into))
    }

    #[test]
    fn the_index_is_named_with_what_it_gives_back() {
        let text = "SELECT * FROM orders o WHERE o.user_id = 4711 ORDER BY o.id";
        let report = scanned(Some(text), 12.0).judged_by_all();
        let problem = report.only("missing-index");
        assert_eq!((problem.node, &*problem.subject, problem.confidence), (0, "orders", Confidence::High));
        assert_eq!(problem.fix[0].text, "CREATE INDEX CONCURRENTLY ON orders (user_id)");
        assert!(problem.gain_ns.is_some_and(|gain| gain > 99_000_000), "{problem:?}");
        assert!(!format!("{report:?}").contains("4711"));
    }

    #[test]
    fn silent_where_rows_are_needed_or_no_condition_is_known() {
        scanned(Some("SELECT * FROM orders o WHERE o.user_id = 1"), 5e5)
            .judged_by_all()
            .silent("missing-index");
        scanned(Some("SELECT * FROM orders o WHERE date(o.at) = $1"), 12.0)
            .judged_by_all()
            .silent("missing-index");
        scanned(None, 12.0).judged_by_all().silent("missing-index");
    }
}
