//! From addresses to frames: functions where binaries tell them, else places in binaries.

use std::rc::Rc;

use rustc_hash::FxHashMap;

use super::processes::{KERNEL, Mapped, Processes};
use super::record::Sample;
use super::symbols::Symbols;
use crate::formats::perf_script::nameless;
use crate::limits::DEPTH_MAX;
use crate::symbols::Function;
use crate::{Frame, FrameId, Kind, Profile};

/// The lowest of the marks in a chain of addresses, which say whose the addresses behind them are.
const MARKS: u64 = 4095_u64.wrapping_neg();
const HYPERVISOR: u64 = 32_u64.wrapping_neg();
const OF_KERNEL: u64 = 128_u64.wrapping_neg();

/// Places in modules whose frames are remembered; more are made anew each time.
const PLACES_MAX: usize = 1_000_000;

/// Frames by module and place in it.
#[derive(Default)]
pub(super) struct Stacks<'f> {
    symbols: Symbols<'f>,
    places: FxHashMap<Place<'f>, Frames>,
    /// Functions by module and name: where a place of one is in the source is told by the first that is met.
    functions: FxHashMap<(&'f [u8], String), FrameId>,
    threads: FxHashMap<&'f [u8], FrameId>,
}

/// A module, a place in it, and what that is.
type Place<'f> = (&'f [u8], u64, At);

/// What an address of a stack is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum At {
    /// The instruction that was running.
    Leaf,
    /// The instruction at which the kernel took over, below the kernel's part of a stack.
    Entry,
    /// Where a call will return to.
    Return,
}

/// The frames at one place, the innermost first, and whether they are functions.
#[derive(Clone)]
struct Frames {
    frames: Rc<[FrameId]>,
    is_named: bool,
}

/// The frames of a sample, the root first, and whose functions have no names.
pub(super) struct Stack {
    pub(super) frames: Vec<FrameId>,
    pub(super) is_nameless: bool,
    pub(super) is_nameless_in_kernel: bool,
}

impl<'f> Stacks<'f> {
    pub(super) fn with(symbols: Symbols<'f>) -> Self {
        Self { symbols, ..Self::default() }
    }

    /// The frame of a sample's thread.
    pub(super) fn thread(
        &mut self,
        sample: &Sample<'f>,
        processes: &Processes<'f>,
        profile: &mut Profile,
    ) -> FrameId {
        let thread = |name: &str| Frame { kind: Some(Kind::Thread), ..Frame::named(name) };
        match processes.name(sample.thread) {
            Some(name) => *self
                .threads
                .entry(name)
                .or_insert_with(|| profile.frames.intern(thread(&String::from_utf8_lossy(name)))),
            None => profile.frames.intern(thread("(no name)")),
        }
    }

    /// The frames of a sample. Those of the kernel are one.
    ///
    /// Without a name, where a call was made is told by its place in the module. The sampled instruction is not: it is another one each
    /// time, and a function would be as many frames as it has instructions.
    pub(super) fn stack(
        &mut self,
        sample: &Sample<'f>,
        processes: &Processes<'f>,
        profile: &mut Profile,
    ) -> Stack {
        let mut stack = Stack { frames: Vec::new(), is_nameless: false, is_nameless_in_kernel: false };
        let mut is_kernel = false;
        let mut at = At::Leaf;
        let chain = (0..sample.chain.0.len() / 8).filter_map(|index| sample.chain.u64(index * 8));
        // Without a chain there is one address, and without one of the user's it is the kernel's.
        let only = sample.address.filter(|_| sample.chain.0.is_empty());
        for address in chain.chain(only) {
            if address >= MARKS {
                is_kernel = matches!(address, HYPERVISOR | OF_KERNEL);
                at = if at == At::Leaf { At::Leaf } else { At::Entry };
                continue;
            }
            let of = if is_kernel || address >> 63 == 1 { KERNEL } else { sample.process };
            let frames = self.frames((of, address), at, processes, profile);
            at = At::Return;
            if of == KERNEL {
                stack.is_nameless_in_kernel = true;
            } else {
                stack.is_nameless |= !frames.is_named;
            }
            if of != KERNEL || stack.frames.last() != frames.frames.first() {
                stack.frames.extend(frames.frames.iter());
            }
            // The root comes last, and it is the leaf's side that is cut.
            if stack.frames.len() > 4 * DEPTH_MAX {
                stack.frames.drain(..2 * DEPTH_MAX);
            }
        }
        stack.frames.reverse();
        stack
    }

    fn frames(
        &mut self,
        (process, address): (u32, u64),
        at: At,
        processes: &Processes<'f>,
        profile: &mut Profile,
    ) -> Frames {
        let mapped = processes.mapped(process, address);
        let module: &'f [u8] = match mapped {
            Some(mapped) if process == KERNEL => of_kernel(mapped.module),
            Some(mapped) => mapped.module,
            None if process == KERNEL => b"[kernel.kallsyms]",
            None => b"[unknown]",
        };
        let mapped = mapped.filter(|_| process != KERNEL);
        let place = (module, mapped.map_or(0, |mapped| mapped.offset_of(address)), at);
        if let Some(known) = self.places.get(&place) {
            return known.clone();
        }
        let made = match mapped {
            Some(mapped) => self.mapped(&mapped, address, at, profile),
            None => nameless_at(module, None, profile),
        };
        if self.places.len() < PLACES_MAX {
            self.places.insert(place, made.clone());
        }
        made
    }

    fn mapped(&mut self, mapped: &Mapped<'f>, address: u64, at: At, profile: &mut Profile) -> Frames {
        let functions = self.symbols.functions(mapped, address, at == At::Return);
        if functions.is_empty() {
            let place = Some(mapped.offset_of(address)).filter(|_| at != At::Leaf);
            return nameless_at(mapped.module, place, profile);
        }
        let frames =
            functions.into_iter().rev().map(|function| self.function(mapped.module, function, profile));
        Frames { frames: frames.collect(), is_named: true }
    }

    fn function(&mut self, module: &'f [u8], function: Function, profile: &mut Profile) -> FrameId {
        let kind = function.is_inlined.then_some(Kind::Inlined);
        let frame = || Frame {
            name: function.name.as_str().into(),
            file: function.file.as_deref().map(Into::into),
            line: function.line,
            module: Some(String::from_utf8_lossy(module).into()),
            kind,
        };
        let key = (module, function.name.clone());
        *self.functions.entry(key).or_insert_with(|| profile.frames.intern(frame()))
    }
}

/// What stands for a function of a module, and where in it a call was made.
fn nameless_at(module: &[u8], place: Option<u64>, profile: &mut Profile) -> Frames {
    let mut frame = nameless(&String::from_utf8_lossy(module));
    if let Some(place) = place {
        frame.name = format!("{}+{place:#x}", frame.name).into();
    }
    Frames { frames: [profile.frames.intern(frame)].into(), is_named: false }
}

/// `[kernel.kallsyms]_text` is `[kernel.kallsyms]`.
fn of_kernel(module: &[u8]) -> &[u8] {
    match module.starts_with(b"[") {
        true => module.iter().position(|byte| *byte == b']').map_or(module, |end| &module[..=end]),
        false => module,
    }
}
