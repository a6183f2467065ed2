//! Plans of statements that are known beside requests: out of a log, or given with it.

use rustc_hash::FxHashMap;

use super::report::{PlanProblem, PlanReport};
use crate::candidate::{Advice, Candidates, Case, Check, Remedy, Subject, Told, View};
use crate::evidence::{Dictionary, ShapeRef, SpanId};
use crate::finding::{LoggedPlan, Unit};
use crate::wording::{brief, duration};

/// What plans of statements show, known before the first request is looked at.
#[derive(Debug, Default)]
pub struct KnownPlans(FxHashMap<ShapeRef, KnownPlan>);

/// What the plan of one execution of a statement shows.
#[derive(Debug)]
pub struct KnownPlan {
    /// What is said of it.
    pub report: PlanReport,
    /// Where it stands.
    pub line: SpanId,
}

impl KnownPlans {
    /// Notes the plan of a statement.
    pub fn note(&mut self, shape: ShapeRef, plan: KnownPlan) {
        self.0.insert(shape, plan);
    }

    /// How many statements have one.
    pub fn statements(&self) -> usize {
        self.0.len()
    }

    /// The plan of a statement in one line, if one is known.
    pub(crate) fn outline(&self, shape: ShapeRef, dictionary: &Dictionary) -> Option<LoggedPlan> {
        let known = self.0.get(&shape)?;
        Some(LoggedPlan {
            outline: known.report.outline(),
            execution_ns: known.report.execution_ns,
            place: dictionary.place_of_line(known.line),
        })
    }

    /// Whether the plan of a statement shows a flaw that a detector knows.
    pub(crate) fn shows(&self, shape: ShapeRef, detector: &str) -> bool {
        self.problem(shape, detector).is_some()
    }

    /// Whether the plan of a statement shows any flaw.
    pub(crate) fn shows_any(&self, shape: ShapeRef) -> bool {
        self.0.get(&shape).is_some_and(|known| !known.report.problems.is_empty())
    }

    /// The flaw of its plan that a detector gives back most by.
    fn problem(&self, shape: ShapeRef, detector: &str) -> Option<(&KnownPlan, &PlanProblem)> {
        let known = self.0.get(&shape)?;
        let problem = known.report.problems.iter().find(|problem| problem.detector == detector)?;
        Some((known, problem))
    }
}

/// Names the statements of a request whose plans show a flaw.
pub(crate) fn inspect(view: &View<'_>, detector: &str, found: &mut Candidates) {
    let plans = view.dictionary.plans();
    for numbers in view.groups() {
        let shape = view.operation(numbers[0]).shape;
        let Some((known, problem)) = plans.problem(shape, detector) else { continue };
        let Some(remedy) = remedy(&known.report, problem) else { continue };
        let candidate = found.push(Subject::Shape(shape), remedy, problem.confidence);
        candidate.repeats(numbers.len() as u64).claim(numbers.iter().copied());
    }
}

/// What a fix leaves of an execution: the same part of each as of the one whose plan is known.
fn remedy(report: &PlanReport, problem: &PlanProblem) -> Option<Remedy> {
    // Who waits for a statement waits for its planning too.
    let planning = report.planning_ns.unwrap_or(0);
    let whole = report.execution_ns.filter(|whole| *whole > 0)?.saturating_add(planning);
    let [least, most] = problem.gain_range_ns?;
    let left = |gain: u64| (whole.saturating_sub(gain).saturating_mul(1000) / whole) as u16;
    Some(Remedy::Shrink { best: left(most), worst: left(least) })
}

/// Puts a case into words that a plan has shown; `None` where no plan shows it.
pub(crate) fn told(case: &Case<'_>, detector: &str) -> Option<Told> {
    let Subject::Shape(shape) = case.subject else { return None };
    let (known, problem) = case.dictionary.plans().problem(*shape, detector)?;
    let place = case.dictionary.place_of_line(known.line);
    let took = known.report.execution_ns.unwrap_or(0);
    let left = 1.0 - problem.gain_share.clamp(0.0, 1.0);
    let node = known.report.nodes.get(problem.node as usize);
    let node = node.map_or(String::new(), |node| {
        format!("{} {}", node.name, node.target.as_deref().unwrap_or_default()).trim_end().to_owned()
    });
    Some(Told {
        why: format!(
            "{}: {}; seen at {node} in the plan of an execution of {} ({place})",
            problem.subject,
            problem.why,
            duration(took)
        ),
        fix: problem
            .fix
            .iter()
            .map(|fix| Advice { text: fix.text.clone(), tradeoff: fix.tradeoff.clone(), remedy: None })
            .collect(),
        verify: Check {
            metric: format!("p95 of {}", brief(case.dictionary, *shape)),
            unit: Unit::Ns,
            now: case.single_ns.1,
            expected: (case.single_ns.1 as f64 * left) as u64,
        },
        confidence: None,
        dismissed: None,
    })
}
