//! Thresholds: `[detector.ID]` everywhere, `[[override]]` at some endpoints, services or statements.

use detectors::settings::{Override, Scope, Setting};
use detectors::{ALL, Detector};

use super::Error;
use super::endpoint::canonical;
use super::section::Section;

const OVERRIDE_NAMES: &[&str] = &["endpoint", "service", "statement", "detector"];

/// All changed values; those with a scope come later and so win.
pub(super) fn read(root: &Section<'_>) -> Result<Vec<Override>, Error> {
    let mut overrides = below(root, &Scope::default())?;
    for section in root.list("override")? {
        section.check_names(OVERRIDE_NAMES)?;
        let scope = Scope {
            endpoint: section.text("endpoint", "GET /orders")?.as_deref().map(canonical),
            service: section.text("service", "shop")?,
            statement: section.text("statement", "SELECT * FROM orders *")?,
        };
        if scope == Scope::default() {
            let reason = "an override needs an `endpoint`, a `service` or a `statement`; \
                          [detector.ID] changes a value everywhere";
            return Err(section.error(reason));
        }
        let changes = below(&section, &scope)?;
        if changes.is_empty() {
            return Err(section
                .error("an override changes nothing; add such as detector.n-plus-one.repeats_min = 10"));
        }
        overrides.extend(changes);
    }
    Ok(overrides)
}

/// The values of the `detector` table below a section.
fn below(section: &Section<'_>, scope: &Scope) -> Result<Vec<Override>, Error> {
    let Some(table) = section.table("detector")? else { return Ok(Vec::new()) };
    let ids: Vec<&str> = ALL.iter().map(|detector| detector.id).collect();
    table.check_names(&ids)?;
    let mut overrides = Vec::new();
    for detector in ALL.iter().filter(|detector| table.has(detector.id)) {
        if let Some(values) = table.table(detector.id)? {
            overrides.extend(of_detector(&values, detector, scope)?);
        }
    }
    Ok(overrides)
}

fn of_detector(values: &Section<'_>, detector: &Detector, scope: &Scope) -> Result<Vec<Override>, Error> {
    let names: Vec<&str> = detector.settings.iter().map(|setting| setting.name).collect();
    values.check_names(&names)?;
    let mut overrides = Vec::new();
    for setting in detector.settings {
        if let Some(value) = values.number(setting.name)? {
            check_range(values, setting, value)?;
            let (detector, name) = (detector.id.to_owned(), setting.name.to_owned());
            overrides.push(Override { scope: scope.clone(), detector, name, value });
        }
    }
    Ok(overrides)
}

fn check_range(values: &Section<'_>, setting: &Setting, value: u64) -> Result<(), Error> {
    let (name, unit, range) = (setting.name, setting.unit, setting.range());
    match range.contains(&value) {
        true => Ok(()),
        false => {
            let (least, most) = (range.start(), range.end());
            Err(values.error_at(name, format!("`{name}` must be from {least} to {most} ({unit})")))
        }
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::settings_file::{Day, parse};

    fn overrides(text: &str) -> Result<Vec<Override>, String> {
        let settings = parse(text, Path::new("whyslow.toml"), Day(0)).map_err(|error| error.to_string())?;
        Ok(settings.overrides)
    }

    #[test]
    fn every_declared_setting_can_be_changed_everywhere_and_somewhere() {
        for detector in ALL {
            for setting in detector.settings {
                let (id, name) = (detector.id, setting.name);
                let everywhere = format!("[detector.{id}]\n{name} = 7");
                let somewhere = format!("[[override]]\nendpoint = \"GET *\"\ndetector.{id}.{name} = 8");
                let found = overrides(&format!("{somewhere}\n{everywhere}")).unwrap();
                let values: Vec<u64> = found.iter().map(|change| change.value).collect();
                assert_eq!(values, [7, 8], "{id} {name}");
                assert_eq!(found[1].scope.endpoint.as_deref(), Some("GET *"));
                let misspelt = overrides(&format!("[detector.{id}]\n{name}x = 7")).unwrap_err();
                let expected = format!(
                    "whyslow.toml:2:1: unknown key `{name}x` in detector.{id}; did you mean `{name}`?"
                );
                assert_eq!(misspelt, expected);
                assert!(overrides(&format!("[detector.{id}]\n{name} = -1")).is_err());
                let most = setting.range().end() + 1;
                let above = overrides(&format!("[detector.{id}]\n{name} = {most}")).unwrap_err();
                let place = format!("whyslow.toml:2:{}: `{name}` must be from ", name.len() + 4);
                assert!(above.starts_with(&place), "{above}");
                assert!(setting.range().contains(&setting.default));
            }
        }
    }

    #[test]
    fn nothing_is_no_threshold() {
        let error = overrides("[detector.n-plus-one]\nrepeats_min = 0").unwrap_err();
        assert_eq!(error, "whyslow.toml:2:15: `repeats_min` must be from 1 to 1000000000 (calls)");
        let error = overrides("[detector.slow-query]\nshare_min = 0.2").unwrap_err();
        assert_eq!(error, "whyslow.toml:2:13: `share_min` must be a whole number, 0 or more");
    }

    #[test]
    fn endpoints_are_written_as_in_any_framework() {
        let text = "[[override]]\nendpoint = \"GET /users/:id\"\ndetector.slow-query.share_min = 30";
        assert_eq!(overrides(text).unwrap()[0].scope.endpoint.as_deref(), Some("GET /users/{id}"));
    }

    #[test]
    fn an_override_says_where() {
        let error = overrides("[[override]]\ndetector = {}").unwrap_err();
        assert!(error.starts_with("whyslow.toml:1:1: an override needs"), "{error}");
    }
}
