//! From the indexes that each statement needs to those that the workload needs.

use super::advice::{
    Helped, IndexAdvice, Other, Proof, Proposal, Refusal, RefusalKind, StatementAdvice, VERSION,
};
use super::block_ranges;
use super::catalogue::{Catalogue, Index, Table};
use super::choose::{Analysis, Choice, Chosen};
use super::ddl::create;
use super::foreign_keys::checks;
use super::from_plan::forget_constants;
use super::health::{existing, full_name, serves};
use super::referred;
use super::refusals::{refusal, rewrite};
use super::workload::{Workload, WorkloadStatement};
use crate::evidence::plan::{Engine, dialect};
use crate::evidence::shape::sql::Lexer;
use crate::figures::{bytes, duration};

/// What an index adds to a row that is written, in nanoseconds: about what PostgreSQL 15 takes with all pages in memory.
const WRITE_NS: u64 = 3_000;

/// The same of a GIN index, which has many keys of one row.
const WRITE_GIN_NS: u64 = 30_000;

/// The same of a GiST index of ranges, which looks for the page that grows least.
const WRITE_GIST_NS: u64 = 60_000;

/// The same of a BRIN, which is written only where a row is beyond the bounds of its range.
const WRITE_BRIN_NS: u64 = 200;

/// In the place of a text that is not known.
const UNKNOWN: &str = "(a plan without its statement)";

/// Why nothing is said of a statement without a plan.
const NO_PLAN: &str = "how many rows it reads is not known: ask the server (--db), have auto_explain log its plan, or give the output \
                       of EXPLAIN (ANALYZE, BUFFERS) for it";

/// The same where the server is none of PostgreSQL.
const NO_PLAN_ELSEWHERE: &str =
    "how many rows it reads is not known: give the output of EXPLAIN FORMAT=JSON for it";

/// Why nothing is said of a plan without its statement.
const NO_STATEMENT: &str = "its statement is not known, and the plan does not tell what it asks for: give both in files of the same name";

/// What is to be known where a plan of MySQL or MariaDB is all there is.
const NAMED_BY_PLAN: &str = "the plan tells the name that the table has in the statement: where that is another than its own, put its own";

/// Bytes of an entry of an index beside its keys: header, line pointer and a share of pages that are not full.
const ENTRY_BYTES: f64 = 16.0;

/// Bytes of a value whose width is not known.
const VALUE_BYTES: f64 = 8.0;

/// Which indexes a workload lacks, and which it has too many of.
pub fn advise(workload: &Workload, catalogue: &Catalogue) -> IndexAdvice {
    let mut collected = Collected { workload, engine: workload.engine, catalogue, proposals: Vec::new() };
    let mut statements = Vec::new();
    for (number, statement) in workload.statements.iter().enumerate() {
        let found = examine(statement, workload.engine, catalogue);
        statements.push(collected.add(number, statement, found));
    }
    collected.merge(&mut statements);
    collected.weigh_writes(&mut statements);
    collected.sort(&mut statements);
    IndexAdvice {
        version: VERSION,
        proposals: collected.proposals,
        disproved: Vec::new(),
        statements,
        existing: existing(catalogue, workload.engine),
        notes: Vec::new(),
    }
}

/// What one statement needs, or why it needs nothing.
fn examine(statement: &WorkloadStatement, engine: Engine, catalogue: &Catalogue) -> Result<Choice, Refusal> {
    let refuse = |kind, reason: &str| Refusal { kind, reason: reason.to_owned(), rewrite: None };
    let Some(mut analysis) = Analysis::of(&statement.text, &statement.plans, engine, catalogue) else {
        let reason = if statement.text.is_empty() { NO_STATEMENT } else { "its text could not be parsed" };
        return Err(refuse(RefusalKind::NotUnderstood, reason));
    };
    if statement.has_other_values {
        forget_constants(&mut analysis.statement);
    }
    let model = analysis.model();
    let unseen = referred::checks(&analysis, &model);
    let plan = statement.plans.first();
    let is_without_table =
        analysis.statement.uses.is_empty() && plan.is_none_or(|plan| plan.triggers.is_empty());
    match plan {
        _ if is_without_table => return Err(refuse(RefusalKind::NoTable, "it reads no table")),
        None if unseen.is_empty() && engine == Engine::PostgreSql => {
            return Err(refuse(RefusalKind::NoPlan, NO_PLAN));
        }
        None if unseen.is_empty() => return Err(refuse(RefusalKind::NoPlan, NO_PLAN_ELSEWHERE)),
        _ => {}
    }
    let mut choice = analysis.choose(&model, statement.executions);
    let seen = plan.map_or_else(Vec::new, |plan| checks(plan, &analysis.known));
    choice.add_checks(seen, unseen);
    match choice.chosen.is_empty() {
        true => Err(refusal(&analysis, &model)),
        false => Ok(Choice { rewrite: rewrite(&analysis), ..choice }),
    }
}

/// Proposals in the making.
struct Collected<'c> {
    workload: &'c Workload,
    engine: Engine,
    catalogue: &'c Catalogue,
    proposals: Vec<Proposal>,
}

impl Collected<'_> {
    fn add(
        &mut self,
        number: usize,
        statement: &WorkloadStatement,
        found: Result<Choice, Refusal>,
    ) -> StatementAdvice {
        let shape = Lexer::default().describe(statement.text.as_bytes(), dialect(self.engine));
        let mut advice = StatementAdvice {
            text: if statement.text.is_empty() { UNKNOWN.to_owned() } else { shape.text.to_string() },
            shape: shape.id.to_string(),
            place: statement.place.clone(),
            executions: statement.executions,
            time_ns: statement.time_ns,
            proposals: Vec::new(),
            refusal: None,
        };
        match found {
            Ok(choice) => self.choice(number, statement, &choice, &mut advice),
            Err(refusal) => advice.refusal = Some(refusal),
        }
        advice
    }

    fn choice(
        &mut self,
        number: usize,
        statement: &WorkloadStatement,
        choice: &Choice,
        advice: &mut StatementAdvice,
    ) {
        let helped = helped(number, statement, choice);
        let saved = saved(statement, choice);
        for (chosen, index) in
            choice.chosen.iter().flat_map(|one| one.indexes.iter().map(move |index| (one, index)))
        {
            let place = self.proposal(chosen, index);
            if advice.proposals.contains(&place) {
                continue;
            }
            advice.proposals.push(place);
            let proposal = &mut self.proposals[place];
            proposal.helps.push(helped.clone());
            proposal.saved_ns = match (proposal.saved_ns, saved) {
                (Some(one), Some(other)) => Some(one.saturating_add(other)),
                (one, other) => one.or(other),
            };
            if statement.text.is_empty() && self.engine != Engine::PostgreSql {
                note(proposal, NAMED_BY_PLAN);
            }
            if let Some(rewrite) = &choice.rewrite {
                note(proposal, &format!("another condition needs a rewrite to be served: {rewrite}"));
            }
            let others = choice.others.iter().filter(|(other, _)| other.table == chosen.table);
            for (other, after) in others {
                let ddl = other
                    .indexes
                    .iter()
                    .map(|index| create(self.engine, &other.table, index, other.is_partitioned));
                let ddl = ddl.collect::<Vec<_>>().join("; ");
                let reason = reason(choice, *after) + &self.size_beside(other, place);
                let proposal = &mut self.proposals[place];
                if ddl != proposal.ddl && proposal.others.iter().all(|own| own.ddl != ddl) {
                    proposal.others.push(Other { ddl, reason });
                }
            }
        }
    }

    /// Of a BRIN beside a chosen b-tree, or the other way round, how large both are.
    fn size_beside(&self, other: &Chosen, place: usize) -> String {
        let chosen = &self.proposals[place];
        let own = other.indexes.iter().map(|index| self.bytes(other, index)).sum::<Option<u64>>();
        let is_brin = |index: &Index| index.method == "brin";
        let is_told = other.indexes.iter().any(is_brin) != is_brin(&chosen.index);
        match own.zip(chosen.bytes).filter(|_| is_told) {
            Some((own, chosen)) => format!("; {} instead of {}", bytes(own), bytes(chosen)),
            None => String::new(),
        }
    }

    /// The number of the proposal of an index.
    fn proposal(&mut self, chosen: &Chosen, index: &Index) -> usize {
        let table = self.table_name(&chosen.table);
        let is_same = |own: &Proposal| own.table == table && own.index == *index;
        if let Some(place) = self.proposals.iter().position(is_same) {
            self.proposals[place].is_hidden_from_plans |= is_hidden_from_plans(chosen, index);
            return place;
        }
        let mut proposal = Proposal {
            ddl: create(self.engine, &table, index, chosen.is_partitioned),
            notes: Vec::new(),
            helps: Vec::new(),
            saved_ns: None,
            bytes: self.bytes(chosen, index),
            write_cost_ns: match &*index.method {
                "gin" => WRITE_GIN_NS,
                "gist" => WRITE_GIST_NS,
                "brin" => WRITE_BRIN_NS,
                _ => WRITE_NS,
            },
            others: Vec::new(),
            proof: Proof::Unproven,
            planner: None,
            measured: Vec::new(),
            index: index.clone(),
            is_partitioned: chosen.is_partitioned,
            is_hidden_from_plans: is_hidden_from_plans(chosen, index),
            table,
        };
        self.notes(&mut proposal);
        self.proposals.push(proposal);
        self.proposals.len() - 1
    }

    fn notes(&self, proposal: &mut Proposal) {
        let classes = || proposal.index.keys.iter().filter_map(|key| key.operator_class.as_deref());
        if classes().any(|class| class == "gin_trgm_ops") {
            note(proposal, "needs CREATE EXTENSION pg_trgm");
        }
        if proposal.is_partitioned && self.catalogue.is_before_11() {
            note(proposal, "PostgreSQL 10 has no indexes of partitioned tables: create it on each partition");
        } else if proposal.is_partitioned {
            note(
                proposal,
                "the table is partitioned: this blocks writers while it is built; to let them go on, create it ON ONLY the \
                 table, then CONCURRENTLY on each partition, and attach these with ALTER INDEX … ATTACH PARTITION",
            );
        }
        if proposal.index.keys.iter().any(|key| key.expression.starts_with('(')) {
            note(proposal, "run ANALYZE afterwards: it gathers statistics of the expression");
        }
        if proposal.index.method == "brin" {
            note(
                proposal,
                "rows lie in the order of this column, as statistics tell; rows that are added are found through it after \
                 VACUUM, or soon if it is created WITH (autosummarize = on)",
            );
        }
        if self.engine != Engine::PostgreSql {
            note(proposal, "the server may lock the table while it is built");
        }
    }

    /// A table by the name that the catalogue has for it.
    fn table_name(&self, name: &str) -> String {
        let known =
            self.catalogue.tables.get(name).or_else(|| self.catalogue.tables.get(&format!("public.{name}")));
        known.map_or_else(|| name.to_owned(), full_name)
    }

    fn bytes(&self, chosen: &Chosen, index: &Index) -> Option<u64> {
        let name = self.table_name(&chosen.table);
        bytes_of(chosen, index, self.catalogue.tables.values().find(|table| full_name(table) == name))
    }

    /// What one index does, a wider one need not do again.
    fn merge(&mut self, statements: &mut [StatementAdvice]) {
        let mut place = 0;
        while place < self.proposals.len() {
            let own = &self.proposals[place];
            let wider = self.proposals.iter().position(|other| {
                other.table == own.table
                    && other.index != own.index
                    && (serves(&other.index, &own.index) || leads_as(&other.index, &own.index))
            });
            match wider {
                Some(wider) => self.put_into(place, wider, statements),
                None => place += 1,
            }
        }
    }

    fn put_into(&mut self, narrow: usize, wide: usize, statements: &mut [StatementAdvice]) {
        let taken = self.proposals.remove(narrow);
        let wide = if wide > narrow { wide - 1 } else { wide };
        let kept = &mut self.proposals[wide];
        let ddl = kept.ddl.clone();
        for helped in taken.helps {
            match kept.helps.iter().any(|own| own.statement == helped.statement) {
                true => {}
                false => {
                    kept.helps.push(helped);
                    kept.saved_ns = kept
                        .saved_ns
                        .zip(taken.saved_ns)
                        .map(|(one, other)| one.saturating_add(other))
                        .or(kept.saved_ns);
                }
            }
        }
        kept.others.retain(|other| other.ddl != taken.ddl);
        let reason = "the chosen one begins with its columns and serves its statements, too".to_owned();
        if taken.ddl != ddl {
            kept.others.insert(0, Other { ddl: taken.ddl, reason });
        }
        renumber(statements, |number| match number {
            number if number == narrow => Some(wide),
            number if number > narrow => Some(number - 1),
            number => Some(number),
        });
    }

    /// Drops indexes that cost writers more than they give back, where both are known.
    fn weigh_writes(&mut self, statements: &mut [StatementAdvice]) {
        let mut place = 0;
        while place < self.proposals.len() {
            let proposal = &self.proposals[place];
            let cost =
                self.rows_written(&proposal.table).map(|rows| rows.saturating_mul(proposal.write_cost_ns));
            let Some((cost, saved)) = cost.zip(proposal.saved_ns).filter(|(cost, saved)| cost > saved) else {
                place += 1;
                continue;
            };
            let dropped = self.proposals.remove(place);
            let reason = format!(
                "{} would give back {} and cost writers {}, by the rows written in the same time",
                dropped.ddl,
                duration(saved),
                duration(cost)
            );
            let refusal = Refusal { kind: RefusalKind::WriteCost, reason, rewrite: None };
            let helped: Vec<usize> = dropped.helps.iter().map(|helped| helped.statement).collect();
            helped.into_iter().for_each(|number| statements[number].refusal = Some(refusal.clone()));
            renumber(statements, |number| match number {
                number if number == place => None,
                number if number > place => Some(number - 1),
                number => Some(number),
            });
        }
    }

    /// Rows written into a table while the statements were executed: as these tell, else as the server counts.
    fn rows_written(&self, table: &str) -> Option<u64> {
        let told = self.workload.written.iter().filter(|(name, _)| is_same_table(name, table));
        let counted = || self.catalogue.tables.values().find(|known| full_name(known) == table)?.rows_written;
        told.map(|(_, rows)| *rows).reduce(u64::saturating_add).or_else(counted)
    }

    /// What gives back most comes first.
    fn sort(&mut self, statements: &mut [StatementAdvice]) {
        let rank = |proposal: &Proposal| {
            let factor = proposal.helps.iter().map(|helped| helped.factors[1]).fold(0.0, f64::max);
            (proposal.saved_ns.unwrap_or(0), factor as u64)
        };
        let mut order: Vec<usize> = (0..self.proposals.len()).collect();
        order.sort_by_key(|number| std::cmp::Reverse(rank(&self.proposals[*number])));
        let places: Vec<usize> = (0..order.len())
            .map(|number| order.iter().position(|own| *own == number).unwrap_or(number))
            .collect();
        let mut sorted: Vec<Option<Proposal>> =
            std::mem::take(&mut self.proposals).into_iter().map(Some).collect();
        self.proposals = order.iter().filter_map(|number| sorted[*number].take()).collect();
        renumber(statements, |number| places.get(number).copied());
    }
}

fn is_hidden_from_plans(chosen: &Chosen, index: &Index) -> bool {
    let is_of_checks = chosen.table_use == usize::MAX;
    is_of_checks || chosen.is_covering || index.keys.iter().any(|key| key.expression.starts_with('('))
}

/// Whether a b-tree finds the rows of a BRIN.
fn leads_as(btree: &Index, brin: &Index) -> bool {
    let are_these = btree.method == "btree" && brin.method == "brin" && btree.predicate.is_none();
    are_these && btree.keys.first() == brin.keys.first()
}

/// The size of an index, estimated; `None` where the table's rows are not known.
pub(super) fn bytes_of(chosen: &Chosen, index: &Index, table: Option<&Table>) -> Option<u64> {
    if chosen.rows < 2.0 {
        return None;
    }
    let width = |name: &str| {
        let name = name.trim_matches('"');
        let column = table.and_then(|table| table.columns.iter().find(|column| column.name == name));
        column.and_then(|column| column.width).map_or(VALUE_BYTES, f64::from)
    };
    let keys: f64 = index.keys.iter().map(|key| width(&key.expression)).sum();
    if index.method == "brin" {
        return table.and_then(|table| table.pages).map(|pages| block_ranges::bytes(pages, keys));
    }
    let beside: f64 = index.include.iter().map(|column| width(column)).sum();
    let by_method = if index.method == "gin" { 3.0 } else { 1.0 };
    Some((chosen.rows * chosen.part * (keys + beside + ENTRY_BYTES) * by_method) as u64 + 16_384)
}

/// Whether two names are of one table, as far as they tell a schema.
fn is_same_table(one: &str, other: &str) -> bool {
    let parts = |name: &str| {
        let name = name.replace('"', "");
        let (schema, table) = name.rsplit_once('.').unwrap_or(("", &name));
        (schema.to_owned(), table.to_owned())
    };
    let ((one_schema, one), (other_schema, other)) = (parts(one), parts(other));
    one == other && (one_schema == other_schema || one_schema.is_empty() || other_schema.is_empty())
}

fn note(proposal: &mut Proposal, text: &str) {
    if proposal.notes.iter().all(|own| own != text) {
        proposal.notes.push(text.to_owned());
    }
}

fn renumber(statements: &mut [StatementAdvice], place: impl Fn(usize) -> Option<usize>) {
    for statement in statements {
        let mut numbers: Vec<usize> =
            statement.proposals.iter().filter_map(|number| place(*number)).collect();
        numbers.sort_unstable();
        numbers.dedup();
        statement.proposals = numbers;
    }
}

fn helped(number: usize, statement: &WorkloadStatement, choice: &Choice) -> Helped {
    let mean = statement.time_ns.map(|time| time / statement.executions.max(1));
    let now = if choice.is_measured { Some(choice.now as u64) } else { mean };
    let left = |case: usize| choice.after[case] / choice.now.max(1.0);
    Helped {
        statement: number,
        now_ns: now,
        after_ns: now.map(|now| [0, 2].map(|case| (now as f64 * left(case)) as u64)),
        factors: [2, 1, 0].map(|case| choice.now / choice.after[case].max(1.0)),
    }
}

/// What all executions together give back.
fn saved(statement: &WorkloadStatement, choice: &Choice) -> Option<u64> {
    let measured = || choice.is_measured.then(|| choice.now as u64 * statement.executions.max(1));
    let time = statement.time_ns.or_else(measured)?;
    Some((time as f64 * (1.0 - choice.after[1] / choice.now.max(1.0)).max(0.0)) as u64)
}

fn reason(choice: &Choice, after: f64) -> String {
    let factor = |after: f64| {
        let times = choice.now / after.max(1.0);
        if times >= 10.0 { format!("{times:.0}") } else { format!("{times:.1}") }
    };
    match after > choice.after[1] * 1.05 {
        true => format!(
            "{} times faster is predicted, with the chosen {}",
            factor(after),
            factor(choice.after[1])
        ),
        false => "about as fast, but larger or for fewer statements".to_owned(),
    }
}
