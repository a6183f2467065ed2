//! Endpoints as measured, and as they would be with fixes.

use std::collections::BTreeMap;

use rustc_hash::FxHashMap;

use crate::docket::{Bucket, Docket, EndpointKey, EndpointTally, bucket_of_rank, fine_floor, rank_of};
use crate::evidence::Dictionary;
use crate::evidence::trace::Waits;
use crate::finding::{
    Confidence, CriticalPath, Latency, LatencyRange, PathTime, Resource, ResourceClass, Spread, TargetResult,
};
use crate::impact::{Distribution, Fixes, Outlook, Replayer};
use crate::settings::{Metric, Resolved, Settings, Target};
use crate::skeleton::Skeleton;

/// Requests below which a 95th percentile says nothing: three of them lie beyond it.
pub(super) const P95_REQUESTS_MIN: u64 = 60;

/// Requests below which a 99th percentile says nothing: three of them lie beyond it.
pub(super) const P99_REQUESTS_MIN: u64 = 300;

/// An endpoint with its sample.
pub(super) struct EndpointView<'a> {
    pub(super) key: EndpointKey,
    pub(super) service: String,
    pub(super) name: String,
    pub(super) tally: &'a EndpointTally,
    pub(super) target: Option<&'a Target>,
    pub(super) settings: Resolved,
    /// What was measured.
    pub(super) latency: Latency,
    sample: Vec<(f64, &'a Skeleton)>,
    measured: Distribution,
}

/// What fixes do to an endpoint.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Effect {
    /// Waiting given back over all requests, in the middle of the range.
    pub(super) gain_ns: u64,
    /// The middle of the range.
    pub(super) predicted: Latency,
    /// Best and worst.
    pub(super) range: LatencyRange,
}

impl<'a> EndpointView<'a> {
    /// All endpoints, by service and name.
    pub(super) fn all(docket: &'a Docket, dictionary: &Dictionary, settings: &'a Settings) -> Vec<Self> {
        let views = docket.endpoints.iter().zip(0..).map(|((key, tally), number)| {
            let service = dictionary.text(key.service).to_owned();
            let name = key.name.text(dictionary);
            let sample: Vec<(f64, &Skeleton)> = docket.sample.of(number).collect();
            let measured = sample.iter().map(|(weight, skeleton)| (skeleton.duration_ns, *weight));
            Self {
                key: *key,
                target: target_of(settings, &service, &name),
                settings: settings.at(&service, &name),
                service,
                name,
                tally,
                latency: measured_latency(tally),
                measured: Distribution::new(measured),
                sample,
            }
        });
        let mut views: Vec<Self> = views.collect();
        views.sort_by(|one, other| (&one.service, &one.name).cmp(&(&other.service, &other.name)));
        views
    }

    /// Whether requests come from outside of what was traced.
    pub(super) fn is_entry(&self) -> bool {
        self.tally.entries > 0 && !self.is_made_up()
    }

    /// Whether its "requests" are operations whose request was not recorded: nobody's latency.
    pub(super) fn is_made_up(&self) -> bool {
        self.key.name.is_made_up()
    }

    /// Whether a server's log tells of what is gathered here.
    pub(super) fn is_logged(&self) -> bool {
        self.tally.is_logged()
    }

    /// Time of the database on critical paths, of all requests together.
    pub(super) fn database_ns(&self) -> u64 {
        [Waits::Database, Waits::Lock, Waits::Pool].iter().map(|waits| self.tally.path_ns(*waits)).sum()
    }

    /// Statements of all requests, by the median of one.
    pub(super) fn statements_in_all(&self) -> u64 {
        self.tally.statements.quantile(500).saturating_mul(self.tally.requests)
    }

    /// The sampled requests, each with the number it stands for.
    pub(super) fn sample(&self) -> &[(f64, &'a Skeleton)] {
        &self.sample
    }

    /// Replays the sample with fixes applied.
    pub(super) fn replay(&self, fixes: &Fixes, replayer: &mut Replayer) -> Effect {
        let (best, best_gain) = self.replay_one(fixes, Outlook::Best, replayer);
        let (worst, worst_gain) = self.replay_one(fixes, Outlook::Worst, replayer);
        self.effect(&self.measured, (&best, &worst), (best_gain + worst_gain) / 2.0)
    }

    /// What becomes of it where requests no longer stand still for another: each took a time, and may have stood
    /// still for a part of it. At best it takes all of that less, at worst as long as before.
    pub(super) fn relieved(&self, requests_ns: &[(u64, u64)]) -> Effect {
        let measured = Distribution::new(requests_ns.iter().map(|&(took_ns, _)| (took_ns, 1.0)));
        let best = requests_ns.iter().map(|&(took_ns, stood_ns)| (took_ns - stood_ns, 1.0));
        let stood_ns: u64 = requests_ns.iter().map(|it| it.1).sum();
        // Not every request of the endpoint may be known so well.
        let seen = requests_ns.len().max(1) as f64;
        let gain_ns = stood_ns as f64 / 2.0 * self.tally.requests as f64 / seen;
        self.effect(&measured, (&Distribution::new(best), &measured), gain_ns)
    }

    /// An endpoint whose sample changes like this.
    fn effect(
        &self,
        before: &Distribution,
        (best, worst): (&Distribution, &Distribution),
        gain_ns: f64,
    ) -> Effect {
        let range = |permille: u64, measured: Option<u64>| {
            let at = |changed: &Distribution| scaled(measured?, changed, before, permille);
            let (one, other) = (at(best)?, at(worst)?);
            Some([one.min(other), one.max(other)])
        };
        let range = LatencyRange {
            p50: range(500, self.latency.p50),
            p95: range(950, self.latency.p95),
            p99: range(990, self.latency.p99),
            max: range(1000, self.latency.max),
        };
        let middle = |ends: Option<[u64; 2]>| ends.map(|[low, high]| low.midpoint(high));
        Effect {
            gain_ns: gain_ns.max(0.0) as u64,
            predicted: Latency {
                p50: middle(range.p50),
                p95: middle(range.p95),
                p99: middle(range.p99),
                max: middle(range.max),
            },
            range,
        }
    }

    fn replay_one(&self, fixes: &Fixes, outlook: Outlook, replayer: &mut Replayer) -> (Distribution, f64) {
        let mut gain_ns = 0.0;
        let replayed: Vec<(u64, f64)> = self
            .sample
            .iter()
            .map(|(weight, skeleton)| {
                // A model at its worst may cost more than what it replaces; nobody would keep that.
                let duration_ns = match fixes.change(skeleton) {
                    true => replayer.duration_ns(skeleton, fixes, outlook).min(skeleton.duration_ns),
                    false => skeleton.duration_ns,
                };
                gain_ns += weight * (skeleton.duration_ns as f64 - duration_ns as f64);
                (duration_ns, *weight)
            })
            .collect();
        (Distribution::new(replayed), gain_ns)
    }

    /// The goal and whether a latency meets it.
    pub(super) fn target_result(&self) -> Option<TargetResult> {
        let target = self.target?;
        Some(TargetResult {
            metric: target.metric.name().to_owned(),
            max_ns: target.max_ns,
            met: self.meets_target(&self.latency),
        })
    }

    /// Whether a latency meets the goal; `None` without a goal or with too few requests.
    pub(super) fn meets_target(&self, latency: &Latency) -> Option<bool> {
        let target = self.target?;
        metric_of(latency, target.metric).map(|value| value < target.max_ns)
    }

    /// How far the measured latency is above the goal.
    pub(super) fn excess_ns(&self) -> Option<u64> {
        excess_ns(self.target, &self.latency)
    }

    /// Which share of the excess an effect takes away.
    pub(super) fn share_of_excess(&self, effect: &Effect) -> f64 {
        let Some((target, excess_ns)) = self.target.zip(self.excess_ns()) else { return 0.0 };
        let at = |latency: &Latency| metric_of(latency, target.metric).unwrap_or(0);
        let gain_ns = at(&self.latency).saturating_sub(at(&effect.predicted));
        (gain_ns as f64 / excess_ns as f64).min(1.0)
    }

    /// Time of all requests together.
    pub(super) fn total_ns(&self) -> u64 {
        self.tally.latency.values().flat_map(|bucket| bucket.path_ns).sum()
    }

    /// Mean critical path of all requests and of the slowest. Own time is unexplained where the
    /// service shows no client of a database: statements may hide in it.
    pub(super) fn critical_path(&self, own_is_known: bool) -> CriticalPath {
        let slowest = self.tally.requests.div_ceil(100);
        CriticalPath {
            all: mean_path(&self.tally.latency, self.tally.requests, own_is_known),
            slowest: mean_path(&self.tally.latency, slowest, own_is_known),
        }
    }
}

/// The goal of an endpoint; of several that fit the last one given.
fn target_of<'s>(settings: &'s Settings, service: &str, name: &str) -> Option<&'s Target> {
    settings.targets.iter().rev().find(|target| target.covers(service, name))
}

/// How far a latency is above a goal.
fn excess_ns(target: Option<&Target>, latency: &Latency) -> Option<u64> {
    let target = target?;
    let excess_ns = metric_of(latency, target.metric)?.checked_sub(target.max_ns)?;
    // The target is met below its bound.
    Some(excess_ns.max(1))
}

/// Whether an endpoint misses its goal.
pub(super) fn misses_target(
    endpoint: &EndpointKey,
    tally: &EndpointTally,
    dictionary: &Dictionary,
    settings: &Settings,
) -> bool {
    let target = target_of(settings, dictionary.text(endpoint.service), &endpoint.name.text(dictionary));
    excess_ns(target, &measured_latency(tally)).is_some()
}

pub(super) fn spread(histogram: &crate::docket::Histogram) -> Spread {
    Spread { p50: histogram.quantile(500), max: histogram.max() }
}

/// A figure of a latency.
pub(super) fn metric_of(latency: &Latency, metric: Metric) -> Option<u64> {
    match metric {
        Metric::P50 => latency.p50,
        Metric::P95 => latency.p95,
        Metric::P99 => latency.p99,
        Metric::Max => latency.max,
    }
}

fn measured_latency(tally: &EndpointTally) -> Latency {
    let quantile = |permille: u64, least: u64| {
        (tally.requests >= least)
            .then(|| quantile(&tally.latency, tally.requests, permille).min(tally.max_ns))
    };
    Latency {
        p50: quantile(500, 1),
        p95: quantile(950, P95_REQUESTS_MIN),
        p99: quantile(990, P99_REQUESTS_MIN),
        max: (tally.requests > 0).then_some(tally.max_ns),
    }
}

/// A quantile by nearest rank; the caller knows the largest value and cuts to it.
fn quantile(latency: &BTreeMap<u16, Bucket>, requests: u64, permille: u64) -> u64 {
    let rank = rank_of(requests, permille);
    if rank == requests {
        return u64::MAX;
    }
    bucket_of_rank(latency, rank).map_or(0, middle_of)
}

/// A value in the middle of a bucket: its ends are under 1 % apart.
fn middle_of(bucket: u16) -> u64 {
    let (floor, next) = (fine_floor(bucket), fine_floor(bucket.saturating_add(1)));
    floor + next.saturating_sub(floor) / 2
}

/// A measured figure changed as the sample changed: the sample knows durations of some requests
/// exactly, the tally those of all within 1 %.
fn scaled(measured_ns: u64, replayed: &Distribution, before: &Distribution, permille: u64) -> Option<u64> {
    let before_ns = before.quantile(permille);
    if before_ns == 0 {
        return Some(measured_ns);
    }
    Some((measured_ns as f64 * replayed.quantile(permille) as f64 / before_ns as f64).round() as u64)
}

fn mean_path(latency: &BTreeMap<u16, Bucket>, slowest: u64, own_is_known: bool) -> PathTime {
    let mut wanted = slowest.max(1);
    let mut sums = [0u64; Waits::COUNT];
    for bucket in latency.values().rev() {
        let taken = wanted.min(bucket.requests);
        for (sum, path_ns) in sums.iter_mut().zip(bucket.path_ns) {
            let part_ns = u128::from(path_ns) * u128::from(taken) / u128::from(bucket.requests.max(1));
            *sum += part_ns as u64;
        }
        wanted -= taken;
        if wanted == 0 {
            break;
        }
    }
    let mean = |waits: Waits| sums[waits as usize] / slowest.max(1);
    let own_ns = mean(Waits::Own);
    PathTime {
        database: mean(Waits::Database),
        cache: mean(Waits::Cache),
        call: mean(Waits::Call),
        pool_wait: mean(Waits::Pool),
        lock_wait: mean(Waits::Lock),
        own: if own_is_known { own_ns } else { 0 },
        unexplained: if own_is_known { 0 } else { own_ns },
    }
}

/// What bounds an endpoint: the class that most of the slowest requests' time goes to.
pub(super) fn resource(path: &PathTime) -> Resource {
    let total_ns = path.total();
    let classes = [
        (Some(ResourceClass::Io), path.database + path.pool_wait + path.lock_wait),
        (Some(ResourceClass::Network), path.call + path.cache),
        (Some(ResourceClass::Cpu), path.own),
        (None, path.unexplained),
    ];
    let most = classes.into_iter().rev().max_by_key(|(_, ns)| *ns);
    let (class, ns) = most.unwrap_or((None, 0));
    let confidence = match class {
        // Own time is inferred from gaps; only a profile shows that it is computing.
        Some(ResourceClass::Cpu) | None => Confidence::Low,
        _ if ns * 2 >= total_ns => Confidence::High,
        _ => Confidence::Medium,
    };
    Resource { class, confidence }
}

/// Which endpoints a candidate's claims lie in, by number.
pub(super) fn endpoints_of_candidates(views: &[EndpointView<'_>]) -> FxHashMap<u32, Vec<usize>> {
    let mut places: FxHashMap<u32, Vec<usize>> = FxHashMap::default();
    for (number, view) in views.iter().enumerate() {
        for (_, skeleton) in &view.sample {
            for candidate in skeleton.candidates() {
                let known = places.entry(candidate).or_default();
                if known.last() != Some(&number) {
                    known.push(number);
                }
            }
        }
    }
    places
}
