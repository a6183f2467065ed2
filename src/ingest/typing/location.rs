//! The place in the source that made a call.

use detectors::evidence::{Location, LocationRef};

use super::fields::Fields;
use crate::ingest::attributes::Key;
use crate::ingest::interning::Local;

/// Reads `code.*`; the home folder of whoever ran it is left out of paths.
pub(super) fn location(fields: &Fields<'_>, local: &mut Local<'_>, scratch: &mut Vec<u8>) -> LocationRef {
    let file = fields.text([Key::FilePath, Key::OldFilePath]);
    let function = fields.text([Key::FunctionName, Key::OldFunction]);
    if file.is_none() && function.is_none() {
        return LocationRef::default();
    }
    scratch.clear();
    if let Some(path) = file {
        let (prefix, path) = without_home(path);
        scratch.extend_from_slice(prefix);
        scratch.extend_from_slice(path);
    }
    let file = local.symbol(scratch);
    scratch.clear();
    // The stable name holds the namespace.
    if let (false, Some(namespace)) = (fields.has(Key::FunctionName), fields.text([Key::CodeNamespace])) {
        scratch.extend_from_slice(namespace);
        scratch.push(b'.');
    }
    scratch.extend_from_slice(function.unwrap_or_default());
    let line = fields.number([Key::Line, Key::OldLine]).and_then(|line| u32::try_from(line).ok());
    let function = local.symbol(scratch);
    local.location_ref(Location { file, line: line.unwrap_or(0), function })
}

/// A path in two parts, with `~` in place of a home folder.
fn without_home(path: &[u8]) -> (&'static [u8], &[u8]) {
    let path = path.strip_prefix(b"file://").unwrap_or(path);
    if let Some(rest) = path.strip_prefix(b"/root/") {
        return (b"~/", rest);
    }
    let drive =
        path.iter().position(|&byte| byte == b':').filter(|&colon| colon == 1).map_or(0, |colon| colon + 1);
    for homes in [&b"/home/"[..], b"/Users/", b"\\Users\\"] {
        let Some(rest) = path[drive..].strip_prefix(homes) else { continue };
        if let Some(name_ends) = rest.iter().position(|&byte| byte == b'/' || byte == b'\\') {
            return (b"~/", &rest[name_ends + 1..]);
        }
    }
    (b"", path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn homes_are_left_out() {
        for (path, expected) in [
            ("/home/ada/shop/app.py", "~/shop/app.py"),
            ("/Users/ada/shop/app.js", "~/shop/app.js"),
            ("file:///home/ada/app.mjs", "~/app.mjs"),
            ("C:\\Users\\ada\\Shop.cs", "~/Shop.cs"),
            ("/root/shop/app.py", "~/shop/app.py"),
            ("/srv/shop/app.py", "/srv/shop/app.py"),
            ("app/home/orders.py", "app/home/orders.py"),
            ("/home/ada", "/home/ada"),
            ("", ""),
        ] {
            let (prefix, rest) = without_home(path.as_bytes());
            assert_eq!([prefix, rest].concat(), expected.as_bytes(), "{path}");
        }
    }
}
