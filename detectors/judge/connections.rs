//! What is told of connections to a database as a whole: no request shows it.

use super::{identity, telling};
use crate::candidate::{Subject, Told};
use crate::evidence::{Dictionary, Failure, Symbol};
use crate::finding::{
    self, Confidence, Finding, FindingLatency, Gain, GainKind, ResourceClass, SubjectKind, Verify,
};
use crate::pool_starvation;
use crate::settings::Settings;

/// Stands for the service.
const SERVICE: &str = "(database)";

/// Fewer connections that are refused may be an operator's, or of one restart.
const REFUSED_MIN: u64 = 5;

/// A server that refuses connections as all that it allows are in use. Whoever asks for one fails.
pub(super) fn refused(dictionary: &Dictionary, settings: &Settings, again: &str) -> Option<Finding> {
    let refused = dictionary.server().counts().failures(Failure::TooManyConnections);
    let whole = Whole {
        service: SERVICE,
        subject: finding::Subject {
            kind: SubjectKind::Pool,
            text: "connections that the server allows".to_owned(),
            shape: None,
        },
        requests: refused,
        gain: Gain { kind: GainKind::Risk, total_ns: 0, total_bytes: None },
        told: pool_starvation::tell_refused(refused),
    };
    (refused >= REFUSED_MIN).then(|| whole.finding(settings, again))
}

/// What is told of all connections together.
pub(super) struct Whole {
    pub(super) service: &'static str,
    pub(super) subject: finding::Subject,
    /// Requests, transactions or attempts that it is about.
    pub(super) requests: u64,
    pub(super) gain: Gain,
    pub(super) told: Told,
}

impl Whole {
    pub(super) fn finding(self, settings: &Settings, again: &str) -> Finding {
        let detector = pool_starvation::DETECTOR.id;
        let Self { service, subject, requests, gain, told } = self;
        let about = Subject::Pool { service: Symbol::default(), each_statement: false };
        let mut finding = Finding {
            id: identity::finding_id(detector, service, "", &subject),
            cause: identity::cause_id(detector, service, "", &about, &subject),
            detector: detector.to_owned(),
            service: service.to_owned(),
            endpoint: None,
            affects: Vec::new(),
            subject,
            requests,
            repeats: None,
            gain,
            resource: Some(ResourceClass::Io),
            confidence: Confidence::High,
            latency_ns: FindingLatency::default(),
            location: None,
            why: told.why,
            fix: told.fix.into_iter().map(telling::plain_fix).collect(),
            verify: Verify {
                metric: told.verify.metric,
                unit: told.verify.unit,
                now: told.verify.now,
                expected: told.verify.expected,
                command: again.to_owned(),
            },
            evidence: Vec::new(),
            example: None,
            waterfall: None,
            also: Vec::new(),
            accepted: None,
            accepted_owner: None,
            accepted_until: None,
        };
        telling::accept(&mut finding, settings);
        finding
    }
}
