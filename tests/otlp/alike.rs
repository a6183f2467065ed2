//! Spans out of few words: many are alike but for one value, as a program's are.

use super::layout::Random;
use super::{Resource, Scope, Span, Value};

/// Names, and values that each of them may have.
const WORDS: [(&str, &[&str]); 13] = [
    ("db.system", &["postgresql", "redis", "mongodb", ""]),
    (
        "db.statement",
        &[
            "SELECT * FROM orders WHERE id = 1",
            "SELECT * FROM orders WHERE id = 22",
            "SELECT \"a\" FROM orders",
            "INSERT INTO orders VALUES (1, 'x')",
            "-- nothing but a comment",
            "connect",
            "GET user:1",
            "",
        ],
    ),
    ("db.query.text", &["SELECT 1", "SELECT 2", ""]),
    ("db.query.parameter.0", &["1", "2"]),
    ("db.name", &["shop", "stock"]),
    ("http.method", &["GET", "POST"]),
    (
        "http.url",
        &["http://a/orders/1", "http://a/orders/22", "http://b/", "http://b/?a=1", "/orders/5", "connect"],
    ),
    ("http.target", &["/orders/1", "/orders/2", "/orders/x1"]),
    ("server.address", &["a", "b"]),
    ("http.route", &["/orders/{id}", "/"]),
    ("code.function", &["list", "show"]),
    ("some.word", &["x", "y\n", "{\"key\":\"db.system\"}"]),
    ("messaging.operation", &["publish", "receive"]),
];

/// Names, and numbers that each of them may have.
const NUMBERS: [(&str, &[i64]); 7] = [
    ("http.status_code", &[200, 404, 500]),
    ("db.row_count", &[0, 1, -1, i64::MAX]),
    ("http.response.body.size", &[0, 17, -5]),
    ("http.response_content_length", &[1, 18]),
    ("span.composite.count", &[1, 3]),
    ("thread.id", &[7, 140_000_000_000_000]),
    ("some.number", &[1, 2]),
];

/// So many spans.
pub(crate) fn spans(count: u64, random: &mut Random) -> Vec<Resource> {
    // Whole lists come again, with one value changed at times; few of them with a name of their own, or many.
    let few = random.one_in(2);
    let lists: Vec<_> = (0..if few { 6 } else { 40 }).map(|_| attributes(random)).collect();
    let scopes = ["", "opentelemetry.instrumentation.sqlalchemy", "redis"];
    let mut scopes = scopes.map(|name| Scope { name: name.into(), spans: Vec::new() });
    for id in 1..=count {
        let list = random.below(lists.len());
        let mut attributes = lists[list].clone();
        let place = random.below(attributes.len() + 1);
        if let Some((name, value)) = attributes.get_mut(place) {
            *value = another(name, random).unwrap_or(value.clone());
        }
        let names = ["SELECT shop", "GET", "query", "prepare query"];
        let (name, kind, error) = match few {
            true => (list % 3, list % 6, list % 4 == 3),
            false => (random.below(names.len()), random.below(6), random.one_in(5)),
        };
        scopes[random.below(3)].spans.push(Span {
            trace: 1 << 64 | u128::from(id % 9 + 1),
            id,
            parent: if random.one_in(2) { id / 2 } else { 0 },
            name: names[name].into(),
            kind: kind as u8,
            start_ns: 1_700_000_000_000_000_000 + id * 1_000,
            end_ns: 1_700_000_000_000_000_000 + id * 1_500,
            error,
            attributes,
            events: usize::from(random.one_in(9)),
        });
    }
    let service = ("service.name".to_owned(), Value::Text("shop".into()));
    vec![Resource { attributes: vec![service], scopes: scopes.into() }]
}

/// A list of attributes; a name may come twice.
fn attributes(random: &mut Random) -> Vec<(String, Value)> {
    let mut attributes: Vec<(String, Value)> = (0..1 + random.below(5))
        .filter_map(|_| {
            let name = match random.below(WORDS.len() + NUMBERS.len()) {
                place if place < WORDS.len() => WORDS[place].0,
                place => NUMBERS[place - WORDS.len()].0,
            };
            Some((name.to_owned(), another(name, random)?))
        })
        .collect();
    if random.one_in(6) {
        let tables = ["orders", "customers"].map(|name| Value::Text(name.into()));
        attributes.push(("aws.dynamodb.table_names".into(), Value::List(tables.into())));
    }
    if random.one_in(9) {
        let name = ["db.statement", "http.url", "db.name"][random.below(3)];
        attributes.push((name.into(), Value::List(Vec::new())));
    }
    if random.one_in(6) {
        attributes.push(("some.truth".into(), Value::Boolean(random.one_in(2))));
    }
    attributes
}

/// One of the values of a name.
fn another(name: &str, random: &mut Random) -> Option<Value> {
    if let Some((_, words)) = WORDS.iter().find(|(word, _)| *word == name) {
        return Some(Value::Text(words[random.below(words.len())].into()));
    }
    let (_, numbers) = NUMBERS.iter().find(|(number, _)| *number == name)?;
    Some(Value::Integer(numbers[random.below(numbers.len())]))
}
