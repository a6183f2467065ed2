//! The header of a file: which events were recorded, how their records are laid out, and where the records are.
//!
//! After `tools/perf/Documentation/perf.data-file-format.txt` and `include/uapi/linux/perf_event.h` of Linux.

use std::ops::Range;

use rustc_hash::FxHashMap;

use super::bytes::Bytes;

/// The first bytes of a file of a machine that is little-endian.
pub(super) const MAGIC: &[u8] = b"PERFILE2";

/// Bytes of the header of a file; that of a pipe is shorter.
const HEADER_BYTES: u64 = 104;

/// Number of the section that describes events by name.
const EVENT_DESC: u32 = 12;

/// Number of the section with the builds of binaries.
const BUILD_ID: u32 = 2;

/// Binaries of which the build is told.
const BUILDS_MAX: usize = 100_000;

/// Events of one recording.
const EVENTS_MAX: usize = 4096;

/// Identifiers of one event, which has one for each processor, or for each thread.
const IDS_MAX: usize = 1 << 16;

/// What a file's header tells.
pub(super) struct File {
    /// At least one.
    pub(super) events: Vec<Event>,
    /// Numbers of events by identifier.
    pub(super) ids: FxHashMap<u64, usize>,
    /// Where the records are.
    pub(super) records: Range<usize>,
    /// Where the builds of binaries are told, behind the records.
    end: u64,
}

/// An event that was recorded, and how: bits of `perf_event_attr`.
#[derive(Debug, Clone)]
pub(super) struct Event {
    pub(super) name: Vec<u8>,
    /// Which fields a sample has.
    pub(super) sample: u64,
    /// Which fields the counters in it have.
    pub(super) read: u64,
    /// How much of the event passes between two samples, where it is always the same.
    pub(super) period: Option<u64>,
    /// Whether records that are no samples have a time, too.
    pub(super) has_id_all: bool,
}

impl File {
    pub(super) fn read(file: Bytes<'_>) -> Result<Self, &'static str> {
        let cut = "a recording of perf that is cut off";
        let size = file.u64(8).ok_or(cut)?;
        if size < HEADER_BYTES {
            return Err(
                "a recording of perf that was written to a pipe; give the text of `perf script -i FILE`",
            );
        }
        let number = |at| file.u64(at).ok_or(cut);
        let (begin, length) = (number(40)?, number(48)?);
        let begin = usize::try_from(begin).ok().filter(|begin| *begin <= file.0.len()).ok_or(cut)?;
        // It is zero where perf was killed: then all that follows are records.
        let length = usize::try_from(length).unwrap_or(usize::MAX);
        let rest = file.0.len() - begin;
        let end = if length == 0 { file.0.len() } else { begin + length.min(rest) };
        let behind = (begin as u64).saturating_add(length as u64);
        let mut read =
            Self { events: Vec::new(), ids: FxHashMap::default(), records: begin..end, end: behind };
        match features(file, behind, EVENT_DESC) {
            Some(described) => read.described(described),
            None => read.attributes(file),
        }
        .ok_or("a recording of perf without a description of its events; give the text of `perf script`")?;
        if read.events.is_empty() {
            return Err("a recording of perf without events");
        }
        Ok(read)
    }

    /// Builds of binaries by their paths.
    pub(super) fn builds<'f>(&self, file: Bytes<'f>) -> FxHashMap<&'f [u8], &'f [u8]> {
        let mut builds = FxHashMap::default();
        let mut section = features(file, self.end, BUILD_ID).map_or(&[][..], |section| section.0);
        while let Some((path, build, rest)) = build(section).filter(|_| builds.len() < BUILDS_MAX) {
            builds.insert(path, build);
            section = rest;
        }
        builds
    }

    /// Events by the section with their names.
    fn described(&mut self, section: Bytes<'_>) -> Option<()> {
        let size = u64::from(section.u32(4)?);
        let mut at = 8;
        for number in 0..section.u32(0)?.min(EVENTS_MAX as u32) as usize {
            let attribute = section.part(at, size)?;
            at += size;
            let (ids, length) = (section.u32(at as usize)?, section.u32(at as usize + 4)?);
            let name = section.part(at + 8, u64::from(length))?.text(0)?;
            at += 8 + u64::from(length);
            self.events.push(Event::of(attribute, name)?);
            self.identify(section.part(at, u64::from(ids) * 8)?, number);
            at += u64::from(ids) * 8;
        }
        Some(())
    }

    /// Events by the section that every file has, without their names.
    fn attributes(&mut self, file: Bytes<'_>) -> Option<()> {
        let size = file.u64(16).filter(|size| *size >= 64)?;
        let section = file.part(file.u64(24)?, file.u64(32)?)?;
        for (number, entry) in
            section.0.chunks_exact(usize::try_from(size).ok()?).take(EVENTS_MAX).enumerate()
        {
            let (entry, behind) = (Bytes(entry), entry.len() - 16);
            self.events.push(Event::of(entry, format!("event {}", number + 1).as_bytes())?);
            if let Some(ids) = file.part(entry.u64(behind)?, entry.u64(behind + 8)?) {
                self.identify(ids, number);
            }
        }
        Some(())
    }

    fn identify(&mut self, ids: Bytes<'_>, number: usize) {
        let count = (ids.0.len() / 8).min(IDS_MAX);
        self.ids.extend((0..count).filter_map(|index| Some((ids.u64(index * 8)?, number))));
    }
}

/// A record like others: flags, a process, 20 bytes and possibly how many of them count, a path. And what is behind it.
fn build(section: &[u8]) -> Option<(&[u8], &[u8], &[u8])> {
    let (bytes, flags) = (Bytes(section), Bytes(section).u16(4)?);
    let size = usize::from(bytes.u16(6)?);
    let (record, rest) = section.split_at_checked(size.max(36))?;
    let length = if flags >> 15 & 1 == 1 { usize::from(record[32]).min(20) } else { 20 };
    Some((Bytes(record).text(36)?, &record[12..12 + length], rest))
}

/// A section behind the records: each bit of the header that is set has one.
fn features(file: Bytes<'_>, end: u64, wanted: u32) -> Option<Bytes<'_>> {
    let bits = file.u64(72)?;
    if bits >> wanted & 1 == 0 {
        return None;
    }
    let before = u64::from((bits & ((1 << wanted) - 1)).count_ones());
    let entry = usize::try_from(end.checked_add(before * 16)?).ok()?;
    file.part(file.u64(entry)?, file.u64(entry.checked_add(8)?)?)
}

impl Event {
    fn of(attribute: Bytes<'_>, name: &[u8]) -> Option<Self> {
        let flags = attribute.u64(40)?;
        let is_by_frequency = flags >> 10 & 1 == 1;
        Some(Self {
            name: name.to_vec(),
            sample: attribute.u64(24)?,
            read: attribute.u64(32)?,
            period: attribute.u64(16).filter(|_| !is_by_frequency),
            has_id_all: flags >> 18 & 1 == 1,
        })
    }
}
