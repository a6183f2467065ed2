//! Spreads inputs over workers: several files at once, and blocks of one input at once.
//!
//! Whoever is free takes the next file; when none is left, the next block of a file that another worker
//! has opened. A block is cut under the lock of its input, which takes a small part of the time that
//! decoding it takes.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

use detectors::evidence::{Dictionary, Examples, Traced};

use super::blocks::{Buffer, Next, Source, decode_block};
use super::forms::decoder_of;
use super::input::Listed;
use super::{
    Decode, Format, Framing, IngestError, InputSummary, LogForms, Options, Place, Progress, ReadSummary,
    Reading, Sampling, Sink,
};

/// Reads everything that is listed.
pub(super) fn read(
    listed: Vec<Listed>,
    options: &Options,
    dictionary: &Mutex<Dictionary>,
    sink: Sink<'_>,
    progress: Progress<'_>,
) -> Result<ReadSummary, IngestError> {
    let work = Work::new(listed, options.log_form.clone(), sink, progress);
    let sampling = options.log_form.as_ref().map_or_else(Sampling::default, LogForms::sampling);
    let run = || {
        let examples = options.show_values.then(Examples::default);
        let mut reading = Reading { sampling, examples, ..Reading::new(dictionary, options.values_key) };
        if options.keep_texts {
            reading.typing.keep_texts();
        }
        Worker::new(&work, reading).run()
    };
    let told = match options.threads {
        0 | 1 => vec![run()],
        threads => std::thread::scope(|scope| {
            let workers: Vec<_> = (0..threads).map(|_| scope.spawn(run)).collect();
            workers.into_iter().map(|worker| worker.join()).collect::<Result<_, _>>()
        })
        .unwrap_or_else(|panic| std::panic::resume_unwind(panic)),
    };
    work.summary(told)
}

/// What all workers share.
struct Work<'s> {
    queue: Mutex<Queue>,
    /// An input was opened, or will not be.
    changed: Condvar,
    stopped: AtomicBool,
    sink: Sink<'s>,
    progress: Progress<'s>,
    /// Bytes read as they are stored, and their total where it is known.
    stored: Arc<AtomicU64>,
    stored_total: Option<u64>,
    log_form: Option<LogForms>,
}

struct Queue {
    waiting: VecDeque<(usize, Listed)>,
    /// Inputs whose blocks several workers can take.
    shared: Vec<Arc<Opened>>,
    /// Workers that are about to open an input.
    opening: usize,
    summaries: Vec<InputSummary>,
    failed: Option<IngestError>,
}

/// An input that is being read.
struct Opened {
    number: usize,
    source: Mutex<Source>,
}

enum Task {
    Open(usize, Listed),
    Join(Arc<Opened>),
}

impl<'s> Work<'s> {
    fn new(listed: Vec<Listed>, log_form: Option<LogForms>, sink: Sink<'s>, progress: Progress<'s>) -> Self {
        let summary = |input: &Listed| InputSummary { name: input.name.to_string(), ..Default::default() };
        let queue = Queue {
            summaries: listed.iter().map(summary).collect(),
            shared: Vec::new(),
            opening: 0,
            failed: None,
            waiting: VecDeque::new(),
        };
        Self {
            changed: Condvar::new(),
            stopped: AtomicBool::new(false),
            sink,
            progress,
            stored: Arc::default(),
            log_form,
            stored_total: listed.iter().map(|input| input.bytes).sum(),
            queue: Mutex::new(Queue { waiting: listed.into_iter().enumerate().collect(), ..queue }),
        }
    }

    /// What a free worker does next; waits while another one is opening an input.
    fn task(&self) -> Option<Task> {
        let mut queue = locked(&self.queue);
        loop {
            if self.stopped.load(Ordering::Relaxed) {
                return None;
            }
            if let Some((number, listed)) = queue.waiting.pop_front() {
                queue.opening += 1;
                return Some(Task::Open(number, listed));
            }
            if let Some(opened) = queue.shared.last() {
                return Some(Task::Join(Arc::clone(opened)));
            }
            if queue.opening == 0 {
                return None;
            }
            queue = self.changed.wait(queue).unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// A worker has opened an input, or found that it cannot.
    fn opened(&self, opened: Option<&Arc<Opened>>) {
        let mut queue = locked(&self.queue);
        queue.opening -= 1;
        queue.shared.extend(opened.cloned());
        self.changed.notify_all();
    }

    /// Nothing is left of an input.
    fn close(&self, opened: &Arc<Opened>) {
        locked(&self.queue).shared.retain(|other| !Arc::ptr_eq(other, opened));
    }

    fn fail(&self, error: IngestError) {
        self.stopped.store(true, Ordering::Relaxed);
        locked(&self.queue).failed.get_or_insert(error);
    }

    fn note(&self, number: usize, change: impl FnOnce(&mut InputSummary)) {
        if let Some(summary) = locked(&self.queue).summaries.get_mut(number) {
            change(summary);
        }
    }

    fn summary(self, told: Vec<Reading<'_>>) -> Result<ReadSummary, IngestError> {
        let queue = self.queue.into_inner().unwrap_or_else(PoisonError::into_inner);
        if let Some(error) = queue.failed {
            return Err(error);
        }
        let mut summary = ReadSummary { inputs: queue.summaries, ..Default::default() };
        for Reading { skipped, remarks, events, statistics, examples, plans, typing, .. } in told {
            summary.plans.merge(plans);
            typing.into_texts().into_iter().for_each(|texts| summary.texts.merge(texts));
            examples.into_iter().for_each(|examples| summary.examples.merge(examples));
            summary.statistics.merge(statistics);
            summary.skipped.merge(skipped);
            summary.remarks.extend(remarks);
            summary.events.merge(events);
        }
        summary.spans = summary.inputs.iter().map(|input| input.spans).sum();
        summary.bytes = summary.inputs.iter().map(|input| input.bytes).sum();
        Ok(summary)
    }
}

/// A panic elsewhere ends everything anyway.
fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// One worker.
struct Worker<'w, 's, 'r> {
    work: &'w Work<'s>,
    reading: Reading<'r>,
    buffer: Buffer,
    decoder: Option<(&'static str, Framing, Box<dyn Decode>)>,
}

impl<'w, 's, 'r> Worker<'w, 's, 'r> {
    fn new(work: &'w Work<'s>, reading: Reading<'r>) -> Self {
        Self { work, reading, buffer: Buffer::default(), decoder: None }
    }

    fn run(mut self) -> Reading<'r> {
        while let Some(task) = self.work.task() {
            let read = match task {
                Task::Open(number, listed) => self.open(number, listed),
                Task::Join(opened) => self.read(&opened),
            };
            if let Err(error) = read {
                self.work.fail(error);
            }
        }
        self.reading
    }

    fn open(&mut self, number: usize, listed: Listed) -> Result<(), IngestError> {
        let (name, named, (offset, line)) = (Arc::clone(&listed.name), listed.named, listed.begin);
        let source = match listed.open(&self.work.stored) {
            Ok(stream) => {
                let place = Place { file: Arc::clone(&name), offset, line };
                Source::open(place, stream, &mut self.buffer, self.work.log_form.as_ref())
            }
            Err(source) if named => {
                self.work.opened(None);
                return Err(IngestError::Open { name: name.to_string(), source });
            }
            Err(error) => Err(error.to_string()),
        };
        let source = match source {
            Ok(source) => source,
            Err(problem) => {
                self.work.note(number, |summary| summary.problem = Some(problem));
                self.work.opened(None);
                return Ok(());
            }
        };
        let shared = source.can_be_shared();
        let opened = Arc::new(Opened { number, source: Mutex::new(source) });
        self.work.opened(Some(&opened).filter(|_| shared));
        self.read(&opened)
    }

    /// Reads blocks of an input until none is left.
    fn read(&mut self, opened: &Arc<Opened>) -> Result<(), IngestError> {
        let form = self.work.log_form.as_ref();
        while !self.work.stopped.load(Ordering::Relaxed) {
            let mut source = locked(&opened.source);
            let next = source.next(&mut self.buffer);
            let (format, framing) = (source.format, source.framing);
            match next {
                Next::Block(place, places) => {
                    let unwrapped = source.unwrapped();
                    drop(source);
                    let decoder = decoder(&mut self.decoder, format, framing, form);
                    let length = decode_block(decoder, &mut self.reading, &self.buffer, &place, places);
                    deliver(self.work, &mut self.reading, opened, unwrapped.unwrap_or(length))?;
                }
                Next::InOrder => {
                    let decoder = decoder(&mut self.decoder, format, framing, form);
                    source.read_in_order(
                        &mut self.buffer,
                        decoder,
                        &mut self.reading,
                        |reading, length| deliver(self.work, reading, opened, length),
                    )?;
                }
                Next::End => {
                    let (left, bytes) = (source.leave(), source.unwrapped().unwrap_or(0));
                    let misfit = form.zip(left.format).and_then(|(form, (_, framing))| form.misfit(framing));
                    drop(source);
                    self.work.close(opened);
                    self.reading.skipped.merge(left.skipped);
                    self.work.note(opened.number, |summary| {
                        summary.problem = left.problem.or(summary.problem.take());
                        summary.format = left.format.map(|(format, _)| format.name);
                        summary.misfit = misfit;
                        summary.envelope = left.envelope;
                        summary.others = left.others;
                        summary.bytes += bytes as u64;
                    });
                    break;
                }
            }
        }
        Ok(())
    }
}

/// The decoder of an input; kept from the last one where it is of the same kind.
fn decoder<'d>(
    kept: &'d mut Option<(&'static str, Framing, Box<dyn Decode>)>,
    format: &Format,
    framing: Framing,
    form: Option<&LogForms>,
) -> &'d mut dyn Decode {
    let (_, _, decoder) = match kept.take() {
        Some(same) if (same.0, same.1) == (format.name, framing) => kept.insert(same),
        _ => kept.insert((format.name, framing, decoder_of(format, framing, form))),
    };
    decoder.as_mut()
}

/// Hands over what was read of a block.
fn deliver(
    work: &Work<'_>,
    reading: &mut Reading<'_>,
    opened: &Opened,
    length: usize,
) -> Result<(), IngestError> {
    let spans = reading.spans.len() as u64;
    reading.skipped.kept += spans;
    work.note(opened.number, |summary| {
        summary.spans += spans;
        summary.bytes += length as u64;
    });
    reading.spans.extend(reading.lost.drain(..).map(Traced::lost));
    if !reading.spans.is_empty() {
        (work.sink)(&mut reading.spans).map_err(IngestError::Sink)?;
        reading.spans.clear();
    }
    (work.progress)(work.stored.load(Ordering::Relaxed), work.stored_total);
    Ok(())
}
