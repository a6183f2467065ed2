//! Puts the spans of each trace together, whatever the order in which they come.
//!
//! Spans are spread over partitions by a hash of their trace id as they arrive.
//! While they fit the given memory they stay there; beyond it one partition after
//! the other is written to a file without a name in the folder for temporary
//! files. Then the partitions are grouped one by one, each by one worker, so that
//! memory stays flat; a partition that has become too large is spread once more by
//! other bits of the hash, or by time where it is one session of a log: sessions are
//! handed out in parts. No literal is in a span, so none is written.

mod gathering;
mod joining;
mod long_session;
mod partition;
mod record;
mod spill;
mod waiting;

use std::cmp::Ordering;
use std::io;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering::Relaxed};
use std::sync::{Mutex, MutexGuard, PoisonError};

use detectors::evidence::{Span, TraceId, Traced};

use gathering::{Gathering, Rules};
use partition::{CHUNK_BITS_MAX, Partition};
use spill::Spill;
use waiting::Own;

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

/// Spans of one trace that are handed out together.
#[derive(Debug, Clone, Copy)]
pub struct Part<'s> {
    /// The trace, or the session of a log.
    pub trace: TraceId,
    /// By start and id, each id once.
    pub spans: &'s [Span],
    /// Later ones of the same session follow; a trace is handed out whole.
    pub more: bool,
}

/// What tells the partition of a span.
#[derive(Debug, Clone, Copy)]
enum Spread {
    /// A hash of its trace, of which bits were used so often before.
    ByTrace(u32),
    /// When it starts: from when on, and how long each partition is.
    ByTime { from_ns: u64, each_ns: u64 },
}

impl Spread {
    fn partition(self, traced: &Traced) -> usize {
        match self {
            Self::ByTrace(level) => partition_of(traced.trace, level),
            Self::ByTime { from_ns, each_ns } => {
                let place = traced.span.start_ns.saturating_sub(from_ns) / each_ns;
                usize::try_from(place).unwrap_or(usize::MAX).min(PARTITIONS - 1)
            }
        }
    }

    /// Whether two spans come into one partition and are of one trace.
    fn together(self, one: &Traced, other: &Traced) -> bool {
        let in_time = || matches!(self, Self::ByTrace(_)) || self.partition(one) == self.partition(other);
        one.trace == other.trace && in_time()
    }
}

/// Takes spans in any order, from any number of threads.
#[derive(Debug)]
pub struct Grouping {
    partitions: Vec<Mutex<Partition>>,
    memory_bytes: AtomicUsize,
    spread: Spread,
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
        Self::by(Spread::ByTrace(0), memory_bytes)
    }

    fn by(spread: Spread, memory_bytes: usize) -> Self {
        // Partly filled chunks take at most an eighth of the memory.
        let chunk_spans = memory_bytes / (8 * PARTITIONS * size_of::<Own>());
        let chunk_bits = chunk_spans.max(4).ilog2().min(CHUNK_BITS_MAX);
        Self {
            partitions: (0..PARTITIONS).map(|_| Mutex::new(Partition::new(chunk_bits))).collect(),
            memory_bytes: AtomicUsize::new(memory_bytes),
            spread,
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
        self.spans.fetch_add(spans.len() as u64, Relaxed);
        joining::join(spans);
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
            spans: self.spans.into_inner(),
            spill: self.spill,
        })
    }

    fn spread(&self, spans: &[Traced]) {
        // Each batch begins elsewhere, so that threads do not wait for each other all along.
        let begin = self.batches.fetch_add(1, Relaxed);
        let turn = |run: &[Traced]| self.spread.partition(&run[0]).wrapping_sub(begin) % PARTITIONS;
        let runs = spans.chunk_by(|one, other| self.spread.together(one, other));
        let runs: Vec<(usize, &[Traced])> = runs.map(|run| (turn(run), run)).collect();
        let mut grown_bytes = 0;
        for together in in_turn(&runs).chunk_by(|one, other| one.0 == other.0) {
            let mut partition = lock(&self.partitions[together[0].0.wrapping_add(begin) % PARTITIONS]);
            let before = partition.chunks.bytes();
            together.iter().for_each(|(_, run)| partition.push(run));
            grown_bytes += partition.chunks.bytes() - before;
        }
        self.held_bytes.fetch_add(grown_bytes, Relaxed);
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
    spans: u64,
    spill: Spill,
}

impl Groups {
    /// Calls `each` once for every trace, with its id and its spans sorted by start and id and every span id once. Where
    /// spans of it were lost, one that stands for them comes first ([`Span::lost`]). A session of a log may come in
    /// parts, one right after the other.
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
        each: impl Fn(&mut W, Part<'_>) + Sync,
    ) -> io::Result<(Vec<W>, Counts)> {
        let Self { mut partitions, memory_bytes, spans, spill } = self;
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
                let done = handing_out.partition(partition, &spill, 0, handing_out.share_bytes, &mut state);
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
        E: Fn(&mut W, Part<'_>),
    {
        if partition.len() == 0 {
            return Ok(());
        }
        let fits = partition.fits(share_bytes);
        if !fits && let Some((session, extent_ns)) = partition.session_extent() {
            return self.long_session(session, extent_ns, partition, spill, share_bytes, worker);
        }
        if fits || !partition.mixed || level == LEVEL_MAX {
            worker.counts.oversized += u64::from(!fits);
            return self.whole(partition, spill, false, worker);
        }
        let again = Grouping::by(Spread::ByTrace(level + 1), share_bytes / 2);
        partition.drain(spill, |spans| again.add(spans))?;
        let Groups { partitions, memory_bytes, spill, .. } = again.finish()?;
        for partition in partitions {
            self.partition(partition, &spill, level + 1, memory_bytes, worker)?;
        }
        worker.counts.spilled_bytes += spill.bytes();
        Ok(())
    }

    /// Groups one partition in memory; `more` of its session follows where that is one.
    fn whole<W>(
        &self,
        partition: Partition,
        spill: &Spill,
        more: bool,
        worker: &mut Worker<W>,
    ) -> io::Result<()>
    where
        E: Fn(&mut W, Part<'_>),
    {
        let chunks = partition.load(spill)?;
        let Worker { made, gathering, counts } = worker;
        let handed_out = gathering.hand_out(&chunks, &self.rules, more, |part| (self.each)(made, part));
        counts.partitions += 1;
        counts.traces += if more { 0 } else { handed_out.traces };
        counts.duplicates += handed_out.duplicates;
        counts.lost += handed_out.lost;
        counts.incomplete += handed_out.incomplete;
        Ok(())
    }
}

/// Runs by the turn of their partition, those of one partition in their order: a counting sort.
fn in_turn<'s>(runs: &[(usize, &'s [Traced])]) -> Vec<(usize, &'s [Traced])> {
    let mut places = [0; PARTITIONS];
    runs.iter().for_each(|(turn, _)| places[*turn] += 1);
    let mut first = 0;
    for place in &mut places {
        first += std::mem::replace(place, first);
    }
    let mut ordered = vec![(0, &[][..]); runs.len()];
    for run in runs {
        let place = &mut places[run.0];
        ordered[*place] = *run;
        *place += 1;
    }
    ordered
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
