//! Which flaws of a plan are told, and in which order.

use std::cmp::Reverse;

use super::problem::{Claim, Problem, Problems, Short};
use super::report::{PlanDismissal, PlanProblem, PlanReport};
use super::times::Basis;
use super::view::PlanView;
use crate::evidence::plan::{Key, Plan};
use crate::figures::{duration, share};
use crate::finding::Fix;
use crate::judge::identity::id_about;
use crate::settings::Settings;
use crate::{ALL, Detector};

/// A fix is told that gives back at least this part of the execution, of a hundred.
const SHARE_MIN: u64 = 5;

/// Or as much as this.
const GAIN_MIN_NS: u64 = 50_000_000;

/// A flaw is told with another whose fix takes already this part of what its own would give back, of a hundred.
const COVERED: u64 = 80;

/// Looks at a plan, and says what is wrong with it.
pub fn judge(plan: &Plan, settings: &Settings) -> PlanReport {
    judge_by(plan, settings, |_| true)
}

/// The same by some detectors alone.
pub(super) fn judge_by(plan: &Plan, settings: &Settings, looks: impl Fn(&Detector) -> bool) -> PlanReport {
    let view = PlanView::new(plan);
    let resolved = settings.at("", "");
    let mut problems = Problems::default();
    for (place, detector) in ALL.iter().enumerate().filter(|(_, detector)| looks(detector)) {
        if let Some(rule) = detector.plan {
            problems.detector = place;
            rule(&view, resolved.of(place), &mut problems);
        }
    }
    let mut weighing = Weighing::new(&view, &problems.found);
    weighing.weigh(problems.found);
    weighing.dismissed.extend(problems.short.into_iter().map(dismissal));
    let Weighing { told, dismissed, .. } = weighing;
    PlanReport::new(&view, told, dismissed)
}

fn dismissal(short: Short) -> PlanDismissal {
    let Short { detector, node, subject, reason } = short;
    PlanDismissal { detector: ALL[detector].id.to_owned(), node, subject, reason }
}

/// What a fix gives back, at best and at worst.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
struct Gain {
    best: u64,
    worst: u64,
}

impl Gain {
    /// What is predicted: the middle.
    fn middle(self) -> u64 {
        self.worst + (self.best.saturating_sub(self.worst)) / 2
    }
}

/// Flaws being weighed against each other: each millisecond is counted once.
struct Weighing<'a> {
    view: &'a PlanView<'a>,
    /// What is left of each node's own time after the fixes so far, at best and at worst.
    left: Vec<Gain>,
    outside_left: Gain,
    planning_left: Gain,
    /// All that is weighed: the execution, and planning where that is a flaw.
    whole_ns: u64,
    /// The execution after the fixes so far, as predicted.
    after_ns: u64,
    /// Which of `told` has taken most of a node.
    taken_by: Vec<Option<usize>>,
    told: Vec<PlanProblem>,
    dismissed: Vec<PlanDismissal>,
}

impl<'a> Weighing<'a> {
    fn new(view: &'a PlanView<'a>, found: &[Problem]) -> Self {
        let both = |ns: u64| Gain { best: ns, worst: ns };
        let is_planning = found.iter().any(|problem| problem.planning_ns.0 > 0);
        let planning = view.plan.facts.ns(Key::PlanningTime).filter(|_| is_planning).unwrap_or(0);
        let whole_ns = view.times.execution_ns.saturating_add(planning);
        let outside = view.times.outside.iter().map(|(_, ns)| ns).sum();
        Self {
            view,
            left: view.times.nodes.iter().map(|time| both(time.self_ns)).collect(),
            outside_left: both(outside),
            planning_left: both(planning),
            whole_ns,
            after_ns: whole_ns,
            taken_by: vec![None; view.times.nodes.len()],
            told: Vec::new(),
            dismissed: Vec::new(),
        }
    }

    fn weigh(&mut self, found: Vec<Problem>) {
        let mut weighed: Vec<(Gain, Problem)> =
            found.into_iter().map(|problem| (self.gain(&problem), problem)).collect();
        weighed.sort_by_key(|(gain, problem)| (Reverse(gain.middle()), problem.detector, problem.node));
        for (alone, problem) in weighed {
            match self.is_noticed(alone) {
                true => self.take(alone, problem),
                false => self.dismissed.push(dismissal(Short {
                    reason: self.too_little(alone),
                    detector: problem.detector,
                    node: problem.node,
                    subject: problem.subject,
                })),
            }
        }
    }

    /// What a fix gives back of what is left.
    fn gain(&self, problem: &Problem) -> Gain {
        let mut gain = Gain {
            best: problem.outside_ns.0.min(self.outside_left.best)
                + problem.planning_ns.0.min(self.planning_left.best),
            worst: problem.outside_ns.1.min(self.outside_left.worst)
                + problem.planning_ns.1.min(self.planning_left.worst),
        };
        for Claim { node, best, worst } in &problem.claims {
            let left = self.left[*node as usize];
            gain.best += saved(left.best, *best);
            gain.worst += saved(left.worst, *worst);
        }
        gain
    }

    fn is_noticed(&self, gain: Gain) -> bool {
        let whole = self.whole_ns;
        let is_long = self.view.times.basis == Basis::Measured && gain.middle() >= GAIN_MIN_NS;
        gain.middle() > 0 && (is_long || gain.middle() >= whole.saturating_mul(SHARE_MIN) / 100)
    }

    fn too_little(&self, gain: Gain) -> String {
        let whole = self.whole_ns;
        match self.view.times.basis {
            Basis::Measured => format!("gives back {} of {}", duration(gain.middle()), duration(whole)),
            _ => format!("gives back {} of the estimated cost", share(gain.middle(), whole)),
        }
    }

    fn take(&mut self, alone: Gain, problem: Problem) {
        let gain = self.gain(&problem);
        let first = self.told.len();
        if gain.middle() < alone.middle().saturating_mul(100 - COVERED) / 100
            && let Some(other) = self.mostly_taken_by(&problem)
        {
            let line = format!("{}: {}", ALL[problem.detector].id, problem.why);
            return self.told[other].also.push(line);
        }
        for Claim { node, best, worst } in &problem.claims {
            let place = *node as usize;
            let left = &mut self.left[place];
            left.best -= saved(left.best, *best);
            left.worst -= saved(left.worst, *worst);
            self.taken_by[place].get_or_insert(first);
        }
        self.outside_left.best -= problem.outside_ns.0.min(self.outside_left.best);
        self.outside_left.worst -= problem.outside_ns.1.min(self.outside_left.worst);
        self.planning_left.best -= problem.planning_ns.0.min(self.planning_left.best);
        self.planning_left.worst -= problem.planning_ns.1.min(self.planning_left.worst);
        self.after_ns = self.after_ns.saturating_sub(gain.middle());
        self.told.push(self.told_as(problem, gain));
    }

    fn mostly_taken_by(&self, problem: &Problem) -> Option<usize> {
        let longest = problem.claims.iter().max_by_key(|claim| self.view.self_ns(claim.node))?;
        self.taken_by[longest.node as usize]
    }

    fn told_as(&self, problem: Problem, gain: Gain) -> PlanProblem {
        let detector = ALL[problem.detector].id;
        let statement = self.view.statement.as_ref().map(|shape| shape.id.to_string()).unwrap_or_default();
        let is_measured = self.view.times.basis == Basis::Measured;
        let blocks = problem.claims.iter().map(|claim| self.view.self_blocks(claim.node)).sum();
        PlanProblem {
            id: id_about(detector, "", &statement, &problem.subject),
            detector: detector.to_owned(),
            node: problem.node,
            subject: problem.subject,
            gain_ns: is_measured.then(|| gain.middle()),
            gain_range_ns: is_measured.then_some([gain.worst, gain.best]),
            gain_share: gain.middle() as f64 / self.whole_ns.max(1) as f64,
            after_ns: is_measured.then_some(self.after_ns),
            blocks,
            confidence: problem.confidence,
            why: problem.why,
            fix: problem
                .fix
                .into_iter()
                .map(|advice| Fix { text: advice.text, tradeoff: advice.tradeoff, latency_ns: None })
                .collect(),
            check: problem.check,
            also: Vec::new(),
        }
    }
}

/// What is saved of a time of which a part is left, per mille.
fn saved(ns: u64, left: u16) -> u64 {
    let saved = u64::from(1000 - left.min(1000));
    super::regions::scaled(ns, saved, 1000)
}
