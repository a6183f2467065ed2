//! What was worked out once about a shape or an instrumentation: the same in every request.

use std::cell::RefCell;

use rustc_hash::FxHashMap;

use crate::evidence::timeline::LockedBy;
use crate::evidence::{ByShape, Dictionary, Kind, OriginRef, ShapeRef};
use crate::group::Bulk;
use crate::kinship::{Kinship, kinship};
use crate::nature::Nature;
use crate::stack::{self, EventLoop};

/// Pairs of shapes that are remembered; then all are forgotten.
const PAIRS_MAX: usize = 100_000;

/// Answers that are remembered, for one dictionary.
#[derive(Debug, Default)]
pub struct Memo {
    mappers: RefCell<FxHashMap<OriginRef, bool>>,
    event_loops: RefCell<FxHashMap<OriginRef, Option<EventLoop>>>,
    locked_by: RefCell<LockedBy>,
    natures: RefCell<ByShape<(Kind, Nature)>>,
    bulks: RefCell<ByShape<(Kind, Bulk)>>,
    kinships: RefCell<FxHashMap<(ShapeRef, ShapeRef), Kinship>>,
}

impl Memo {
    /// Whether an object mapper reports what comes from here.
    pub(crate) fn is_of_mapper(&self, origin: OriginRef, dictionary: &Dictionary) -> bool {
        *self.mappers.borrow_mut().entry(origin).or_insert_with(|| stack::is_of_mapper(dictionary, origin))
    }

    /// On which event loop the requests of a process take turns.
    pub(crate) fn event_loop(&self, origin: OriginRef, dictionary: &Dictionary) -> Option<EventLoop> {
        let mut event_loops = self.event_loops.borrow_mut();
        *event_loops.entry(origin).or_insert_with(|| stack::event_loop(dictionary, origin))
    }

    /// What a statement locks; `None` if it takes no lock that others wait for.
    pub(crate) fn locked_by(&self, shape: ShapeRef, dictionary: &Dictionary) -> Option<u64> {
        self.locked_by.borrow_mut().of(shape, dictionary)
    }

    /// What an operation of a kind and shape is, as `work` finds out. Hardly any shape has several kinds.
    pub(crate) fn nature(&self, kind: Kind, shape: ShapeRef, work: impl Fn(ShapeRef) -> Nature) -> Nature {
        match self.natures.borrow_mut().of(shape, || (kind, work(shape))) {
            (known, nature) if known == kind => nature,
            _ => work(shape),
        }
    }

    /// What the text of calls of a kind and shape says of whether they handle many rows.
    pub(crate) fn bulk(&self, kind: Kind, shape: ShapeRef, dictionary: &Dictionary) -> Bulk {
        let work = || Bulk::of(kind, dictionary.shape(shape));
        match self.bulks.borrow_mut().of(shape, || (kind, work())) {
            (known, bulk) if known == kind => bulk,
            _ => work(),
        }
    }

    /// What a loop of `child` is to the query `parent`.
    pub(crate) fn kinship(&self, child: ShapeRef, parent: ShapeRef, dictionary: &Dictionary) -> Kinship {
        let mut kinships = self.kinships.borrow_mut();
        if kinships.len() >= PAIRS_MAX {
            kinships.clear();
        }
        *kinships
            .entry((child, parent))
            .or_insert_with(|| kinship(dictionary.shape(child), dictionary.shape(parent)))
    }
}
