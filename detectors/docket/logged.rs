//! What the logs of servers tell of statements.

use rustc_hash::FxHashMap;

use super::Histogram;
use crate::evidence::{
    Dictionary, Effort, Execution, KnownBy, ShapeRef, Span, SpanId, Status, Symbol, UNKNOWN, place_in,
};

/// Statements of all sessions, and what was told without a statement.
#[derive(Debug, Default)]
pub(crate) struct Logged {
    /// By statement and database.
    pub(crate) statements: FxHashMap<(ShapeRef, Symbol), LoggedTally>,
    /// Of statements that are counted only, in whichever database.
    pub(crate) counted: Counted,
    /// Lines that say how long something took and not what, and the sum.
    pub(crate) bare: (u64, u64),
    /// From the first begin to the last end.
    pub(crate) extent_ns: Option<(u64, u64)>,
}

impl Logged {
    pub(crate) fn add(&mut self, executions: &[Execution], bare: (u64, u64), dictionary: &Dictionary) {
        self.add_bare(bare);
        for execution in executions {
            let span = &execution.span;
            self.stretch((span.start_ns, span.end_ns));
            let statement = (span.shape, span.target);
            match dictionary.is_counted_only(statement.0) {
                true => self.counted.add(execution),
                false => self.statements.entry(statement).or_default().add(execution),
            }
        }
    }

    pub(crate) fn merge(&mut self, other: Self) {
        self.add_bare(other.bare);
        self.counted.merge(&other.counted);
        other.extent_ns.into_iter().for_each(|extent_ns| self.stretch(extent_ns));
        for (statement, tally) in other.statements {
            self.statements.entry(statement).or_default().merge(&tally);
        }
    }

    /// Whether a log tells of a statement of a database.
    pub(crate) fn has(&self, shape: ShapeRef, database: Symbol) -> bool {
        self.statements.contains_key(&(shape, database))
    }

    /// What logs tell of a statement, by database.
    pub(crate) fn of_shape(&self, shape: ShapeRef) -> impl Iterator<Item = (Symbol, &LoggedTally)> {
        let of_shape = self.statements.iter().filter(move |((other, _), _)| *other == shape);
        of_shape.map(|((_, database), tally)| (*database, tally))
    }

    fn stretch(&mut self, (start_ns, end_ns): (u64, u64)) {
        let (first_ns, last_ns) = self.extent_ns.unwrap_or((start_ns, end_ns));
        self.extent_ns = Some((first_ns.min(start_ns), last_ns.max(end_ns)));
    }

    fn add_bare(&mut self, (count, total_ns): (u64, u64)) {
        self.bare = (self.bare.0 + count, self.bare.1.saturating_add(total_ns));
    }

    /// Whether executions have lines of their own: then a plan alone is no further execution, but one that was left
    /// out by chance or for being quick.
    pub(crate) fn has_lines(&self) -> bool {
        let all = self.statements.values().chain([&self.counted.all]);
        self.bare.0 > 0 || all.into_iter().any(|tally| tally.timed + tally.untimed > 0)
    }
}

/// Very many statements, of each of which little is kept.
#[derive(Debug, Default)]
pub(crate) struct Counted {
    /// All together.
    pub(crate) all: LoggedTally,
    /// By number of the shape: executions, and what those took that are timed or planned.
    executions: Vec<u32>,
    time_ns: Vec<u64>,
}

impl Counted {
    fn add(&mut self, execution: &Execution) {
        self.all.add(execution);
        let Execution { span, known_by, .. } = execution;
        if *known_by != KnownBy::Preparation {
            let times = span.repeats.max(1);
            let took_ns = (span.end_ns - span.start_ns).saturating_mul(u64::from(times));
            self.add_to(span.shape, (times, took_ns));
        }
    }

    fn add_to(&mut self, shape: ShapeRef, (executions, time_ns): (u32, u64)) {
        let counted = place_in(&mut self.executions, shape.0, || 0);
        *counted = counted.saturating_add(executions);
        let took_ns = place_in(&mut self.time_ns, shape.0, || 0);
        *took_ns = took_ns.saturating_add(time_ns);
    }

    fn merge(&mut self, other: &Self) {
        self.all.merge(&other.all);
        for (shape, counted) in other.by_shape() {
            self.add_to(shape, counted);
        }
    }

    /// Executions and time of each statement, in no meaningful order.
    pub(crate) fn by_shape(&self) -> impl Iterator<Item = (ShapeRef, (u32, u64))> {
        let counted = self.executions.iter().copied().zip(self.time_ns.iter().copied());
        let numbered = counted.enumerate().map(|(place, counted)| (ShapeRef(place as u32), counted));
        numbered.filter(|(_, (executions, _))| *executions > 0)
    }
}

/// What logs tell of one statement of a database.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct LoggedTally {
    /// Executions whose duration is known.
    pub(crate) timed: u64,
    /// Executions of which only the begin was logged.
    pub(crate) untimed: u64,
    /// Executions of which only a plan was logged, and their sum.
    pub(crate) planned: (u64, u64),
    /// Executions that ended with an error; of which the begin was logged are among the untimed, too.
    pub(crate) failed: u64,
    /// Sum of the durations of those that are timed.
    pub(crate) total_ns: u64,
    /// Sum of parsing and binding before.
    pub(crate) prepare_ns: u64,
    /// Executions among the timed ones that the log leaves out.
    pub(crate) unlogged: u64,
    /// What they waited for locks.
    pub(crate) lock_ns: u64,
    /// Executions of which it is told, and the sum: rows sent or changed, and rows read for them.
    pub(crate) rows: (u64, u64),
    pub(crate) examined: (u64, u64),
    /// Executions that read a whole table.
    pub(crate) full_scans: u64,
    /// Durations of those that are timed.
    pub(crate) durations: Histogram,
    /// Executions that wrote temporary files, all that they wrote, and the most of one.
    pub(crate) spilled: (u64, u64, u64),
    /// The slowest, and the line that says so.
    pub(crate) slowest: Option<(u64, SpanId)>,
}

impl LoggedTally {
    fn add(&mut self, execution: &Execution) {
        let Execution { span, prepare_ns, known_by, .. } = execution;
        let took_ns = span.end_ns - span.start_ns;
        let times = u64::from(span.repeats.max(1));
        self.failed += u64::from(span.status == Status::Error);
        self.prepare_ns = self.prepare_ns.saturating_add(prepare_ns.saturating_mul(times));
        if span.response_bytes != UNKNOWN {
            let bytes = u64::from(span.response_bytes);
            self.add_spilled((1, bytes, bytes));
        }
        match known_by {
            KnownBy::Duration => {
                self.timed += times;
                self.unlogged += times - 1;
                self.total_ns = self.total_ns.saturating_add(took_ns.saturating_mul(times));
                self.durations.add_many(took_ns, times);
                self.slowest = self.slowest.max(Some((took_ns, span.id)));
                self.lock_ns = self.lock_ns.saturating_add(execution.locked_ns.saturating_mul(times));
                self.add_rows(span, times);
            }
            KnownBy::Announcement => self.untimed += 1,
            KnownBy::Plan => self.planned = (self.planned.0 + 1, self.planned.1.saturating_add(took_ns)),
            KnownBy::Preparation | KnownBy::Wait => {}
        }
    }

    /// How many rows it gave, and what it took to find them.
    fn add_rows(&mut self, span: &Span, times: u64) {
        let sum = |(told, sum): (u64, u64), rows: u32| (told + times, sum + u64::from(rows) * times);
        if span.rows != UNKNOWN {
            self.rows = sum(self.rows, span.rows);
        }
        if let Some(examined) = span.rows_examined() {
            self.examined = sum(self.examined, examined);
        }
        self.full_scans += times * u64::from(span.effort.has(Effort::FULL_SCAN));
    }

    fn add_spilled(&mut self, (executions, bytes, most): (u64, u64, u64)) {
        let (known, sum, largest) = self.spilled;
        self.spilled = (known + executions, sum.saturating_add(bytes), largest.max(most));
    }

    fn merge(&mut self, other: &Self) {
        self.add_spilled(other.spilled);
        self.timed += other.timed;
        self.untimed += other.untimed;
        self.planned = (self.planned.0 + other.planned.0, self.planned.1.saturating_add(other.planned.1));
        self.failed += other.failed;
        self.total_ns = self.total_ns.saturating_add(other.total_ns);
        self.prepare_ns = self.prepare_ns.saturating_add(other.prepare_ns);
        self.unlogged += other.unlogged;
        self.lock_ns = self.lock_ns.saturating_add(other.lock_ns);
        self.rows = (self.rows.0 + other.rows.0, self.rows.1 + other.rows.1);
        self.examined = (self.examined.0 + other.examined.0, self.examined.1 + other.examined.1);
        self.full_scans += other.full_scans;
        self.durations.merge(&other.durations);
        self.slowest = self.slowest.max(other.slowest);
    }
}
