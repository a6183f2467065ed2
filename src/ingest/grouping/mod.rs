//! Puts the spans of each trace together, whatever the order in which they come.
//!
//! Spans are spread over partitions by a hash of their trace id as they arrive.
//! While they fit the given memory they stay there; beyond it one partition after
//! the other is written to a file without a name in the folder for temporary
//! files. Then the partitions are grouped one by one, each by one worker, so that
//! memory stays flat; a partition that has become too large is spread once more by
//! other bits of the hash. No literal is in a span, so none is written.

mod gathering;
mod partition;
mod record;
mod spill;

use std::cmp::Ordering;
use std::io;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering::Relaxed};
use std::sync::{Mutex, MutexGuard, PoisonError};

use detectors::evidence::{Span, TraceId, Traced};

use gathering::{Gathering, Rules};
use partition::{CHUNK_BITS_MAX, Partition};
use spill::Spill;

/// A hash of so many bits tells the partition.
const PARTITION_BITS: u32 = 6;
/// How many partitions there are.
const PARTITIONS: usize = 1 << PARTITION_BITS;
/// So often a partition may be spread again: 64 to the power of 5 are more than memory holds spans.
const LEVEL_MAX: u32 = 4;
/// So many spans are spread over the partitions in one go.
const BATCH: usize = 1 << 16;

/// What grouping did.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Counts {
    /// Records of spans that came in, those that stand for lost ones included.
    pub spans: u64,
    /// Traces handed out.
    pub traces: u64,
    /// Records left out because another record of the same span is kept.
    pub duplicates: u64,
    /// Records that stand for lost spans.
    pub lost: u64,
    /// Traces with such records.
    pub incomplete: u64,
    /// Bytes written to temporary files.
    pub spilled_bytes: u64,
    /// Partitions grouped, those that were spread again once for each part.
    pub partitions: u64,
    /// Partitions that were larger than their share of memory and could not be divided: mostly one huge trace.
    pub oversized: u64,
}

impl Counts {
    fn add(&mut self, other: Self) {
        self.spans += other.spans;
        self.traces += other.traces;
        self.duplicates += other.duplicates;
        self.lost += other.lost;
        self.incomplete += other.incomplete;
        self.spilled_bytes += other.spilled_bytes;
        self.partitions += other.partitions;
        self.oversized += other.oversized;
    }
}

/// Takes spans in any order, from any number of threads.
#[derive(Debug)]
pub struct Grouping {
    partitions: Vec<Mutex<Partition>>,
    memory_bytes: AtomicUsize,
    level: u32,
    /// Bytes of spans in memory.
    held_bytes: AtomicUsize,
    /// The partition to write down next.
    next: AtomicUsize,
    /// Batches so far.
    batches: AtomicUsize,
    spans: AtomicU64,
    spill: Spill,
}

impl Grouping {
    /// Empty. About `memory_bytes` are used for spans, while they come in and while they are handed out;
    /// each partition keeps a few spans in memory, so less than 64 KiB cannot be kept to.
    pub fn new(memory_bytes: usize) -> Self {
        Self::at_level(memory_bytes, 0)
    }

    fn at_level(memory_bytes: usize, level: u32) -> Self {
        // Partly filled chunks take at most an eighth of the memory.
        let chunk_spans = memory_bytes / (8 * PARTITIONS * size_of::<Span>());
        let chunk_bits = chunk_spans.max(4).ilog2().min(CHUNK_BITS_MAX);
        Self {
            partitions: (0..PARTITIONS).map(|_| Mutex::new(Partition::new(chunk_bits))).collect(),
            memory_bytes: AtomicUsize::new(memory_bytes),
            level,
            held_bytes: AtomicUsize::new(0),
            next: AtomicUsize::new(0),
            batches: AtomicUsize::new(0),
            spans: AtomicU64::new(0),
            spill: Spill::default(),
        }
    }

    /// Uses no more than so many bytes from now on, where it was given more.
    pub fn limit(&self, memory_bytes: usize) {
        self.memory_bytes.fetch_min(memory_bytes, Relaxed);
    }

    /// Takes the spans out of a vector, which keeps its capacity.
    ///
    /// # Errors
    ///
    /// Fails where a temporary file cannot be made or written.
    pub fn add(&self, spans: &mut Vec<Traced>) -> io::Result<()> {
        for batch in spans.chunks(BATCH) {
            self.spread(batch);
            self.keep_within(self.memory_bytes.load(Relaxed))?;
        }
        spans.clear();
        Ok(())
    }

    /// Ends the arrival of spans.
    ///
    /// # Errors
    ///
    /// Fails where a temporary file cannot be written.
    pub fn finish(self) -> io::Result<Groups> {
        let mut groups_bytes = self.memory_bytes.load(Relaxed);
        if self.spill.bytes() > 0 {
            // What is read back needs the other half.
            groups_bytes /= 2;
            self.keep_within(groups_bytes)?;
        }
        let partitions = self.partitions.into_iter();
        let partitions =
            partitions.map(|partition| partition.into_inner().unwrap_or_else(PoisonError::into_inner));
        Ok(Groups {
            partitions: partitions.collect(),
            memory_bytes: groups_bytes,
            level: self.level,
            spans: self.spans.into_inner(),
            spill: self.spill,
        })
    }

    fn spread(&self, spans: &[Traced]) {
        // Each batch begins elsewhere, so that threads do not wait for each other all along.
        let begin = self.batches.fetch_add(1, Relaxed);
        let turn = |run: &[Traced]| partition_of(run[0].trace, self.level).wrapping_sub(begin) % PARTITIONS;
        let runs = spans.chunk_by(|one, other| one.trace == other.trace);
        let mut runs: Vec<(usize, &[Traced])> = runs.map(|run| (turn(run), run)).collect();
        runs.sort_by_key(|(turn, _)| *turn);
        let mut grown_bytes = 0;
        for together in runs.chunk_by(|one, other| one.0 == other.0) {
            let mut partition = lock(&self.partitions[together[0].0.wrapping_add(begin) % PARTITIONS]);
            let before = partition.chunks.bytes();
            together.iter().for_each(|(_, run)| partition.push(run));
            grown_bytes += partition.chunks.bytes() - before;
        }
        self.held_bytes.fetch_add(grown_bytes, Relaxed);
        self.spans.fetch_add(spans.len() as u64, Relaxed);
    }

    /// Writes partitions down, one after another, until the rest fits.
    fn keep_within(&self, bytes: usize) -> io::Result<()> {
        for _ in 0..PARTITIONS {
            if self.held_bytes.load(Relaxed) <= bytes {
                break;
            }
            let number = self.next.fetch_add(1, Relaxed) % PARTITIONS;
            self.write_down(&self.partitions[number])?;
        }
        Ok(())
    }

    fn write_down(&self, partition: &Mutex<Partition>) -> io::Result<()> {
        let (chunks, bytes) = {
            let mut partition = lock(partition);
            let bytes = partition.chunks.bytes();
            (partition.chunks.take(), bytes)
        };
        let extents = self.spill.write(chunks)?;
        lock(partition).extents.extend(extents);
        self.held_bytes.fetch_sub(bytes, Relaxed);
        Ok(())
    }
}

/// All spans, ready to be handed out trace by trace.
#[derive(Debug)]
pub struct Groups {
    partitions: Vec<Partition>,
    memory_bytes: usize,
    level: u32,
    spans: u64,
    spill: Spill,
}

impl Groups {
    /// Calls `each` once for every trace, with its id and its spans sorted by start and id and every span id once. Where
    /// spans of it were lost, one that stands for them comes first ([`Span::lost`]).
    ///
    /// The traces are spread over `threads` workers, of which each has what `worker` makes; which worker
    /// gets which trace, and the order of traces, are not fixed. `prepare` is called for each span first;
    /// it must leave id and start alone. Of several records of one span the one that ends last is kept;
    /// `by_texts` compares what their texts say where they agree in everything else.
    ///
    /// # Errors
    ///
    /// Fails where a temporary file cannot be read or written; then not all traces were handed out.
    pub fn for_each<W: Send>(
        self,
        threads: usize,
        worker: impl Fn() -> W + Sync,
        prepare: impl Fn(&mut Span) + Sync,
        by_texts: impl Fn(&Span, &Span) -> Ordering + Sync,
        each: impl Fn(&mut W, TraceId, &[Span]) + Sync,
    ) -> io::Result<(Vec<W>, Counts)> {
        let Self { mut partitions, memory_bytes, level, spans, spill } = self;
        let threads = threads.clamp(1, PARTITIONS);
        // The largest first, so that all workers end at about the same time.
        partitions.sort_by_key(Partition::len);
        let waiting = Mutex::new(partitions);
        let handing_out =
            HandingOut { share_bytes: memory_bytes / threads, rules: Rules { prepare, by_texts }, each };
        let work = || {
            let mut state =
                Worker { made: worker(), gathering: Gathering::default(), counts: Counts::default() };
            while let Some(partition) = { lock(&waiting).pop() } {
                let done =
                    handing_out.partition(partition, &spill, level, handing_out.share_bytes, &mut state);
                done.inspect_err(|_| lock(&waiting).clear())?;
            }
            Ok((state.made, state.counts))
        };
        let done: Vec<io::Result<(W, Counts)>> =
            if threads == 1 { vec![work()] } else { on_threads(threads, work) };
        let mut counts = Counts { spans, spilled_bytes: spill.bytes(), ..Counts::default() };
        let mut workers = Vec::with_capacity(threads);
        for result in done {
            let (made, counted) = result?;
            counts.add(counted);
            workers.push(made);
        }
        Ok((workers, counts))
    }
}

/// Runs the same work on several threads; a panic goes on in the caller.
fn on_threads<T: Send>(threads: usize, work: impl Fn() -> T + Sync) -> Vec<T> {
    std::thread::scope(|scope| {
        let handles: Vec<_> = (0..threads).map(|_| scope.spawn(&work)).collect();
        let join = |handle: std::thread::ScopedJoinHandle<'_, T>| {
            handle.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
        };
        handles.into_iter().map(join).collect()
    })
}

/// What one thread has.
struct Worker<W> {
    made: W,
    gathering: Gathering,
    counts: Counts,
}

/// What is done with each partition.
struct HandingOut<P, T, E> {
    share_bytes: usize,
    rules: Rules<P, T>,
    each: E,
}

impl<P: Fn(&mut Span), T: Fn(&Span, &Span) -> Ordering, E> HandingOut<P, T, E> {
    /// Groups one partition, or spreads it again if it is larger than `share_bytes` of memory.
    fn partition<W>(
        &self,
        partition: Partition,
        spill: &Spill,
        level: u32,
        share_bytes: usize,
        worker: &mut Worker<W>,
    ) -> io::Result<()>
    where
        E: Fn(&mut W, TraceId, &[Span]),
    {
        if partition.len() == 0 {
            return Ok(());
        }
        let fits = partition.extents.is_empty()
            || partition.len().saturating_mul(size_of::<Span>() as u64) <= share_bytes as u64;
        if fits || !partition.mixed || level == LEVEL_MAX {
            worker.counts.partitions += 1;
            worker.counts.oversized += u64::from(!fits);
            let chunks = partition.load(spill)?;
            let Worker { made, gathering, counts } = worker;
            let handed_out =
                gathering.hand_out(&chunks, &self.rules, |trace, spans| (self.each)(made, trace, spans));
            counts.traces += handed_out.traces;
            counts.duplicates += handed_out.duplicates;
            counts.lost += handed_out.lost;
            counts.incomplete += handed_out.incomplete;
            return Ok(());
        }
        let again = Grouping::at_level(share_bytes / 2, level + 1);
        partition.drain(spill, |spans| again.add(spans))?;
        let Groups { partitions, memory_bytes, level, spill, .. } = again.finish()?;
        for partition in partitions {
            self.partition(partition, &spill, level, memory_bytes, worker)?;
        }
        worker.counts.spilled_bytes += spill.bytes();
        Ok(())
    }
}

/// The partition of a trace: bits of a mixed hash (the finaliser of SplitMix64), others at each level.
fn partition_of(trace: TraceId, level: u32) -> usize {
    let mut hash = (trace >> 64) as u64 ^ (trace as u64).rotate_left(29);
    hash = (hash ^ hash >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    hash = (hash ^ hash >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
    (hash >> (64 - PARTITION_BITS * (level + 1))) as usize % PARTITIONS
}

/// A thread that panicked leaves a partition whole: spans are added one by one.
fn lock<T>(shared: &Mutex<T>) -> MutexGuard<'_, T> {
    shared.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests;
