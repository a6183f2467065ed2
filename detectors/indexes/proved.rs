//! What measuring showed of proposals: what is proven is told with its figures, what did not help is proposed no more.

use serde::Serialize;

use super::advice::{IndexAdvice, Proof, Proposal, Refusal, RefusalKind};

/// What came of trying a proposal on a server.
#[derive(Debug, Clone, PartialEq)]
pub struct Trial {
    /// Whether it helped.
    pub outcome: Outcome,
    /// Why, with figures.
    pub reason: String,
    /// Size of the index; `None` where it was not built.
    pub bytes: Option<u64>,
    /// What it added to each row that was written; `None` where that was not measured.
    pub write_ns: Option<u64>,
    /// Executions of statements whose plan uses it.
    pub measured: Vec<MeasuredEffect>,
}

/// Whether an index helped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// It did.
    Helped,
    /// It did not: no plan uses it, or those that do gain nothing or do more work.
    DidNot,
    /// It could not be tried.
    Untried,
}

/// A statement before and after.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct MeasuredEffect {
    /// Its number in `statements`.
    pub statement: usize,
    /// Where its values are from: `recorded`, `most-common`, `usual`.
    pub values: &'static str,
    /// Of an UPDATE or DELETE the rows were searched, and not changed.
    pub is_search_only: bool,
    /// Time of the executor in one process without the index, the least of three executions.
    pub before_ns: u64,
    /// The same with it.
    pub after_ns: u64,
    /// Pages that were looked at without it.
    pub before_blocks: u64,
    /// The same with it.
    pub after_blocks: u64,
    /// CPU time of the executor without the index, the least of three executions; `None` where it is not known.
    pub before_cpu_ns: Option<u64>,
    /// The same with it.
    pub after_cpu_ns: Option<u64>,
}

/// An index that was tried and is not proposed.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Disproved {
    /// Table, with its schema where that is known.
    pub table: String,
    /// The statement that would create it.
    pub ddl: String,
    /// What measuring showed.
    pub reason: String,
    /// Executions of statements whose plan used it.
    pub measured: Vec<MeasuredEffect>,
}

impl IndexAdvice {
    /// Takes what trials showed, one for each proposal in their order, into the advice.
    pub fn prove(&mut self, trials: Vec<Trial>) {
        let mut places = Vec::new();
        let mut reasons = Vec::new();
        let mut kept = Vec::new();
        let proposals = std::mem::take(&mut self.proposals);
        for (mut proposal, trial) in proposals.into_iter().zip(trials) {
            reasons.push(trial.reason.clone());
            match trial.outcome {
                Outcome::DidNot => {
                    places.push(None);
                    self.disproved.push(disproved(proposal, trial));
                    continue;
                }
                Outcome::Helped => proven(&mut proposal, trial),
                Outcome::Untried => proposal.notes.push(format!("not tried: {}", trial.reason)),
            }
            places.push(Some(kept.len()));
            kept.push(proposal);
        }
        self.proposals = kept;
        self.renumber(&places, |number| Refusal {
            kind: RefusalKind::Disproved,
            reason: format!("an index for it was built and did not help: {}", reasons[number]),
            rewrite: None,
        });
    }

    /// Statements name what is left by its new number; one that nothing is left for says why.
    pub(super) fn renumber(&mut self, places: &[Option<usize>], refusal: impl Fn(usize) -> Refusal) {
        for statement in &mut self.statements {
            let Some(first) = statement.proposals.first().copied().filter(|first| *first < places.len())
            else {
                continue;
            };
            statement.proposals = statement
                .proposals
                .iter()
                .filter_map(|number| places.get(*number).copied().flatten())
                .collect();
            if statement.proposals.is_empty() && statement.refusal.is_none() {
                statement.refusal = Some(refusal(first));
            }
        }
    }
}

fn proven(proposal: &mut Proposal, trial: Trial) {
    proposal.proof = Proof::Proven;
    proposal.bytes = trial.bytes.or(proposal.bytes);
    proposal.write_cost_ns = trial.write_ns.unwrap_or(proposal.write_cost_ns);
    proposal.measured = trial.measured;
}

fn disproved(proposal: Proposal, trial: Trial) -> Disproved {
    Disproved { table: proposal.table, ddl: proposal.ddl, reason: trial.reason, measured: trial.measured }
}

#[cfg(test)]
pub(super) mod tests {
    use super::super::advice::StatementAdvice;
    use super::*;
    use crate::indexes::Index;

    pub(in super::super) fn proposal(ddl: &str) -> Proposal {
        Proposal {
            table: "orders".to_owned(),
            ddl: ddl.to_owned(),
            notes: Vec::new(),
            helps: Vec::new(),
            saved_ns: None,
            bytes: Some(1),
            write_cost_ns: 1,
            others: Vec::new(),
            proof: Proof::Unproven,
            planner: None,
            measured: Vec::new(),
            index: Index::default(),
            is_partitioned: false,
            is_hidden_from_plans: false,
        }
    }

    pub(in super::super) fn statement(proposals: &[usize]) -> StatementAdvice {
        StatementAdvice {
            text: String::new(),
            shape: String::new(),
            place: String::new(),
            executions: 1,
            time_ns: None,
            proposals: proposals.to_vec(),
            refusal: None,
        }
    }

    #[test]
    fn what_did_not_help_is_proposed_no_more() {
        let mut advice = IndexAdvice {
            version: 1,
            proposals: ["a", "b", "c"].map(proposal).to_vec(),
            disproved: Vec::new(),
            statements: vec![statement(&[0]), statement(&[0, 2]), statement(&[1])],
            existing: Vec::new(),
            notes: Vec::new(),
        };
        let trial = |outcome, reason: &str| Trial {
            outcome,
            reason: reason.to_owned(),
            bytes: Some(7),
            write_ns: None,
            measured: Vec::new(),
        };
        advice.prove(vec![
            trial(Outcome::DidNot, "no plan uses it"),
            trial(Outcome::Untried, "it cannot be built"),
            trial(Outcome::Helped, "9 times faster"),
        ]);
        let left: Vec<(&str, Proof)> = advice.proposals.iter().map(|one| (&*one.ddl, one.proof)).collect();
        assert_eq!(left, [("b", Proof::Unproven), ("c", Proof::Proven)]);
        assert_eq!(advice.proposals[1].bytes, Some(7));
        let numbers: Vec<&[usize]> = advice.statements.iter().map(|one| &one.proposals[..]).collect();
        assert_eq!(numbers, [&[][..], &[1], &[0]]);
        let refusal = advice.statements[0].refusal.as_ref().unwrap();
        assert_eq!(refusal.kind, RefusalKind::Disproved);
        assert!(refusal.reason.ends_with("no plan uses it"));
        assert_eq!(advice.disproved[0].ddl, "a");
    }
}
