//! What is to be thought of an index, from what statements take before and after.

use serde::Serialize;
use tokio_postgres::error::SqlState;

use super::StatementProof;
use crate::live::problem::Problem;

/// An index that makes nothing this much faster is not worth its writes.
const FACTOR_MIN: f64 = 1.5;

/// A statement that takes this much more CPU time is harmed; where that is not known, one that takes this much longer, or
/// looks at twice the pages and is no quicker.
const HARM: f64 = 1.2;

/// Below this no difference is told from noise.
const NOISE_NS: u64 = 300_000;

/// What is to be thought of an index.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    /// A statement is at least 1.5 times faster with it, and all together take less.
    Proven,
    /// Plans use it and do more work than without.
    MoreWork,
    /// Plans use it and gain little.
    LittleGain,
    /// No plan uses it.
    NotUsed,
    /// No such index can be: its type, its expression or the values of the table do not allow it.
    Impossible,
    /// It could not be built or tried.
    #[default]
    NotBuilt,
}

impl Verdict {
    /// Of an index that the server refused to build, by the code of the error. What else stops a build, such as a lock, a right
    /// or an extension that is missing, says nothing of the index.
    pub(super) fn of_refusal(refusal: &Problem) -> Self {
        let codes = [
            SqlState::DATATYPE_MISMATCH,
            SqlState::INVALID_OBJECT_DEFINITION,
            SqlState::PROGRAM_LIMIT_EXCEEDED,
        ];
        if codes.iter().any(|code| refusal.has_code(code)) { Self::Impossible } else { Self::NotBuilt }
    }

    /// Whether it is worth trying together with others.
    pub(super) fn may_help(self) -> bool {
        matches!(self, Self::Proven | Self::LittleGain | Self::NotUsed)
    }
}

/// The verdict with its reason.
pub(super) fn judge(statements: &[StatementProof]) -> (Verdict, String) {
    let Some(best) = statements.iter().max_by(|a, b| a.factor().total_cmp(&b.factor())) else {
        return (Verdict::NotUsed, "no plan uses it".to_owned());
    };
    let total = |of: fn(&StatementProof) -> u64| -> u128 {
        statements.iter().map(|proof| u128::from(of(proof)) * u128::from(proof.executions)).sum()
    };
    let (before, after) = (total(|proof| work(proof).0), total(|proof| work(proof).1));
    let worst =
        statements.iter().filter(|proof| is_harmed(proof)).min_by(|a, b| a.factor().total_cmp(&b.factor()));
    match worst {
        Some(worst) if after >= before || best.factor() < FACTOR_MIN => (Verdict::MoreWork, more(worst)),
        _ if best.factor() < FACTOR_MIN => (
            Verdict::LittleGain,
            format!("the plans that use it are at most {:.1} times faster", best.factor()),
        ),
        Some(worst) => (Verdict::Proven, format!("{}, but {}", faster(best), more(worst))),
        None => (Verdict::Proven, faster(best)),
    }
}

/// What a statement takes without the index and with it: CPU time where that is known.
fn work(proof: &StatementProof) -> (u64, u64) {
    proof.cpu_ns().unwrap_or((proof.before.time_ns, proof.after.time_ns))
}

fn is_harmed(proof: &StatementProof) -> bool {
    let (before, after) = work(proof);
    let more_time = after as f64 > before as f64 * HARM;
    let more_blocks = proof.cpu_ns().is_none()
        && proof.after.blocks as f64 > proof.before.blocks as f64 * 2.0
        && proof.factor() < HARM;
    (more_time || more_blocks) && after > NOISE_NS
}

fn faster(proof: &StatementProof) -> String {
    let time = if proof.cpu_ns().is_some() { "less CPU time" } else { "faster" };
    format!("{:.1} times {time}, {} of {} pages", proof.factor(), proof.after.blocks, proof.before.blocks)
}

fn more(proof: &StatementProof) -> String {
    let takes = if proof.cpu_ns().is_some() { "the CPU time" } else { "as long" };
    format!(
        "a plan that uses it takes {:.1} times {takes} and looks at {} pages, {} without it",
        1.0 / proof.factor(),
        proof.after.blocks,
        proof.before.blocks
    )
}

#[cfg(test)]
mod tests {
    use super::super::{Measured, ValuesFrom};
    use super::*;

    fn proof(before: (u64, u64), after: (u64, u64), executions: u64) -> StatementProof {
        let measured = |(milliseconds, blocks): (u64, u64)| Measured {
            time_ns: milliseconds * 1_000_000,
            blocks,
            cpu_ns: None,
        };
        StatementProof {
            statement: 0,
            values: ValuesFrom::Recorded,
            is_search_only: false,
            executions,
            before: measured(before),
            after: measured(after),
        }
    }

    #[test]
    fn what_cannot_be_is_told_from_what_could_not_be_built_now() {
        for (code, expected) in [
            // operator class "jsonb_path_ops" does not accept data type tstzrange
            ("42804", Verdict::Impossible),
            // functions in index expression must be marked IMMUTABLE
            ("42P17", Verdict::Impossible),
            // index row size 3000 exceeds btree version 4 maximum 2704
            ("54000", Verdict::Impossible),
            // canceling statement due to lock timeout
            ("55P03", Verdict::NotBuilt),
            // operator class "gin_trgm_ops" does not exist
            ("42704", Verdict::NotBuilt),
        ] {
            let refusal = Problem::Refused { message: String::new(), code: code.to_owned() };
            assert_eq!(Verdict::of_refusal(&refusal), expected, "{code}");
        }
    }

    #[test]
    fn work_decides_and_not_use() {
        for (statements, expected) in [
            (vec![], Verdict::NotUsed),
            (vec![proof((100, 1000), (1, 4), 1)], Verdict::Proven),
            // The anti join of the planner's liking.
            (vec![proof((218, 12_600), (522, 601_000), 1)], Verdict::MoreWork),
            (vec![proof((100, 1000), (95, 60_000), 1)], Verdict::MoreWork),
            (vec![proof((100, 1000), (90, 900), 1)], Verdict::LittleGain),
            (vec![proof((100, 1000), (1, 4), 1), proof((10, 10), (30, 100), 100)], Verdict::MoreWork),
            (vec![proof((100, 1000), (1, 4), 100), proof((10, 10), (30, 100), 1)], Verdict::Proven),
        ] {
            assert_eq!(judge(&statements).0, expected, "{statements:?}");
        }
    }

    /// Milliseconds on the processor before and after, of a statement that always takes 100 ms and looks at more pages.
    fn on_processor(before: u64, after: u64) -> StatementProof {
        let mut proof = proof((100, 1_000), (100, 60_000), 1);
        proof.before.cpu_ns = Some(before * 1_000_000);
        proof.after.cpu_ns = Some(after * 1_000_000);
        proof
    }

    #[test]
    fn time_on_the_processor_decides_where_it_is_known() {
        for (statement, expected) in [
            (on_processor(90, 30), Verdict::Proven),
            (on_processor(30, 90), Verdict::MoreWork),
            // Twice the pages are no harm where they took no time.
            (on_processor(50, 48), Verdict::LittleGain),
        ] {
            assert_eq!(judge(std::slice::from_ref(&statement)).0, expected, "{statement:?}");
        }
        let (_, reason) = judge(&[on_processor(90, 30)]);
        assert_eq!(reason, "3.0 times less CPU time, 60000 of 1000 pages");
        // One side alone says nothing.
        let mut half = on_processor(30, 90);
        half.before.cpu_ns = None;
        assert!(judge(&[half]).1.contains("as long"));
    }
}
