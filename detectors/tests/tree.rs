//! From spans in any order to the tree of requests.

#[path = "tree/drawing.rs"]
mod drawing;

use detectors::evidence::trace::{Assembler, NONE, Trace};
use detectors::evidence::{Dictionary, Kind, Span};
use drawing::{draw, spans, tree};
use proptest::prelude::*;

/// The margin of expected lines in the source.
const MARGIN: &str = "         ";

#[track_caller]
fn expect(spans: &str, expected: &str) {
    let lines = expected.lines().map(|line| line.strip_prefix(MARGIN).unwrap_or(line));
    assert_eq!(tree(spans), lines.map(|line| format!("{line}\n")).collect::<String>());
}

#[test]
fn a_request_with_its_operations() {
    expect(
        "a - shop entry 0 100 GET /orders
         b a shop internal 10 90 list_orders
         c b shop sql 20 40 SELECT orders
         d b shop http 50 80 GET pay/status",
        "shop: GET /orders 0..100 database=20 call=30 own=50
           Internal list_orders 10..90 path 80
             Sql SELECT orders 20..40 path 20
             Http GET pay/status 50..80 path 30",
    );
}

#[test]
fn several_services() {
    expect(
        "a - web entry 0 100 GET /
         b a web http 10 90 GET shop/orders
         c b shop entry 20 80 GET /orders
         d c shop sql 30 70 SELECT orders",
        "web: GET / 0..100 call=80 own=20
           Http GET shop/orders 10..90 path 80 calls GET /orders
         shop: GET /orders 20..80 database=40 own=20 waited for
           Sql SELECT orders 30..70 path 40",
    );
}

#[test]
fn client_and_server_that_share_an_id() {
    expect(
        "a - web entry 0 100 GET /
         b a web http 10 90 GET shop/orders
         c b web internal 11 12 signed
         b' b shop entry 20 80 GET /orders
         d b shop sql 30 70 SELECT orders",
        "web: GET / 0..100 call=79 own=21
           Http GET shop/orders 10..90 path 80 calls GET /orders
             Internal signed 11..12 path 1
         shop: GET /orders 20..80 database=40 own=20 waited for
           Sql SELECT orders 30..70 path 40",
    );
    // The client's span was lost.
    expect(
        "b' b shop entry 20 80 GET /orders
         d b shop sql 30 70 SELECT orders",
        "shop: GET /orders 20..80 database=40 own=20
           Sql SELECT orders 30..70 path 40",
    );
}

#[test]
fn a_message_is_not_waited_for() {
    expect(
        "a - shop entry 0 20 POST /orders
         b a shop publish 5 10 publish orders
         c b mail consumer 50 90 process orders",
        "shop: POST /orders 0..20 call=5 own=15
           Publish publish orders 5..10 path 5 calls process orders
         mail: process orders 50..90 own=40 not waited for",
    );
}

#[test]
fn a_gateway_without_client_spans_calls_the_service_behind_it() {
    expect(
        "a - nginx entry 0 100 GET /
         b a shop entry 10 90 GET /orders
         c b shop sql 20 40 SELECT orders
         d b stock entry 50 80 GET /stock",
        "nginx: GET / 0..100 call=80 own=20
           Rpc GET /orders 10..90 path 80 calls GET /orders
         shop: GET /orders 10..90 database=20 call=30 own=30 waited for
           Sql SELECT orders 20..40 path 20
           Rpc GET /stock 50..80 path 30 calls GET /stock
         stock: GET /stock 50..80 own=30 waited for",
    );
}

#[test]
fn two_layers_of_one_statement_count_once() {
    expect(
        "a - shop entry 0 100 GET /orders
         b a shop sql 10 30 SELECT orders
         c b shop sql 11 29 SELECT orders
         d c shop sql 12 28 SELECT orders",
        "shop: GET /orders 0..100 database=20 own=80
           Sql SELECT orders 10..30 path 20",
    );
}

#[test]
fn layers_may_lie_beside_each_other() {
    expect(
        "a - shop entry 0 100 GET /orders
         b a shop+mapper sql 10 30 SELECT orders
         c a shop+driver sql 11 12 BEGIN
         d a shop+driver sql 13 29 SELECT orders
         e a shop+mapper sql 40 60 SELECT customer
         f a shop+mapper sql 41 61 SELECT customer
         g a shop+driver sql 42 58 SELECT customer
         h a shop+driver sql 43 59 SELECT customer",
        "shop: GET /orders 0..100 database=41 own=59
           Sql SELECT orders 10..30 path 20
           Sql BEGIN 11..12 path 0
           Sql SELECT customer 40..60 path 1
           Sql SELECT customer 41..61 path 20",
    );
}

/// A mapper compiles its first statement, or waits for a connection.
#[test]
fn a_layer_beside_that_does_mostly_something_else_is_not_the_statement() {
    expect(
        "a - shop entry 0 100 GET /orders
         b a shop+mapper sql 10 90 SELECT orders
         c a shop+driver sql 80 89 SELECT orders",
        "shop: GET /orders 0..100 database=9 own=91
           Internal  10..90 path 80
             Sql SELECT orders 80..89 path 9",
    );
}

#[test]
fn the_outer_layer_may_lack_the_text() {
    expect(
        "a - shop entry 0 100 GET /orders
         b a shop sql-name 10 30 select orders
         c b shop sql 12 29 SELECT orders",
        "shop: GET /orders 0..100 database=20 own=80
           Sql SELECT orders 10..30 path 20",
    );
}

#[test]
fn code_between_two_layers_keeps_its_time() {
    expect(
        "a - shop entry 0 100 GET /orders
         b a shop sql-name 10 30 select orders
         c b shop internal 11 30 serialise
         d c shop sql 12 29 SELECT orders",
        "shop: GET /orders 0..100 database=17 own=83
           Internal  10..30 path 20
             Internal serialise 11..30 path 19
               Sql SELECT orders 12..29 path 17",
    );
}

#[test]
fn a_layer_that_mostly_waits_for_a_connection_is_not_the_statement() {
    expect(
        "a - shop entry 0 100 GET /orders
         b a shop sql 0 90 SELECT orders
         c b shop pool 1 79 pg-pool.connect
         d b shop sql 80 90 SELECT orders",
        "shop: GET /orders 0..100 database=10 pool=78 own=12
           Internal  0..90 path 90
             PoolWait pg-pool.connect 1..79 path 78
             Sql SELECT orders 80..90 path 10",
    );
}

#[test]
fn a_batch_of_statements_is_not_one_statement() {
    expect(
        "a - shop entry 0 100 POST /orders
         b a shop sql 0 50 INSERT orders
         c b shop sql 0 10 INSERT orders
         d b shop sql 10 20 INSERT orders
         e b shop sql 20 30 INSERT orders
         f b shop sql 30 40 INSERT orders
         g b shop sql 40 50 INSERT orders",
        "shop: POST /orders 0..100 database=50 own=50
           Internal  0..50 path 50
             Sql INSERT orders 0..10 path 10
             Sql INSERT orders 10..20 path 10
             Sql INSERT orders 20..30 path 10
             Sql INSERT orders 30..40 path 10
             Sql INSERT orders 40..50 path 10",
    );
}

#[test]
fn a_client_and_its_transport_count_once() {
    expect(
        "a - shop entry 0 100 GET /orders
         b a shop http 0 40 GET pay/status
         c b shop http 1 39 GET pay/status
         d a shop document 50 70 search
         e d shop http 51 69 POST es/_search
         f a shop rpc 80 90 S3/GetObject
         g f shop http 81 89 GET s3
         h g s3 entry 82 88 GET /object",
        "shop: GET /orders 0..100 database=20 call=50 own=30
           Http GET pay/status 0..40 path 40
           Document search 50..70 path 20
           Rpc S3/GetObject 80..90 path 10 calls GET /object
         s3: GET /object 82..88 own=6 waited for",
    );
}

#[test]
fn retries_are_not_layers() {
    expect(
        "a - shop entry 0 100 GET /orders
         b a shop http 0 90 GET pay/status
         c b shop http 0 30 GET pay/status
         d b shop http 30 60 GET pay/status
         e b shop http 60 90 GET pay/status",
        "shop: GET /orders 0..100 call=90 own=10
           Http GET pay/status 0..90 path 90
             Http GET pay/status 0..30 path 30
             Http GET pay/status 30..60 path 30
             Http GET pay/status 60..90 path 30",
    );
}

#[test]
fn two_layers_of_one_server_are_one_request() {
    expect(
        "a - shop entry 0 100 GET
         b a shop internal 1 99 middleware
         c b shop entry 2 98 GET /orders/{id}
         d c shop sql 10 20 SELECT orders",
        "shop: GET /orders/{id} 0..100 database=10 own=90
           Internal middleware 1..99 path 98
             Entry GET /orders/{id} 2..98 path 96
               Sql SELECT orders 10..20 path 10",
    );
}

#[test]
fn a_loop_that_serves_requests_is_not_their_caller() {
    expect(
        "a - shop internal 0 1000 main
         b a shop entry 10 30 GET /orders
         c a shop entry 40 90 GET /orders",
        "shop: main 0..1000 own=1000
         shop: GET /orders 10..30 own=20
         shop: GET /orders 40..90 own=50",
    );
}

#[test]
fn sends_and_receives_of_asgi_hide_nothing() {
    expect(
        "a - shop entry 0 100 GET /orders
         b a shop internal 0 1 GET /orders http receive
         c a shop sql 10 30 SELECT orders
         d a shop sql 30 50 SELECT customers
         e a shop internal 50 51 GET /orders http send
         f a shop sql 51 70 SELECT items
         g a shop internal 70 99 GET /orders http send",
        "shop: GET /orders 0..100 database=59 own=41
           Internal GET /orders http receive 0..1 path 1
           Sql SELECT orders 10..30 path 20
           Sql SELECT customers 30..50 path 20
           Internal GET /orders http send 50..51 path 1
           Sql SELECT items 51..70 path 19
           Internal GET /orders http send 70..99 path 29",
    );
}

#[test]
fn background_work_after_the_end_is_apart() {
    expect(
        "a - shop entry 0 100 POST /orders
         b a shop sql 10 20 INSERT orders
         c a shop internal 101 300 BackgroundTask send_mail
         d c shop http 120 280 POST mail/send
         e a shop internal 310 320 BackgroundTask audit",
        "shop: POST /orders 0..100 database=10 own=90
           Sql INSERT orders 10..20 path 10
         shop: (background of POST /orders) 101..320 call=160 own=59
           Internal BackgroundTask send_mail 101..300 path 199
             Http POST mail/send 120..280 path 160
           Internal BackgroundTask audit 310..320 path 10",
    );
}

#[test]
fn what_a_long_span_does_after_the_end_is_apart() {
    expect(
        "a - shop entry 0 100 POST /orders
         b a shop sql 10 20 INSERT orders
         c a shop internal 50 300 send_mail
         d c shop http 60 90 GET mail/token
         e c shop http 120 280 POST mail/send",
        "shop: POST /orders 0..100 database=10 own=90
           Sql INSERT orders 10..20 path 10
           Internal send_mail 50..300 path 0
             Http GET mail/token 60..90 path 0
         shop: (background of POST /orders) 120..280 call=160
           Http POST mail/send 120..280 path 160",
    );
}

#[test]
fn a_leaked_context_is_counted_by_request() {
    expect(
        "a - shop entry 0 10 GET /orders
         b a shop sql 2 8 SELECT orders
         c a shop entry 20 30 GET /orders
         d c shop sql 22 28 SELECT orders
         e a shop route 40 50 GET /orders
         f e shop sql 42 48 SELECT orders
         g a shop sql 60 61 SELECT leaked",
        "shop: GET /orders 0..10 database=6 own=4
           Sql SELECT orders 2..8 path 6
         shop: GET /orders 20..30 database=6 own=4
           Sql SELECT orders 22..28 path 6
         shop: GET /orders 40..50 database=6 own=4
           Sql SELECT orders 42..48 path 6
         shop: (background of GET /orders) 60..61 database=1
           Sql SELECT leaked 60..61 path 1",
    );
}

#[test]
fn a_root_that_is_over_takes_no_more() {
    expect(
        "a - shop internal 0 5 start
         b a shop sql 1 2 SELECT version
         c a shop sql 1000 1001 SELECT orders
         d a shop sql 2000 2001 SELECT orders",
        "shop: start 0..5 database=1 own=4
           Sql SELECT version 1..2 path 1
         shop: (no request) 1000..2001 database=2 own=999
           Sql SELECT orders 1000..1001 path 1
           Sql SELECT orders 2000..2001 path 1",
    );
}

#[test]
fn spans_without_parent_are_requests_of_their_own_name() {
    expect(
        "a - shop sql 0 5 SELECT orders
         b - shop internal 10 20 nightly
         c b shop sql 12 15 DELETE old",
        "shop: (no request) 0..5 database=5
           Sql SELECT orders 0..5 path 5
         shop: nightly 10..20 database=3 own=7
           Sql DELETE old 12..15 path 3",
    );
}

#[test]
fn an_entry_without_its_caller_is_an_edge() {
    expect(
        "a x shop entry 0 100 GET /orders
         b a shop sql 10 20 SELECT orders",
        "shop: GET /orders 0..100 database=10 own=90
           Sql SELECT orders 10..20 path 10",
    );
}

#[test]
fn orphans_hang_under_the_one_request_that_covers_them() {
    expect(
        "a - web entry 0 100 GET /
         b a web http 10 90 GET shop/orders
         c b shop entry 20 80 GET /orders
         d x shop sql 30 40 SELECT orders
         e x web sql 30 40 SELECT session",
        "web: GET / 0..100 call=80 own=20
           Http GET shop/orders 10..90 path 80 calls GET /orders
           Sql SELECT session 30..40 path 0
         shop: GET /orders 20..80 database=10 own=50 waited for
           Sql SELECT orders 30..40 path 10
         2 orphans",
    );
}

#[test]
fn orphans_without_a_single_cover_are_incomplete() {
    expect(
        "a - web entry 0 100 GET /
         b a shop/1 entry 20 80 GET /orders
         c a shop/1 entry 25 85 GET /orders
         d x shop/1 sql 30 40 SELECT orders
         e d shop/1 internal 31 32 decode
         f x shop/2 sql 30 40 SELECT orders
         g y shop/2 sql 50 60 SELECT orders",
        "web: GET / 0..100 call=65 own=35
           Rpc GET /orders 20..80 path 5 calls GET /orders
           Rpc GET /orders 25..85 path 60 calls GET /orders
         shop: GET /orders 20..80 own=60 waited for
         shop: GET /orders 25..85 own=60 waited for
         shop: (incomplete) 30..40 database=9 own=1
           Sql SELECT orders 30..40 path 10
             Internal decode 31..32 path 1
         shop: (incomplete) 30..60 database=20 own=10
           Sql SELECT orders 30..40 path 10
           Sql SELECT orders 50..60 path 10
         3 orphans",
    );
}

#[test]
fn requests_below_an_orphan_have_their_caller() {
    expect(
        "a x web http 10 90 GET shop/orders
         c a shop entry 20 80 GET /orders
         d y shop sql 30 40 SELECT orders",
        "web: (incomplete) 10..90 call=80
           Http GET shop/orders 10..90 path 80 calls GET /orders
         shop: GET /orders 20..80 database=10 own=50 waited for
           Sql SELECT orders 30..40 path 10
         2 orphans",
    );
}

#[test]
fn a_child_that_begins_before_its_orphaned_parent_stays_with_it() {
    expect(
        "a - shop entry 0 100 GET /
         b c shop sql 20 30 SELECT orders
         c x shop internal 25 60 list",
        "shop: GET / 0..100 database=5 own=95
           Sql SELECT orders 20..30 path 5
           Internal list 25..60 path 35
         1 orphans",
    );
}

#[test]
fn clocks_of_other_hosts_are_shifted_as_a_whole() {
    expect(
        "a - web@one entry 1000 1100 GET /
         b a web@one http 1010 1040 GET shop/orders
         c b shop@two entry 2015 2035 GET /orders
         d c shop@two sql 2020 2030 SELECT orders
         e a web@one http 1050 1090 GET shop/stock
         f e shop@two entry 2052 2072 GET /stock",
        "web: GET / 1000..1100 call=70 own=30
           Http GET shop/orders 1010..1040 path 30 calls GET /orders
           Http GET shop/stock 1050..1090 path 40 calls GET /stock
         shop: GET /orders 1016..1036 database=10 own=10 waited for
           Sql SELECT orders 1021..1031 path 10
         shop: GET /stock 1053..1073 own=20 waited for
         skew 998",
    );
}

#[test]
fn clocks_of_one_host_and_small_shifts_are_left_alone() {
    expect(
        "a - web@one entry 0 100 GET /
         b a web@one http 10 40 GET shop/orders
         c b shop@one entry 45 60 GET /orders
         d a web@one http 50 90 GET pay/status
         e d pay@two entry 55 85 GET /status",
        "web: GET / 0..100 call=70 own=30
           Http GET shop/orders 10..40 path 30 calls GET /orders
           Http GET pay/status 50..90 path 40 calls GET /status
         shop: GET /orders 45..60 own=15 waited for
         pay: GET /status 55..85 own=30 waited for",
    );
}

#[test]
fn calls_that_overlap_by_a_rounded_microsecond_follow_one_another() {
    expect(
        "a - shop entry 0 100 GET /orders
         b a shop sql 10 20.001 SELECT orders
         c a shop sql 20 30 SELECT lines
         d a shop sql 29.5 40 SELECT names",
        "shop: GET /orders 0..100 database=30 own=70
           Sql SELECT orders 10..20 path 10
           Sql SELECT lines 20..30 path 9
           Sql SELECT names 29..40 path 10",
    );
}

#[test]
fn parents_in_a_ring_are_cut() {
    expect(
        "a c shop sql 0 10 one
         b a shop internal 1 9 two
         c b shop internal 2 8 three
         d d shop sql 20 30 itself",
        "shop: (incomplete) 0..30 database=12 own=18
           Sql one 0..10 path 10
             Internal two 1..9 path 8
               Internal three 2..8 path 6
           Sql itself 20..30 path 10
         2 orphans",
    );
}

#[test]
fn children_outside_and_beside_their_parents() {
    expect(
        "a - shop entry 0 100 GET /
         b a shop internal 10 20 schedule
         c b shop http 15 60 GET pay
         d b shop sql 60 90 SELECT orders
         e a shop http 90 300 POST audit
         f a shop sql 50 50 SELECT nothing",
        "shop: GET / 0..100 database=30 call=45 own=25
           Internal schedule 10..20 path 5
           Http GET pay 15..60 path 45
           Sql SELECT nothing 50..50 path 0
           Sql SELECT orders 60..90 path 30
           Http POST audit 90..300 path 0",
    );
}

#[test]
fn a_request_without_length() {
    expect(
        "a - shop entry 5 5 GET /
         b a shop sql 5 5 SELECT orders
         c a shop sql 9 10 SELECT orders",
        "shop: GET / 5..5
           Sql SELECT orders 5..5 path 0
         shop: (background of GET /) 9..10 database=1
           Sql SELECT orders 9..10 path 1",
    );
}

#[test]
fn a_chain_of_100_000_in_one_request() {
    let mut dictionary = Dictionary::default();
    let template = spans("a - shop entry 0 1000 GET /\nb a shop internal 1 2 step", &mut dictionary);
    let mut spans = vec![Span { id: 1, ..template[0] }];
    let (mut start_ns, mut end_ns) = (1_000, 900_000_000);
    for id in 2..=50_001 {
        spans.push(Span { id, parent: id - 1, start_ns, end_ns, ..template[1] });
        (start_ns, end_ns) = (start_ns + 1, end_ns - 1);
    }
    // What a deep call leaves running outlives all that are above it.
    for id in 50_002..=100_000 {
        let start_ns = 200_000 + id;
        spans.push(Span {
            id,
            parent: 50_001,
            start_ns,
            end_ns: 990_000_000,
            kind: Kind::Sql,
            ..template[1]
        });
    }
    let mut assembler = Assembler::default();
    let trace = assembler.assemble(1, &spans, &dictionary);
    assert_eq!((trace.requests.len(), trace.operations.len()), (1, 99_999));
    let outliving = trace.operations.iter().filter(|operation| operation.kind == Kind::Sql);
    assert!(outliving.clone().all(|operation| operation.parent == NONE), "longer than all but the request");
    check(trace);
}

#[test]
fn a_hundred_thousand_requests_in_one_trace() {
    let mut dictionary = Dictionary::default();
    let text = "a - shop entry 0 1 GET /\nb x shop sql 0 1 SELECT orders";
    let template = spans(text, &mut dictionary);
    let mut spans = vec![Span { id: 1, end_ns: 5_000_000_000, ..template[0] }];
    for number in 1..100_000u64 {
        let at = number * 10_000;
        spans.push(Span { id: 2 * number, parent: 1, start_ns: at, end_ns: at + 5_000, ..template[0] });
        let orphan =
            Span { id: 2 * number + 1, parent: u64::MAX, start_ns: at + 1, end_ns: at + 2, ..template[1] };
        spans.push(if number % 2 == 0 {
            orphan
        } else {
            Span { start_ns: at + 5_001, end_ns: at + 5_002, ..orphan }
        });
    }
    spans.sort_by_key(|span| (span.start_ns, span.id));
    let mut assembler = Assembler::default();
    let trace = assembler.assemble(1, &spans, &dictionary);
    assert_eq!((trace.requests.len(), trace.orphans), (100_001, 99_999));
    assert_eq!(trace.requests[0].operations.len(), 50_000, "those between the others");
    check(trace);
}

/// The trace that comes second, with whether it was known by the form of the first.
fn second_of(first: &str, second: &str) -> (String, bool) {
    let mut dictionary = Dictionary::default();
    let [first, second] = [first, second].map(|text| spans(text, &mut dictionary));
    let mut assembler = Assembler::default();
    assembler.assemble(1, &first, &dictionary);
    let trace = assembler.assemble(2, &second, &dictionary);
    (draw(trace, &dictionary), trace.form.is_some())
}

const TWO_SERVICES: &str = "a - web entry 0 100 GET /
         b a web http 10 90 GET shop/orders
         c b shop entry 20 80 GET /orders
         d c shop sql 30 50 SELECT orders
         e c shop sql 50 60 SELECT lines";

#[test]
fn a_trace_of_a_known_form_is_as_others() {
    let other = "k - web entry 0 200 GET /
         l k web http 10 190 GET shop/orders
         m l shop entry 20 80 GET /orders
         n m shop sql 30 70 SELECT orders
         o m shop sql 75 78 SELECT lines";
    assert_eq!(second_of(TWO_SERVICES, other), (tree(other), true));
    let at_once = other.replace("75 78", "45 78");
    assert_eq!(second_of(TWO_SERVICES, &at_once), (tree(&at_once), true));
}

#[test]
fn a_trace_of_another_form_is_none_of_a_known_one() {
    for (from, to) in [
        ("e c", "e b"),
        ("e c", "e x"),
        ("sql 50 60", "cache 50 60"),
        ("SELECT lines", "SELECT line"),
        ("shop sql 50 60", "shop/2 sql 50 60"),
        ("50 60", "50 81"),
        ("30 50", "20 50"),
        ("50 60", "30 60"),
        ("c b shop entry 20 80", "c b shop consumer 20 80"),
        ("a -", "a d"),
    ] {
        let other = TWO_SERVICES.replace(from, to);
        assert_ne!(other, TWO_SERVICES);
        assert_eq!(second_of(TWO_SERVICES, &other), (tree(&other), false), "{to}");
    }
}

#[test]
fn what_depends_on_times_has_no_form() {
    for text in [
        "a - shop entry 0 100 GET /\nb a shop sql 10 90 SELECT orders\nc b shop sql 11 12 SELECT orders",
        "a - shop entry 0 100 GET /\nb a shop entry 10 90 GET /orders",
        "a - shop entry 0 100 GET /\nb a shop+mapper sql 10 20 one\nc a shop+driver sql 30 40 two",
        "a - shop sql 0 100 SELECT orders",
        "a - shop entry 0 100 GET /\nb x shop sql 10 20 SELECT orders",
        "a - shop entry 0 100 GET /\nb a shop http 10 90 GET pay\nb' b pay entry 20 80 GET /",
    ] {
        assert_eq!(second_of(text, text), (tree(text), false));
    }
}

/// What holds for every tree of requests.
fn check(trace: &Trace) {
    let mut owners = Vec::new();
    for (number, request) in trace.requests.iter().enumerate() {
        assert_eq!(request.operations.start as usize, owners.len());
        owners.resize(request.operations.end as usize, number);
        assert_eq!(request.path_ns.iter().sum::<u64>(), request.duration_ns());
        let segments = trace.path_of(request);
        let mut end_ns = request.end_ns;
        for segment in segments {
            assert_eq!(segment.end_ns, end_ns, "the path has a gap");
            end_ns = segment.start_ns;
        }
        assert!(segments.is_empty() || end_ns == request.start_ns);
        for (number, operation) in request.operations.clone().zip(trace.operations_of(request)) {
            assert!(operation.parent == NONE || operation.parent < number, "parents come first");
            assert!(operation.parent == NONE || request.operations.contains(&operation.parent));
        }
    }
    assert_eq!(owners.len(), trace.operations.len());
    for (number, request) in trace.requests.iter().enumerate().filter(|(_, request)| request.caller != NONE) {
        assert!(owners[request.caller as usize] < number, "a caller comes before those it calls");
    }
}

/// Up to forty spans of three services, with parents of all sorts.
fn any_spans() -> impl Strategy<Value = Vec<(u64, u64, u64, u8, u8)>> {
    prop::collection::vec((0u64..45, 0u64..100, 0u64..60, 0u8..12, 0u8..4), 1..40)
}

fn any_trace(drawn: &[(u64, u64, u64, u8, u8)], dictionary: &mut Dictionary) -> Vec<Span> {
    let kinds = ["entry", "internal", "sql", "http", "consumer", "publish", "pool", "route", "cache", "rpc"];
    let lines: Vec<String> = drawn
        .iter()
        .enumerate()
        .map(|(number, (parent, start, length, kind, service))| {
            let kind = kinds[usize::from(*kind) % kinds.len()];
            let service = ["shop@one", "pay@two", "web@one", "stock/2"][usize::from(*service)];
            let parent = if number == 0 { "-".to_owned() } else { format!("{parent:02}") };
            format!("{number:02} {parent} {service} {kind} {start} {} {kind}", start + length)
        })
        .collect();
    let mut spans = spans(&lines.join("\n"), dictionary);
    spans.sort_by_key(|span| (span.start_ns, span.id));
    spans
}

/// A parent, a kind and a service for each span.
type Drawn = (prop::sample::Index, u8, u8);

/// Spans that begin and end one after another, each within its parent.
fn nested(drawn: &[Drawn], dictionary: &mut Dictionary) -> Vec<Span> {
    fn enter(number: usize, parents: &[usize], at: &mut u64, times: &mut [(u64, u64)]) {
        times[number].0 = *at;
        *at += 1;
        for child in (1..parents.len()).filter(|&child| parents[child] == number) {
            enter(child, parents, at, times);
        }
        times[number].1 = *at;
        *at += 1;
    }
    let kinds = ["internal", "sql", "http", "cache", "pool", "rpc", "publish"];
    let parents: Vec<usize> =
        drawn.iter().enumerate().map(|(number, (above, ..))| above.index(number.max(1))).collect();
    let mut times = vec![(0, 0); drawn.len()];
    enter(0, &parents, &mut 0, &mut times);
    let mut lines = Vec::new();
    let mut told: Vec<(&str, &str)> = Vec::new();
    for (number, (_, kind, service)) in drawn.iter().enumerate() {
        let above = told.get(parents[number]).filter(|_| number > 0);
        let (kind, service) = match above {
            Some(("http" | "rpc" | "publish", _)) | None => {
                ("entry", ["shop", "pay", "web"][usize::from(*service) % 3])
            }
            Some((_, service)) => (kinds[usize::from(*kind) % kinds.len()], *service),
        };
        told.push((kind, service));
        let parent = if number == 0 { "-".to_owned() } else { format!("{:02}", parents[number]) };
        let (start, end) = times[number];
        lines.push(format!("{number:02} {parent} {service} {kind} {start} {end} {kind}"));
    }
    let mut spans = spans(&lines.join("\n"), dictionary);
    spans.sort_by_key(|span| (span.start_ns, span.id));
    spans
}

proptest! {
    #[test]
    fn traces_of_one_form_are_what_each_is_alone(
        drawn in prop::collection::vec(any::<Drawn>(), 2..12),
        moves in prop::collection::vec((any::<prop::sample::Index>(), 0u64..3_000_000, 0u64..3_000_000), 0..6)
    ) {
        let mut dictionary = Dictionary::default();
        let mut spans = nested(&drawn, &mut dictionary);
        let mut assembler = Assembler::default();
        assembler.assemble(1, &spans, &dictionary);
        for (number, later_ns, longer_ns) in moves {
            let span = number.get_mut(&mut spans);
            span.start_ns += later_ns;
            span.end_ns = span.end_ns.max(span.start_ns) + longer_ns;
        }
        spans.sort_by_key(|span| (span.start_ns, span.id));
        let trace = assembler.assemble(2, &spans, &dictionary);
        let mut alone = Assembler::default();
        let alone = alone.assemble(2, &spans, &dictionary);
        check(trace);
        prop_assert_eq!(&trace.requests, &alone.requests);
        prop_assert_eq!(&trace.operations, &alone.operations);
        prop_assert_eq!(&trace.segments, &alone.segments);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn every_path_sums_to_the_duration_and_nothing_is_lost(drawn in any_spans()) {
        let mut dictionary = Dictionary::default();
        let spans = any_trace(&drawn, &mut dictionary);
        let mut assembler = Assembler::default();
        let first = {
            let trace = assembler.assemble(1, &spans, &dictionary);
            check(trace);
            prop_assert!(trace.operations.len() <= spans.len() + trace.requests.len());
            draw(trace, &dictionary)
        };
        // The scratch space of one trace leaves no trace in the next.
        assembler.assemble(1, &spans[..spans.len() / 2], &dictionary);
        prop_assert_eq!(draw(assembler.assemble(1, &spans, &dictionary), &dictionary), first);
    }
}
