//! From addresses to frames: without symbols, which are not in the file.

use rustc_hash::FxHashMap;

use super::processes::{KERNEL, Processes};
use super::record::Sample;
use crate::formats::perf_script::nameless;
use crate::limits::DEPTH_MAX;
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
    frames: FxHashMap<(&'f [u8], Option<u64>), FrameId>,
    threads: FxHashMap<&'f [u8], FrameId>,
}

impl<'f> Stacks<'f> {
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

    /// The frames of a sample, the root first. Those of the kernel are one.
    ///
    /// Where a call was made is told by its place in the module. The sampled instruction is not: it is another one each time, and a
    /// function would be as many frames as it has instructions.
    pub(super) fn stack(
        &mut self,
        sample: &Sample<'f>,
        processes: &Processes<'f>,
        profile: &mut Profile,
    ) -> Vec<FrameId> {
        let mut stack = Vec::new();
        let mut is_kernel = false;
        let mut is_leaf = true;
        let chain = (0..sample.chain.0.len() / 8).filter_map(|index| sample.chain.u64(index * 8));
        // Without a chain there is one address, and without one of the user's it is the kernel's.
        let only = sample.address.filter(|_| sample.chain.0.is_empty());
        for address in chain.chain(only) {
            if address >= MARKS {
                is_kernel = matches!(address, HYPERVISOR | OF_KERNEL);
                continue;
            }
            let of = if is_kernel || address >> 63 == 1 { KERNEL } else { sample.process };
            let frame = self.frame((of, address), is_leaf, processes, profile);
            is_leaf = false;
            if stack.last() != Some(&frame) || of != KERNEL {
                stack.push(frame);
            }
            // The root comes last, and it is the leaf's side that is cut.
            if stack.len() > 4 * DEPTH_MAX {
                stack.drain(..2 * DEPTH_MAX);
            }
        }
        stack.reverse();
        stack
    }

    fn frame(
        &mut self,
        (process, address): (u32, u64),
        is_leaf: bool,
        processes: &Processes<'f>,
        profile: &mut Profile,
    ) -> FrameId {
        let mapped = processes.mapped(process, address);
        let (module, place): (&'f [u8], _) = match mapped {
            Some(mapped) if process == KERNEL => (of_kernel(mapped.module), None),
            Some(mapped) => (mapped.module, Some(mapped.offset_of(address)).filter(|_| !is_leaf)),
            None if process == KERNEL => (b"[kernel.kallsyms]", None),
            None => (b"[unknown]", None),
        };
        if let Some(frame) = self.frames.get(&(module, place)) {
            return *frame;
        }
        let mut frame = nameless(&String::from_utf8_lossy(module));
        if let Some(place) = place {
            frame.name = format!("{}+{place:#x}", frame.name).into();
        }
        let frame = profile.frames.intern(frame);
        if self.frames.len() < PLACES_MAX {
            self.frames.insert((module, place), frame);
        }
        frame
    }
}

/// `[kernel.kallsyms]_text` is `[kernel.kallsyms]`.
fn of_kernel(module: &[u8]) -> &[u8] {
    match module.starts_with(b"[") {
        true => module.iter().position(|byte| *byte == b']').map_or(module, |end| &module[..=end]),
        false => module,
    }
}
