//! What runs: names of threads, and what is mapped into processes, as it is at the time of a sample.

use std::collections::BTreeMap;
use std::rc::Rc;

use rustc_hash::FxHashMap;

use super::bytes::Bytes;
use super::record::{COMM, FORK, MMAP, MMAP2, Record};
use crate::symbols::Identity;

/// Entries of all maps together, where processes that forked share theirs until either changes.
const ENTRIES_MAX: usize = 2_000_000;

/// The process of the kernel's maps.
pub(super) const KERNEL: u32 = u32::MAX;

/// Places of names in the file.
type Name<'f> = &'f [u8];

/// Threads and processes so far.
#[derive(Default)]
pub(super) struct Processes<'f> {
    names: FxHashMap<u32, Name<'f>>,
    maps: FxHashMap<u32, Rc<BTreeMap<u64, Mapped<'f>>>>,
    entries: usize,
}

/// Part of a file in the memory of a process.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Mapped<'f> {
    begin: u64,
    end: u64,
    /// Where in the file it begins.
    offset: u64,
    pub(super) module: Name<'f>,
    /// Which file it is of, where the record tells it.
    pub(super) identity: Option<Identity<'f>>,
}

impl Mapped<'_> {
    /// Where in the file an address is.
    pub(super) fn offset_of(&self, address: u64) -> u64 {
        (address - self.begin).wrapping_add(self.offset)
    }
}

impl<'f> Processes<'f> {
    /// Takes note of a record, if it is about what runs; `None` where it is damaged.
    pub(super) fn record(&mut self, record: &Record<'f>) -> Option<()> {
        let body = record.body;
        match record.kind {
            COMM => _ = self.names.insert(body.u32(4)?, body.text(8)?),
            MMAP => self.map(body, body.text(32)?, None)?,
            MMAP2 => self.map(body, body.text(64)?, identity(record))?,
            FORK => self.fork(body)?,
            _ => {}
        }
        Some(())
    }

    fn map(&mut self, body: Bytes<'f>, module: Name<'f>, identity: Option<Identity<'f>>) -> Option<()> {
        let (begin, length) = (body.u64(8)?, body.u64(16)?);
        let mapped =
            Mapped { begin, end: begin.saturating_add(length), offset: body.u64(24)?, module, identity };
        let maps = self.maps.entry(body.u32(0)?).or_default();
        let copied = if Rc::strong_count(maps) > 1 { maps.len() } else { 0 };
        if self.entries + copied + 2 > ENTRIES_MAX {
            return None;
        }
        self.entries += copied + 2;
        insert(Rc::make_mut(maps), mapped);
        Some(())
    }

    /// A new thread has its parent's name, and a new process its maps.
    fn fork(&mut self, body: Bytes<'f>) -> Option<()> {
        let (process, parent) = (body.u32(0)?, body.u32(4)?);
        let (thread, parent_thread) = (body.u32(8)?, body.u32(12)?);
        if let Some(name) = self.names.get(&parent_thread).copied() {
            self.names.insert(thread, name);
        }
        if process != parent
            && let Some(maps) = self.maps.get(&parent).cloned()
        {
            self.maps.insert(process, maps);
        }
        Some(())
    }

    /// The name of a thread.
    pub(super) fn name(&self, thread: u32) -> Option<Name<'f>> {
        match thread {
            0 => Some(b"swapper"),
            _ => self.names.get(&thread).copied(),
        }
    }

    /// What an address of a process is in.
    pub(super) fn mapped(&self, process: u32, address: u64) -> Option<Mapped<'f>> {
        let (_, mapped) = self.maps.get(&process)?.range(..=address).next_back()?;
        (address < mapped.end).then_some(*mapped)
    }
}

/// Which file is mapped: a build, if a flag says so, else a device and the number of the file there.
fn identity<'f>(record: &Record<'f>) -> Option<Identity<'f>> {
    let body = record.body;
    if record.flags >> 14 & 1 == 1 {
        let length = usize::from(*body.0.get(32)?).min(20);
        return Some(Identity::Build(body.0.get(36..36 + length)?));
    }
    Some(Identity::File { device: (body.u32(32)?, body.u32(36)?), number: body.u64(40)? })
}

/// Maps a part over what was there before.
fn insert<'f>(maps: &mut BTreeMap<u64, Mapped<'f>>, mapped: Mapped<'f>) {
    let before = maps.range(..mapped.begin).next_back().map(|(_, before)| *before);
    if let Some(before) = before.filter(|before| before.end > mapped.begin) {
        maps.insert(before.begin, Mapped { end: mapped.begin, ..before });
        rest(maps, before, mapped.end);
    }
    while let Some((begin, over)) =
        maps.range(mapped.begin..mapped.end).next().map(|(begin, over)| (*begin, *over))
    {
        maps.remove(&begin);
        rest(maps, over, mapped.end);
    }
    maps.insert(mapped.begin, mapped);
}

/// Keeps what of a part is behind an address.
fn rest<'f>(maps: &mut BTreeMap<u64, Mapped<'f>>, part: Mapped<'f>, from: u64) {
    if part.end > from {
        maps.insert(from, Mapped { begin: from, offset: part.offset_of(from), ..part });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn part(begin: u64, end: u64, module: &[u8]) -> Mapped<'_> {
        Mapped { begin, end, offset: begin, module, identity: None }
    }

    #[test]
    fn later_maps_lie_over_earlier_ones() {
        let mut maps = BTreeMap::new();
        for mapped in [part(10, 50, b"a"), part(20, 30, b"b"), part(25, 60, b"c")] {
            insert(&mut maps, mapped);
        }
        let parts: Vec<_> = maps.values().copied().collect();
        assert_eq!(parts, [part(10, 20, b"a"), part(20, 25, b"b"), part(25, 60, b"c")]);
        insert(&mut maps, part(0, 100, b"d"));
        assert_eq!(maps.values().copied().collect::<Vec<_>>(), [part(0, 100, b"d")]);
        insert(&mut maps, part(40, 50, b"e"));
        let parts: Vec<_> = maps.values().copied().collect();
        assert_eq!(parts, [part(0, 40, b"d"), part(40, 50, b"e"), part(50, 100, b"d")]);
    }
}
