//! `[[accept]]`: findings that a team has decided to live with, why, and until when.

use detectors::ALL;
use detectors::settings::Acceptance;

use super::endpoint::canonical;
use super::section::Section;
use super::{Day, Error, expected};

const NAMES: &[&str] = &["finding", "detector", "endpoint", "shape", "reason", "owner", "until"];

/// The keys that name a finding by what it is.
const BY_SUBJECT: [&str; 3] = ["detector", "endpoint", "shape"];

pub(super) fn read(section: &Section<'_>, today: Day) -> Result<Acceptance, Error> {
    section.check_names(NAMES)?;
    let acceptance = Acceptance {
        finding: section.text("finding", "n-plus-one-3f9a")?,
        detector: section.text("detector", "n-plus-one")?,
        endpoint: section.text("endpoint", "GET /orders")?.as_deref().map(canonical),
        shape: section.text("shape", "SELECT * FROM orders *")?,
        reason: section
            .text("reason", "runs at night only")?
            .ok_or_else(|| section.error("an acceptance needs a `reason`"))?,
        owner: section.text("owner", "data team")?,
        until: section.date("until")?.map(|date| date.to_string()),
    };
    check_subject(section, &acceptance)?;
    check_detector(section, acceptance.detector.as_deref())?;
    section.check_until(today, "acceptance")?;
    Ok(acceptance)
}

/// Either the finding's id, or all that says which one is meant: nothing is accepted by accident.
fn check_subject(section: &Section<'_>, acceptance: &Acceptance) -> Result<(), Error> {
    let given: Vec<&str> = BY_SUBJECT.into_iter().filter(|key| section.has(key)).collect();
    match (&acceptance.finding, given.len()) {
        (Some(_), 0) | (None, 3) => Ok(()),
        (Some(_), _) => {
            let reason = format!("`finding` names it already; leave out `{}`", given[0]);
            Err(section.error_at(given[0], reason))
        }
        (None, _) => Err(section.error(
            "an acceptance needs a `finding` (an id), or `detector`, `endpoint` and `shape` (\"*\" fits all)",
        )),
    }
}

fn check_detector(section: &Section<'_>, id: Option<&str>) -> Result<(), Error> {
    let ids: Vec<&str> = ALL.iter().map(|detector| detector.id).collect();
    match id {
        Some(id) if !ids.contains(&id) => {
            Err(section.error_at("detector", format!("unknown detector `{id}`; {}", expected(id, &ids))))
        }
        _ => Ok(()),
    }
}
