//! `[[allow]]`: statements that `whyslow ci check` lets pass though the baseline does not have them.

use detectors::settings::Allowance;

use super::endpoint::canonical;
use super::section::Section;
use super::{Day, Error};

const NAMES: &[&str] = &["endpoint", "test", "shape", "reason", "owner", "until"];

pub(super) fn read(section: &Section<'_>, today: Day) -> Result<Allowance, Error> {
    section.check_names(NAMES)?;
    let (endpoint, test) = (section.text("endpoint", "GET /orders")?, section.text("test", "tests/*")?);
    if endpoint.is_some() == test.is_some() {
        let reason = "an allowance needs an `endpoint` or a `test`, and not both (\"*\" fits all)";
        return Err(section.error(reason));
    }
    section.check_until(today, "allowance")?;
    Ok(Allowance {
        endpoint: endpoint.as_deref().map(canonical),
        test,
        shape: section.text("shape", "SELECT * FROM orders *")?.ok_or_else(|| {
            section.error("an allowance needs a `shape`: a statement's text or id (\"*\" fits all)")
        })?,
        reason: section
            .text("reason", "the cache is cold in tests")?
            .ok_or_else(|| section.error("an allowance needs a `reason`"))?,
        owner: section.text("owner", "shop team")?,
        until: section.date("until")?.map(|date| date.to_string()),
    })
}
