//! What a JSON text is about, seen from its outermost names, so that also one that is cut off is recognised.

/// Names that are looked at; real outputs have fewer.
const NAMES_MAX: usize = 64;

/// The outermost names of the first object.
#[derive(Debug, Default)]
pub(super) struct Outline<'a> {
    /// The object is the first of a list.
    pub(super) is_list: bool,
    names: Vec<&'a [u8]>,
}

impl<'a> Outline<'a> {
    /// `None` where it begins with no object, nor a list of objects.
    pub(super) fn of(text: &'a [u8]) -> Option<Self> {
        let mut rest = text.trim_ascii_start();
        rest = rest.strip_prefix(b"\xef\xbb\xbf").unwrap_or(rest);
        let is_list = rest.first() == Some(&b'[');
        if is_list {
            rest = rest.get(1..)?.trim_ascii_start();
        }
        let inside = rest.strip_prefix(b"{")?;
        Some(Self { is_list, names: names(inside) })
    }

    /// Whether the object has all of these names.
    pub(super) fn has(&self, names: &[&str]) -> bool {
        names.iter().all(|name| self.names.contains(&name.as_bytes()))
    }
}

/// Names of an object, from behind its brace to its end, or as far as the text goes.
fn names(mut rest: &[u8]) -> Vec<&[u8]> {
    let mut names = Vec::new();
    let mut depth = 0_usize;
    while let Some((first, behind)) = rest.split_first() {
        rest = behind;
        match first {
            b'{' | b'[' => depth += 1,
            b'}' | b']' if depth == 0 => return names,
            b'}' | b']' => depth -= 1,
            b'"' => {
                let Some(end) = end_of_text(rest) else { return names };
                let text = &rest[..end];
                rest = &rest[end + 1..];
                if depth == 0 && rest.trim_ascii_start().first() == Some(&b':') {
                    names.push(text);
                    if names.len() == NAMES_MAX {
                        return names;
                    }
                }
            }
            _ => {}
        }
    }
    names
}

/// Where the quotation mark is that ends a text.
fn end_of_text(rest: &[u8]) -> Option<usize> {
    let mut is_escaped = false;
    rest.iter().position(|byte| {
        let ends = *byte == b'"' && !is_escaped;
        is_escaped = *byte == b'\\' && !is_escaped;
        ends
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn outer_names_are_seen_also_where_the_text_is_cut() {
        let outline = Outline::of(br#" {"a":{"x":1},"b\"c":"a:{","d":["y"],"e":{"z"#).unwrap();
        assert!(outline.has(&["a", "d", "e"]) && outline.has(&["b\\\"c"]));
        assert!(!outline.has(&["x"]) && !outline.has(&["y"]));
        assert!(
            Outline::of(br#"[ {"k":1}, {"l":2}]"#)
                .is_some_and(|outline| outline.is_list && !outline.has(&["l"]))
        );
        assert!(Outline::of(b"[1,2]").is_none() && Outline::of(b"text").is_none());
    }
}
