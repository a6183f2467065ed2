//! Messages: handed to a broker, fetched from it, worked off.

use detectors::evidence::{Kind, Span};

use super::entry::job_name;
use super::fields::Fields;
use super::origin::Library;
use super::{Typing, saturated};
use crate::ingest::attributes::Key;
use crate::ingest::raw::RawSpan;

/// What is done with messages.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Handling {
    Publish,
    Receive,
    Process,
    Settle,
}

/// What the attributes say is done; the name of the operation comes second, in the broker's words.
pub(super) fn handling(fields: &Fields<'_>) -> Option<Handling> {
    match fields.text([Key::MessagingOperationType, Key::MessagingOperation])? {
        b"publish" | b"send" | b"create" | b"enqueue" => Some(Handling::Publish),
        b"receive" | b"poll" | b"fetch" | b"recv" => Some(Handling::Receive),
        b"process" | b"deliver" | b"consume" => Some(Handling::Process),
        b"settle" | b"ack" | b"nack" | b"commit" | b"delete" => Some(Handling::Settle),
        _ => None,
    }
}

/// Topic or queue; names made up for one use are values.
pub(super) fn destination<'a>(fields: &Fields<'a>) -> &'a [u8] {
    if fields.truth(Key::DestinationIsTemporary) == Some(true) {
        return b"(temporary)";
    }
    let keys = [Key::DestinationTemplate, Key::Destination, Key::OldDestination];
    fields.text(keys).unwrap_or_default()
}

impl Typing<'_> {
    /// Types a message that is handed over.
    pub(super) fn publish(
        &mut self,
        raw: &RawSpan<'_>,
        fields: &Fields<'_>,
        library: Library,
        span: &mut Span,
    ) {
        span.kind = Kind::Publish;
        if let Some(count @ 2..) = fields.number([Key::MessageCount]) {
            span.repeats = saturated(Some(count));
        }
        let job = job_name(fields, library);
        let destination = destination(fields);
        span.target = self.local.symbol(destination);
        let subject = job.unwrap_or(destination);
        span.shape = match subject {
            b"" => self.shapes.operation(&mut self.local, raw.name, b""),
            _ => self.shapes.message(&mut self.local, b"publish", subject),
        };
    }

    /// Types a question to a broker: are there messages, was this one settled.
    pub(super) fn ask_broker(&mut self, handling: Handling, fields: &Fields<'_>, span: &mut Span) {
        span.kind = Kind::Rpc;
        let destination = destination(fields);
        span.target = self.local.symbol(destination);
        let verb: &[u8] = if handling == Handling::Settle { b"settle" } else { b"receive" };
        span.shape = self.shapes.message(&mut self.local, verb, destination);
    }
}
