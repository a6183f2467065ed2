//! The lines of frames: `address symbol+0xoffset (module)`.

use memchr::{memchr, memrchr};
use rustc_hash::FxHashMap;

use crate::texts::Texts;
use crate::{Frame, FrameId, Kind, Profile};

/// Modules that are told apart; symbols of further ones are looked up without a memory.
const MODULES_MAX: usize = 100_000;

/// Frames by symbol and module.
#[derive(Default)]
pub(super) struct FrameLines {
    threads: Texts,
    modules: FxHashMap<Box<[u8]>, usize>,
    /// Symbols by module.
    symbols: Vec<Module>,
    /// The module of the frame before: mostly that of the next, too.
    last: usize,
}

struct Module {
    name: Box<[u8]>,
    about: About,
    texts: Texts,
}

/// What a module tells of its frames.
#[derive(Clone)]
struct About {
    module: Option<Box<str>>,
    kind: Option<Kind>,
    /// What stands for a function without a name.
    unknown: Box<str>,
}

/// The parts of a frame's line.
pub(super) struct Parts<'l> {
    pub(super) symbol: &'l [u8],
    pub(super) module: Option<&'l [u8]>,
}

/// Takes a line apart; `None` where it is no frame's.
pub(super) fn parts(line: &[u8]) -> Option<Parts<'_>> {
    let line = line.trim_ascii();
    let space = memchr(b' ', line)?;
    let (address, rest) = (&line[..space], &line[space + 1..]);
    if !address.iter().all(u8::is_ascii_hexdigit) {
        return None;
    }
    let Some(inner) = rest.strip_suffix(b")") else {
        return Some(Parts { symbol: without_offset(rest), module: None });
    };
    // A file that is no longer there: `(/usr/bin/app (deleted))`.
    let looked_at = inner.strip_suffix(b" (deleted)").map_or(inner.len(), <[u8]>::len);
    match memrchr(b'(', &inner[..looked_at]) {
        Some(0) => Some(Parts { symbol: &[], module: Some(&inner[1..]) }),
        Some(open) if inner[open - 1] == b' ' => {
            Some(Parts { symbol: without_offset(&inner[..open - 1]), module: Some(&inner[open + 1..]) })
        }
        _ => Some(Parts { symbol: without_offset(rest), module: None }),
    }
}

fn without_offset(symbol: &[u8]) -> &[u8] {
    match memrchr(b'+', symbol) {
        Some(plus) if symbol[plus + 1..].starts_with(b"0x") => &symbol[..plus],
        _ => symbol,
    }
}

impl FrameLines {
    /// The frame of a thread.
    pub(super) fn thread(&mut self, name: &[u8], profile: &mut Profile) -> FrameId {
        self.threads.get(name, profile, super::thread)
    }

    /// Adds the frames of a line to a stack whose leaf is first; `false` where the line is no frame's.
    pub(super) fn push(&mut self, line: &[u8], stack: &mut Vec<FrameId>, profile: &mut Profile) -> bool {
        let Some(parts) = parts(line) else { return false };
        let module = self.module(parts.module.unwrap_or_default());
        let about = &module.about;
        if about.kind == Some(Kind::Jit) && memchr::memmem::find(parts.symbol, b"->").is_some() {
            inlined(parts.symbol, about, stack, profile);
        } else {
            stack.push(module.texts.get(parts.symbol, profile, |symbol| frame(symbol, about)));
        }
        true
    }

    fn module(&mut self, name: &[u8]) -> &mut Module {
        if self.symbols.get(self.last).is_none_or(|module| *module.name != *name) {
            self.last = self.number(name);
        }
        &mut self.symbols[self.last]
    }

    fn number(&mut self, name: &[u8]) -> usize {
        if let Some(number) = self.modules.get(name) {
            return *number;
        }
        let module = Module {
            name: name.into(),
            about: about(&String::from_utf8_lossy(name)),
            texts: Texts::default(),
        };
        // The last one's place is taken again and again by all for which there is no room.
        let number = self.symbols.len().min(MODULES_MAX);
        self.symbols.truncate(number);
        self.symbols.push(module);
        if number < MODULES_MAX {
            self.modules.insert(name.into(), number);
        }
        number
    }
}

/// The frame of a function without a name.
pub(in crate::formats) fn nameless(module: &str) -> Frame {
    frame("", &about(module))
}

fn frame(symbol: &str, about: &About) -> Frame {
    let is_unknown = symbol.is_empty() || symbol == "[unknown]";
    let name = if is_unknown { about.unknown.clone() } else { symbol.into() };
    Frame { name, file: None, line: None, module: about.module.clone(), kind: about.kind }
}

/// `a->b`: what a compiler at run time inlined, as its map of symbols tells.
fn inlined(symbols: &[u8], about: &About, stack: &mut Vec<FrameId>, profile: &mut Profile) {
    let text = String::from_utf8_lossy(symbols);
    let begin = stack.len();
    for (index, symbol) in text.split("->").enumerate() {
        let kind = if index == 0 { about.kind } else { Some(Kind::Inlined) };
        stack.push(profile.frames.intern(Frame { kind, ..frame(symbol, about) }));
    }
    stack[begin..].reverse();
}

fn about(module: &str) -> About {
    let file = module.trim_end_matches(" (deleted)").rsplit('/').next().unwrap_or(module);
    let is_bracketed = module.starts_with('[')
        && !matches!(module, "[unknown]" | "[vdso]" | "[vsyscall]" | "[heap]" | "[stack]");
    let is_map = file.starts_with("perf-") && file.ends_with(".map");
    let is_jit = is_map || module.starts_with("[JIT]") || file.starts_with("jitted-");
    let kind = match () {
        () if module == "inlined" => Some(Kind::Inlined),
        () if is_jit => Some(Kind::Jit),
        () if is_bracketed && !module.starts_with("[anon") || file == "vmlinux" || file.ends_with(".ko") => {
            Some(Kind::Kernel)
        }
        () => None,
    };
    // Names of maps have the number of a process in them, which is another one each time.
    let is_module = !is_jit && !matches!(module, "" | "inlined" | "[unknown]");
    let unknown = match file.trim_matches(['[', ']']) {
        "" | "unknown" | "inlined" => "[unknown]".into(),
        _ if is_jit => "[unknown]".into(),
        file => format!("[{file}]").into(),
    };
    About { module: is_module.then(|| module.into()), kind, unknown }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn symbols_and_modules() {
        for (line, symbol, module) in [
            (
                "\tffffffff8162f76a kmem_cache_free+0x5a ([kernel.kallsyms])",
                "kmem_cache_free",
                Some("[kernel.kallsyms]"),
            ),
            ("  20d07 foo(int, char)+0x7 (/usr/lib/libc.so.6)", "foo(int, char)", Some("/usr/lib/libc.so.6")),
            (
                "  20d07 operator+(a, b)+0x7 (/usr/bin/app (deleted))",
                "operator+(a, b)",
                Some("/usr/bin/app (deleted)"),
            ),
            ("  20d07 [unknown] ([unknown])", "[unknown]", Some("[unknown]")),
            ("  20d07 f (inlined)", "f", Some("inlined")),
            ("  20d07 f", "f", None),
            ("  0 ()", "", Some("")),
        ] {
            let read = parts(line.as_bytes()).map(|parts| (parts.symbol, parts.module));
            assert_eq!(read, Some((symbol.as_bytes(), module.map(str::as_bytes))), "{line}");
        }
        assert!(parts(b"  main.c:12").is_none());
    }
}
