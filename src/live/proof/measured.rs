//! Executions of the statements of a workload, with what they take.

use std::collections::{BTreeMap, BTreeSet};

use detectors::evidence::plan::{Key, Node, Plan, Value};
use detectors::indexes::{Catalogue, Workload};
use serde::Serialize;

use super::super::connection::Connection;
use super::super::problem::Problem;
use super::processor::Processor;
use super::reads::{Reading, reading};
use super::values::{ValuesFrom, filled};
use super::{StatementProof, Times};
use crate::ingest::plans::read;

/// Executions of which the least counts.
const REPEATS: u32 = 3;

/// What takes longer than this is executed once.
const LONG_NS: u64 = 10_000_000_000;

/// Planning varies by some of this from time to time: less is not told apart from it, in nanoseconds.
const CPU_MIN_NS: u64 = 50_000;

/// The end of a part of a transaction.
const BACK: &str = "ROLLBACK TO SAVEPOINT whyslow; RELEASE SAVEPOINT whyslow";

/// What an execution takes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Measured {
    /// Time of the executor in one process, the least of three executions, in nanoseconds.
    pub time_ns: u64,
    /// Pages of tables and indexes that were looked at.
    pub blocks: u64,
    /// CPU time of the executor, the least of three executions, in nanoseconds; `None` where it is not known.
    pub cpu_ns: Option<u64>,
}

impl Measured {
    /// The lesser of two executions: that which took less time, and what either was on the processor.
    fn least(self, other: Self) -> Self {
        let quicker = if other.time_ns < self.time_ns { other } else { self };
        let cpu_ns = self.cpu_ns.zip(other.cpu_ns).map(|(one, other)| one.min(other));
        Self { cpu_ns: cpu_ns.or(self.cpu_ns).or(other.cpu_ns), ..quicker }
    }
}

/// A plan, and what the server's process was on a processor for it: for planning, and for executing where that was asked for.
struct Planned {
    plan: Plan,
    cpu_ns: Option<u64>,
}

/// A statement that is executed.
struct Run {
    /// Its number in the workload.
    statement: usize,
    executions: u64,
    values: ValuesFrom,
    reading: Reading,
    /// Without any index that is proposed; measured when it is first needed.
    before: Option<Measured>,
}

/// All statements that are executed.
pub(super) struct Runs {
    runs: Vec<Run>,
    failed: BTreeMap<usize, String>,
    /// What executes them; `None` where its time on the processor is not known.
    processor: Option<Processor>,
}

impl Runs {
    /// Statements that can be executed, and why others are not.
    pub(super) fn of(
        workload: &Workload,
        catalogue: &Catalogue,
        processor: Option<Processor>,
    ) -> (Self, Vec<(usize, String)>) {
        let (mut runs, mut unmeasured) = (Vec::new(), Vec::new());
        for (number, statement) in workload.statements.iter().enumerate() {
            let filled = match filled(&statement.text, &statement.bound, catalogue) {
                Ok(filled) => filled,
                Err(reason) => {
                    unmeasured.push((number, reason));
                    continue;
                }
            };
            for filled in filled {
                match reading(&filled.text, catalogue) {
                    Ok(reading) => runs.push(Run {
                        statement: number,
                        executions: statement.executions.max(1),
                        values: filled.values,
                        reading,
                        before: None,
                    }),
                    Err(reason) => unmeasured.push((number, reason)),
                }
            }
        }
        unmeasured.dedup();
        (Self { runs, failed: BTreeMap::new(), processor }, unmeasured)
    }

    /// Whether a statement can be executed.
    pub(super) fn has(&self, statement: usize) -> bool {
        self.runs.iter().any(|run| run.statement == statement) && !self.failed.contains_key(&statement)
    }

    /// Statements that the server would not execute, and why.
    pub(super) fn failed(&mut self) -> Vec<(usize, String)> {
        std::mem::take(&mut self.failed).into_iter().collect()
    }

    /// Numbers of the runs whose plan, as the planner makes it now, has one of these indexes; with those that they have.
    pub(super) fn using(
        &mut self,
        connection: &Connection,
        indexes: &BTreeSet<String>,
    ) -> Result<Vec<(usize, BTreeSet<String>)>, Problem> {
        let mut using = Vec::new();
        for place in 0..self.runs.len() {
            let text = format!("EXPLAIN (FORMAT JSON) {}", self.runs[place].reading.text);
            let Some(planned) = self.plan(connection, place, &text)? else { continue };
            let used: BTreeSet<String> =
                names(&planned.plan).filter(|name| indexes.contains(*name)).map(str::to_owned).collect();
            if !used.is_empty() {
                using.push((place, used));
            }
        }
        Ok(using)
    }

    /// Whether it is known what a run takes without any proposed index, or that this cannot be known.
    pub(super) fn is_measured(&self, place: usize) -> bool {
        let run = &self.runs[place];
        run.before.is_some() || self.failed.contains_key(&run.statement)
    }

    /// Measures runs as they were before, where that has not been done.
    pub(super) fn measure_before(
        &mut self,
        connection: &Connection,
        using: &[(usize, BTreeSet<String>)],
    ) -> Result<(), Problem> {
        for (place, _) in using {
            if !self.is_measured(*place) {
                self.runs[*place].before = self.measured(connection, *place)?;
            }
        }
        Ok(())
    }

    /// A run as it was before and is now; `None` where it could not be measured.
    pub(super) fn proof(
        &mut self,
        connection: &Connection,
        place: usize,
    ) -> Result<Option<StatementProof>, Problem> {
        let after = self.measured(connection, place)?;
        let run = &self.runs[place];
        Ok(run.before.zip(after).map(|(before, after)| StatementProof {
            statement: run.statement,
            values: run.values,
            is_search_only: run.reading.is_search_only,
            executions: run.executions,
            before,
            after,
        }))
    }

    /// The least of some executions.
    fn measured(&mut self, connection: &Connection, place: usize) -> Result<Option<Measured>, Problem> {
        let planning_ns = self.planning_ns(connection, place)?;
        let text =
            format!("EXPLAIN (ANALYZE, BUFFERS, TIMING OFF, FORMAT JSON) {}", self.runs[place].reading.text);
        let mut least: Option<Measured> = None;
        for _ in 0..REPEATS {
            let Some(planned) = self.plan(connection, place, &text)? else { return Ok(None) };
            let now = executed(&planned, planning_ns);
            least = Some(least.map_or(now, |least| least.least(now)));
            if now.time_ns > LONG_NS {
                break;
            }
        }
        Ok(least)
    }

    /// What planning a run is on the processor, the least of some times, as executing it plans it as well.
    fn planning_ns(&mut self, connection: &Connection, place: usize) -> Result<Option<u64>, Problem> {
        if self.processor.is_none() {
            return Ok(None);
        }
        let text = format!("EXPLAIN (FORMAT JSON) {}", self.runs[place].reading.text);
        let mut least = None;
        for _ in 0..REPEATS {
            let cpu_ns = self.plan(connection, place, &text)?.and_then(|planned| planned.cpu_ns);
            least = cpu_ns.into_iter().chain(least).min();
        }
        Ok(least)
    }

    /// A plan, made in a part of the transaction that only reads and is rolled back.
    fn plan(
        &mut self,
        connection: &Connection,
        place: usize,
        text: &str,
    ) -> Result<Option<Planned>, Problem> {
        let number = self.runs[place].statement;
        if self.failed.contains_key(&number) {
            return Ok(None);
        }
        connection.execute("SAVEPOINT whyslow; SET LOCAL transaction_read_only = on")?;
        let before_ns = self.processor.as_ref().and_then(Processor::ns);
        let rows = connection.rows(text);
        match rows {
            Ok(rows) => {
                let cpu_ns = self.cpu_since(before_ns);
                connection.execute(BACK)?;
                let text: Vec<&str> = rows.iter().filter_map(|row| row.first()).collect();
                let plans = read(text.join("\n").as_bytes()).unwrap_or_default();
                Ok(plans.into_iter().next().map(|found| Planned { plan: found.plan, cpu_ns }))
            }
            // What the server says may quote values.
            Err(Problem::Refused { code, .. }) => {
                connection.execute(BACK)?;
                self.failed.insert(number, refused(&code));
                Ok(None)
            }
            Err(problem) => Err(problem),
        }
    }

    fn cpu_since(&self, before_ns: Option<u64>) -> Option<u64> {
        let processor = self.processor.as_ref()?;
        processor.between(before_ns?, processor.ns()?)
    }
}

/// What an execution took. All of it is in one process, so that it was on the processor for no longer than it took; of the
/// shortest ones nothing else is known.
fn executed(planned: &Planned, planning_ns: Option<u64>) -> Measured {
    let time_ns = planned.plan.execution_ns().unwrap_or(0);
    let cpu_ns =
        planned.cpu_ns.map(|ns| ns.saturating_sub(planning_ns.unwrap_or(0)).max(CPU_MIN_NS).min(time_ns));
    Measured { time_ns, blocks: planned.plan.nodes.first().map_or(0, Node::blocks), cpu_ns }
}

/// Settings under which statements are measured, until the end of the transaction: all in one process.
pub(super) fn settings(times: Times) -> String {
    format!(
        "SET LOCAL statement_timeout = {}; SET LOCAL max_parallel_workers_per_gather = 0",
        times.statement.as_millis().max(1)
    )
}

/// Why the server did not execute a statement, by the code of its error.
fn refused(code: &str) -> String {
    let reason = match code {
        "57014" => "it takes longer than it may: --timeout allows more",
        "42501" => "this user may not read what it reads: GRANT SELECT",
        "25006" => "it changes data",
        "42P01" | "42703" | "42883" => "the database has no such table, column or function",
        _ => return format!("the server refuses it (error {code})"),
    };
    reason.to_owned()
}

/// Names of the indexes that a plan uses.
pub(in crate::live) fn names(plan: &Plan) -> impl Iterator<Item = &str> {
    plan.nodes.iter().filter_map(|node| match node.facts.get(Key::IndexName) {
        Some(Value::Text(name)) => Some(&**name),
        _ => None,
    })
}
