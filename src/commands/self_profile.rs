//! `whyslow --self-profile FILE COMMAND`: where the time of whyslow itself goes.

use std::collections::HashMap;
use std::io;
use std::path::Path;

use anyhow::Context;
use flame::{Graph, OUTPUTS};
use pprof::{Frames, ProfilerGuard, ProfilerGuardBuilder, Symbol};
use profiles::{Frame, Measure, Place, Profile, Unit};
use whyslow::report::Style;

use super::diagnose::destination::Destination;

/// Samples for each second of CPU time. The kernel's clock gives no more than 100 to 250.
const FREQUENCY: i32 = 99;

/// Unwinding a stack from within these may wait for a lock that the interrupted code holds: such samples are left out.
const NOT_FROM_WITHIN: [&str; 4] = ["libc", "libgcc", "pthread", "vdso"];

/// Samples that are being taken.
pub(super) struct SelfProfile {
    guard: ProfilerGuard<'static>,
    destination: Destination,
}

impl SelfProfile {
    /// Begins to take samples.
    pub(super) fn begin(path: &Path) -> anyhow::Result<Self> {
        let destination = Destination::open(Some(path))?;
        let builder = ProfilerGuardBuilder::default().frequency(FREQUENCY).blocklist(&NOT_FROM_WITHIN);
        let guard = builder.build().context("--self-profile: no samples can be taken")?;
        Ok(Self { guard, destination })
    }

    /// Draws what was sampled.
    pub(super) fn end(self) -> anyhow::Result<()> {
        let report = self.guard.report().build().context("--self-profile: samples cannot be read")?;
        let profile = profile(&report.data);
        let graph = Graph::new(&profile, "whyslow itself");
        self.destination.write(page, &graph, Style::default())
    }
}

fn page(graph: &Graph<'_>, _: &Style, out: &mut dyn io::Write) -> io::Result<()> {
    (OUTPUTS[0].write)(graph, out)
}

fn profile(samples: &HashMap<Frames, isize>) -> Profile {
    let mut profile = Profile::new("samples of whyslow itself");
    let second = 1e9 / f64::from(FREQUENCY);
    profile.period = Some((Measure::new("cpu", Unit::Nanoseconds), second));
    let Some(measure) = profile.measure(Measure::samples()) else { return profile };
    for (number, (frames, count)) in samples.iter().enumerate() {
        let place = Some(Place::Record(number as u64 + 1));
        // The innermost call comes first, and of what is inlined in one frame, too.
        let stack: Vec<_> = frames
            .frames
            .iter()
            .rev()
            .flat_map(|frame| frame.iter().rev())
            .map(|symbol| profile.frames.intern(frame(symbol)))
            .collect();
        let node = profile.node(stack, place);
        profile.tree.add(node, measure, *count as f64);
        profile.records += u64::try_from(*count).unwrap_or(0);
    }
    profile
}

fn frame(symbol: &Symbol) -> Frame {
    let file = symbol.filename.as_ref().map(|path| path.to_string_lossy().into_owned().into_boxed_str());
    Frame { file, line: symbol.lineno, ..Frame::named(&symbol.name()) }
}
