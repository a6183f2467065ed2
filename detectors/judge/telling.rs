//! From a candidate that is told to its finding.

use super::considered::{Considered, Scales};
use super::endpoints::{EndpointView, spread};
use super::{drawing, identity, joined};
use crate::candidate::{Advice, Mark, Remedy, Subject};
use crate::docket::Exemplar;
use crate::evidence::trace::Waits;
use crate::evidence::{Dictionary, SpanId, TraceId, line_of};
use crate::finding::{
    Affected, Evidence, Example, Finding, FindingLatency, Fix, Gain, GainKind, Latency, Location,
    ResourceClass, Verify,
};
use crate::impact::{self, Fixes, Replayer};
use crate::settings::Settings;

/// Puts a candidate into its final form.
pub(super) fn finding(
    candidate: &Considered<'_>,
    scales: &Scales<'_>,
    kind: GainKind,
    replayer: &mut Replayer,
) -> Finding {
    let Scales { dictionary, settings, views, .. } = *scales;
    let view = &views[candidate.home];
    let effect = candidate.effect_at_home();
    let repeats = spread(&candidate.tally.repeats);
    let exemplars = candidate.tally.exemplars.in_order();
    let mut finding = Finding {
        id: candidate.id.clone(),
        cause: cause_of(candidate, view),
        detector: candidate.detector.id.to_owned(),
        service: view.service.clone(),
        endpoint: Some(view.name.clone()),
        affects: affected(candidate, views),
        subject: candidate.subject.clone(),
        requests: candidate.tally.full,
        repeats: (repeats.max > 0).then_some(repeats),
        gain: gain(candidate, view, kind),
        resource: resource(candidate, dictionary),
        confidence: candidate.confidence,
        latency_ns: FindingLatency {
            measured: view.latency,
            predicted: effect.predicted,
            predicted_range: effect.range,
        },
        location: location(candidate, dictionary),
        why: why(candidate, kind, scales),
        fix: candidate.told.fix.iter().map(|advice| fix(advice, candidate, view, replayer)).collect(),
        verify: verify(candidate, scales.again),
        evidence: exemplars.into_iter().map(|exemplar| evidence(exemplar, dictionary)).collect(),
        example: example(candidate, dictionary),
        waterfall: drawing::waterfall(candidate, view, dictionary, replayer),
        also: Vec::new(),
        accepted: None,
        accepted_owner: None,
        accepted_until: None,
    };
    accept(&mut finding, settings);
    finding
}

/// Notes that a team has accepted it, if one has.
pub(super) fn accept(finding: &mut Finding, settings: &Settings) {
    if let Some(acceptance) = settings.accepted.iter().find(|accepted| accepted.covers(finding)) {
        finding.accepted = Some(acceptance.reason.clone());
        finding.accepted_owner.clone_from(&acceptance.owner);
        finding.accepted_until.clone_from(&acceptance.until);
    }
}

/// A remedy of a finding that no request shows, so that nothing is replayed.
pub(super) fn plain_fix(advice: Advice) -> Fix {
    Fix { text: advice.text, tradeoff: advice.tradeoff, latency_ns: None }
}

/// An execution of the statement that it is about, where values are to be shown.
fn example(candidate: &Considered<'_>, dictionary: &Dictionary) -> Option<Example> {
    match candidate.key.subject {
        Subject::Shape(shape) => dictionary.examples().of_shape(shape, dictionary),
        _ => None,
    }
}

/// The detector's reason; where little latency is given back, what it costs instead.
fn cause_of(candidate: &Considered<'_>, view: &EndpointView<'_>) -> String {
    let Considered { detector, key, subject, .. } = candidate;
    identity::cause_id(detector.id, &view.service, &view.name, &key.subject, subject)
}

fn why(candidate: &Considered<'_>, kind: GainKind, scales: &Scales<'_>) -> String {
    let why = match joined::sender_of_finding(candidate, scales) {
        Some(sender) => format!("{}; {sender}", candidate.told.why),
        None => candidate.told.why.clone(),
    };
    let at_once = candidate.tally.marks.of(Mark::AtOnce) > 0;
    if kind != GainKind::DatabaseTime || !at_once {
        return why;
    }
    let repeats = spread(&candidate.tally.repeats).p50;
    format!(
        "{why}; they run at once, so the fix gives back little latency: the cost is {repeats} statements \
         and up to as many connections in each request"
    )
}

fn gain(candidate: &Considered<'_>, view: &EndpointView<'_>, kind: GainKind) -> Gain {
    let total_ns = match kind {
        GainKind::DatabaseTime if !view.is_logged() => candidate.tally.claimed_total_ns,
        GainKind::Network => 0,
        _ => candidate.gain_ns,
    };
    let is_of_bytes = kind == GainKind::Network;
    Gain { kind, total_ns, total_bytes: is_of_bytes.then(|| candidate.bytes_given_back()) }
}

/// Entry endpoints besides its own that wait for it.
fn affected(candidate: &Considered<'_>, views: &[EndpointView<'_>]) -> Vec<Affected> {
    let others = candidate
        .effects
        .iter()
        .filter(|(place, effect)| *place != candidate.home && views[*place].is_entry() && effect.gain_ns > 0);
    let mut affected: Vec<Affected> = others
        .map(|(place, effect)| Affected {
            service: views[*place].service.clone(),
            endpoint: views[*place].name.clone(),
            gain_ns: effect.gain_ns,
            latency_ns: FindingLatency {
                measured: views[*place].latency,
                predicted: effect.predicted,
                predicted_range: effect.range,
            },
        })
        .collect();
    affected.sort_by(|one, other| {
        let name = |affected: &Affected| (affected.service.clone(), affected.endpoint.clone());
        other.gain_ns.cmp(&one.gain_ns).then_with(|| name(one).cmp(&name(other)))
    });
    affected
}

/// The resource that the claimed time is spent on.
fn resource(candidate: &Considered<'_>, dictionary: &Dictionary) -> Option<ResourceClass> {
    match &candidate.key.subject {
        Subject::Own(_) => Some(ResourceClass::Cpu),
        // Whatever is shared: the timelines do not tell.
        Subject::Load => None,
        Subject::Pool { .. } | Subject::Workers(_) => Some(ResourceClass::Io),
        Subject::Body | Subject::Encoding => Some(ResourceClass::Network),
        Subject::Start => None,
        Subject::Shape(shape) if dictionary.shape(*shape).facts.is_some() => Some(ResourceClass::Io),
        Subject::Shape(_) | Subject::Calls(_) => Some(match candidate.tally.kind.map(Waits::of) {
            Some(Waits::Call | Waits::Cache) => ResourceClass::Network,
            _ => ResourceClass::Io,
        }),
    }
}

/// The place that most of the requests show.
fn location(candidate: &Considered<'_>, dictionary: &Dictionary) -> Option<Location> {
    let at = candidate.marks.iter().find_map(|(mark, _)| match mark {
        Mark::At(location) => dictionary.location(*location),
        _ => None,
    })?;
    let text = |symbol| Some(dictionary.text(symbol)).filter(|text| !text.is_empty()).map(str::to_owned);
    Some(Location {
        file: text(at.file),
        line: (at.line > 0).then_some(at.line),
        function: text(at.function),
    })
}

/// A remedy; one that changes something else than the finding's own is predicted apart.
fn fix(advice: &Advice, candidate: &Considered<'_>, view: &EndpointView<'_>, replayer: &mut Replayer) -> Fix {
    let apart = advice.remedy.map(|remedy| predicted(remedy, candidate, view, replayer));
    Fix { text: advice.text.clone(), tradeoff: advice.tradeoff.clone(), latency_ns: apart }
}

fn predicted(
    remedy: Remedy,
    candidate: &Considered<'_>,
    view: &EndpointView<'_>,
    replayer: &mut Replayer,
) -> Latency {
    let mut fixes = Fixes::default();
    fixes.set(candidate.number, impact::Fix { remedy, ..candidate.fix });
    view.replay(&fixes, replayer).predicted
}

fn verify(candidate: &Considered<'_>, again: &str) -> Verify {
    let check = &candidate.told.verify;
    Verify {
        metric: check.metric.clone(),
        unit: check.unit,
        now: check.now,
        expected: check.expected,
        command: again.to_owned(),
    }
}

fn evidence(exemplar: &Exemplar, dictionary: &Dictionary) -> Evidence {
    let place = |span: SpanId| match line_of(exemplar.trace) {
        Some(_) => dictionary.place_of_line(span),
        None => format!("{span:016x}"),
    };
    Evidence {
        trace: trace_id(exemplar.trace, dictionary),
        spans: exemplar.spans.iter().map(|&span| place(span)).collect(),
        duration_ns: exemplar.duration_ns,
    }
}

/// A trace's id as it is shown; a request of a log has a place instead.
pub(super) fn trace_id(trace: TraceId, dictionary: &Dictionary) -> String {
    line_of(trace).map_or_else(|| format!("{trace:032x}"), |line| dictionary.place_of_line(line))
}
