//! A session of a log that is larger than memory: spread by time instead of by trace, and handed out part by part.

use std::cmp::Ordering;
use std::io;

use detectors::evidence::{Span, TraceId};

use super::partition::Partition;
use super::spill::Spill;
use super::{Grouping, Groups, HandingOut, PARTITIONS, Part, Spread, Worker};

impl<P: Fn(&mut Span), T: Fn(&Span, &Span) -> Ordering, E> HandingOut<P, T, E> {
    /// Hands out one session, whose lines are written in a stretch of time.
    pub(super) fn long_session<W>(
        &self,
        session: TraceId,
        extent_ns: (u64, u64),
        partition: Partition,
        spill: &Spill,
        share_bytes: usize,
        worker: &mut Worker<W>,
    ) -> io::Result<()>
    where
        E: Fn(&mut W, Part<'_>),
    {
        self.in_slices(extent_ns, partition, spill, share_bytes, worker)?;
        worker.counts.traces += 1;
        (self.each)(&mut worker.made, Part { trace: session, spans: &[], more: false });
        Ok(())
    }

    /// Hands out slices of time, one after the other, those that are too large in slices of their own. Lines of one
    /// moment stay together.
    fn in_slices<W>(
        &self,
        (from_ns, until_ns): (u64, u64),
        partition: Partition,
        spill: &Spill,
        share_bytes: usize,
        worker: &mut Worker<W>,
    ) -> io::Result<()>
    where
        E: Fn(&mut W, Part<'_>),
    {
        let each_ns = (until_ns - from_ns) / PARTITIONS as u64 + 1;
        let again = Grouping::by(Spread::ByTime { from_ns, each_ns }, share_bytes / 2);
        partition.drain(spill, |spans| again.add(spans))?;
        let Groups { partitions, memory_bytes, spill, .. } = again.finish()?;
        for slice in partitions.into_iter().filter(|slice| slice.len() > 0) {
            let fits = slice.fits(memory_bytes);
            match slice.session_extent().filter(|_| !fits) {
                Some((_, extent_ns)) => self.in_slices(extent_ns, slice, &spill, memory_bytes, worker)?,
                None => {
                    worker.counts.oversized += u64::from(!fits);
                    self.whole(slice, &spill, true, worker)?;
                }
            }
        }
        worker.counts.spilled_bytes += spill.bytes();
        Ok(())
    }
}
