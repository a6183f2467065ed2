//! What the texts of frames tell beside the function.

use crate::{Frame, Kind};

/// A frame out of the text of a folded stack: without the suffix for its kind, and with py-spy's `function (file.py:12)` taken apart.
pub(super) fn frame(text: &str) -> Frame {
    let text = text.trim();
    let (text, kind) = match text.len().checked_sub(4).and_then(|at| text.split_at_checked(at)) {
        Some((rest, suffix)) if !rest.is_empty() => match Kind::of_suffix(suffix) {
            Some(kind) => (rest, Some(kind)),
            None => (text, None),
        },
        _ => (text, None),
    };
    let (name, file, line) = match in_file(text) {
        Some((name, file, line)) => (name, Some(file.into()), Some(line)),
        None => (text, None, None),
    };
    let name = if name.is_empty() { "(no name)" } else { name };
    Frame { name: name.into(), file, line, module: None, kind }
}

/// `function (file:12)`.
fn in_file(text: &str) -> Option<(&str, &str, u32)> {
    let (name, place) = text.strip_suffix(')')?.rsplit_once(" (")?;
    let (file, line) = place.rsplit_once(':')?;
    let line = line.parse().ok()?;
    (!name.is_empty() && !file.is_empty()).then_some((name, file, line))
}

/// What stands for a function of a module without a name: `[libc.so.6]`.
pub(super) fn unnamed(module: Option<&str>) -> String {
    let file = module.and_then(|module| module.rsplit('/').next());
    format!("[{}]", file.unwrap_or("unknown").trim_matches(['[', ']']))
}
