//! What the traces of a run say: statements that requests send, and findings.

use std::thread;
use std::time::{Duration, Instant};

use anyhow::Context;
use detectors::queries::PlaceKind;
use ledger::FindingNote;
use measurement::{Run, Sample};
use whyslow::collect::otlp_http::{Limits, Receiver};
use whyslow::collect::spool::Spool;
use whyslow::diagnosis::{self, Request};
use whyslow::ingest::Input;
use whyslow::measurements::traces;

/// Nothing more is expected when nothing came for this long.
const QUIET: Duration = Duration::from_millis(600);

/// The longest time to wait for what is still to come.
const LINGER_MAX: Duration = Duration::from_secs(5);

/// Starts to listen for one run.
pub(super) fn listen() -> anyhow::Result<Receiver> {
    let spool = Spool::unnamed().context("cannot write a temporary file; TMPDIR says where")?;
    Receiver::start("127.0.0.1:0", Limits::default(), spool).context("cannot listen for traces")
}

/// Waits until the last spans are in; a program without instrumentation is not waited for.
pub(super) fn wait_for_last(receiver: &Receiver) {
    let ended = Instant::now();
    let quiet = || receiver.quiet_for().min(ended.elapsed()) >= QUIET;
    while ended.elapsed() < LINGER_MAX && !quiet() {
        thread::sleep(Duration::from_millis(20));
    }
}

/// Counts what requests send into the run's samples, by endpoint, and names what is found.
pub(super) fn count(
    receiver: Receiver,
    run: &mut Run,
    request: &Request,
) -> anyhow::Result<Vec<FindingNote>> {
    let (received, spool) = receiver.stop();
    if received.spans == 0 {
        return Ok(Vec::new());
    }
    let messages = spool.context("the receiver failed")?.finish().context("cannot keep the traces")?;
    let (report, measured) = diagnosis::diagnose_and_count(vec![input(messages)], request, &|_| {})?;
    let places = measured.places.iter().filter(|(place, _)| place.kind == PlaceKind::Endpoint);
    for (place, seen) in places {
        let sample = || Sample { requests: seen.requests, ..Sample::default() };
        run.samples.entry(place.name.clone()).or_insert_with(sample);
    }
    run.samples.iter_mut().for_each(|(endpoint, sample)| traces::count(&measured, endpoint, sample));
    Ok(report.findings.into_iter().map(note).collect())
}

fn note(finding: detectors::finding::Finding) -> FindingNote {
    FindingNote {
        id: finding.id,
        endpoint: finding.endpoint.unwrap_or_default(),
        subject: finding.subject.text,
    }
}

fn input(messages: std::fs::File) -> Input {
    Input::Stream { name: "what was received".into(), stream: Box::new(messages) }
}
