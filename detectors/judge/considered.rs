//! Candidates as they are weighed: with their words, their remedy and what it gives back alone.

use super::endpoints::{Effect, EndpointView, spread};
use super::identity;
use crate::blockings::Idle;
use crate::candidate::{Case, Mark, Measure, Remedy, Subject, Told};
use crate::docket::{CandidateKey, CandidateTally, Docket, EndpointKey, StatementTally, Times};
use crate::evidence::shape::sql::Verb;
use crate::evidence::{Dictionary, ShapeRef, Symbol};
use crate::finding::{self, Confidence};
use crate::impact::{self, Fix, Fixes, Replayer};
use crate::settings::Settings;
use crate::shown::{Shown, Whole};
use crate::timelines::Stall;
use crate::{ALL, Detector, deadlock};

/// Of what is known of a statement's waits, per mille, for one transaction: then that is the cause.
const MOST_OF_WAITS: u128 = 800;

/// A candidate on its way to a finding or a dismissal.
pub(super) struct Considered<'a> {
    /// Number in the docket.
    pub(super) number: u32,
    pub(super) detector: &'static Detector,
    pub(super) key: &'a CandidateKey,
    pub(super) tally: &'a CandidateTally,
    pub(super) subject: finding::Subject,
    pub(super) id: String,
    pub(super) confidence: Confidence,
    pub(super) fix: Fix,
    pub(super) told: Told,
    /// What requests show of it together.
    pub(super) shown: Shown<'a>,
    /// Its endpoint, by number.
    pub(super) home: usize,
    /// What the fix alone does, at its own endpoint and at every entry endpoint it lies in.
    pub(super) effects: Vec<(usize, Effect)>,
    /// Waiting given back at entry endpoints; at its own where no entry endpoint is known.
    pub(super) gain_ns: u64,
    /// Facts with the number of requests that show each, the most frequent first.
    pub(super) marks: Vec<(Mark, u64)>,
}

/// What all candidates are weighed with.
pub(super) struct Scales<'a> {
    pub(super) docket: &'a Docket,
    pub(super) dictionary: &'a Dictionary,
    pub(super) settings: &'a Settings,
    /// The command that repeats the diagnosis after a fix.
    pub(super) again: &'a str,
    pub(super) views: &'a [EndpointView<'a>],
    /// What requests show together.
    pub(super) whole: &'a Whole<'a>,
}

impl<'a> Considered<'a> {
    /// Weighs one candidate that at least one request shows in full.
    pub(super) fn weigh(
        scales: &Scales<'a>,
        number: u32,
        places: &[usize],
        shown: Shown<'a>,
        replayer: &mut Replayer,
    ) -> Option<Self> {
        let candidates = &scales.docket.candidates;
        let (key, tally) = (candidates.key(number), &candidates[number]);
        let home = scales.views.iter().position(|view| view.key == key.endpoint)?;
        let view = &scales.views[home];
        let detector = &ALL[key.detector];
        let subject = identity::subject(&key.subject, scales.dictionary);
        let marks = marks_in_order(tally, scales.dictionary);
        let told = detector.told(&scales.case(key, tally, view, &marks, &shown));
        let remedy = match shown {
            Shown::Lock(_, ns) | Shown::Blocked(_, ns) => Remedy::Alone { ns },
            _ => tally.remedy,
        };
        let fix = Fix { remedy, row_share_ns: scales.row_share(&key.subject) };
        let effects = match shown {
            Shown::Stall(stall) => relief(scales.views, home, stall),
            Shown::Idle(idle) => relief_of_idle(scales.views, home, idle, tally.remedy),
            _ => effects(scales.views, number, fix, home, places, replayer),
        };
        let entries = || effects.iter().filter(|(place, _)| scales.views[*place].is_entry());
        let gain_ns = match entries().next() {
            Some(_) => entries().map(|(_, effect)| effect.gain_ns).sum(),
            None => effects.iter().map(|(_, effect)| effect.gain_ns).sum(),
        };
        Some(Self {
            number,
            detector,
            key,
            tally,
            id: identity::finding_id(detector.id, &view.service, &view.name, &subject),
            subject,
            confidence: told.confidence.unwrap_or_else(|| confidence(tally)),
            fix,
            told,
            shown,
            home,
            effects,
            gain_ns,
            marks,
        })
    }

    /// Bytes that the fix gives back over all requests, in the middle of its range.
    pub(super) fn bytes_given_back(&self) -> u64 {
        impact::given_back(self.fix.remedy, self.tally.bytes_total)
    }

    /// Whether the time that it gives back is that of other requests, which no replay knows of.
    pub(super) fn relieves_others(&self) -> bool {
        matches!(self.shown, Shown::Stall(_) | Shown::Idle(_))
    }

    /// The share of the time of an endpoint's requests that they stand still for it, at most, per mille.
    pub(super) fn holds_up(&self, endpoint: EndpointKey) -> u64 {
        let Shown::Stall(stall) = self.shown else { return 0 };
        let delayed = stall.delayed.iter().find(|delayed| delayed.endpoint == endpoint);
        delayed.map_or(0, |delayed| delayed.share())
    }

    /// Whether it explains most of what another's statement waits for: the transaction that holds the lock does
    /// nothing, or waits itself for the one that waits.
    pub(super) fn makes_wait(&self, other: &Self) -> bool {
        let (Shown::Blocked(blocked, _), &Subject::Shape(shape)) = (other.shown, &other.key.subject) else {
            return false;
        };
        let made_ns = match self.shown {
            Shown::Idle(idle) => idle.waited_by(shape),
            _ if self.is_deadlock() && self.key.subject.holds(shape) => blocked.deadlocked_ns,
            _ => 0,
        };
        blocked.known_ns * 2 >= blocked.total_ns
            && u128::from(made_ns) * 1000 >= u128::from(blocked.known_ns) * MOST_OF_WAITS
    }

    /// Whether it may explain why others wait.
    pub(super) fn may_make_wait(&self) -> bool {
        matches!(self.shown, Shown::Idle(_)) || self.is_deadlock()
    }

    fn is_deadlock(&self) -> bool {
        self.detector.id == deadlock::DETECTOR.id
    }

    /// The share of the time of its endpoint's requests that is due to others at once, per mille.
    pub(super) fn due_to_load(&self) -> Option<u64> {
        if let Shown::Load(load) = self.shown { Some(load.share()) } else { None }
    }

    /// What the fix alone does at its own endpoint.
    pub(super) fn effect_at_home(&self) -> Effect {
        self.effects
            .iter()
            .find(|(place, _)| *place == self.home)
            .map_or_else(Effect::default, |(_, effect)| effect.clone())
    }
}

impl Scales<'_> {
    fn case<'c>(
        &'c self,
        key: &'c CandidateKey,
        tally: &CandidateTally,
        view: &'c EndpointView<'_>,
        marks: &'c [(Mark, u64)],
        shown: &'c Shown<'c>,
    ) -> Case<'c> {
        Case {
            dictionary: self.dictionary,
            service: &view.service,
            endpoint: &view.name,
            subject: &key.subject,
            kind: tally.kind,
            requests_of_endpoint: view.tally.requests,
            requests: tally.full,
            requests_short: tally.short,
            at_once: tally.at_once(),
            repeats: spread(&tally.repeats),
            statements_per_request: spread(&view.tally.statements),
            claimed_ns: spread(&tally.claimed),
            single_ns: (tally.single.quantile(500), tally.single.quantile(950)),
            fastest_ns: self.fastest_ns(&key.subject),
            rows_mean: self.mean(&key.subject, |tally| tally.rows),
            rows_seen: rows_seen(tally),
            examined_mean: self.mean(&key.subject, |tally| tally.examined),
            bytes: spread(&tally.bytes),
            encodes: self.encodes(key),
            logged: if view.is_logged() { (0, 0, 0) } else { self.logged(&key.subject) },
            // What a server measures has no way there and back in it.
            round_trip_ns: (!view.is_logged()).then(|| self.round_trip_ns(&key.subject)).flatten(),
            shown,
            marks,
            settings: view.settings.of(key.detector),
        }
    }

    /// The fastest execution of a statement at any target.
    fn fastest_ns(&self, subject: &Subject) -> u64 {
        let Subject::Shape(shape) = subject else { return 0 };
        let executed = self.docket.statements.iter().filter(|((other, _), _)| other == shape);
        executed.map(|(_, tally)| tally.fastest_ns).min().unwrap_or(0)
    }

    /// Executions of a statement in logs, their time, and what they waited for locks.
    fn logged(&self, subject: &Subject) -> (u64, u64, u64) {
        let Subject::Shape(shape) = subject else { return (0, 0, 0) };
        self.docket.logged.of_shape(*shape).fold((0, 0, 0), |(timed, total_ns, lock_ns), (_, tally)| {
            let sums = (total_ns.saturating_add(tally.total_ns), lock_ns.saturating_add(tally.lock_ns));
            (timed + tally.timed, sums.0, sums.1)
        })
    }

    /// What one execution of a statement has of something on average, over all targets.
    fn mean(&self, subject: &Subject, of: impl Fn(&StatementTally) -> u64) -> u64 {
        let Subject::Shape(shape) = subject else { return 0 };
        let executed = self.docket.statements.iter().filter(|((other, _), _)| other == shape);
        let sums = executed
            .fold((0, 0), |(sum, executions), (_, tally)| (sum + of(tally), executions + tally.executions));
        sums.0 / sums.1.max(1)
    }

    /// Whether an encoding is named elsewhere: by answers of the service, or by those to it.
    fn encodes(&self, key: &CandidateKey) -> bool {
        let service = key.endpoint.service;
        match key.subject {
            Subject::Body | Subject::Encoding => {
                let mut own = self.views.iter().filter(|view| view.key.service == service);
                own.any(|view| view.tally.encoded > 0)
            }
            _ => self.docket.services.get(&service).is_some_and(|tally| tally.calls_encoded > 0),
        }
    }

    /// The fastest execution of another statement at the targets of one.
    fn round_trip_ns(&self, subject: &Subject) -> Option<u64> {
        let Subject::Shape(shape) = subject else { return None };
        let statements = &self.docket.statements;
        let keys = statements.iter().map(|(key, _)| key);
        let targets: Vec<Symbol> =
            keys.filter(|(other, _)| other == shape).map(|(_, target)| *target).collect();
        let others = statements.iter().filter(|((other, at), _)| other != shape && targets.contains(at));
        others.map(|(_, tally)| tally.fastest_ns).min()
    }

    /// What the server does for one row of a loop, at most: its fastest call less the fastest
    /// trivial statement of the same target, which is the round trip.
    fn row_share(&self, subject: &Subject) -> Option<u64> {
        let Subject::Shape(shape) = subject else { return None };
        let statements = &self.docket.statements;
        let calls = statements.iter().filter(|((other, _), _)| other == shape);
        let ((_, target), tally) =
            calls.max_by_key(|((_, target), tally)| (tally.executions, self.dictionary.text(*target)))?;
        let trivial_ns = statements
            .iter()
            .filter(|((other, at), _)| other != shape && at == target && self.is_trivial(*other))
            .map(|(_, tally)| tally.fastest_ns)
            .min()?;
        Some(tally.fastest_ns.saturating_sub(trivial_ns))
    }

    fn is_trivial(&self, shape: ShapeRef) -> bool {
        self.dictionary
            .shape(shape)
            .facts
            .as_ref()
            .is_some_and(|facts| facts.single_row || matches!(facts.verb, Verb::Transaction | Verb::Session))
    }

    /// Whether own time of a service is known to be that: its database clients are seen.
    pub(super) fn own_is_known(&self, service: Symbol) -> bool {
        self.docket.services.get(&service).is_some_and(|service| service.stores > 0)
    }
}

fn effects(
    views: &[EndpointView<'_>],
    number: u32,
    fix: Fix,
    home: usize,
    places: &[usize],
    replayer: &mut Replayer,
) -> Vec<(usize, Effect)> {
    let mut fixes = Fixes::default();
    fixes.set(number, fix);
    let wanted = places.iter().filter(|&&place| place == home || views[place].is_entry());
    wanted.map(|&place| (place, views[place].replay(&fixes, replayer))).collect()
}

/// What a fix gives back at the endpoints whose requests stand still, and nothing at its own.
fn relief(views: &[EndpointView<'_>], home: usize, stall: &Stall) -> Vec<(usize, Effect)> {
    let effects = views.iter().enumerate().filter_map(|(place, view)| {
        let delayed = stall.delayed.iter().find(|delayed| delayed.endpoint == view.key);
        match delayed {
            Some(delayed) => Some((place, view.relieved(&delayed.requests_ns))),
            None => (place == home).then(|| (place, view.relieved(&[]))),
        }
    });
    effects.collect()
}

/// What the waits of others give back; how that shows in their percentiles is not known.
fn relief_of_idle(
    views: &[EndpointView<'_>],
    home: usize,
    idle: &Idle,
    remedy: Remedy,
) -> Vec<(usize, Effect)> {
    let effects = views.iter().enumerate().filter_map(|(place, view)| {
        let waited = idle.endpoints.iter().find(|(endpoint, _)| *endpoint == view.key);
        match waited {
            Some((_, waited_ns)) => {
                let gain_ns = impact::given_back(remedy, *waited_ns);
                Some((place, Effect { gain_ns, ..Effect::default() }))
            }
            None => (place == home).then(|| (place, Effect::default())),
        }
    });
    effects.collect()
}

/// As sure as at least half of the requests make it.
fn confidence(tally: &CandidateTally) -> Confidence {
    let [_, medium, high] = tally.confidence;
    match tally.full {
        full if high * 2 >= full => Confidence::High,
        full if (medium + high) * 2 >= full => Confidence::Medium,
        _ => Confidence::Low,
    }
}

fn marks_in_order(tally: &CandidateTally, dictionary: &Dictionary) -> Vec<(Mark, u64)> {
    let mut marks = tally.marks.all().to_vec();
    marks.sort_by_cached_key(|(mark, count)| (std::cmp::Reverse(*count), content_of(*mark, dictionary)));
    marks
}

/// What a mark says, without the numbers of the dictionary.
fn content_of(mark: Mark, dictionary: &Dictionary) -> (u8, String) {
    let shape = |shape| dictionary.shape(shape).text.to_string();
    match mark {
        Mark::At(location) => (0, location_text(dictionary, location)),
        Mark::By(origin) => (1, dictionary.text(dictionary.origin(origin).library).to_owned()),
        Mark::After(after) => (2, shape(after)),
        Mark::With(with) => (3, shape(with)),
        Mark::OtherValues => (4, String::new()),
        Mark::SameValues => (5, String::new()),
        Mark::UnknownValues => (6, String::new()),
        Mark::AtOnce => (7, String::new()),
        Mark::Paged => (8, String::new()),
        Mark::Writes => (9, String::new()),
        Mark::HoldsConnection => (10, String::new()),
        Mark::InTransaction => (11, String::new()),
        Mark::ClientsSeen => (12, String::new()),
        Mark::FromPool => (13, String::new()),
        Mark::Logged => (14, String::new()),
    }
}

fn location_text(dictionary: &Dictionary, location: crate::evidence::LocationRef) -> String {
    dictionary.location(location).map_or_else(String::new, |location| {
        format!("{}:{}:{}", dictionary.text(location.file), location.line, dictionary.text(location.function))
    })
}

fn rows_seen(tally: &CandidateTally) -> (u64, u64) {
    let mut sizes = tally.growth.by(Measure::Rows).map(Times::size);
    let least = sizes.next().unwrap_or(0);
    (least, sizes.last().unwrap_or(least))
}
