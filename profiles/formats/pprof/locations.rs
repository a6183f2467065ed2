//! From numbers of locations to frames.

use prost::Message;
use rustc_hash::FxHashMap;

use super::file::File;
use super::messages::{Line, Location, Sample};
use crate::formats::names;
use crate::{Frame, FrameId, Kind, NodeId, Place, Profile};

/// Functions inlined into one place. Of more, the innermost are left out.
const LINES_MAX: usize = 256;

/// Frames of locations that are remembered at once.
const FRAMES_MAX: usize = 16_000_000;

/// Bytes of a location, of which a function inlined there needs about ten.
const LOCATION_BYTES_MAX: usize = 1 << 20;

const UNKNOWN: &str = "[unknown]";

/// Locations of one profile. Each is read when a sample has it for the first time.
pub(super) struct Locations<'f> {
    file: &'f File<'f>,
    modules: FxHashMap<u64, String>,
    /// Frames of a location, the outermost first.
    frames: FxHashMap<u64, Vec<FrameId>>,
    remembered: usize,
    unnamed: u64,
    nameless: u64,
}

impl<'f> Locations<'f> {
    pub(super) fn of(file: &'f File<'f>) -> Self {
        let modules = file.mappings.iter().filter_map(|(id, mapping)| {
            let module = file.text(mapping.filename).filter(|module| !module.is_empty())?;
            Some((*id, module))
        });
        let modules = modules.collect();
        Self { file, modules, frames: FxHashMap::default(), remembered: 0, unnamed: 0, nameless: 0 }
    }

    /// The node of a sample.
    pub(super) fn node(
        &mut self,
        sample: &Sample,
        place: Place,
        profile: &mut Profile,
    ) -> Result<NodeId, &'static str> {
        if sample.location_id.iter().any(|id| !self.file.locations.contains_key(id)) {
            return Err("a sample with a location that is not there");
        }
        let mut node = NodeId::ROOT;
        let mut room = crate::DEPTH_MAX;
        // The root comes last.
        for id in sample.location_id.iter().rev() {
            let frames = self.frames(*id, profile)?;
            for frame in frames.iter().take(room) {
                node = profile.tree.child(node, *frame);
            }
            let Some(rest) = room.checked_sub(frames.len()) else {
                profile.notice_depth(Some(place));
                break;
            };
            room = rest;
        }
        Ok(node)
    }

    /// The frames of a location, the outermost first.
    fn frames(&mut self, id: u64, profile: &mut Profile) -> Result<&[FrameId], &'static str> {
        if !self.frames.contains_key(&id) {
            let frames = self.location(id, profile)?;
            if self.remembered + frames.len() > FRAMES_MAX {
                self.frames.clear();
                self.remembered = 0;
            }
            self.remembered += frames.len();
            self.frames.insert(id, frames);
        }
        Ok(&self.frames[&id])
    }

    fn location(&mut self, id: u64, profile: &mut Profile) -> Result<Vec<FrameId>, &'static str> {
        let message = self.file.locations.get(&id).copied().unwrap_or_default();
        if message.len() > LOCATION_BYTES_MAX {
            return Err("a sample with a location of more than 1 MiB");
        }
        let location = Location::decode(message).map_err(|_| "a sample with a damaged location")?;
        let module = self.modules.get(&location.mapping_id).cloned();
        if location.line.is_empty() {
            self.unnamed += 1;
            let name = names::unnamed(module.as_deref());
            let frame = Frame { module: module.map(Into::into), ..Frame::named(&name) };
            return Ok(vec![profile.frames.intern(frame)]);
        }
        if location.line.len() > LINES_MAX {
            profile
                .noticed
                .add("places with more than 256 functions inlined, of which the outermost are shown", None);
        }
        let lines = location.line.iter().rev().take(LINES_MAX);
        Ok(lines.map(|line| profile.frames.intern(self.frame(*line, module.as_deref()))).collect())
    }

    fn frame(&mut self, line: Line, module: Option<&str>) -> Frame {
        let kind = module.filter(|module| module.starts_with("[kernel")).map(|_| Kind::Kernel);
        let Some(function) = self.file.functions.get(&line.function_id).copied() else {
            self.nameless += 1;
            return Frame { module: module.map(Into::into), kind, ..Frame::named(UNKNOWN) };
        };
        let text = |index| self.file.text(index).filter(|text| !text.is_empty());
        let name = text(function.name).or_else(|| text(function.system_name));
        self.nameless += u64::from(name.is_none());
        let number = if function.start_line > 0 { function.start_line } else { line.line };
        Frame {
            name: name.as_deref().unwrap_or(UNKNOWN).into(),
            file: text(function.filename).map(Into::into),
            line: u32::try_from(number).ok().filter(|line| *line > 0),
            module: module.map(Into::into),
            kind,
        }
    }

    /// Tells of functions without names.
    pub(super) fn notice(&self, profile: &mut Profile) {
        let unnamed = "addresses without the names of functions, shown as their binaries; `pprof -proto` adds names where the binary is";
        let nameless = "functions whose names are not in the file, shown as [unknown]";
        for (what, count) in [(unnamed, self.unnamed), (nameless, self.nameless)] {
            if count > 0 {
                profile.noticed.add_many(what, count, None);
            }
        }
    }
}
