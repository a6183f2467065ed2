//! Records: samples, and what one needs to understand them.

use super::bytes::Bytes;
use super::file::{Event, File};

/// Bits of `perf_event_sample_format`.
const IP: u64 = 1;
const TID: u64 = 1 << 1;
const TIME: u64 = 1 << 2;
const ADDR: u64 = 1 << 3;
const READ: u64 = 1 << 4;
const CALLCHAIN: u64 = 1 << 5;
const ID: u64 = 1 << 6;
const CPU: u64 = 1 << 7;
const PERIOD: u64 = 1 << 8;
const STREAM_ID: u64 = 1 << 9;
const STACK_USER: u64 = 1 << 13;
const IDENTIFIER: u64 = 1 << 16;

/// Bits of `perf_event_read_format`: times, identifier, group, lost.
const READ_TIMES: [u64; 2] = [1, 1 << 1];
const READ_ID: u64 = 1 << 2;
const READ_GROUP: u64 = 1 << 3;
const READ_LOST: u64 = 1 << 4;

/// A record, behind its header of eight bytes.
#[derive(Debug, Clone, Copy)]
pub(super) struct Record<'f> {
    /// Where it is in the file.
    pub(super) at: usize,
    pub(super) kind: u32,
    pub(super) flags: u16,
    pub(super) body: Bytes<'f>,
}

impl<'f> Record<'f> {
    /// The record at a place before `end`, and where the next is; `None` where its size is none.
    pub(super) fn at(file: Bytes<'f>, at: usize, end: usize) -> Option<(Self, usize)> {
        let (kind, size) = (file.u32(at)?, usize::from(file.u16(at + 6)?));
        let next = at.checked_add(size).filter(|next| size >= 8 && *next <= end)?;
        let record = Self { at, kind, flags: file.u16(at + 4)?, body: Bytes(file.0.get(at + 8..next)?) };
        // What a tracing unit wrote is behind its record, and no record.
        let behind = if kind == AUXTRACE { usize::try_from(record.body.u64(0)?).ok()? } else { 0 };
        Some((record, next.checked_add(behind)?))
    }

    /// When it was made; zero where it does not tell.
    pub(super) fn time(&self, file: &File) -> u64 {
        if self.kind == SAMPLE {
            return Sample::read(self, file).map_or(0, |sample| sample.time);
        }
        let first = &file.events[0];
        if !first.has_id_all || first.sample & TIME == 0 {
            return 0;
        }
        let behind = [ID, STREAM_ID, CPU, IDENTIFIER].iter().filter(|bit| first.sample & **bit != 0).count();
        let place = self.body.0.len().checked_sub(8 * (behind + 1));
        place.and_then(|place| self.body.u64(place)).unwrap_or(0)
    }
}

pub(super) const MMAP: u32 = 1;
pub(super) const LOST: u32 = 2;
pub(super) const COMM: u32 = 3;
pub(super) const FORK: u32 = 7;
pub(super) const SAMPLE: u32 = 9;
pub(super) const MMAP2: u32 = 10;
pub(super) const LOST_SAMPLES: u32 = 13;
const AUXTRACE: u32 = 71;
pub(super) const COMPRESSED: u32 = 81;
pub(super) const COMPRESSED2: u32 = 83;

/// A sample.
#[derive(Debug, Clone, Copy)]
pub(super) struct Sample<'f> {
    /// Number of the event.
    pub(super) event: usize,
    pub(super) process: u32,
    pub(super) thread: u32,
    pub(super) time: u64,
    pub(super) period: Option<u64>,
    /// The address that was running.
    pub(super) address: Option<u64>,
    /// Addresses of eight bytes, the leaf first, with marks between parts of the stack.
    pub(super) chain: Bytes<'f>,
    /// Whether it has the bytes of the stack instead of what is on it.
    pub(super) is_to_unwind: bool,
}

impl<'f> Sample<'f> {
    /// Reads a record; `None` where it is shorter than its fields.
    pub(super) fn read(record: &Record<'f>, file: &File) -> Option<Self> {
        let number = match file.events.len() {
            1 => 0,
            _ => *file.ids.get(&identifier(record.body, file.events[0].sample)?)?,
        };
        let event = &file.events[number];
        let mut fields = Fields { body: record.body, at: 0, bits: event.sample };
        fields.next(IDENTIFIER)?;
        let address = fields.next(IP)?;
        let ids = fields.next(TID)?.unwrap_or(0);
        let time = fields.next(TIME)?.unwrap_or(0);
        for unread in [ADDR, ID, STREAM_ID, CPU] {
            fields.next(unread)?;
        }
        let period = fields.next(PERIOD)?.or(event.period);
        if event.sample & READ != 0 {
            fields.at = fields.at.checked_add(read_bytes(event, record.body.u64(fields.at)?)?)?;
        }
        let length = fields.next(CALLCHAIN)?.unwrap_or(0);
        Some(Self {
            event: number,
            process: ids as u32,
            thread: (ids >> 32) as u32,
            time,
            period,
            address,
            chain: record.body.part(fields.at as u64, length.checked_mul(8)?)?,
            is_to_unwind: event.sample & STACK_USER != 0,
        })
    }
}

/// Fields of eight bytes, each of which is there if its bit is set.
struct Fields<'f> {
    body: Bytes<'f>,
    at: usize,
    bits: u64,
}

impl Fields<'_> {
    /// The next field; the outer `None` where it should be there and is not.
    fn next(&mut self, bit: u64) -> Option<Option<u64>> {
        if self.bits & bit == 0 {
            return Some(None);
        }
        let field = self.body.u64(self.at)?;
        self.at += 8;
        Some(Some(field))
    }
}

/// The identifier of a sample's event: all events have it at the same place.
fn identifier(body: Bytes<'_>, bits: u64) -> Option<u64> {
    if bits & IDENTIFIER != 0 {
        return body.u64(0);
    }
    let before = [IP, TID, TIME, ADDR].iter().filter(|bit| bits & **bit != 0).count();
    (bits & ID != 0).then(|| body.u64(before * 8)).flatten()
}

/// How long the counters in a sample are, of which there are `first` in a group.
fn read_bytes(event: &Event, first: u64) -> Option<usize> {
    let has = |bit: u64| u64::from(event.read & bit != 0);
    let times: u64 = READ_TIMES.into_iter().map(has).sum();
    let each = 1 + has(READ_ID) + has(READ_LOST);
    let count = if event.read & READ_GROUP == 0 {
        times + each
    } else {
        first.checked_mul(each)?.checked_add(1 + times)?
    };
    usize::try_from(count.checked_mul(8)?).ok()
}
