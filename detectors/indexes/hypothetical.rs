//! What a planner says of proposals that it was shown as hypothetical indexes: those that it would not use are proposed no more.

use super::advice::{IndexAdvice, PlannerSays, Refusal, RefusalKind};
use super::proved::Disproved;

/// Why one is proposed no more.
const REASON: &str = "the planner would not use it (HypoPG)";

/// The planner's answer to a proposal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Answer {
    /// A plan of one of its statements uses it.
    Uses,
    /// No plan does, each made with values.
    DoesNot,
    /// No plan does, but not all could be asked for as the statement is executed.
    Unsure,
    /// It was not asked.
    NotAsked,
}

impl IndexAdvice {
    /// Takes the planner's answers, one for each proposal in their order, into the advice.
    pub fn ask_planner(&mut self, answers: &[Answer]) {
        let mut places = Vec::new();
        let mut kept = Vec::new();
        let proposals = std::mem::take(&mut self.proposals);
        for (mut proposal, answer) in proposals.into_iter().zip(answers) {
            proposal.planner = match answer {
                Answer::Uses => Some(PlannerSays::WouldUse),
                Answer::DoesNot if !proposal.is_hidden_from_plans => {
                    places.push(None);
                    let (table, ddl) = (proposal.table, proposal.ddl);
                    self.disproved.push(Disproved {
                        table,
                        ddl,
                        reason: REASON.to_owned(),
                        measured: Vec::new(),
                    });
                    continue;
                }
                Answer::DoesNot | Answer::Unsure => Some(PlannerSays::Unclear),
                Answer::NotAsked => None,
            };
            places.push(Some(kept.len()));
            kept.push(proposal);
        }
        self.proposals = kept;
        self.renumber(&places, |_| Refusal {
            kind: RefusalKind::WouldNotBeUsed,
            reason: format!("an index for it was considered, and {REASON}"),
            rewrite: None,
        });
    }
}

#[cfg(test)]
mod tests {
    use super::super::proved::tests::{proposal, statement};
    use super::*;

    #[test]
    fn what_no_plan_would_use_is_proposed_no_more_unless_that_says_nothing() {
        let mut proposals = ["a", "b", "c", "d"].map(proposal).to_vec();
        proposals[1].is_hidden_from_plans = true;
        let mut advice = IndexAdvice {
            version: 1,
            proposals,
            disproved: Vec::new(),
            statements: vec![statement(&[0]), statement(&[0, 1]), statement(&[2, 3])],
            existing: Vec::new(),
            notes: Vec::new(),
        };
        advice.ask_planner(&[Answer::DoesNot, Answer::DoesNot, Answer::Uses, Answer::NotAsked]);
        let left: Vec<_> = advice.proposals.iter().map(|one| (&*one.ddl, one.planner)).collect();
        let (used, unclear) = (Some(PlannerSays::WouldUse), Some(PlannerSays::Unclear));
        assert_eq!(left, [("b", unclear), ("c", used), ("d", None)]);
        let numbers: Vec<&[usize]> = advice.statements.iter().map(|one| &one.proposals[..]).collect();
        assert_eq!(numbers, [&[][..], &[0], &[1, 2]]);
        let refusal = advice.statements[0].refusal.as_ref().unwrap();
        assert_eq!(refusal.kind, RefusalKind::WouldNotBeUsed);
        assert_eq!((&*advice.disproved[0].ddl, &*advice.disproved[0].reason), ("a", REASON));
    }
}
