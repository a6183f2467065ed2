//! What profilers saw, and what guards ask of it.

use std::path::Path;
use std::time::UNIX_EPOCH;

use anyhow::Context;
use detectors::settings::matches_glob;
use ledger::Bound;
use profiles::{functions, read_file};

use super::in_turns;
use super::judged::State;

/// A share that is so many standard errors beyond its bound is so beyond chance.
const ERRORS: f64 = 3.0;

/// Functions of a profile, and their part of it.
#[derive(Debug)]
pub(super) struct Sampled {
    /// Each function with the part of all in which it is on the call path.
    shares: Vec<(String, f64)>,
    /// Stacks that were taken, where that is told.
    samples: Option<f64>,
    /// When the file was written, in milliseconds since 1970.
    pub(super) written_ms: Option<u64>,
}

impl Sampled {
    /// Reads a profile.
    pub(super) fn read(path: &Path) -> anyhow::Result<Self> {
        let profile =
            read_file(path).with_context(|| format!("the profile {} cannot be read", path.display()))?;
        let measure = profile.default_measure;
        let all = profile.tree.total(measure);
        let names: Vec<&str> = profile.frames.iter().map(|(_, frame)| &*frame.name).collect();
        let table = functions(&profile.tree, names.len(), measure);
        let named =
            |of: &profiles::Function| Some(((*names.get(of.frame.index())?).to_owned(), of.total / all));
        let shares = table.iter().filter_map(named).collect();
        Ok(Self { shares, samples: profile.samples_of(measure), written_ms: written_ms(path) })
    }

    #[cfg(test)]
    pub(super) fn of(shares: &[(&str, f64)], samples: Option<f64>, written_ms: Option<u64>) -> Self {
        let shares = shares.iter().map(|(name, share)| ((*name).to_owned(), *share)).collect();
        Self { shares, samples, written_ms }
    }

    /// The part of the function of such a name; 0 where it has none.
    pub(super) fn share(&self, glob: &str) -> f64 {
        self.largest(glob).map_or(0.0, |(_, share)| share)
    }

    /// The function of such a name with the largest part.
    fn largest(&self, glob: &str) -> Option<(&str, f64)> {
        let fitting = self.shares.iter().filter(|(name, _)| matches_glob(glob, name));
        fitting.max_by(|one, other| one.1.total_cmp(&other.1)).map(|(name, share)| (name.as_str(), *share))
    }

    /// The standard error of a share.
    fn error(&self, share: f64) -> Option<f64> {
        self.samples.filter(|samples| *samples > 0.0).map(|samples| (share * (1.0 - share) / samples).sqrt())
    }
}

/// Whether no call path has a function.
pub(super) fn absent(frame: &str, endpoint: Option<&str>, profiles: &[Sampled]) -> (State, String) {
    if let Some(no_evidence) = no_evidence(profiles) {
        return no_evidence;
    }
    if endpoint.is_some() {
        return (State::NoEvidence, "profiles do not tell which endpoint was served".to_owned());
    }
    let seen = profiles.iter().filter_map(|profile| profile.largest(frame));
    match seen.max_by(|one, other| one.1.total_cmp(&other.1)) {
        Some((name, share)) => (State::Broken, format!("{name} has {}", percent(share))),
        None => (State::Holds, format!("it is in none of {} profiles", profiles.len())),
    }
}

/// When a file was written, in milliseconds since 1970.
fn written_ms(path: &Path) -> Option<u64> {
    let since = path.metadata().ok()?.modified().ok()?.duration_since(UNIX_EPOCH).ok()?;
    u64::try_from(since.as_millis()).ok()
}

/// Whether the part of a function is within its bound; `then` are profiles of the entry's version, taken in turns with the others.
pub(super) fn shared(frame: &str, bound: &Bound, profiles: &[Sampled], then: &[Sampled]) -> (State, String) {
    if let Some(no_evidence) = no_evidence(profiles) {
        return no_evidence;
    }
    let judged = profiles.iter().map(|profile| {
        let share = profile.share(frame);
        let error = profile.error(share);
        let nearest = error.map(|error| [share - ERRORS * error, share + ERRORS * error]);
        let is_beyond = nearest.is_some_and(|ends| ends.iter().all(|end| !holds(bound, *end)));
        match (holds(bound, share), error) {
            (true, _) => (0, State::Holds, percent(share)),
            (false, Some(_)) if is_beyond => (2, State::Broken, percent(share)),
            (false, _) => (1, State::Unconfirmed, percent(share)),
        }
    });
    match judged.max_by_key(|(worst, ..)| *worst) {
        // One profile is chance, or does not tell of how many stacks it is.
        Some((_, State::Unconfirmed, _)) => in_turns::confirmed(frame, bound, profiles, then),
        Some((_, state, text)) => (state, text),
        None => (State::NoEvidence, String::new()),
    }
}

fn no_evidence(profiles: &[Sampled]) -> Option<(State, String)> {
    let is_empty = profiles.iter().all(|profile| profile.shares.is_empty());
    is_empty.then(|| (State::NoEvidence, "nothing was seen of call paths: --profile FILE".to_owned()))
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a share lies between 0 and 1")]
pub(super) fn holds(bound: &Bound, share: f64) -> bool {
    bound.holds((share.clamp(0.0, 1.0) * 100_000.0).round() as u64)
}

pub(super) fn percent(share: f64) -> String {
    format!("{:.1} % of the profile", share * 100.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sampled(samples: Option<f64>) -> Sampled {
        Sampled::of(&[("shop.list", 0.9), ("json.dumps", 0.08)], samples, None)
    }

    fn share(text: &str, samples: Option<f64>) -> State {
        shared("json.*", &Bound::of_share(text).unwrap(), &[sampled(samples)], &[]).0
    }

    #[test]
    fn a_share_breaks_its_bound_only_beyond_chance() {
        assert_eq!(share("< 10 %", None), State::Holds);
        assert_eq!(share("< 5 %", Some(100.0)), State::Unconfirmed);
        assert_eq!(share("< 5 %", Some(10_000.0)), State::Broken);
        assert_eq!(share("< 5 %", None), State::Unconfirmed);
        assert_eq!(shared("f", &Bound::of_share("< 5 %").unwrap(), &[], &[]).0, State::NoEvidence);
    }

    #[test]
    fn a_function_is_absent_where_no_profile_has_it() {
        let profiles = [sampled(None)];
        assert_eq!(absent("json.loads", None, &profiles).0, State::Holds);
        assert_eq!(absent("json.*", None, &profiles).0, State::Broken);
        assert_eq!(absent("json.*", Some("GET /a"), &profiles).0, State::NoEvidence);
        assert_eq!(absent("json.*", None, &[]).0, State::NoEvidence);
    }
}
