//! Advice about indexes with a live server: its statistics, the statements that it counted, and proof.

use std::collections::{BTreeMap, BTreeSet};

use detectors::indexes::{IndexAdvice, MeasuredEffect, Outcome, Trial, Workload, advise as advise_on};

use super::connection::Connection;
use super::problem::Problem;
use super::proof::{IndexProof, Proof, StatementProof, Times, ValuesFrom, Verdict, Wanted, prove, safety};
use super::session::Limits;
use super::target::Target;
use super::{catalogue, hypothetical, statements};
use crate::indexes::Given;

/// How proposals are proved.
#[derive(Debug, Clone)]
pub struct Proving {
    /// Host and database that are meant, where others use them.
    pub build_on: Option<String>,
    /// How long it may take.
    pub times: Times,
}

/// Advice, and what could not be seen or measured.
#[derive(Debug)]
pub struct Advised {
    /// The advice.
    pub advice: IndexAdvice,
    /// What is missing, and what would help.
    pub missing: Vec<String>,
}

/// Which indexes the statements lack: those that are given, else those that the server has counted. Nothing is executed
/// unless proposals are to be proved.
///
/// # Errors
///
/// Where the server cannot be asked, or indexes may not be built there.
pub fn advise(
    target: &Target,
    given: Option<Given>,
    limits: Limits,
    proving: Option<&Proving>,
) -> Result<Advised, Problem> {
    let connection = Connection::open(target, limits)?;
    if let Some(proving) = proving {
        safety::check(&connection, target, proving.build_on.as_deref())?;
    }
    let (mut workload, mut missing, part) = match given {
        Some(given) => (given.workload, given.notes, None),
        None => {
            let counted = statements::read(&connection)?;
            (counted.workload, counted.missing, statements::part_of_writes(&connection)?)
        }
    };
    let mut known = catalogue::read(&connection, &tables(&workload))?;
    missing.extend(statements::add_plans(&connection, &mut workload, &known.catalogue)?);
    missing.append(&mut known.missing);
    for table in known.catalogue.tables.values_mut() {
        // Writes and executions of different times cannot be weighed against each other.
        table.rows_written = table.rows_written.zip(part).map(|(rows, part)| (rows as f64 * part) as u64);
    }
    let mut advice = advise_on(&workload, &known.catalogue);
    if let Some(proving) = proving {
        let wanted = wanted(&advice);
        let proof = prove(&connection, &known.catalogue, &workload, &wanted, proving.times)?;
        missing.extend(unmeasured(&proof, &wanted));
        advice.prove(proof.indexes.iter().map(trial).collect());
        let without = |reason| format!("CPU times are not known, as {reason}: times are those that passed");
        advice.notes.extend(proof.without_cpu.filter(|_| !wanted.is_empty()).map(without));
    } else {
        missing.extend(hypothetical::ask(&connection, &known.catalogue, &workload, &mut advice)?);
    }
    Ok(Advised { advice, missing })
}

/// Names of the tables of a workload, without schemas.
fn tables(workload: &Workload) -> BTreeSet<String> {
    let names = workload.statements.iter().flat_map(|statement| statements::tables(&statement.text));
    names.map(|name| name.rsplit('.').next().unwrap_or_default().to_owned()).collect()
}

fn wanted(advice: &IndexAdvice) -> Vec<Wanted> {
    let of = |number: usize| {
        let all = advice.statements.iter().enumerate();
        all.filter(move |(_, statement)| statement.proposals.contains(&number)).map(|(place, _)| place)
    };
    let wanted = advice.proposals.iter().enumerate();
    wanted
        .map(|(number, proposal)| Wanted { ddl: proposal.ddl.clone(), statements: of(number).collect() })
        .collect()
}

fn trial(proof: &IndexProof) -> Trial {
    Trial {
        outcome: match proof.verdict {
            Verdict::Proven => Outcome::Helped,
            Verdict::MoreWork | Verdict::LittleGain | Verdict::NotUsed | Verdict::Impossible => {
                Outcome::DidNot
            }
            Verdict::NotBuilt => Outcome::Untried,
        },
        reason: proof.reason.clone(),
        bytes: proof.bytes,
        write_ns: proof.write_ns,
        measured: proof.statements.iter().map(effect).collect(),
    }
}

fn effect(proof: &StatementProof) -> MeasuredEffect {
    MeasuredEffect {
        statement: proof.statement,
        values: match proof.values {
            ValuesFrom::Recorded => "recorded",
            ValuesFrom::MostCommon => "most-common",
            ValuesFrom::Usual => "usual",
        },
        is_search_only: proof.is_search_only,
        before_ns: proof.before.time_ns,
        after_ns: proof.after.time_ns,
        before_blocks: proof.before.blocks,
        after_blocks: proof.after.blocks,
        before_cpu_ns: proof.before.cpu_ns,
        after_cpu_ns: proof.after.cpu_ns,
    }
}

/// Why statements were not executed that an index is for.
fn unmeasured(proof: &Proof, wanted: &[Wanted]) -> Vec<String> {
    let mut reasons: BTreeMap<&str, u32> = BTreeMap::new();
    for (number, reason) in &proof.unmeasured {
        if wanted.iter().any(|wanted| wanted.statements.contains(number)) {
            *reasons.entry(reason).or_default() += 1;
        }
    }
    let told = reasons.into_iter().map(|(reason, count)| match count {
        1 => format!("a statement was not executed: {reason}"),
        _ => format!("{count} statements were not executed: {reason}"),
    });
    told.collect()
}
