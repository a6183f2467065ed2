//! From numbers of threads and stacks to nodes.

use rustc_hash::FxHashMap;

use super::chunk::Chunk;
use super::values::{self, Array, Constant, Value};
use crate::limits::DEPTH_MAX;
use crate::{Frame, FrameId, Kind, NodeId, Place, Profile};

/// Threads and stacks of one chunk. Each is looked up when an event has it for the first time.
pub(super) struct Stacks<'k, 'c> {
    chunk: &'k Chunk<'c>,
    threads: FxHashMap<Constant, FrameId>,
    /// By method and by what kind of code it was.
    frames: FxHashMap<(Constant, Constant), FrameId>,
    nodes: FxHashMap<(Option<Constant>, Option<Constant>), NodeId>,
}

impl<'k, 'c> Stacks<'k, 'c> {
    pub(super) fn of(chunk: &'k Chunk<'c>) -> Self {
        Self {
            chunk,
            threads: FxHashMap::default(),
            frames: FxHashMap::default(),
            nodes: FxHashMap::default(),
        }
    }

    /// The node of a stack below its thread.
    pub(super) fn node(
        &mut self,
        thread: Option<Constant>,
        stack: Option<Constant>,
        place: Place,
        profile: &mut Profile,
    ) -> NodeId {
        if let Some(node) = self.nodes.get(&(thread, stack)) {
            return *node;
        }
        let root = match thread {
            Some(thread) => {
                let frame = self.thread(thread, profile);
                profile.tree.child(NodeId::ROOT, frame)
            }
            None => NodeId::ROOT,
        };
        let frames = stack.map(|stack| self.frames(stack, place, profile)).unwrap_or_default();
        let node = profile.below(root, frames.into_iter().rev(), Some(place));
        self.nodes.insert((thread, stack), node);
        node
    }

    fn thread(&mut self, thread: Constant, profile: &mut Profile) -> FrameId {
        let chunk = self.chunk;
        *self.threads.entry(thread).or_insert_with(|| {
            let [java, system] = chunk.fields(thread, ["javaName", "osName"]);
            let text = |value| chunk.text(value).filter(|text| !text.is_empty());
            let name = text(java).or_else(|| text(system));
            let name = name.as_deref().unwrap_or("(no name)");
            profile.frames.intern(Frame { kind: Some(Kind::Thread), ..Frame::named(name) })
        })
    }

    /// The frames of a stack, the leaf first.
    fn frames(&mut self, stack: Constant, place: Place, profile: &mut Profile) -> Vec<FrameId> {
        let [truncated, frames] = self.chunk.fields(stack, ["truncated", "frames"]);
        if matches!(truncated, Some(Value::Number(1))) {
            let what = "stacks whose roots were not recorded; record more by `-XX:FlightRecorderOptions=stackdepth=256`";
            profile.noticed.add(what, Some(place));
        }
        let Some(Value::Array(array)) = frames else {
            // Zero stands for no stack.
            if stack.index != 0 {
                profile
                    .noticed
                    .add("stacks that are not in the recording, counted at their threads", Some(place));
            }
            return Vec::new();
        };
        if array.count > DEPTH_MAX {
            profile.notice_depth(Some(place));
        }
        self.array(array, profile)
    }

    fn array(&mut self, array: Array<'c>, profile: &mut Profile) -> Vec<FrameId> {
        let Some(of) = self.chunk.types.get(array.class) else { return Vec::new() };
        let (mut bytes, mut frames) = (array.bytes, Vec::new());
        // The JDK records 2048 frames at most.
        for _ in 0..array.count.min(DEPTH_MAX) {
            let (mut method, mut kind, mut line) = (None, None, None);
            let read =
                values::fields(&self.chunk.types, &mut bytes, of, &mut |name, value| match (name, value) {
                    ("method", Value::Constant(constant)) => method = Some(constant),
                    ("type", Value::Constant(constant)) => kind = Some(constant),
                    // Where there is none it is -1, which has 32 bits.
                    ("lineNumber", Value::Number(number)) => line = i32::try_from(number).ok(),
                    _ => {}
                });
            let (Ok(()), Some(method)) = (read, method) else { break };
            let kind = kind.unwrap_or(Constant { class: 0, index: 0 });
            frames.push(self.frame(
                method,
                kind,
                line.and_then(|line| u32::try_from(line).ok()).filter(|line| *line > 0),
                profile,
            ));
        }
        frames
    }

    fn frame(
        &mut self,
        method: Constant,
        kind: Constant,
        line: Option<u32>,
        profile: &mut Profile,
    ) -> FrameId {
        let chunk = self.chunk;
        *self.frames.entry((method, kind)).or_insert_with(|| {
            let [class, name] = chunk.fields(method, ["type", "name"]);
            let class = match class {
                Some(Value::Constant(class)) => chunk.text(chunk.fields(class, ["name"])[0]),
                _ => None,
            };
            let name = qualified(&class.unwrap_or_default(), &chunk.text(name).unwrap_or_default());
            let kind =
                chunk.text(chunk.fields(kind, ["description"])[0]).and_then(|kind| of_description(&kind));
            profile.frames.intern(Frame { line, kind, ..Frame::named(&name) })
        })
    }
}

/// `com/shop/Orders` and `list` are `com.shop.Orders.list`. Native functions have no class.
fn qualified(class: &str, name: &str) -> String {
    let class = without_address(class);
    match (class, name) {
        ("", "") => "[unknown]".to_owned(),
        ("", name) => name.to_owned(),
        (class, name) => format!("{}.{name}", class.replace('/', ".")),
    }
}

/// The name of a hidden class without its address, which is another one each time: `Orders$$Lambda$87+0x00007f1fa0007a08/330084561`,
/// or `Orders$$Lambda/0x00007f1fa0007a08` since JDK 21.
fn without_address(class: &str) -> &str {
    let address = class.find("+0x").or_else(|| class.find("/0x"));
    address.map_or(class, |at| &class[..at])
}

/// Kinds as the JDK and async-profiler call them.
fn of_description(kind: &str) -> Option<Kind> {
    Some(match kind {
        "Interpreted" => Kind::Interpreted,
        "JIT compiled" => Kind::Jit,
        "C1 compiled" => Kind::Quick,
        "Inlined" => Kind::Inlined,
        "Native" | "C++" => Kind::Native,
        "Kernel" => Kind::Kernel,
        _ => return None,
    })
}
