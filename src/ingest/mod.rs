//! Bytes to evidence: one file a format, and the table of all formats.

mod access;
pub mod attributes;
mod blocks;
pub mod copies;
pub mod envelopes;
mod familiar;
mod forms;
pub mod grouping;
mod input;
pub mod interning;
mod jaeger;
mod json;
mod moulds;
mod mysql;
mod origins;
mod otlp_json;
mod otlp_protobuf;
mod owner;
mod pgbouncer;
pub mod plans;
mod postgres;
pub mod raw;
mod session_lines;
pub mod skipped;
mod slowest;
mod sorting;
mod statistics;
pub mod texts;
mod timestamp;
pub mod typing;
mod workers;
mod zipkin;

#[cfg(feature = "client")]
pub(crate) use self::otlp_protobuf::wire;
use std::collections::BTreeSet;
use std::io;
use std::sync::{Arc, Mutex};

use detectors::evidence::{Dictionary, Examples, ServerEvents, Statistics, TraceId, Traced};

use self::plans::KeptPlans;
pub use access::{Columns, LogForm};
use envelopes::Places;
use familiar::Lists;
pub use forms::{LogForms, Sampling};
pub use input::Input;
pub use postgres::Prefix;
use skipped::Skipped;
pub use slowest::{Kept, Slowest, Weighs};
pub use sorting::{Other, Recognised, Sorted, sorted};
use texts::KeptTexts;
use typing::Typing;

/// Every format that can be read; an input belongs to the first that recognises it.
pub static FORMATS: &[Format] = &[
    otlp_json::FORMAT,
    otlp_protobuf::FORMAT,
    jaeger::FORMAT,
    zipkin::FORMAT,
    access::NGINX,
    access::NGINX_JSON,
    access::APACHE,
    access::GUNICORN,
    access::HAPROXY,
    access::ENVOY,
    access::ENVOY_JSON,
    access::LOAD_BALANCER,
    access::CADDY,
    access::TRAEFIK,
    access::HEROKU,
    access::RAILS,
    access::LOGRAGE,
    postgres::JSON,
    postgres::CSV,
    postgres::STDERR,
    mysql::SLOW,
    mysql::GENERAL,
    pgbouncer::LOG,
    pgbouncer::SHOWN,
    statistics::POSTGRESQL,
    statistics::MYSQL,
];

/// A format that can be read.
pub struct Format {
    /// Its name on the command line and in messages.
    pub name: &'static str,
    /// One line for the documentation.
    pub summary: &'static str,
    /// Whether an input is in this format, by its first bytes (decompressed, at most a block), and
    /// how it is cut.
    pub sniff: fn(Head<'_>) -> Option<Framing>,
    /// How many bytes at the front of a block are whole records, given that more bytes follow; zero
    /// where the first record ends later, or where records cannot be decoded apart.
    pub cut: fn(Framing, &[u8]) -> usize,
    /// A decoder for inputs that are cut like this.
    pub decoder: fn(Framing) -> Box<dyn Decode>,
}

/// The first bytes of an input.
#[derive(Debug, Clone, Copy)]
pub struct Head<'b> {
    /// The bytes, decompressed.
    pub bytes: &'b [u8],
    /// Nothing follows them.
    pub whole: bool,
}

impl<'b> Head<'b> {
    /// The bytes without a byte order mark.
    fn text(&self) -> &'b [u8] {
        self.bytes.strip_prefix(json::MARK).unwrap_or(self.bytes)
    }
}

/// How an input of a format is cut into blocks that can be decoded apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Framing {
    /// Records end at a newline.
    Lines,
    /// Messages after a four-byte big-endian length (the collector's file exporter).
    LengthPrefixed,
    /// Messages after a varint length.
    VarintPrefixed,
    /// One message whose fields are records.
    Message,
    /// Records end at a newline and are cut into columns, which the first of them showed.
    Columns(Columns),
    /// Records of lines, each behind such a prefix.
    Log(Prefix),
    /// One document: decoded in its order by one worker.
    Document,
}

impl Framing {
    /// Whether lines have a meaning.
    fn is_text(self) -> bool {
        !matches!(self, Self::LengthPrefixed | Self::VarintPrefixed | Self::Message)
    }
}

/// Decodes an input from its first byte to its last, or a block of whole records.
///
/// After a block behind which nothing follows, a decoder is as new.
pub trait Decode: Send {
    /// Decodes from the front of a block and returns how many bytes are done with. Where more
    /// follows, the others are given again with more behind them, at most [`RECORD_BYTES_MAX`].
    fn decode(&mut self, reading: &mut Reading<'_>, block: &Block<'_>) -> usize;
}

/// The longest record that is read; a longer one is left out.
pub const RECORD_BYTES_MAX: usize = 16 << 20;

/// Bytes to decode.
#[derive(Debug, Clone, Copy)]
pub struct Block<'b> {
    /// The bytes, decompressed.
    pub bytes: &'b [u8],
    /// Where they come from.
    pub place: &'b Place,
    /// What is behind them.
    pub rest: Rest,
}

impl<'b> Block<'b> {
    /// The whole records at the front, given what cuts blocks behind one. A record that is too long is taken as far
    /// as it goes.
    fn whole(&self, cut: impl FnOnce(&[u8]) -> usize) -> &'b [u8] {
        match self.rest {
            Rest::Nothing | Rest::TooLong => self.bytes,
            Rest::Follows => &self.bytes[..cut(self.bytes)],
        }
    }
}

/// Where the last whole line at the front ends, with its newline.
fn end_of_lines(bytes: &[u8]) -> usize {
    memchr::memrchr(b'\n', bytes).map_or(0, |newline| newline + 1)
}

/// What is behind a block.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rest {
    /// Nothing: the input ends, or its records were cut apart here.
    Nothing,
    /// More bytes, given when a record needs them.
    Follows,
    /// More bytes, but the block cannot grow: what does not end in it is longer than
    /// [`RECORD_BYTES_MAX`]. The decoder has to leave some of it behind.
    TooLong,
}

/// Where a block of bytes comes from, for messages about bad records.
#[derive(Debug, Clone)]
pub struct Place {
    /// File name as given, or `stdin`.
    pub file: Arc<str>,
    /// Offset of the block's first byte in the (decompressed) input.
    pub offset: u64,
    /// Line number of the block's first byte, 1-based; zero where lines mean nothing.
    pub line: u64,
}

/// What one worker needs to decode: how spans are typed, where they go, what was left out.
pub struct Reading<'r> {
    /// Decoded spans; the caller takes them after each block.
    pub spans: Vec<Traced>,
    /// Traces of spans that could not be read, where it is known; the caller takes them with the spans.
    pub lost: Vec<TraceId>,
    /// What could not be read, where and why.
    pub skipped: Skipped,
    /// What was taken for granted, each once.
    pub remarks: BTreeSet<&'static str>,
    /// What logs of servers tell beside statements.
    pub events: ServerEvents,
    /// Where lines stand that were in an envelope, while they are decoded.
    pub places: Option<Places>,
    /// What servers have counted of statements themselves.
    pub statistics: Statistics,
    /// Statements with their values; `None` unless these are to be shown.
    pub examples: Option<Examples>,
    /// Plans that logs tell of their statements.
    pub plans: KeptPlans,
    /// How many executions one stands for that is logged.
    pub sampling: Sampling,
    /// Attributes that were read before.
    familiar: Lists,
    /// Whole spans that were read before.
    moulds: moulds::OfFormats,
    /// Types what a reader finds.
    pub typing: Typing<'r>,
}

impl<'r> Reading<'r> {
    /// Ready for the first block. `values_key` keys the hashes of literals.
    pub fn new(dictionary: &'r Mutex<Dictionary>, values_key: u64) -> Self {
        Self {
            spans: Vec::new(),
            lost: Vec::new(),
            skipped: Skipped::default(),
            remarks: BTreeSet::new(),
            events: ServerEvents::default(),
            places: None,
            statistics: Statistics::default(),
            examples: None,
            plans: KeptPlans::default(),
            sampling: Sampling::default(),
            familiar: Lists::default(),
            moulds: moulds::OfFormats::default(),
            typing: Typing::new(dictionary, values_key),
        }
    }

    /// The line of the input that a line of what is decoded stands in.
    fn line(&self, line: u64) -> u64 {
        self.places.as_ref().map_or(line, |places| places.outside(line).line)
    }

    /// A span of this trace could not be read; zero where the trace is not known.
    fn lose(&mut self, trace: TraceId) {
        if trace != 0 && self.lost.last() != Some(&trace) {
            self.lost.push(trace);
        }
    }
}

/// How inputs are read.
#[derive(Debug, Clone)]
pub struct Options {
    /// Workers; with one everything happens in the calling thread.
    pub threads: usize,
    /// Keys the hashes of literals.
    pub values_key: u64,
    /// What logs do not tell, where it is told; what has such a form is read by it.
    pub log_form: Option<LogForms>,
    /// Keep an execution of each statement in logs with its values.
    pub show_values: bool,
    /// Keep a whole text of each statement, to ask a server about it.
    pub keep_texts: bool,
}

/// Where spans go: called by each worker after each block, and takes all spans out of the vector. Among
/// them are those that stand for lost ones ([`Traced::lost`]).
pub type Sink<'s> = &'s (dyn Fn(&mut Vec<Traced>) -> io::Result<()> + Sync);

/// Told after each block: bytes read of all inputs as they are stored, and their total where it is
/// known.
pub type Progress<'s> = &'s (dyn Fn(u64, Option<u64>) + Sync);

/// What was read.
#[derive(Debug, Default)]
pub struct ReadSummary {
    /// What could not be read, where and why; and how many spans were read.
    pub skipped: Skipped,
    /// What was taken for granted, each once.
    pub remarks: BTreeSet<&'static str>,
    /// What logs of servers tell beside statements.
    pub events: ServerEvents,
    /// What servers have counted of statements themselves.
    pub statistics: Statistics,
    /// Statements with their values, where these are to be shown.
    pub examples: Examples,
    /// Plans that logs tell of their statements.
    pub plans: KeptPlans,
    /// Whole texts of statements, where these are to be kept.
    pub texts: KeptTexts,
    /// Each input, in the order of reading.
    pub inputs: Vec<InputSummary>,
    /// Spans handed to the sink.
    pub spans: u64,
    /// Bytes of all inputs, decompressed.
    pub bytes: u64,
}

/// What was read of one input.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct InputSummary {
    /// File name as given, or `stdin`.
    pub name: String,
    /// Name of its format; `None` when no format recognised it.
    pub format: Option<&'static str>,
    /// Spans read.
    pub spans: u64,
    /// Bytes read, decompressed.
    pub bytes: u64,
    /// Why it was not read, or not to its end.
    pub problem: Option<String>,
    /// Why it is not read as it was told to be.
    pub misfit: Option<String>,
    /// What collected it, where it is a log of several programs' logs.
    pub envelope: Option<&'static str>,
    /// Lines of programs in it that are not read, and which programs.
    pub others: Option<(u64, String)>,
}

/// Why nothing could be read.
#[derive(Debug, thiserror::Error)]
pub enum IngestError {
    /// An input that was named cannot be opened.
    #[error("cannot read {name}: {source}")]
    Open {
        /// The input as given.
        name: String,
        /// What the system says.
        source: io::Error,
    },
    /// No input is in a format that is known.
    #[error("cannot read {name}: {problem}")]
    Unrecognised {
        /// The first input.
        name: String,
        /// What was tried and what would help.
        problem: String,
    },
    /// The sink takes no more.
    #[error("cannot keep what was read: {0}")]
    Sink(#[source] io::Error),
}

/// Reads all inputs and hands their spans over, block by block.
///
/// The spans are the same for any number of threads, in any order.
///
/// # Errors
///
/// When an input that was named cannot be opened, when no input is in a known format, or when the
/// sink fails. An input that is damaged, or unrecognised beside others that are not, is no error:
/// its summary says so.
pub fn read(
    inputs: Vec<Input>,
    options: &Options,
    dictionary: &Mutex<Dictionary>,
    sink: Sink<'_>,
    progress: Progress<'_>,
) -> Result<ReadSummary, IngestError> {
    let listed = input::list(inputs)?;
    let summary = workers::read(listed, options, dictionary, sink, progress)?;
    let unrecognised = summary.inputs.iter().all(|input| input.format.is_none());
    match summary.inputs.first() {
        Some(InputSummary { name, problem: Some(problem), .. }) if unrecognised => {
            Err(IngestError::Unrecognised { name: name.clone(), problem: problem.clone() })
        }
        _ => Ok(summary),
    }
}
