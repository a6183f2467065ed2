//! Who writes records: a session writes many, and what is to be known of it is found by its id.

use detectors::evidence::{OriginRef, Symbol, TraceId};

use super::entry::{Entry, same};

/// A power of two: so many sessions are remembered.
const SLOTS: usize = 1 << 8;

/// What is known of who writes a record.
#[derive(Debug, Clone, Copy)]
pub(super) struct Writer {
    /// What its lines are grouped by; `None` where each is for itself.
    pub(super) session: Option<TraceId>,
    /// Stands for the process; zero where it is not told.
    pub(super) process: u64,
    pub(super) origin: OriginRef,
    pub(super) target: Symbol,
}

/// The sessions of one log that wrote last.
#[derive(Debug, Default)]
pub(super) struct Writers {
    slots: Vec<Option<Known>>,
}

#[derive(Debug, Clone)]
struct Known {
    session: Box<[u8]>,
    user: Box<[u8]>,
    database: Box<[u8]>,
    application: Box<[u8]>,
    writer: Writer,
}

impl Known {
    #[inline]
    fn is_of(&self, entry: &Entry<'_>) -> bool {
        same(&self.session, entry.session)
            && same(&self.user, entry.user)
            && same(&self.database, entry.database)
            && same(&self.application, entry.application)
    }
}

impl Writers {
    /// Who wrote a record, where it wrote another one before.
    #[inline]
    pub(super) fn find(&self, entry: &Entry<'_>) -> Option<&Writer> {
        let known = self.slots.get(place(entry.session))?.as_ref();
        known.filter(|known| known.is_of(entry)).map(|known| &known.writer)
    }

    /// Notes who wrote a record.
    pub(super) fn note(&mut self, entry: &Entry<'_>, writer: Writer) {
        self.slots.resize(SLOTS, None);
        self.slots[place(entry.session)] = Some(Known {
            session: entry.session.into(),
            user: entry.user.into(),
            database: entry.database.into(),
            application: entry.application.into(),
            writer,
        });
    }
}

/// By the last bytes, which tell sessions of one time apart.
#[inline]
fn place(session: &[u8]) -> usize {
    let end = match session.last_chunk() {
        Some(last) => u32::from_le_bytes(*last),
        None => session.iter().fold(0, |end, byte| end << 8 | u32::from(*byte)),
    };
    (end.wrapping_mul(0x9e37_79b1) >> 24) as usize % SLOTS
}
