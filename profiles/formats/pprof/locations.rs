//! From numbers of locations to frames.

use rustc_hash::FxHashMap;

use super::messages::{self, Function, Line, Location, Sample};
use crate::formats::names;
use crate::limits::DEPTH_MAX;
use crate::{Frame, FrameId, Kind, Profile};

/// Locations of one profile. Each is looked up when a sample has it for the first time.
pub(super) struct Locations<'m> {
    message: &'m messages::Profile,
    locations: FxHashMap<u64, &'m Location>,
    functions: FxHashMap<u64, &'m Function>,
    modules: FxHashMap<u64, String>,
    /// Frames of a location, the innermost first.
    frames: FxHashMap<u64, Vec<FrameId>>,
    stack: Vec<FrameId>,
    unnamed: u64,
}

impl<'m> Locations<'m> {
    pub(super) fn of(message: &'m messages::Profile) -> Self {
        let module = |mapping: &messages::Mapping| (mapping.id, super::text(message, mapping.filename));
        Self {
            message,
            locations: message.location.iter().map(|location| (location.id, location)).collect(),
            functions: message.function.iter().map(|function| (function.id, function)).collect(),
            modules: message.mapping.iter().map(module).collect(),
            frames: FxHashMap::default(),
            stack: Vec::new(),
            unnamed: 0,
        }
    }

    /// The frames of a sample, the leaf first.
    pub(super) fn stack(
        &mut self,
        sample: &Sample,
        profile: &mut Profile,
    ) -> Result<&[FrameId], &'static str> {
        self.stack.clear();
        for id in &sample.location_id {
            if !self.frames.contains_key(id) {
                let location = *self.locations.get(id).ok_or("a sample with a location that is not there")?;
                let frames = self.location(location, profile);
                self.frames.insert(*id, frames);
            }
            self.stack.extend_from_slice(&self.frames[id]);
            // The root comes last, and it is the leaf's side that is cut.
            if self.stack.len() > 4 * DEPTH_MAX {
                self.stack.drain(..2 * DEPTH_MAX);
            }
        }
        Ok(&self.stack)
    }

    fn location(&mut self, location: &Location, profile: &mut Profile) -> Vec<FrameId> {
        let module = self.modules.get(&location.mapping_id).filter(|module| !module.is_empty()).cloned();
        if location.line.is_empty() {
            self.unnamed += 1;
            let name = names::unnamed(module.as_deref());
            return vec![
                profile.frames.intern(Frame { module: module.map(Into::into), ..Frame::named(&name) }),
            ];
        }
        let lines = location.line.iter().take(DEPTH_MAX);
        lines.map(|line| profile.frames.intern(self.frame(*line, module.as_deref()))).collect()
    }

    fn frame(&self, line: Line, module: Option<&str>) -> Frame {
        let kind = module.filter(|module| module.starts_with("[kernel")).map(|_| Kind::Kernel);
        let Some(function) = self.functions.get(&line.function_id) else {
            return Frame { module: module.map(Into::into), kind, ..Frame::named("[unknown]") };
        };
        let text = |index| Some(super::text(self.message, index)).filter(|text| !text.is_empty());
        let name = text(function.name).or_else(|| text(function.system_name));
        let number = if function.start_line > 0 { function.start_line } else { line.line };
        Frame {
            name: name.as_deref().unwrap_or("[unknown]").into(),
            file: text(function.filename).map(Into::into),
            line: u32::try_from(number).ok().filter(|line| *line > 0),
            module: module.map(Into::into),
            kind,
        }
    }

    /// Tells of functions without names.
    pub(super) fn notice(&self, profile: &mut Profile) {
        if self.unnamed > 0 {
            let what = "addresses without the names of functions, shown as their binaries; `pprof -proto` adds names where the binary is";
            profile.noticed.add_many(what, self.unnamed, None);
        }
    }
}
