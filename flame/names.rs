//! Names of frames as texts: in formats that have no escape, and without what differs between two builds of one program.

use profiles::Frame;

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

/// The frame that this one is in another build: without addresses, hashes and numbers that compilers and virtual machines give
/// anew each time.
pub(crate) fn of_any_build(frame: &Frame) -> Frame {
    Frame { name: without_numbers(without_hash(&frame.name)).into(), ..frame.clone() }
}

/// Without the hash behind Rust's old mangling: `core::fmt::write::h0123456789abcdef`.
fn without_hash(name: &str) -> &str {
    match name.rsplit_once("::h") {
        Some((rest, hash)) if hash.len() == 16 && hash.bytes().all(|byte| byte.is_ascii_hexdigit()) => rest,
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
        ] {
            assert_eq!(&*of_any_build(&Frame::named(name)).name, same);
        }
    }
}
