//! Frames by the text that stands for them.

use std::hash::{BuildHasher, Hasher};

use rustc_hash::FxBuildHasher;

use crate::limits::FRAME_BYTES_MAX;
use crate::table::{NUMBERS_MAX, Table};
use crate::{Frame, FrameId, Profile};

/// Texts that were met, each with the frame that was made of it: a text is taken apart once.
#[derive(Default)]
pub(crate) struct Texts {
    bytes: Vec<u8>,
    texts: Vec<Text>,
    ids: Table,
}

#[derive(Clone, Copy)]
struct Text {
    begin: u32,
    length: u32,
    /// What was made of it.
    frame: FrameId,
}

impl Texts {
    /// The frame of a text, which `of` makes where the text is new.
    pub(crate) fn get(&mut self, text: &[u8], profile: &mut Profile, of: impl Fn(&str) -> Frame) -> FrameId {
        let hash = hash(text);
        let known = self.ids.find(hash, |id| bytes_of(&self.bytes, self.texts[id as usize]) == text);
        match known {
            Some(id) => self.texts[id as usize].frame,
            None => self.add(hash, text, profile.frames.intern(of(&String::from_utf8_lossy(text)))),
        }
    }

    fn add(&mut self, hash: u64, text: &[u8], frame: FrameId) -> FrameId {
        let id = self.texts.len() as u32;
        if self.bytes.len() + text.len() > FRAME_BYTES_MAX || self.texts.len() >= NUMBERS_MAX {
            // Without room it is taken apart each time.
            return frame;
        }
        self.texts.push(Text { begin: self.bytes.len() as u32, length: text.len() as u32, frame });
        self.bytes.extend_from_slice(text);
        let (texts, bytes) = (&self.texts, &self.bytes);
        self.ids.insert(hash, id, |id| self::hash(bytes_of(bytes, texts[id as usize])));
        frame
    }
}

fn bytes_of(bytes: &[u8], text: Text) -> &[u8] {
    &bytes[text.begin as usize..][..text.length as usize]
}

fn hash(text: &[u8]) -> u64 {
    let mut hasher = FxBuildHasher.build_hasher();
    hasher.write(text);
    hasher.finish()
}
