//! From the docket to the report: what is told, in which order, and why the rest is not.
//!
//! What a flaw is may be counted by its detector; whether it is worth telling is decided here, by
//! the time that its fix gives back.

mod claims;
mod connections;
mod considered;
mod drawing;
mod endpoints;
pub(crate) mod identity;
mod joined;
mod logged;
mod not_seen;
mod poolers;
mod selection;
mod server;
mod telling;

use std::cmp::Reverse;

use rustc_hash::{FxHashMap, FxHashSet};

use self::considered::{Considered, Scales};
use self::endpoints::EndpointView;
use self::selection::Verdict;
use crate::candidate::ShortOf;
use crate::docket::{CandidateKey, CandidateTally, Docket, EndpointKey};
use crate::evidence::{Dictionary, Kind, ShapeRef};
use crate::figures::{counted, duration};
use crate::finding::{self, Confidence, Dismissal, Endpoint, Finding, GainKind, Report, Seen};
use crate::impact::Replayer;
use crate::settings::{Resolved, Settings};
use crate::shown::{Shown, Unconfirmed, Whole};
use crate::timelines::Loads;
use crate::{ALL, connection_per_request, wording};

/// Candidates of one endpoint that are replayed.
const WEIGHED_MAX: usize = 200;

/// Connections are held for something worth naming with this share of the time, per mille.
const HOLDER_MIN: u64 = 100;

/// Dismissals that a report lists; the rest is counted in its notes.
const DISMISSED_MAX: usize = 2_000;

/// Judges everything that a docket holds; `again` is the command that repeats the diagnosis after a
/// fix. What was skipped and how many spans there were is for the caller to add.
pub fn judge(docket: &mut Docket, dictionary: &Dictionary, settings: &Settings, again: &str) -> Report {
    docket.sample.build();
    name_starts(docket, dictionary, settings);
    let loads = name_loads(docket, dictionary, settings);
    let docket = &*docket;
    let views = EndpointView::all(docket, dictionary, settings);
    let whole = Whole::of(docket, dictionary, loads);
    let scales = Scales { docket, dictionary, settings, again, views: &views, whole: &whole };
    let mut replayer = Replayer::default();
    let (candidates, mut dismissed) = weigh(&scales, &mut replayer);
    let mut verdicts = selection::select(&candidates, &views, &mut replayer);
    joined::join(&candidates, &scales, &mut verdicts);
    let mut findings = Findings::default();
    for (place, (candidate, verdict)) in candidates.iter().zip(&verdicts).enumerate() {
        let kind = match verdict {
            Verdict::Told if is_nobodys_latency(&views[candidate.home]) => GainKind::DatabaseTime,
            Verdict::Told => GainKind::Latency,
            Verdict::ToldForDatabaseTime => GainKind::DatabaseTime,
            Verdict::ToldForBytes => GainKind::Network,
            Verdict::ExplainedBy(told) => {
                dismissed.push(explained(candidate, &candidates[*told], &views));
                continue;
            }
            Verdict::Little(reason) => {
                dismissed.push(dismissal(candidate, &views, reason.clone()));
                continue;
            }
        };
        let mut finding = telling::finding(candidate, &scales, kind, &mut replayer);
        let explained =
            candidates.iter().zip(&verdicts).filter(|(_, verdict)| **verdict == Verdict::ExplainedBy(place));
        let joined: Vec<&Considered<'_>> =
            explained.map(|(other, _)| other).filter(|other| other.home != candidate.home).collect();
        joined::note_log(&mut finding, candidate, &joined, &scales);
        findings.add(finding, candidate, &views);
    }
    let (pooled, little) = poolers::judge(dictionary, settings, again);
    pooled.into_iter().for_each(|finding| findings.add_whole(finding));
    dismissed.extend(little);
    // Where each request connects anew, that finding says so.
    let is_told = candidates.iter().zip(&verdicts).any(|(candidate, verdict)| {
        let connects = candidate.detector.id == connection_per_request::DETECTOR.id;
        connects && verdict.is_told() && views[candidate.home].is_logged()
    });
    let refused = connections::refused(dictionary, settings, again).filter(|_| !is_told);
    refused.into_iter().for_each(|finding| findings.add_whole(finding));
    findings.note_also(&candidates, &verdicts);
    findings.note_holders(&candidates, &scales);
    let (told, ranked) = findings.in_order();
    let mut report = Report {
        version: finding::VERSION,
        endpoints: endpoints(&scales, &candidates, &told, &mut replayer),
        findings: ranked,
        logged: logged::statements(&docket.logged, &whole.senders, dictionary),
        server: server::server(dictionary),
        seen: seen(docket),
        not_seen: not_seen::not_seen(docket, &whole.senders, dictionary),
        notes: notes(docket, dictionary),
        ..Report::default()
    };
    list_dismissed(&mut report, dismissed);
    report
}

/// Whether what is given back at an endpoint is no latency that anybody has.
fn is_nobodys_latency(view: &EndpointView<'_>) -> bool {
    view.is_made_up() || view.is_logged()
}

/// Names what the first requests of processes show, which is known when all are seen.
fn name_starts(docket: &mut Docket, dictionary: &Dictionary, settings: &Settings) {
    docket.name_starts(
        |endpoint| settings_at(endpoint, dictionary, settings),
        |endpoint, tally| endpoints::misses_target(endpoint, tally, dictionary, settings),
    );
}

/// Names the endpoints whose time goes with the load, which is known when all requests are seen.
fn name_loads(docket: &mut Docket, dictionary: &Dictionary, settings: &Settings) -> Loads {
    let loads = Loads::of(&docket.timelines);
    docket.name_loads(&loads, dictionary, |endpoint| settings_at(endpoint, dictionary, settings));
    loads
}

fn settings_at(endpoint: &EndpointKey, dictionary: &Dictionary, settings: &Settings) -> Resolved {
    settings.at(dictionary.text(endpoint.service), &endpoint.name.text(dictionary))
}

/// Splits the candidates into those that at least one request shows in full and dismissals.
fn weigh<'a>(scales: &Scales<'a>, replayer: &mut Replayer) -> (Vec<Considered<'a>>, Vec<Dismissal>) {
    let places = endpoints::endpoints_of_candidates(scales.views);
    let weighed = worth_weighing(scales);
    let mut candidates = Vec::new();
    let mut dismissed = Vec::new();
    for (number, (key, tally)) in scales.docket.candidates.iter().enumerate() {
        let number = number as u32;
        let shown = match confirm(scales, key) {
            Ok(shown) if tally.full > 0 => shown,
            confirmed => {
                let unconfirmed = confirmed.err().and_then(|unconfirmed| unconfirmed.0);
                dismissed.extend(not_enough(scales, key, tally, unconfirmed));
                continue;
            }
        };
        if !weighed.contains(&number) {
            let reason = format!("claims less time than {WEIGHED_MAX} others at this endpoint");
            dismissed.push(dismissed_unweighed(scales, key, tally, reason));
            continue;
        }
        let places = places.get(&number).map_or(&[][..], Vec::as_slice);
        let Some(candidate) = Considered::weigh(scales, number, places, shown, replayer) else { continue };
        match &candidate.told.dismissed {
            Some(reason) => dismissed.push(dismissal(&candidate, scales.views, reason.clone())),
            None => candidates.push(candidate),
        }
    }
    candidates.sort_by(|one, other| one.id.cmp(&other.id));
    (candidates, dismissed)
}

/// What all requests show of a candidate that one alone does not prove.
fn confirm<'a>(scales: &Scales<'a>, key: &CandidateKey) -> Result<Shown<'a>, Unconfirmed> {
    ALL[key.detector].confirm.map_or(Ok(Shown::Nothing), |confirm| confirm(scales.whole, key))
}

fn not_enough(
    scales: &Scales<'_>,
    key: &CandidateKey,
    tally: &CandidateTally,
    unconfirmed: Option<String>,
) -> Option<Dismissal> {
    let reason = match tally.short_of {
        Some(ShortOf { what, seen, needed }) => format!("seen {seen} {what}, needs {needed}"),
        None => unconfirmed?,
    };
    Some(dismissed_unweighed(scales, key, tally, reason))
}

/// The candidates that are replayed: at each endpoint those that claim most time. Each replay takes
/// as long as the endpoint's sample is large.
fn worth_weighing(scales: &Scales<'_>) -> FxHashSet<u32> {
    let mut by_endpoint: FxHashMap<EndpointKey, Vec<u32>> = FxHashMap::default();
    for (number, (key, tally)) in scales.docket.candidates.iter().enumerate() {
        if tally.full > 0 {
            by_endpoint.entry(key.endpoint).or_default().push(number as u32);
        }
    }
    let candidates = &scales.docket.candidates;
    for numbers in by_endpoint.values_mut().filter(|numbers| numbers.len() > WEIGHED_MAX) {
        numbers.sort_by_cached_key(|&number| {
            let (key, tally) = (candidates.key(number), &candidates[number]);
            let subject = identity::subject(&key.subject, scales.dictionary).text;
            (Reverse(tally.claimed_total_ns), key.detector, subject)
        });
        numbers.truncate(WEIGHED_MAX);
    }
    by_endpoint.into_values().flatten().collect()
}

fn dismissed_unweighed(
    scales: &Scales<'_>,
    key: &CandidateKey,
    tally: &CandidateTally,
    reason: String,
) -> Dismissal {
    Dismissal {
        detector: ALL[key.detector].id.to_owned(),
        service: scales.dictionary.text(key.endpoint.service).to_owned(),
        endpoint: Some(key.endpoint.name.text(scales.dictionary)),
        subject: identity::subject(&key.subject, scales.dictionary).text,
        requests: tally.full + tally.short,
        reason,
    }
}

fn dismissal(candidate: &Considered<'_>, views: &[EndpointView<'_>], reason: String) -> Dismissal {
    let view = &views[candidate.home];
    Dismissal {
        detector: candidate.detector.id.to_owned(),
        service: view.service.clone(),
        endpoint: Some(view.name.clone()),
        subject: candidate.subject.text.clone(),
        requests: candidate.tally.full,
        reason,
    }
}

fn explained(candidate: &Considered<'_>, by: &Considered<'_>, views: &[EndpointView<'_>]) -> Dismissal {
    dismissal(candidate, views, format!("explained by {}", by.id))
}

fn list_dismissed(report: &mut Report, mut dismissed: Vec<Dismissal>) {
    dismissed.sort_by(|one, other| {
        let key = |dismissal: &Dismissal| {
            let endpoint = dismissal.endpoint.clone();
            (dismissal.service.clone(), endpoint, dismissal.detector.clone(), dismissal.subject.clone())
        };
        key(one).cmp(&key(other)).then_with(|| one.reason.cmp(&other.reason))
    });
    if dismissed.len() > DISMISSED_MAX {
        let more = dismissed.len() - DISMISSED_MAX;
        report.notes.push(format!("{more} further dismissed candidates are not listed"));
        dismissed.truncate(DISMISSED_MAX);
    }
    report.dismissed = dismissed;
}

/// Findings with what they are ranked by.
#[derive(Default)]
struct Findings {
    ranked: Vec<Ranked>,
}

struct Ranked {
    finding: Finding,
    /// The largest share of an excess over a target that the fix takes away.
    share_of_excess: f64,
}

impl Findings {
    fn add(&mut self, finding: Finding, candidate: &Considered<'_>, views: &[EndpointView<'_>]) {
        let shares = candidate.effects.iter().map(|(view, effect)| views[*view].share_of_excess(effect));
        let share_of_excess = shares.fold(0.0, f64::max);
        self.ranked.push(Ranked { finding, share_of_excess });
    }

    /// What is about no request: no target is missed for it.
    fn add_whole(&mut self, finding: Finding) {
        self.ranked.push(Ranked { finding, share_of_excess: 0.0 });
    }

    /// Lists inside each finding the other views of its time.
    fn note_also(&mut self, candidates: &[Considered<'_>], verdicts: &[Verdict]) {
        for (candidate, verdict) in candidates.iter().zip(verdicts) {
            let Verdict::ExplainedBy(told) = verdict else { continue };
            let told = &candidates[*told];
            // Where others are waited for, there is no other view of the time.
            let other_view = told.detector.confirm.is_none() && told.detector.id != candidate.detector.id;
            if told.home != candidate.home || !other_view {
                continue;
            }
            let ranked = self.ranked.iter_mut().find(|ranked| ranked.finding.id == told.id);
            if let Some(ranked) = ranked {
                let also = format!("{}: {}", candidate.detector.id, candidate.told.why);
                if !ranked.finding.also.contains(&also) {
                    ranked.finding.also.push(also);
                }
            }
        }
    }

    /// Names inside each finding about a pool the findings about what its connections are held for.
    fn note_holders(&mut self, candidates: &[Considered<'_>], scales: &Scales<'_>) {
        let ids: FxHashMap<&str, &Considered<'_>> =
            candidates.iter().map(|candidate| (candidate.id.as_str(), candidate)).collect();
        let told: Vec<Option<&Considered<'_>>> =
            self.ranked.iter().map(|ranked| ids.get(ranked.finding.id.as_str()).copied()).collect();
        for (ranked, pool) in self.ranked.iter_mut().zip(&told) {
            let Some(pool) = pool else { continue };
            let Shown::Pool(starvation) = pool.shown else { continue };
            for (shape, share) in starvation.held_for() {
                let holder = holder_of(shape, pool, told.iter().flatten());
                if let Some(holder) = holder.filter(|_| share >= HOLDER_MIN) {
                    ranked.finding.also.push(format!(
                        "{}: {} is {} % of the time that connections are held; its fix gives them back \
                         sooner ({})",
                        holder.detector.id,
                        wording::brief(scales.dictionary, shape),
                        share / 10,
                        holder.id
                    ));
                }
            }
        }
    }

    /// Of each cause the largest share of an excess, and what it gives back at all endpoints.
    fn causes(&self) -> FxHashMap<(GainKind, String), (f64, u64)> {
        let mut causes: FxHashMap<(GainKind, String), (f64, u64)> = FxHashMap::default();
        for Ranked { finding, share_of_excess } in &self.ranked {
            let (share, total) = causes.entry(cause_of(finding)).or_default();
            *share = share.max(*share_of_excess);
            *total = total.saturating_add(finding.gain.amount());
        }
        causes
    }

    /// Ids of what is told, and the findings by rank: one list for each kind of gain, latency
    /// first; causes that miss a target first; then by what a cause gives back at all its endpoints.
    fn in_order(mut self) -> (FxHashMap<String, bool>, Vec<Finding>) {
        let causes = self.causes();
        let cause = |ranked: &Ranked| {
            causes.get(&cause_of(&ranked.finding)).copied().unwrap_or((ranked.share_of_excess, 0))
        };
        self.ranked.sort_by(|one, other| {
            let (mine, theirs) = (&one.finding, &other.finding);
            let (my_cause, their_cause) = (cause(one), cause(other));
            mine.gain
                .kind
                .cmp(&theirs.gain.kind)
                .then(their_cause.0.total_cmp(&my_cause.0))
                .then(their_cause.1.cmp(&my_cause.1))
                .then_with(|| mine.cause.cmp(&theirs.cause))
                .then(other.share_of_excess.total_cmp(&one.share_of_excess))
                .then(theirs.gain.amount().cmp(&mine.gain.amount()))
                .then_with(|| mine.id.cmp(&theirs.id))
        });
        let findings: Vec<Finding> = self.ranked.into_iter().map(|ranked| ranked.finding).collect();
        // What is a lead only, or accepted, is not counted on.
        let counted_on = |finding: &Finding| {
            finding.gain.kind == GainKind::Latency
                && finding.confidence != Confidence::Low
                && finding.accepted.is_none()
        };
        (findings.iter().map(|finding| (finding.id.clone(), counted_on(finding))).collect(), findings)
    }
}

/// The finding about what connections of a pool are held for, at the pool's own endpoint if there is one.
fn holder_of<'c, 'a: 'c>(
    shape: ShapeRef,
    pool: &Considered<'a>,
    told: impl Iterator<Item = &'c &'c Considered<'a>>,
) -> Option<&'c Considered<'a>> {
    let same_service = |one: &Considered<'_>| one.key.endpoint.service == pool.key.endpoint.service;
    told.copied()
        .filter(|one| same_service(one) && one.key.subject.holds(shape))
        .min_by_key(|one| (one.home != pool.home, &one.id))
}

/// Kinds of gain are never ranked together.
fn cause_of(finding: &Finding) -> (GainKind, String) {
    (finding.gain.kind, finding.cause.clone())
}

fn endpoints(
    scales: &Scales<'_>,
    candidates: &[Considered<'_>],
    told: &FxHashMap<String, bool>,
    replayer: &mut Replayer,
) -> Vec<Endpoint> {
    let mut order: Vec<usize> = (0..scales.views.len()).collect();
    order.sort_by_key(|&place| {
        let view = &scales.views[place];
        (view.excess_ns().is_none(), Reverse(view.total_ns()), place)
    });
    let described = order.into_iter().map(|place| {
        let view = &scales.views[place];
        let path = view.critical_path(scales.own_is_known(view.key.service));
        let affecting = candidates.iter().filter(|candidate| {
            told.get(&candidate.id) == Some(&true)
                && !candidate.relieves_others()
                && candidate.effects.iter().any(|(at, _)| *at == place)
        });
        let after_fixes = selection::after_fixes(view, affecting.collect(), replayer);
        Endpoint {
            service: view.service.clone(),
            name: view.name.clone(),
            entry: view.is_entry(),
            requests: view.tally.requests,
            errors: view.tally.errors,
            latency_ns: view.latency,
            statements_per_request: endpoints::spread(&view.tally.statements),
            resource: endpoints::resource(&path.slowest),
            critical_path_ns: path,
            logged: joined::within(view, scales),
            target: view.target_result(),
            after_fixes,
        }
    });
    described.collect()
}

fn seen(docket: &Docket) -> Seen {
    let executed = |kinds: &[Kind]| kinds.iter().map(|kind| docket.operations[*kind as usize]).sum();
    Seen {
        spans: 0,
        traces: docket.traces,
        requests: docket.endpoints.iter().map(|(_, endpoint)| endpoint.requests).sum(),
        statements: executed(&[Kind::Sql, Kind::Document]),
        cache_commands: executed(&[Kind::Cache]),
        calls: executed(&[Kind::Http, Kind::Rpc, Kind::Publish]),
    }
}

/// Bounds that were hit, clock shifts and missing parents.
fn notes(docket: &Docket, dictionary: &Dictionary) -> Vec<String> {
    let mut notes: Vec<String> = logged::note_of_counted(&docket.logged, dictionary).into_iter().collect();
    notes.extend(dictionary.statistics().notes(dictionary));
    if docket.skewed_traces > 0 {
        notes.push(format!(
            "clock skew was undone in {} of {} traces, by up to {}",
            docket.skewed_traces,
            docket.traces,
            duration(docket.skew_ns_max)
        ));
    }
    if docket.spans_without_parent > 0 {
        notes.push(format!(
            "without their parent, which is missing: {}",
            counted(docket.spans_without_parent, "span")
        ));
    }
    if docket.sample.too_large > 0 {
        notes.push(format!(
            "too large to be replayed, so nothing is told of them: {}",
            counted(docket.sample.too_large, "request")
        ));
    }
    let timelines = [&docket.timelines, &docket.logged_locks.timelines];
    let given_up: u64 = timelines.iter().map(|of| of.given_up()).sum();
    if given_up > 0 {
        notes.push(format!(
            "what requests wait for together is not looked for in {given_up} windows of 10 s: too many requests"
        ));
    }
    let kept = timelines.iter().map(|of| of.kept_per_mille()).min().unwrap_or(1000);
    if kept < 1000 {
        notes.push(format!(
            "what requests wait for together is looked for in {}.{} % of all windows of 10 s, chosen by their hash",
            kept / 10,
            kept % 10
        ));
    }
    if docket.earliest.is_cut() {
        notes.push("first requests are looked at for 500 instances, chosen by their hash".to_owned());
    }
    if dictionary.refused() > 0 {
        notes.push(format!(
            "{} texts beyond the bound of the dictionary are counted as (other)",
            dictionary.refused()
        ));
    }
    notes
}
