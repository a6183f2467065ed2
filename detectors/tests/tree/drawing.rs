//! Traces as text: one line a span in, the tree of requests out.
//!
//! A line is `id parent service kind start end text`, times in milliseconds; a
//! service may have an instance, a host and a library: `shop/2@web-1+redis`. `-`
//! is no parent, and `a'` the server's side of a call that shares the id `a`.

use detectors::evidence::shape::{Family, Shape, ShapeId};
use detectors::evidence::trace::{Assembler, NONE, Request, Trace, Waits};
use detectors::evidence::{Dictionary, Kind, Origin, OriginRef, Role, ShapeRef, Span, UNKNOWN, Values};

const MS: u64 = 1_000_000;

/// The spans of a text, in the order of its lines.
pub(crate) fn spans(text: &str, dictionary: &mut Dictionary) -> Vec<Span> {
    let lines = text.lines().map(str::trim).filter(|line| !line.is_empty());
    lines.map(|line| span(line, dictionary)).collect()
}

fn span(line: &str, dictionary: &mut Dictionary) -> Span {
    let mut words = line.split_whitespace();
    let mut word = || words.next().unwrap_or_else(|| panic!("too short: {line}"));
    let (id, parent, service, kind) = (id(word()), word(), word(), word());
    let (start_ns, end_ns) = (time_ns(word()), time_ns(word()));
    let text = words.collect::<Vec<_>>().join(" ");
    let (kind, role, family) = kind_of(kind);
    let shape = if text.is_empty() { ShapeRef::default() } else { shape(family, &text, dictionary) };
    Span {
        id,
        parent: if parent == "-" { 0 } else { self::id(parent) },
        start_ns,
        end_ns,
        origin: origin(service, dictionary),
        name: if kind == Kind::Internal { dictionary.symbol(&text) } else { Default::default() },
        shape,
        kind,
        role,
        values: Values::UNKNOWN,
        rows: UNKNOWN,
        response_bytes: UNKNOWN,
        thread: UNKNOWN,
        repeats: 1,
        ..Span::default()
    }
}

fn id(text: &str) -> u64 {
    if let Some(shared) = text.strip_suffix('\'') {
        return Span::server_side(id(shared));
    }
    text.bytes().fold(0, |id, byte| id << 8 | u64::from(byte))
}

fn time_ns(text: &str) -> u64 {
    (text.parse::<f64>().expect("a time in milliseconds") * MS as f64) as u64
}

fn kind_of(text: &str) -> (Kind, Role, Family) {
    match text {
        "entry" => (Kind::Entry, Role::Server, Family::Endpoint),
        "consumer" => (Kind::Entry, Role::Consumer, Family::Endpoint),
        "route" => (Kind::Internal, Role::Internal, Family::Endpoint),
        "internal" => (Kind::Internal, Role::Internal, Family::None),
        "sql" => (Kind::Sql, Role::Client, Family::Statement),
        "sql-name" => (Kind::Sql, Role::Client, Family::Other),
        "document" => (Kind::Document, Role::Client, Family::Other),
        "cache" => (Kind::Cache, Role::Client, Family::Other),
        "http" => (Kind::Http, Role::Client, Family::Url),
        "rpc" => (Kind::Rpc, Role::Client, Family::Other),
        "publish" => (Kind::Publish, Role::Producer, Family::Other),
        "pool" => (Kind::PoolWait, Role::Client, Family::Other),
        "connect" => (Kind::Connect, Role::Client, Family::Other),
        other => panic!("no such kind: {other}"),
    }
}

fn shape(family: Family, text: &str, dictionary: &mut Dictionary) -> ShapeRef {
    if family == Family::None {
        return ShapeRef::default();
    }
    let hash = text.bytes().fold(7u64, |hash, byte| hash.wrapping_mul(31).wrapping_add(byte.into()));
    let id = ShapeId { family, hash };
    dictionary.shape_ref(id, || Shape { id, text: text.into(), facts: None })
}

fn origin(text: &str, dictionary: &mut Dictionary) -> OriginRef {
    let (text, library) = text.split_once('+').unwrap_or((text, ""));
    let (process, host) = text.split_once('@').unwrap_or((text, ""));
    let service = process.split('/').next().unwrap_or_default();
    let origin = Origin {
        service: dictionary.symbol(service),
        instance: dictionary.symbol(process),
        host: dictionary.symbol(host),
        library: dictionary.symbol(library),
        ..Origin::default()
    };
    dictionary.origin_ref(origin)
}

/// The tree of requests of a text, drawn.
pub(crate) fn tree(text: &str) -> String {
    let mut dictionary = Dictionary::default();
    let mut spans = spans(text, &mut dictionary);
    spans.sort_by_key(|span| (span.start_ns, span.id));
    let mut assembler = Assembler::default();
    draw(assembler.assemble(1, &spans, &dictionary), &dictionary)
}

/// Draws a trace: each request with what its time goes to, and its operations below one another.
pub(crate) fn draw(trace: &Trace, dictionary: &Dictionary) -> String {
    let mut drawn = String::new();
    for request in &trace.requests {
        drawn += &line_of(trace, request, dictionary);
        for (number, operation) in request.operations.clone().zip(trace.operations_of(request)) {
            let text = match dictionary.shape(operation.shape).text.as_ref() {
                "" => dictionary.text(operation.name),
                text => text,
            };
            let mut line = "  ".repeat(1 + depth(trace, number));
            line += &format!("{:?} {text} {}", operation.kind, times(operation.start_ns, operation.end_ns));
            line += &format!(" path {}", operation.path_ns / MS);
            if let Some(called) = trace.requests.get(operation.called as usize) {
                line += &format!(" calls {}", called.name.text(dictionary));
            }
            drawn += &line;
            drawn += "\n";
        }
    }
    if trace.orphans > 0 {
        drawn += &format!("{} orphans\n", trace.orphans);
    }
    if trace.skew_ns > 0 {
        drawn += &format!("skew {}\n", trace.skew_ns / MS);
    }
    drawn
}

fn line_of(trace: &Trace, request: &Request, dictionary: &Dictionary) -> String {
    let service = dictionary.text(dictionary.origin(request.opened_by.origin).service);
    let name = request.name.text(dictionary);
    let mut line = format!("{service}: {name} {}", times(request.start_ns, request.end_ns));
    let kinds = [Waits::Database, Waits::Cache, Waits::Call, Waits::Pool, Waits::Lock, Waits::Own];
    for waits in kinds {
        let path_ns = request.path_ns[waits as usize];
        if path_ns > 0 {
            line += &format!(" {waits:?}={}", path_ns / MS).to_lowercase();
        }
    }
    if trace.operations.get(request.caller as usize).is_some() {
        line += if request.waited_for { " waited for" } else { " not waited for" };
    }
    line + "\n"
}

fn times(start_ns: u64, end_ns: u64) -> String {
    format!("{}..{}", start_ns / MS, end_ns / MS)
}

fn depth(trace: &Trace, number: u32) -> usize {
    let mut above = trace.operations[number as usize].parent;
    let mut depth = 0;
    while above != NONE {
        above = trace.operations[above as usize].parent;
        depth += 1;
    }
    depth
}
