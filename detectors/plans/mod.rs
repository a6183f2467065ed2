//! What a plan shows: where its time goes, what is wrong with it, and what each fix would give back.
//!
//! A plan is looked at through a [`PlanView`], which has the time of each node worked out once. Detectors name
//! [`Problem`]s; which of them are told, and in which order, is decided in one place, [`judge`](judge()), by the time that
//! they give back.

mod charges;
mod compare;
pub(crate) mod conditions;
mod early;
pub(crate) mod estimates;
pub(crate) mod flaws;
mod judge;
mod known;
mod problem;
mod regions;
mod report;
#[cfg(test)]
pub(crate) mod testing;
mod times;
mod view;

pub use compare::{
    COMPARISON_VERSION, ChangeKind, ComparedNode, PlanChange, PlanComparison, PlanTotals, compare,
};
pub use judge::judge;
pub use known::{KnownPlan, KnownPlans};
pub(crate) use known::{inspect, told};
pub use problem::{Claim, Problem, Problems};
pub use report::{
    PlanDismissal, PlanNode, PlanOutside, PlanProblem, PlanReport, PlanRows, PlanStatement, VERSION,
};
pub use times::{Basis, NodeTime, Outside, Times};
pub use view::PlanView;

use crate::settings::Values;

/// Names what is wrong with a plan.
pub(crate) type Rule = fn(&PlanView<'_>, Values<'_>, &mut Problems);
