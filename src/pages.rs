//! Documentation that is made from the tables of the code, for `whyslow rules` and for `docs/`.

use detectors::queries::RULES;
use detectors::settings::Setting;
use detectors::{ALL, Detector};

use measurement::import::{TOOLS, Tool};

use crate::ingest::FORMATS;
use crate::ingest::envelopes::ENVELOPES;
use crate::ingest::plans::{PLAN_FORMS, PlanForm};

/// A detector's page: what it finds, its module comment, its settings.
pub fn detector(detector: &Detector) -> String {
    let Detector { id, summary, .. } = detector;
    let body = detector.explain();
    let settings: String = detector.settings.iter().map(setting).collect();
    let settings = match settings.is_empty() {
        true => String::new(),
        false => format!("\n## Settings\n\nIn `whyslow.toml` below `[detector.{id}]`:\n\n{settings}"),
    };
    format!("# {id}: {summary}\n\n{}\n{settings}", body.trim_end())
}

/// The settings of all detectors, by detector.
pub fn settings() -> String {
    let declared = ALL.iter().filter(|detector| !detector.settings.is_empty());
    let sections = declared.map(|detector| {
        let settings: String = detector.settings.iter().map(setting).collect();
        format!("### `[detector.{}]`\n\n{settings}", detector.id)
    });
    sections.collect::<Vec<_>>().join("\n").trim_end().to_owned()
}

/// The formats that can be read.
pub fn formats() -> String {
    let formats: String =
        FORMATS.iter().map(|format| format!("- `{}`: {}\n", format.name, format.summary)).collect();
    let envelopes: String = ENVELOPES.iter().map(|envelope| format!("- {}\n", envelope.summary)).collect();
    format!(
        "{formats}\nLogs that are collected in others are read in each of these formats out of\n\n{envelopes}"
    )
}

/// The forms of plans that can be read, and what their readers were tried on.
pub fn plans() -> String {
    let row = |form: &PlanForm| format!("| {} | {} |\n", form.summary, form.evidence);
    let rows: String = PLAN_FORMS.iter().map(row).collect();
    format!("| form | tried on |\n| --- | --- |\n{rows}")
}

/// The tools whose outputs are read, and what their readers were tried on.
pub fn tools() -> String {
    let row = |tool: &Tool| format!("| {} | {} | {} |\n", tool.name, tool.summary, tool.evidence);
    let rows: String = TOOLS.iter().map(row).collect();
    format!("| tool | read are | tried on |\n| --- | --- | --- |\n{rows}")
}

/// The formats of profiles that can be read, and the forms that graphs are written in.
pub fn profiles() -> String {
    let row = |format: &profiles::Format| {
        format!("| {} | {} | {} |\n", format.name, format.summary, format.evidence)
    };
    let read: String = profiles::FORMATS.iter().map(row).collect();
    let form = |output: &flame::Output| {
        let compares = if output.compare.is_some() { "; also of differences" } else { "" };
        format!("- `{}`: {}{compares}\n", output.name, output.summary)
    };
    let written: String = flame::OUTPUTS.iter().map(form).collect();
    format!(
        "Read are\n\n| format | what of it | tried on |\n| --- | --- | --- |\n{read}\n`--format` writes\n\n{written}"
    )
}

/// The stores that can be asked for traces.
#[cfg(feature = "client")]
pub fn stores() -> String {
    crate::fetch::STORES.iter().map(|store| format!("- `{}`: {}\n", store.name, store.summary)).collect()
}

/// The rules of `whyslow ci check`.
pub fn rules() -> String {
    RULES.iter().map(|(_, id, summary)| format!("- `{id}`: {summary}\n")).collect()
}

fn setting(setting: &Setting) -> String {
    let Setting { name, unit, default, why } = setting;
    format!("- `{name} = {default}` ({unit}): {why}\n")
}
