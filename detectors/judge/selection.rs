//! Which candidates are told: by the time they give back, each millisecond once.

use rustc_hash::FxHashMap;

use super::claims::Claims;
use super::considered::Considered;
use super::endpoints::{Effect, EndpointView, metric_of};
use crate::candidate::{Mark, Remedy, Subject};
use crate::figures::{bytes, duration};
use crate::finding::{AfterFix, Confidence, Latency};
use crate::impact::{Fixes, Replayer};

/// Per cent of an endpoint's median or of its target's percentile that a fix must give back.
const GAIN_SHARE_MIN: u64 = 5;

/// What a fix must give back at the 99th percentile if it misses the share.
const GAIN_AT_P99_MIN_NS: u64 = 50_000_000;

/// What a fix must give back at least that changes how often or in which order something is done.
/// Its gain grows with the network's delay, which is small where tests run.
const GAIN_MIN_NS: u64 = 1_000_000;

/// What a fix must give back at least that makes one thing quicker or lets it wait elsewhere, where
/// no target is missed: nobody notices less.
const GAIN_OF_QUICKER_MIN_NS: u64 = 10_000_000;

/// Per cent of all statements that a loop must take to be told where its time does not show.
const CALLS_SHARE_MIN: u64 = 5;

/// Bytes that a fix must give back in each request that shows it: some hundredths of a second on a mobile
/// network.
const BYTES_MIN: u64 = 50_000;

/// Claims that cover each other by this share are one problem.
const ONE_PROBLEM: f64 = 0.8;

/// Where requests wait for others, or for a kept event loop, for this share of their time, per mille, nothing else is
/// told to be slow.
const STANDS_STILL_MIN: u64 = 500;

/// Fixes that are replayed one after another at one endpoint.
const FIXES_MAX: usize = 20;

/// What became of a candidate.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Verdict {
    /// Told for the latency that it gives back.
    Told,
    /// Told for what it costs the database, though it gives back little latency.
    ToldForDatabaseTime,
    /// Told for the bytes that it gives back; what time they take is not measured.
    ToldForBytes,
    /// Another candidate, by place, explains the same time.
    ExplainedBy(usize),
    /// Gives back too little.
    Little(String),
}

impl Verdict {
    /// Whether it becomes a finding.
    pub(super) fn is_told(&self) -> bool {
        matches!(self, Self::Told | Self::ToldForDatabaseTime | Self::ToldForBytes)
    }
}

/// Decides on all candidates; gives one verdict each, in their order.
pub(super) fn select(
    candidates: &[Considered<'_>],
    views: &[EndpointView<'_>],
    replayer: &mut Replayer,
) -> Vec<Verdict> {
    let claims = Claims::of(views);
    let mut selection = Selection {
        candidates,
        views,
        told: Vec::new(),
        told_for_bytes: Vec::new(),
        fixes: Fixes::default(),
        fixed: FxHashMap::default(),
    };
    let mut verdicts: Vec<Option<Verdict>> = candidates.iter().map(|_| None).collect();
    for place in by_weight(candidates) {
        let verdict = selection.decide(place, &claims, replayer);
        match verdict {
            Verdict::Told => selection.tell(place),
            Verdict::ToldForBytes => selection.told_for_bytes.push(place),
            _ => {}
        }
        verdicts[place] = Some(verdict);
    }
    verdicts.into_iter().flatten().collect()
}

/// Leads come last, so that they never explain away what is better founded. What all requests together
/// confirm comes first: it explains time that one request alone only shows.
/// Then by gain; at a tie the more specific detector first.
fn by_weight(candidates: &[Considered<'_>]) -> Vec<usize> {
    let mut order: Vec<usize> = (0..candidates.len()).collect();
    order.sort_by(|&one, &other| {
        let (one, other) = (&candidates[one], &candidates[other]);
        let is_lead = |candidate: &Considered<'_>| candidate.confidence == Confidence::Low;
        is_lead(one)
            .cmp(&is_lead(other))
            // Who makes others wait explains why they do.
            .then(other.may_make_wait().cmp(&one.may_make_wait()))
            .then(one.detector.confirm.is_none().cmp(&other.detector.confirm.is_none()))
            // What grows with the load may do so for a reason that is found.
            .then(one.due_to_load().is_some().cmp(&other.due_to_load().is_some()))
            .then(other.gain_ns.cmp(&one.gain_ns))
            .then_with(|| other.bytes_given_back().cmp(&one.bytes_given_back()))
            .then(one.key.detector.cmp(&other.key.detector))
            .then(one.id.cmp(&other.id))
    });
    order
}

struct Selection<'s, 'a> {
    candidates: &'s [Considered<'a>],
    views: &'s [EndpointView<'a>],
    told: Vec<usize>,
    told_for_bytes: Vec<usize>,
    fixes: Fixes,
    /// What becomes of endpoints with `fixes` done, by number, as far as it was asked for.
    fixed: FxHashMap<usize, Effect>,
}

impl Selection<'_, '_> {
    fn decide(&mut self, place: usize, claims: &Claims, replayer: &mut Replayer) -> Verdict {
        let candidate = &self.candidates[place];
        if candidate.tally.is_of_bytes() {
            return self.decide_for_bytes(candidate);
        }
        let worth = candidate.effects.iter().any(|(view, effect)| {
            let view = &self.views[*view];
            is_worth_telling(view, candidate, (&view.latency, &effect.predicted), effect.gain_ns)
        });
        if let Some(told) = self.told.iter().copied().find(|&told| self.explains(told, candidate, claims)) {
            return Verdict::ExplainedBy(told);
        }
        if !worth {
            let at_once = candidate.tally.marks.of(Mark::AtOnce);
            let costs_statements = at_once * 2 >= candidate.tally.full || self.takes_most_calls(candidate);
            let costs_statements = costs_statements && candidate.confidence != Confidence::Low;
            return match costs_statements {
                true => Verdict::ToldForDatabaseTime,
                false => Verdict::Little(self.little(candidate)),
            };
        }
        match candidate.relieves_others() {
            true => Verdict::Told,
            false => self.decide_beside_others(place, replayer),
        }
    }

    /// Whether what a log tells of would be done with far fewer statements: round trips take the time of such loops,
    /// and no log of a server has them.
    fn takes_most_calls(&self, candidate: &Considered<'_>) -> bool {
        let view = &self.views[candidate.home];
        let calls = candidate.tally.repeats.quantile(500).saturating_mul(candidate.tally.full);
        let all = view.statements_in_all();
        let is_loop = candidate.fix.remedy == Remedy::SendOnce;
        view.is_logged()
            && is_loop
            && u128::from(calls) * 100 >= u128::from(all) * u128::from(CALLS_SHARE_MIN)
    }

    /// Whether a finding accounts for the time that a candidate is about.
    fn explains(&self, told: usize, candidate: &Considered<'_>, claims: &Claims) -> bool {
        let told = &self.candidates[told];
        let same_time = claims.covered(candidate.number, told.number) >= ONE_PROBLEM;
        if told.makes_wait(candidate) {
            return true;
        }
        if let Some(share) = told.due_to_load() {
            let is_slow = matches!(candidate.fix.remedy, Remedy::Shrink { .. });
            return is_slow && told.home == candidate.home && share >= STANDS_STILL_MIN;
        }
        if !told.relieves_others() {
            return same_time;
        }
        // A call that keeps others waiting may have other flaws, too.
        let own_time = matches!(told.key.subject, Subject::Own(_));
        // What takes long where requests mostly stand still may be quick.
        let is_slow = matches!(candidate.fix.remedy, Remedy::Shrink { .. }) && !candidate.relieves_others();
        let stands_still = told.holds_up(self.views[candidate.home].key) >= STANDS_STILL_MIN;
        same_time && own_time || is_slow && stands_still
    }

    /// Of several candidates about the bytes of one body the one remains that gives back most.
    fn decide_for_bytes(&self, candidate: &Considered<'_>) -> Verdict {
        let is_same = |told: &usize| {
            let told = &self.candidates[*told];
            let both = told.key.subject.is_response() && candidate.key.subject.is_response();
            told.home == candidate.home && both
        };
        if let Some(told) = self.told_for_bytes.iter().copied().find(is_same) {
            return Verdict::ExplainedBy(told);
        }
        let each = candidate.bytes_given_back() / candidate.tally.full.max(1);
        match each >= BYTES_MIN {
            true => Verdict::ToldForBytes,
            false => Verdict::Little(format!("gives back {} of an answer", bytes(each))),
        }
    }

    /// Whether a fix still gives something back when those told before are done.
    fn decide_beside_others(&mut self, place: usize, replayer: &mut Replayer) -> Verdict {
        let candidate = &self.candidates[place];
        let mut with = self.fixes.clone();
        with.set(candidate.number, candidate.fix);
        let worth = candidate.effects.iter().any(|(place, _)| {
            let view = &self.views[*place];
            let before = self.fixed.entry(*place);
            let before = before.or_insert_with(|| view.replay(&self.fixes, replayer));
            let after = view.replay(&with, replayer);
            let gain_ns = after.gain_ns.saturating_sub(before.gain_ns);
            is_worth_telling(view, candidate, (&before.predicted, &after.predicted), gain_ns)
        });
        match worth {
            true => Verdict::Told,
            false => Verdict::Little("gives back little once the findings above it are fixed".to_owned()),
        }
    }

    fn tell(&mut self, place: usize) {
        self.told.push(place);
        let candidate = &self.candidates[place];
        if candidate.confidence != Confidence::Low {
            self.fixes.set(candidate.number, candidate.fix);
            self.fixed.clear();
        }
    }

    /// `gives back 0.4 ms of 310 ms`.
    fn little(&self, candidate: &Considered<'_>) -> String {
        let best = candidate.effects.iter().max_by_key(|(_, effect)| effect.gain_ns);
        let Some((view, effect)) = best else { return "not on the path of any sampled request".to_owned() };
        if self.views[*view].is_logged() {
            let (gain_ns, of_ns) = (effect.gain_ns, self.views[*view].database_ns());
            if of_ns == 0 {
                return "what it gives back is not known: its times are not in this log".to_owned();
            }
            return format!("gives back {} of {} of the database", duration(gain_ns), duration(of_ns));
        }
        let measured_ns = self.views[*view].latency.p50.unwrap_or(0);
        let gain_ns = measured_ns.saturating_sub(effect.predicted.p50.unwrap_or(measured_ns));
        format!("gives back {} of {} at p50", duration(gain_ns), duration(measured_ns))
    }
}

/// Whether going from one latency of an endpoint to another is worth a finding.
fn is_worth_telling(
    view: &EndpointView<'_>,
    candidate: &Considered<'_>,
    (before, after): (&Latency, &Latency),
    gain_ns: u64,
) -> bool {
    let least_ns = match candidate.fix.remedy {
        _ if view.excess_ns().is_some() => 1,
        Remedy::SendOnce | Remedy::Overlap | Remedy::Remove { .. } | Remedy::Alone { .. } => GAIN_MIN_NS,
        Remedy::Defer
        | Remedy::Shrink { .. }
        | Remedy::Beside
        | Remedy::CutAt { .. }
        | Remedy::LikeLater { .. } => GAIN_OF_QUICKER_MIN_NS,
    };
    if view.is_logged() {
        // Nobody's latency: what counts is the database's time, of which it must take a share.
        let enough = u128::from(gain_ns) * 100 >= u128::from(view.database_ns()) * u128::from(GAIN_SHARE_MIN);
        return enough && gain_ns >= least_ns.saturating_mul(candidate.tally.full);
    }
    let gain = |before: Option<u64>, after: Option<u64>| {
        before.zip(after).map_or(0, |(before, after)| before.saturating_sub(after))
    };
    let enough = |gain_ns: u64, measured: Option<u64>| {
        measured.is_some_and(|measured| gain_ns * 100 >= measured * GAIN_SHARE_MIN)
    };
    let at_median = gain(before.p50, after.p50);
    let at_tail = gain(before.p99, after.p99);
    let at_target = view.target.map_or((0, None), |target| {
        let of = |latency| metric_of(latency, target.metric);
        (gain(of(before), of(after)), of(&view.latency))
    });
    at_median >= least_ns && enough(at_median, view.latency.p50)
        || at_target.0 >= least_ns && enough(at_target.0, at_target.1)
        || at_tail >= GAIN_AT_P99_MIN_NS
}

/// The joint result at one endpoint of the first fix, the first two, and so on: at each step the
/// fix that gives back most.
pub(super) fn after_fixes(
    view: &EndpointView<'_>,
    mut candidates: Vec<&Considered<'_>>,
    replayer: &mut Replayer,
) -> Vec<AfterFix> {
    let mut fixes = Fixes::default();
    let mut steps = Vec::new();
    while !candidates.is_empty() && steps.len() < FIXES_MAX {
        let replayed = candidates.iter().enumerate().map(|(place, candidate)| {
            fixes.set(candidate.number, candidate.fix);
            let effect = view.replay(&fixes, replayer);
            fixes.unset(candidate.number);
            (place, effect)
        });
        let best = replayed.max_by(|(one, one_effect), (other, other_effect)| {
            one_effect
                .gain_ns
                .cmp(&other_effect.gain_ns)
                .then(candidates[*other].id.cmp(&candidates[*one].id))
        });
        let Some((place, effect)) = best else { break };
        let candidate = candidates.remove(place);
        fixes.set(candidate.number, candidate.fix);
        steps.push(AfterFix {
            finding: candidate.id.clone(),
            target_met: view.meets_target(&effect.predicted),
            latency_ns: effect.predicted,
        });
    }
    steps
}
