//! One profile that is shown.

use profiles::Profile;

/// A profile with what is told above it.
#[derive(Debug)]
pub struct Graph<'p> {
    /// The stacks.
    pub profile: &'p Profile,
    /// The measure to show first, and the only one of outputs that hold one; an index of the profile's measures.
    pub measure: usize,
    /// What the graph is called: a file, an endpoint.
    pub title: String,
}

impl<'p> Graph<'p> {
    /// A profile under a title, with the measure that the profiler would show.
    #[must_use]
    pub fn new(profile: &'p Profile, title: impl Into<String>) -> Self {
        Self { profile, measure: profile.default_measure, title: title.into() }
    }

    /// What is known of the profile, one fact each.
    pub(crate) fn facts(&self) -> Vec<String> {
        let mut facts = vec![self.what()];
        facts.extend(self.profile.title.iter().filter(|title| **title != self.title).cloned());
        facts.extend(self.profile.duration_ns.map(|duration| format!("{} profiled", seconds(duration))));
        facts.extend(gaps(self.profile));
        facts
    }

    /// What it is made of, and of how much.
    fn what(&self) -> String {
        let Profile { format, records, .. } = self.profile;
        match *format {
            "requests" | "plans" => counted(*records, format),
            // How many functions there are depends on the measure that is shown.
            _ => (*format).to_owned(),
        }
    }
}

/// Whether frames are functions, and not requests, operations or nodes of plans.
pub(crate) fn are_calls(profile: &Profile) -> bool {
    !matches!(profile.format, "requests" | "plans")
}

/// What is missing in a profile or was noticed while it was read.
pub(crate) fn gaps(profile: &Profile) -> Vec<String> {
    let mut gaps = Vec::new();
    if !profile.skipped.is_empty() {
        gaps.push(format!("{} could not be read", counted(profile.skipped.total(), "records")));
    }
    gaps.extend(profile.noticed.iter().map(|noticed| match noticed.count {
        1 => noticed.reason.to_string(),
        count => format!("{} {}", grouped(count), noticed.reason),
    }));
    gaps
}

/// A duration in seconds.
fn seconds(duration_ns: u64) -> String {
    format!("{:.3} s", duration_ns as f64 / 1e9).replace(".000 s", " s")
}

/// `1 plan`, `2 plans`.
fn counted(count: u64, many: &str) -> String {
    let one = many.strip_suffix('s').unwrap_or(many);
    format!("{} {}", grouped(count), if count == 1 { one } else { many })
}

/// A count with a comma between thousands.
pub(crate) fn grouped(count: u64) -> String {
    let digits = count.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}
