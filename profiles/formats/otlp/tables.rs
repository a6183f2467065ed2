//! The dictionary of a message: from numbers of stacks to frames.

use rustc_hash::FxHashMap;

use super::messages::{AnyValue, Dictionary, KeyValue, Line, Location, ResourceProfiles, ValueType};
use crate::formats::names;
use crate::limits::DEPTH_MAX;
use crate::{Frame, FrameId, Kind, Measure, NodeId, Place, Profile};

/// The tables of a dictionary, and what was made of them so far.
pub(super) struct Tables<'m> {
    dictionary: &'m Dictionary,
    /// Frames of a location, the innermost first.
    frames: FxHashMap<i32, Vec<FrameId>>,
    /// Nodes of stacks below a root.
    nodes: FxHashMap<(NodeId, i32), NodeId>,
    unnamed: u64,
}

impl<'m> Tables<'m> {
    pub(super) fn of(dictionary: &'m Dictionary) -> Self {
        Self { dictionary, frames: FxHashMap::default(), nodes: FxHashMap::default(), unnamed: 0 }
    }

    /// A text of the table; `None` for one that is empty or not there.
    fn text(&self, index: i32) -> Option<String> {
        let text = entry(&self.dictionary.string_table, index)?;
        (!text.is_empty()).then(|| String::from_utf8_lossy(text).into_owned())
    }

    /// A measure, and how many of its unit one of the values is.
    pub(super) fn measure(&self, of: ValueType) -> (Measure, f64) {
        let text = |index| self.text(index).unwrap_or_default();
        Measure::as_named(&text(of.type_strindex), &text(of.unit_strindex))
    }

    /// The text of the attribute with this name among some.
    pub(super) fn attribute(&self, indices: &[i32], name: &str) -> Option<String> {
        let attributes = indices.iter().filter_map(|index| entry(&self.dictionary.attribute_table, *index));
        let named =
            |key| entry(&self.dictionary.string_table, key).is_some_and(|text| text == name.as_bytes());
        let mut found = attributes.filter(|attribute| named(attribute.key_strindex));
        found.find_map(|attribute| self.value(attribute.value.as_ref()?))
    }

    /// The name of the service that a resource is.
    pub(super) fn service(&self, resource: &ResourceProfiles) -> Option<String> {
        let attributes = &resource.resource.as_ref()?.attributes;
        let is_it = |of: &&KeyValue| {
            of.key == "service.name" || self.text(of.key_strindex).as_deref() == Some("service.name")
        };
        self.value(attributes.iter().find(is_it)?.value.as_ref()?)
    }

    fn value(&self, value: &AnyValue) -> Option<String> {
        let text = value.string_value.clone().filter(|text| !text.is_empty());
        text.or_else(|| self.text(value.string_value_strindex))
    }

    /// The node of a stack below one.
    pub(super) fn node(
        &mut self,
        root: NodeId,
        stack: i32,
        place: Place,
        profile: &mut Profile,
    ) -> Result<NodeId, &'static str> {
        if let Some(node) = self.nodes.get(&(root, stack)) {
            return Ok(*node);
        }
        let frames = self.stack(stack, profile)?;
        let node = profile.below(root, frames, Some(place));
        self.nodes.insert((root, stack), node);
        Ok(node)
    }

    /// The frames of a stack, the root first, with one more than are kept.
    fn stack(&mut self, index: i32, profile: &mut Profile) -> Result<Vec<FrameId>, &'static str> {
        let stack = entry(&self.dictionary.stack_table, index)
            .ok_or("a sample with a stack that is not there, as in versions of the format before 1.8")?;
        let mut frames = Vec::new();
        for index in stack.location_indices.iter().rev() {
            if !self.frames.contains_key(index) {
                let location = entry(&self.dictionary.location_table, *index)
                    .ok_or("a stack with a location that is not there")?;
                let made = self.location(location, profile);
                self.frames.insert(*index, made);
            }
            frames.extend(self.frames[index].iter().rev());
            if frames.len() > DEPTH_MAX {
                break;
            }
        }
        Ok(frames)
    }

    fn location(&mut self, location: &Location, profile: &mut Profile) -> Vec<FrameId> {
        let mapping = entry(&self.dictionary.mapping_table, location.mapping_index);
        let module = mapping.and_then(|mapping| self.text(mapping.filename_strindex));
        let is_kernel =
            self.attribute(&location.attribute_indices, "profile.frame.type").as_deref() == Some("kernel");
        let kind = is_kernel.then_some(Kind::Kernel);
        if location.lines.is_empty() {
            self.unnamed += 1;
            let name = names::unnamed(module.as_deref());
            let frame = Frame { module: module.map(Into::into), kind, ..Frame::named(&name) };
            return vec![profile.frames.intern(frame)];
        }
        let lines = location.lines.iter().take(DEPTH_MAX);
        lines.map(|line| profile.frames.intern(self.frame(*line, module.as_deref(), kind))).collect()
    }

    fn frame(&self, line: Line, module: Option<&str>, kind: Option<Kind>) -> Frame {
        let function =
            entry(&self.dictionary.function_table, line.function_index).copied().unwrap_or_default();
        let name = self.text(function.name_strindex).or_else(|| self.text(function.system_name_strindex));
        let number = if function.start_line > 0 { function.start_line } else { line.line };
        Frame {
            name: name.as_deref().unwrap_or("[unknown]").into(),
            file: self.text(function.filename_strindex).map(Into::into),
            line: u32::try_from(number).ok().filter(|line| *line > 0),
            module: module.map(Into::into),
            kind,
        }
    }

    /// Tells of functions without names.
    pub(super) fn notice(&self, profile: &mut Profile) {
        if self.unnamed > 0 {
            let what = "addresses without the names of functions, shown as their binaries";
            profile.noticed.add_many(what, self.unnamed, None);
        }
    }
}

fn entry<T>(table: &[T], index: i32) -> Option<&T> {
    usize::try_from(index).ok().and_then(|index| table.get(index))
}
