//! Bytes to evidence: one file a format, and the table of all formats.

pub mod attributes;
pub mod interning;
pub mod raw;
pub mod skipped;
pub mod typing;

use detectors::evidence::Span;
use skipped::Skipped;
use typing::Typing;

/// What one worker needs to decode: how spans are typed, where they go, what was left out.
pub struct Reading<'r> {
    /// Decoded spans; the caller takes them after each block.
    pub spans: Vec<Span>,
    /// What could not be read, where and why.
    pub skipped: Skipped,
    /// Types what a reader finds.
    pub typing: Typing<'r>,
}

/// Where a block of bytes comes from, for messages about bad records.
#[derive(Debug, Clone)]
pub struct Place {
    /// File name as given, or `stdin`.
    pub file: std::sync::Arc<str>,
    /// Offset of the block's first byte in the (decompressed) input.
    pub offset: u64,
    /// Line number of the block's first byte, 1-based; zero where lines mean nothing.
    pub line: u64,
}

/// How an input of a format is cut into blocks that can be decoded apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Framing {
    /// Records end at a newline: blocks of whole lines.
    Lines,
    /// Messages after a four-byte big-endian length (the collector's file exporter).
    LengthPrefixed,
    /// Messages after a varint length.
    VarintPrefixed,
    /// One document: decoded by one worker from a stream, without holding it whole.
    Document,
    /// One message: must be held whole.
    Message,
}

/// A format that can be read.
pub struct Format {
    /// Its name on the command line and in messages.
    pub name: &'static str,
    /// One line for the documentation.
    pub summary: &'static str,
    /// Whether the first bytes (decompressed) are in this format, and how it is cut.
    ///
    /// Asked with up to 64 KiB; when the answer is `Document` and these bytes hold no line end, asked
    /// again with more (up to 16 MiB), so that long lines can be told from one document.
    pub sniff: fn(&[u8]) -> Option<Framing>,
    /// Decodes one block of whole records (`Lines`: many lines; prefixed: ONE message without its prefix; `Message`: all).
    pub read_block: fn(&mut Reading<'_>, &[u8], &Place),
    /// Decodes a `Document` from a stream in bounded memory.
    pub read_stream: fn(&mut Reading<'_>, &mut dyn std::io::Read, &Place, &mut dyn FnMut(&mut Reading<'_>)),
}
