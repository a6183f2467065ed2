//! How often statements are executed and how long that takes, as logs, traces and servers' own statistics tell.
//!
//! Several of these may tell of the same executions. So what they tell of a statement is not added: the one that tells of
//! most executions counts.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use rustc_hash::FxHashMap;

use crate::analysis::Gathers;
use crate::docket::{EndpointKey, Found, Logged, LoggedTally, StatementTally};
use crate::evidence::shape::sql::Verb;
use crate::evidence::trace::Trace;
use crate::evidence::{
    ConnectionUse, Dictionary, Execution, Kind, Logged as Line, ShapeId, ShapeRef, Span, Symbol, Values,
};
use crate::queries::of_catalog;

/// The executions of the evidence seen so far.
#[derive(Debug, Default)]
pub struct Executions {
    logged: Logged,
    /// By statement and database, and by who sends it.
    traced: FxHashMap<(ShapeRef, Symbol, EndpointKey), StatementTally>,
    values: FxHashMap<ShapeRef, Seen>,
}

/// The values of a statement.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Seen {
    /// All executions have the same.
    Always(Values),
    /// They have others.
    Varying,
}

/// A statement that was executed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Executed {
    /// The statement.
    pub shape: ShapeRef,
    /// Executions.
    pub executions: u64,
    /// What they took together, in nanoseconds; `None` where that is not told.
    pub time_ns: Option<u64>,
    /// Rows that they gave or changed; `None` where that is not told of each.
    pub rows: Option<u64>,
    /// Where it comes from, for people.
    pub place: String,
    /// Executions have different values, those of placeholders included.
    pub has_other_values: bool,
}

/// What one source tells of a statement.
#[derive(Debug, Clone, Default)]
struct Told {
    executions: u64,
    time_ns: Option<u64>,
    rows: Option<u64>,
    /// The place with the time that is behind it.
    place: (u64, String),
}

impl Told {
    fn add(&mut self, other: Self) {
        let is_first = self.executions == 0;
        self.executions += other.executions;
        self.time_ns = match (self.time_ns, other.time_ns) {
            (Some(one), Some(other)) => Some(one.saturating_add(other)),
            (one, other) => one.or(other),
        };
        self.rows =
            if is_first { other.rows } else { self.rows.zip(other.rows).map(|(one, other)| one + other) };
        if is_first || other.place.0 > self.place.0 {
            self.place = other.place;
        }
    }
}

impl Gathers for Executions {
    fn add(&mut self, trace: &Trace, _: &ConnectionUse, _: &[Found], dictionary: &Dictionary) {
        for request in trace.requests.iter().filter(|request| !request.is_logged()) {
            let endpoint = EndpointKey::of(request, dictionary);
            let sent = trace.operations_of(request).iter();
            for operation in sent.filter(|own| own.kind == Kind::Sql && own.logged == Line::No) {
                self.note_values(&operation.span);
                let sent = (operation.shape, operation.target, endpoint);
                self.traced.entry(sent).or_default().add(&operation.span);
            }
        }
    }

    fn add_session(&mut self, executions: &[Execution], bare: (u64, u64), dictionary: &Dictionary) {
        let described = executions.iter().filter(|one| !dictionary.is_counted_only(one.span.shape));
        described.for_each(|execution| self.note_values(&execution.span));
        self.logged.add(executions, bare, dictionary);
    }

    fn merge(&mut self, other: Self) {
        self.logged.merge(other.logged);
        for (sent, tally) in other.traced {
            self.traced.entry(sent).and_modify(|known| known.merge(&tally)).or_insert(tally);
        }
        for (shape, seen) in other.values {
            self.note_seen(shape, seen);
        }
    }
}

impl Executions {
    fn note_values(&mut self, span: &Span) {
        if span.values.is_known() {
            self.note_seen(span.shape, Seen::Always(span.values));
        }
    }

    fn note_seen(&mut self, shape: ShapeRef, seen: Seen) {
        let known = self.values.entry(shape).or_insert(seen);
        if *known != seen {
            *known = Seen::Varying;
        }
    }

    /// The statements that read or write tables, what takes most time first. Of `database` alone, where one is named and
    /// the evidence tells databases apart.
    pub fn statements(&self, database: Option<&str>, dictionary: &Dictionary) -> Vec<Executed> {
        let mut by_shape: BTreeMap<ShapeRef, [Told; 3]> = BTreeMap::new();
        let is_wanted = |own: Symbol| database.is_none_or(|wanted| may_be(dictionary.text(own), wanted));
        let mut note =
            |source: usize, shape: ShapeRef, told: Told| by_shape.entry(shape).or_default()[source].add(told);
        let by_plan = !self.logged.has_lines();
        for ((shape, own), tally) in &self.logged.statements {
            if is_wanted(*own) {
                note(0, *shape, logged(tally, by_plan, dictionary));
            }
        }
        for ((shape, own), counted) in &dictionary.statistics().statements {
            if is_wanted(*own) {
                let sums = counted.sums;
                note(
                    1,
                    *shape,
                    Told {
                        executions: sums.calls,
                        time_ns: Some(sums.time_ns),
                        rows: Some(sums.rows),
                        place: (sums.time_ns, "statistics of the server".to_owned()),
                    },
                );
            }
        }
        for ((shape, own, endpoint), tally) in &self.traced {
            if is_wanted(*own) {
                note(
                    2,
                    *shape,
                    Told {
                        executions: tally.executions,
                        time_ns: Some(tally.total_ns),
                        rows: None,
                        place: (tally.total_ns, endpoint.name.text(dictionary)),
                    },
                );
            }
        }
        let of_tables = by_shape.into_iter().filter(|(shape, _)| is_of_tables(*shape, dictionary));
        let mut executed: Vec<Executed> =
            of_tables.filter_map(|(shape, told)| self.executed(shape, told)).collect();
        executed.sort_by_key(|one| (Reverse((one.time_ns, one.executions)), dictionary.shape(one.shape).id));
        executed
    }

    fn executed(&self, shape: ShapeRef, told: [Told; 3]) -> Option<Executed> {
        let most = told.into_iter().rev().max_by_key(|told| told.executions)?;
        (most.executions > 0).then(|| Executed {
            shape,
            executions: most.executions,
            time_ns: most.time_ns,
            rows: most.rows,
            place: most.place.1,
            has_other_values: self.values.get(&shape) == Some(&Seen::Varying),
        })
    }

    /// Executions and time of statements that are too many for any to be looked into.
    pub fn counted_only(&self) -> (u64, u64) {
        let all = &self.logged.counted.all;
        (all.timed + all.untimed, all.total_ns)
    }
}

fn logged(tally: &LoggedTally, by_plan: bool, dictionary: &Dictionary) -> Told {
    let planned = if by_plan { tally.planned } else { (0, 0) };
    let time_ns = tally.total_ns.saturating_add(planned.1);
    let place = tally
        .slowest
        .map_or((0, "a log".to_owned()), |(took_ns, line)| (took_ns, dictionary.place_of_line(line)));
    Told {
        executions: tally.timed + tally.untimed + planned.0,
        time_ns: Some(time_ns).filter(|_| tally.timed + planned.0 > 0),
        rows: Some(tally.rows.1).filter(|_| tally.rows.0 > 0 && tally.rows.0 == tally.timed + tally.untimed),
        place,
    }
}

/// Whether a database as the evidence names it may be that of a name: numbers and servers without a database say nothing.
fn may_be(told: &str, wanted: &str) -> bool {
    let name = told.rsplit('/').next().unwrap_or(told);
    let is_unknown = name.is_empty() || name.bytes().all(|byte| byte.is_ascii_digit());
    is_unknown || name == wanted || !told.contains('/') && told.contains([':', '.'])
}

/// Whether a statement reads or writes rows of tables that are not the server's own.
fn is_of_tables(shape: ShapeRef, dictionary: &Dictionary) -> bool {
    let shape = dictionary.shape(shape);
    let of_rows = [Verb::Select, Verb::Insert, Verb::Update, Verb::Delete, Verb::Merge];
    shape.id != ShapeId::OTHER
        && !of_catalog(shape)
        && shape.facts.as_ref().is_some_and(|facts| of_rows.contains(&facts.verb) && !facts.tables.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn databases_are_told_apart_where_they_are_named() {
        for (told, expected) in [
            ("shop", true),
            ("", true),
            ("16384", true),
            ("127.0.0.1:5432/shop", true),
            ("127.0.0.1:5432", true),
            ("127.0.0.1:5432/stock", false),
            ("stock", false),
        ] {
            assert_eq!(may_be(told, "shop"), expected, "{told}");
        }
    }
}
