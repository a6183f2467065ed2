//! Names of frames as texts: in formats that have no escape, and without what differs between two builds of one program.

use profiles::{Frame, Profile};
use rustc_hash::FxHashMap;

/// A frame as folded stacks have it: the name, and behind it the mark of its kind. What would end a frame or a line is replaced, a
/// name without letters is `-`.
pub(crate) fn folded(frame: &Frame) -> String {
    let name: String = frame.name.chars().map(plain).collect();
    let suffix = frame.kind.and_then(profiles::Kind::suffix).unwrap_or_default();
    match name.trim() {
        "" => format!("-{suffix}"),
        name => format!("{name}{suffix}"),
    }
}

/// `;` ends a frame and a line break the stack; stackcollapse-perf.pl writes `:` for the first, too.
fn plain(letter: char) -> char {
    match letter {
        ';' => ':',
        letter if letter.is_control() || letter.is_whitespace() => ' ',
        letter => letter,
    }
}

/// Functions of two builds of one program, matched by what stays: names without addresses, hashes, lines and numbers that compilers
/// and virtual machines give anew each time; of files and binaries the last two parts of the path, without versions.
pub(crate) struct Builds {
    shown: FxHashMap<Frame, Frame>,
}

impl Builds {
    /// Those of profiles; of what is the same in several, file and binary are those of the first.
    pub(crate) fn of(profiles: &[&Profile]) -> Self {
        let mut shown = FxHashMap::default();
        for (_, frame) in profiles.iter().flat_map(|profile| profile.frames.iter()) {
            let same = of_any_build(frame);
            let name = same.name.clone();
            shown.entry(same).or_insert_with(|| Frame { name, ..frame.clone() });
        }
        Self { shown }
    }

    /// What a frame is called in all of them.
    pub(crate) fn same(&self, frame: &Frame) -> Frame {
        self.shown.get(&of_any_build(frame)).unwrap_or(frame).clone()
    }
}

fn of_any_build(frame: &Frame) -> Frame {
    let place = |path: &Option<Box<str>>| path.as_deref().map(|path| place_in_any_build(path).into());
    Frame {
        name: without_numbers(without_hash(without_line(&frame.name))).into(),
        file: place(&frame.file),
        module: place(&frame.module),
        ..frame.clone()
    }
}

/// `…/releases/20261129/shop/orders.py` is `shop/orders.py`, `…/memchr-2.7.4/lib.rs` is `memchr/lib.rs`.
fn place_in_any_build(path: &str) -> String {
    let (file, folder) = {
        let mut parts = path.rsplit(['/', '\\']);
        (parts.next().unwrap_or_default(), parts.next().unwrap_or_default())
    };
    let parts = [folder, file].map(|part| {
        let words = part.split(|letter: char| !letter.is_alphanumeric());
        words.filter(|word| !word.is_empty() && !is_version(word)).collect::<Vec<_>>().join(".")
    });
    parts.join("/")
}

/// Whether a part of a path is a number, `v2`, or a hash.
fn is_version(word: &str) -> bool {
    let is_number = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let is_hash = word.len() >= 7
        && word.bytes().all(|byte| byte.is_ascii_hexdigit())
        && word.bytes().any(|byte| byte.is_ascii_digit());
    is_number(word.strip_prefix('v').unwrap_or(word)) || is_hash
}

/// Without the hash behind Rust's old mangling: `core::fmt::write::h0123456789abcdef`.
fn without_hash(name: &str) -> &str {
    match name.rsplit_once("::h") {
        Some((rest, hash)) if hash.len() == 16 && hash.bytes().all(|byte| byte.is_ascii_hexdigit()) => rest,
        _ => name,
    }
}

/// Without the line by which a function without a name is called: `(anonymous):3`.
fn without_line(name: &str) -> &str {
    match name.rsplit_once("(anonymous):") {
        Some((before, line)) if line.bytes().all(|byte| byte.is_ascii_digit()) => {
            &name[..before.len() + "(anonymous)".len()]
        }
        _ => name,
    }
}

/// Names behind which compilers and virtual machines put numbers.
const NUMBERED: [&str; 3] = ["$$Lambda", "lambda$", "GeneratedMethodAccessor"];

/// Without addresses (`0x7f…`, `+0x1c`) and numbers of generated code (`$$Lambda$14`, `lambda$list$3`, `.llvm.123`).
fn without_numbers(name: &str) -> String {
    let name = name.split_once(".llvm.").map_or(name, |(rest, _)| rest);
    let mut text = without_addresses(name);
    if NUMBERED.iter().any(|mark| text.contains(mark)) {
        text.retain(|letter| !letter.is_ascii_digit());
    }
    text
}

fn without_addresses(name: &str) -> String {
    let mut text = String::with_capacity(name.len());
    let mut rest = name;
    while let Some(at) = rest.find("0x") {
        let digits = rest[at + 2..].bytes().take_while(u8::is_ascii_hexdigit).count();
        let kept = if digits >= 2 { rest[..at].trim_end_matches('+') } else { &rest[..at + 2] };
        text.push_str(kept);
        rest = &rest[at + 2 + if digits >= 2 { digits } else { 0 }..];
    }
    text.push_str(rest);
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use profiles::Kind;

    #[test]
    fn frames_end_neither_stacks_nor_lines() {
        let frame = Frame { kind: Some(Kind::Kernel), ..Frame::named(" [u8; 4]\n::read ") };
        assert_eq!(folded(&frame), "[u8: 4] ::read_[k]");
        assert_eq!(folded(&Frame::named("\t")), "-");
    }

    #[test]
    fn builds_differ_in_numbers() {
        for (name, same) in [
            ("core::fmt::write::h0123456789abcdef", "core::fmt::write"),
            ("core::fmt::write::hello", "core::fmt::write::hello"),
            ("Shop$$Lambda$14/0x00007f0a.run", "Shop$$Lambda$/.run"),
            ("Shop.lambda$list$3", "Shop.lambda$list$"),
            ("read+0x1c", "read"),
            ("[libc+0x1f2a]", "[libc]"),
            ("0x", "0x"),
            ("fast.llvm.8812", "fast"),
            ("utf8_0", "utf8_0"),
            ("(anonymous):3", "(anonymous)"),
            ("list (anonymous):12", "list (anonymous)"),
            ("(anonymous): x", "(anonymous): x"),
        ] {
            assert_eq!(&*of_any_build(&Frame::named(name)).name, same);
        }
    }

    #[test]
    fn builds_lie_in_other_folders() {
        for (one, other) in [
            ("/srv/releases/20261128/shop/orders.py", "/srv/releases/20261129/shop/orders.py"),
            ("/root/.cargo/memchr-2.7.4/lib.rs", "C:\\cargo\\memchr-2.8.0\\lib.rs"),
            ("https://shop/main.4f3c2a1b.js", "https://shop/main.90ab12ef.js"),
            ("/go/pq@v1.10.9/conn.go", "/go/pq@v1.11.0/conn.go"),
        ] {
            assert_eq!(place_in_any_build(one), place_in_any_build(other));
        }
        for (one, other) in
            [("lib/base64.py", "lib/base32.py"), ("app.js", "app2.js"), ("a/deface.js", "a/facade.js")]
        {
            assert_ne!(place_in_any_build(one), place_in_any_build(other));
        }
    }

    #[test]
    fn what_is_the_same_is_shown_as_in_the_first() {
        let frame = |file: &str| Frame { file: Some(file.into()), ..Frame::named("list") };
        let profile = |file: &str| {
            let mut profile = Profile::new("test");
            profile.frames.intern(frame(file));
            profile
        };
        let (after, before) = (profile("/v2/shop/orders.py"), profile("/v1/shop/orders.py"));
        let builds = Builds::of(&[&after, &before]);
        assert_eq!(builds.same(&frame("/v1/shop/orders.py")).file.as_deref(), Some("/v2/shop/orders.py"));
    }
}
