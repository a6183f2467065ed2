//! From runs of two sides to a verdict.
//!
//! Each run gives one value of a metric; sides are compared by the logarithms of these values, with Welch's interval, or with
//! that of pairs where runs took turns and neighbours move together. A difference is told where the whole 95 % interval lies
//! beyond zero *and* the difference is larger than the margin; sides are told to be equivalent where the whole interval lies
//! within the margin (two one-sided tests). Whatever is neither is inconclusive, with the runs that would decide.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use crate::statistics::{
    Interval, holm, mean, moves_together, noise, paired, permutation, runs_needed, shift, variance, welch,
};
use crate::warning::{self, places};
use crate::{Latency, Metric, Run, Sample, Warning};

/// The version of the rule by which runs are compared: other versions may say something else of the same runs.
pub const RULE: &str = "whyslow-decision/1";

/// The margin where none is given, in millionths: differences below 3 % are not worth telling.
pub const MARGIN_DEFAULT: u32 = 30_000;

/// Runs a side below which nothing is decided: two that happen to agree would prove anything.
const RUNS_MIN: usize = 3;

/// Chances below this are none, both sides together.
const CHANCE_MAX: f64 = 0.05;

/// What is asked of the runs, and was decided before they were made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Question {
    /// The one metric that the verdict is about, and its subject; an empty subject fits the only one that has it.
    pub primary: Option<(String, Metric)>,
    /// Other metrics than the usual ones.
    pub metrics: Vec<Metric>,
    /// Smaller differences are not worth telling, in millionths.
    pub margin_ppm: u32,
}

impl Default for Question {
    fn default() -> Self {
        Self { primary: None, metrics: Vec::new(), margin_ppm: MARGIN_DEFAULT }
    }
}

/// What the runs say.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Decision {
    /// Runs before.
    pub runs_before: u32,
    /// Runs after.
    pub runs_after: u32,
    /// The margin of the question, in millionths.
    pub margin_ppm: u32,
    /// The primary metric first, then by subject and metric.
    pub metrics: Vec<MetricDecision>,
    /// What a reader must know before believing it, sorted.
    pub warnings: Vec<Warning>,
}

impl Decision {
    /// What is said of the primary metric; `None` where none was named, or no run has it.
    pub fn primary(&self) -> Option<&MetricDecision> {
        self.metrics.first().filter(|metric| metric.is_primary)
    }
}

/// Which way it went.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    /// Less than before, beyond chance and margin.
    Improved,
    /// More than before, beyond chance and margin.
    Regressed,
    /// The same within the margin.
    Equivalent,
    /// Not known.
    Inconclusive,
}

impl Verdict {
    /// Its name, as it is written.
    pub fn name(self) -> &'static str {
        match self {
            Self::Improved => "improved",
            Self::Regressed => "regressed",
            Self::Equivalent => "equivalent",
            Self::Inconclusive => "inconclusive",
        }
    }
}

/// How sides were compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Method {
    /// Welch's interval.
    Welch,
    /// The interval of pairs.
    Paired,
    /// Counts: any difference is one.
    Exact,
    /// Not at all: too few runs.
    None,
}

/// What is said of one metric. Durations are in picoseconds, memory in bytes, counts in thousandths.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MetricDecision {
    /// Endpoint, benchmark or command; empty where there is only one.
    pub subject: String,
    /// The metric.
    pub metric: Metric,
    /// Whether it is what the verdict is about.
    pub is_primary: bool,
    /// The value of each run before, in the order of the runs.
    pub before: Vec<u64>,
    /// The value of each run after.
    pub after: Vec<u64>,
    /// The geometric mean of the runs before; of counts the mean.
    pub before_typical: u64,
    /// That of the runs after.
    pub after_typical: u64,
    /// The difference in millionths of before: -200,000 is a fifth less. `None` where before is zero.
    pub effect_ppm: Option<i64>,
    /// The ends of the 95 % interval, in millionths; `None` of counts, and where runs are too few.
    pub interval_ppm: Option<[i64; 2]>,
    /// How sides were compared.
    pub method: Method,
    /// The chance of such a difference where there is none, in millionths.
    pub p_ppm: Option<u32>,
    /// That chance among all metrics but the primary one (Holm), in millionths; the verdict goes by it.
    pub p_holm_ppm: Option<u32>,
    /// The same chance by dealing the runs at random, as a check without a distribution, in millionths; where the interval
    /// claims a difference.
    pub p_permutation_ppm: Option<u32>,
    /// The shift of Hodges and Lehmann, in millionths of before.
    pub shift_ppm: Option<i64>,
    /// Which way it went.
    pub verdict: Verdict,
    /// "At least so many percent better (or worse)": the whole interval lies beyond.
    pub proven_percent: Option<u32>,
    /// Runs a side that would decide, where it is inconclusive.
    pub runs_needed: Option<u32>,
}

/// Compares the runs of two sides.
pub fn decide(before: &[Run], after: &[Run], question: &Question) -> Decision {
    let mut warnings = warning::of_runs(before, after);
    let mut metrics = Vec::new();
    let mut subjects = BTreeSet::new();
    subjects.extend(before.iter().chain(after).flat_map(|run| run.samples.keys()));
    for subject in subjects {
        let sides = [Measured::of(before, subject), Measured::of(after, subject)];
        for metric in asked(&sides, question) {
            let sides = [Values::of(&sides[0], &metric), Values::of(&sides[1], &metric)];
            if sides.iter().any(|side| side.each.is_empty()) {
                continue;
            }
            warnings.extend(doubts(subject, &metric, &sides));
            metrics.push(compared(subject.clone(), metric, &sides, question.margin_ppm));
        }
    }
    mark_primary(&mut metrics, question);
    metrics.iter_mut().for_each(|metric| metric.conclude(question.margin_ppm));
    Decision {
        runs_before: u32::try_from(before.len()).unwrap_or(u32::MAX),
        runs_after: u32::try_from(after.len()).unwrap_or(u32::MAX),
        margin_ppm: question.margin_ppm,
        metrics,
        warnings: warnings.into_iter().collect(),
    }
}

/// All that is compared of a subject: what any run of both sides has.
fn asked(sides: &[Measured<'_>; 2], question: &Question) -> BTreeSet<Metric> {
    let samples = || sides.iter().flat_map(|side| side.samples.iter().map(|(_, sample)| *sample));
    let is_known = |metric: &Metric| samples().any(|sample| sample.tells(metric));
    let mut counted = BTreeSet::new();
    counted.extend(samples().flat_map(|sample| sample.counts_milli.keys()));
    let also = question.metrics.iter().chain(question.primary.iter().map(|(_, metric)| metric));
    let usual = Metric::USUAL.into_iter().filter(is_known);
    usual.chain(counted.into_iter().cloned().map(Metric::Count)).chain(also.cloned()).collect()
}

/// What runs of one side have of a subject.
struct Measured<'r> {
    /// Each with the place of its run, in the order of places.
    samples: Vec<(u64, &'r Sample)>,
    /// Whether the places say when runs were made.
    is_ordered: bool,
}

impl<'r> Measured<'r> {
    fn of(runs: &'r [Run], subject: &str) -> Self {
        let known = places(runs);
        let place = |index: usize| known.as_ref().map_or(index as u64, |known| known[index]);
        let sample = |(index, run): (usize, &'r Run)| Some((place(index), run.samples.get(subject)?));
        let mut samples: Vec<_> = runs.iter().enumerate().filter_map(sample).collect();
        samples.sort_by_key(|(place, _)| *place);
        Self { samples, is_ordered: known.is_some() }
    }
}

/// Values of one metric at one side.
struct Values {
    /// Place and value of each run that has one, in the order of places.
    each: Vec<(u64, u64)>,
    /// Logarithms of the values.
    logarithms: Vec<f64>,
    /// Whether the places say when runs were made.
    is_ordered: bool,
    /// The fewest requests of a run with all its durations.
    requests_least: Option<u64>,
    /// The coarsest step in which durations were read, in picoseconds.
    resolution_ps: u64,
}

impl Values {
    fn of(measured: &Measured<'_>, metric: &Metric) -> Self {
        let mut values = Self {
            each: Vec::with_capacity(measured.samples.len()),
            logarithms: Vec::with_capacity(measured.samples.len()),
            is_ordered: measured.is_ordered,
            requests_least: None,
            resolution_ps: 0,
        };
        for (place, sample) in &measured.samples {
            let Some(value) = sample.value(metric) else { continue };
            values.each.push((*place, value));
            values.logarithms.push(logarithm(value));
            // Some outputs do not tell how many there were.
            if !matches!(sample.latency, Latency::Single { .. }) && sample.requests > 0 {
                values.requests_least =
                    Some(values.requests_least.map_or(sample.requests, |least| least.min(sample.requests)));
            }
            values.resolution_ps =
                values.resolution_ps.max(sample.resolution_ns.unwrap_or(0).saturating_mul(1_000));
        }
        values
    }

    fn values(&self) -> Vec<u64> {
        self.each.iter().map(|(_, value)| *value).collect()
    }

    fn placed_logarithms(&self) -> Vec<(u64, f64)> {
        self.each.iter().zip(&self.logarithms).map(|((place, _), logarithm)| (*place, *logarithm)).collect()
    }

    /// The variance of a logarithm that coarse reading adds: that of a uniform error.
    fn unread(&self) -> f64 {
        let typical = mean(&self.logarithms).exp();
        (self.resolution_ps as f64 / typical).powi(2) / 12.0
    }
}

/// A duration of nothing counts as the shortest there is.
fn logarithm(value: u64) -> f64 {
    (value.max(1) as f64).ln()
}

fn doubts(subject: &str, metric: &Metric, [before, after]: &[Values; 2]) -> Vec<Warning> {
    let name = match subject {
        "" => metric.to_string(),
        subject => format!("{subject} {metric}"),
    };
    let least = before.requests_least.into_iter().chain(after.requests_least).min();
    let mut warnings: Vec<Warning> = warning::few_requests(&name, metric, least).into_iter().collect();
    if !metric.is_exact() && before.is_ordered && after.is_ordered {
        warnings.extend(warning::of_values(&name, &before.placed_logarithms(), &after.placed_logarithms()));
    }
    warnings
}

fn compared(subject: String, metric: Metric, sides: &[Values; 2], margin_ppm: u32) -> MetricDecision {
    match metric.is_exact() {
        true => counted(subject, metric, sides),
        false => estimated(subject, metric, sides, margin_ppm),
    }
}

/// Counts: any difference is one.
fn counted(subject: String, metric: Metric, [before, after]: &[Values; 2]) -> MetricDecision {
    let (before, after) = (before.values(), after.values());
    let typical = |values: &[u64]| whole(mean(&values.iter().map(|value| *value as f64).collect::<Vec<_>>()));
    let (before_typical, after_typical) = (typical(&before), typical(&after));
    let ends = |values: &[u64]| (values.iter().min().copied(), values.iter().max().copied());
    let verdict = match (ends(&before), ends(&after)) {
        (of_before, of_after) if of_before == of_after => Verdict::Equivalent,
        ((low, _), (_, high)) if high < low => Verdict::Improved,
        ((_, high), (low, _)) if low > high => Verdict::Regressed,
        _ => Verdict::Inconclusive,
    };
    let share = after_typical as f64 / before_typical as f64 - 1.0;
    MetricDecision {
        effect_ppm: (before_typical > 0).then(|| millionths(share)),
        method: Method::Exact,
        verdict,
        before_typical,
        after_typical,
        ..MetricDecision::of(subject, metric, before, after)
    }
}

/// Durations: an interval.
fn estimated(subject: String, metric: Metric, sides: &[Values; 2], margin_ppm: u32) -> MetricDecision {
    let [before, after] = sides;
    let (of_before, of_after) = (&before.logarithms, &after.logarithms);
    let mut decision = MetricDecision {
        before_typical: whole(mean(of_before).exp()),
        after_typical: whole(mean(of_after).exp()),
        effect_ppm: Some(share(mean(of_after) - mean(of_before))),
        ..MetricDecision::of(subject, metric, before.values(), after.values())
    };
    let unread = before.unread().max(after.unread());
    let is_enough = of_before.len() >= RUNS_MIN && of_after.len() >= RUNS_MIN;
    if let Some((method, interval)) = interval(sides, unread).filter(|_| is_enough) {
        decision.method = method;
        decision.interval_ppm = Some([share(interval.low), share(interval.high)]);
        decision.p_ppm = Some(chance(interval.p));
        let is_claimed = interval.p <= CHANCE_MAX;
        decision.p_permutation_ppm = is_claimed.then(|| chance(permutation(of_before, of_after)));
        decision.shift_ppm = shift(of_before, of_after).map(share);
    }
    let deviation = ((variance(of_before) + variance(of_after)) / 2.0 + unread).sqrt();
    decision.runs_needed = needed(&decision, deviation, margin_ppm);
    decision
}

/// The interval, by pairs where neighbours move together.
fn interval(sides: &[Values; 2], unread: f64) -> Option<(Method, Interval)> {
    let [before, after] = [&sides[0].logarithms, &sides[1].logarithms];
    let took_turns = sides.iter().all(|side| side.is_ordered);
    match took_turns && moves_together(before, after) {
        true => paired(before, after, unread).map(|interval| (Method::Paired, interval)),
        false => welch(before, after, unread).map(|interval| (Method::Welch, interval)),
    }
}

/// Runs a side after which the interval would end where it decides: at zero, or within the margin.
fn needed(decision: &MetricDecision, deviation: f64, margin_ppm: u32) -> Option<u32> {
    // Of a single run nothing is known of how runs differ.
    if decision.before.len() < 2 || decision.after.len() < 2 {
        return None;
    }
    let difference = (decision.after_typical as f64 / decision.before_typical as f64).ln().abs();
    let margin = f64::from(margin_ppm) / 1e6;
    let distance = if difference > margin { difference } else { margin - difference };
    let made = decision.before.len().min(decision.after.len());
    runs_needed(deviation, distance).filter(|runs| *runs as usize > made)
}

/// The primary metric comes first, and the chances of all others are those of all of them together.
fn mark_primary(metrics: &mut [MetricDecision], question: &Question) {
    if let Some((subject, metric)) = &question.primary {
        let is_only = metrics.iter().filter(|of| of.metric == *metric).count() == 1;
        let is_it = |of: &MetricDecision| {
            of.metric == *metric && (of.subject == *subject || (subject.is_empty() && is_only))
        };
        if let Some(place) = metrics.iter().position(is_it) {
            metrics[place].is_primary = true;
            metrics[..=place].rotate_right(1);
        }
    }
    let others = || |metric: &&mut MetricDecision| !metric.is_primary && metric.p_ppm.is_some();
    let chances: Vec<f64> = metrics
        .iter_mut()
        .filter(others())
        .filter_map(|metric| metric.p_ppm.map(|p| f64::from(p) / 1e6))
        .collect();
    for (metric, adjusted) in metrics.iter_mut().filter(others()).zip(holm(&chances)) {
        metric.p_holm_ppm = Some(chance(adjusted));
    }
}

impl MetricDecision {
    fn of(subject: String, metric: Metric, before: Vec<u64>, after: Vec<u64>) -> Self {
        Self {
            subject,
            metric,
            is_primary: false,
            before,
            after,
            before_typical: 0,
            after_typical: 0,
            effect_ppm: None,
            interval_ppm: None,
            method: Method::None,
            p_ppm: None,
            p_holm_ppm: None,
            p_permutation_ppm: None,
            shift_ppm: None,
            verdict: Verdict::Inconclusive,
            proven_percent: None,
            runs_needed: None,
        }
    }

    /// The verdict of an interval.
    fn conclude(&mut self, margin_ppm: u32) {
        if let (Some([low, high]), Some(effect)) = (self.interval_ppm, self.effect_ppm) {
            let margin = i64::from(margin_ppm);
            let is_beyond_chance = self.p_holm_ppm.is_none_or(|p| f64::from(p) <= CHANCE_MAX * 1e6);
            self.verdict = match () {
                () if high < 0 && effect < -margin && is_beyond_chance => Verdict::Improved,
                () if low > 0 && effect > margin && is_beyond_chance => Verdict::Regressed,
                () if low > -margin && high < margin => Verdict::Equivalent,
                () => Verdict::Inconclusive,
            };
            self.proven_percent = self.proven(low, high);
        }
        if self.verdict != Verdict::Inconclusive {
            self.runs_needed = None;
        }
    }

    fn proven(&self, low: i64, high: i64) -> Option<u32> {
        let nearest = match self.verdict {
            Verdict::Improved => high.abs(),
            Verdict::Regressed => low,
            Verdict::Equivalent | Verdict::Inconclusive => return None,
        };
        u32::try_from((nearest - 1) / 10_000).ok().filter(|percent| *percent > 0)
    }
}

impl MetricDecision {
    /// What is measured where nothing was changed: how far two halves of the runs before are apart at most in 95 of 100 ways to
    /// halve them, in millionths. `None` of counts, and with fewer than five runs.
    pub fn noise_ppm(&self) -> Option<u32> {
        self.noise_of(self.before.iter())
    }

    /// The same of the runs of both sides together, where these are of one version.
    pub fn noise_of_both_ppm(&self) -> Option<u32> {
        self.noise_of(self.before.iter().chain(&self.after))
    }

    fn noise_of<'v>(&self, values: impl Iterator<Item = &'v u64>) -> Option<u32> {
        let logarithms: Vec<f64> = values.map(|value| logarithm(*value)).collect();
        let noise = noise(&logarithms).filter(|_| !self.metric.is_exact())?;
        u32::try_from(share(noise)).ok()
    }
}

/// A difference of logarithms as millionths of before.
fn share(difference: f64) -> i64 {
    millionths(difference.exp_m1())
}

#[expect(clippy::cast_possible_truncation)]
fn millionths(share: f64) -> i64 {
    // Converting saturates.
    (share * 1e6).round() as i64
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
fn chance(p: f64) -> u32 {
    (p * 1e6).round() as u32
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
fn whole(value: f64) -> u64 {
    value.round() as u64
}

#[cfg(test)]
mod tests;
