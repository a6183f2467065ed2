//! The tables that stacks are looked up in.

use serde::Deserialize;

use crate::limits::DEPTH_MAX;
use crate::{Frame, FrameId, NodeId, Profile};

/// Tables of columns. What is an index may be -1 or `null`, which both are none.
#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct Tables {
    pub(super) stack_table: StackTable,
    pub(super) frame_table: FrameTable,
    pub(super) func_table: FuncTable,
    pub(super) resource_table: ResourceTable,
    pub(super) string_array: Vec<String>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
pub(super) struct StackTable {
    pub(super) frame: Vec<i64>,
    prefix: Vec<Option<i64>>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
pub(super) struct FrameTable {
    func: Vec<i64>,
    line: Vec<Option<f64>>,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct FuncTable {
    name: Vec<i64>,
    resource: Vec<Option<i64>>,
    file_name: Vec<Option<i64>>,
    line_number: Vec<Option<f64>>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
pub(super) struct ResourceTable {
    name: Vec<Option<i64>>,
}

impl Tables {
    fn frame(&self, frame: i64) -> Frame {
        let func = at(&self.frame_table.func, frame).copied();
        let text =
            |index: Option<i64>| index.and_then(|index| self.string(index)).filter(|text| !text.is_empty());
        let of = |column: &[Option<i64>]| func.and_then(|func| at(column, func).copied().flatten());
        let line = func.and_then(|func| at(&self.func_table.line_number, func).copied().flatten());
        let line = line.or_else(|| at(&self.frame_table.line, frame).copied().flatten());
        let name = text(func.and_then(|func| at(&self.func_table.name, func).copied()));
        let module = of(&self.func_table.resource)
            .and_then(|resource| at(&self.resource_table.name, resource).copied().flatten());
        Frame {
            file: text(of(&self.func_table.file_name)).map(Into::into),
            line: line.and_then(crate::formats::json::line),
            module: text(module).map(Into::into),
            ..Frame::named(name.unwrap_or("[unknown]"))
        }
    }

    fn string(&self, index: i64) -> Option<&str> {
        at(&self.string_array, index).map(String::as_str)
    }
}

fn at<T>(column: &[T], index: i64) -> Option<&T> {
    usize::try_from(index).ok().and_then(|index| column.get(index))
}

/// Nodes by the number of their stack. Each stack is looked up once.
pub(super) struct Stacks<'t> {
    tables: &'t Tables,
    root: NodeId,
    nodes: Vec<Option<NodeId>>,
    frames: Vec<Option<FrameId>>,
}

impl<'t> Stacks<'t> {
    pub(super) fn of(tables: &'t Tables, root: NodeId) -> Self {
        let frames = vec![None; tables.frame_table.func.len()];
        Self { tables, root, nodes: vec![None; tables.stack_table.frame.len()], frames }
    }

    /// The node of a stack; `None` where it or one of its callers is not there, or where callers go in a circle.
    pub(super) fn node(&mut self, stack: i64, profile: &mut Profile) -> Option<NodeId> {
        let mut way = Vec::new();
        let mut next = Some(stack).filter(|stack| *stack >= 0);
        let mut node = self.root;
        while let Some(stack) = next {
            let index = usize::try_from(stack).ok()?;
            if let Some(known) = (*self.nodes.get(index)?).as_ref() {
                node = *known;
                break;
            }
            // As long as the table is, no way without a circle is.
            if way.len() >= self.nodes.len() {
                return None;
            }
            way.push(index);
            next = self.tables.stack_table.prefix.get(index).copied().flatten().filter(|prefix| *prefix >= 0);
        }
        for (depth, index) in way.into_iter().rev().enumerate() {
            if depth < DEPTH_MAX {
                let frame = self.frame(self.tables.stack_table.frame[index], profile)?;
                node = profile.tree.child(node, frame);
            } else if depth == DEPTH_MAX {
                profile.notice_depth(None);
            }
            self.nodes[index] = Some(node);
        }
        Some(node)
    }

    fn frame(&mut self, frame: i64, profile: &mut Profile) -> Option<FrameId> {
        let known = usize::try_from(frame).ok().and_then(|index| self.frames.get_mut(index))?;
        Some(*known.get_or_insert_with(|| profile.frames.intern(self.tables.frame(frame))))
    }
}
