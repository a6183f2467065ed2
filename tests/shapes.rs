//! The same statement has one shape wherever it is seen, and no text makes the lexer stumble.

use std::collections::HashMap;

use detectors::evidence::shape::sql::{Dialect, Lexer, Literal, Recognizer};
use detectors::evidence::shape::url::Templates;
use detectors::evidence::{ShapeId, Values};
use proptest::prelude::*;

fn dialect(source: &str) -> Dialect {
    match source.trim_end_matches(|letter: char| letter.is_ascii_digit()) {
        "span" => Dialect::Generic,
        "postgres" | "pgss" => Dialect::Postgres,
        "mysql" | "digest" => Dialect::MySql,
        "mssql" => Dialect::SqlServer,
        other => panic!("unknown source {other}"),
    }
}

fn blocks() -> Vec<Vec<(String, String)>> {
    let file = include_str!("../fixtures/shapes/same.txt");
    let blocks = file.split("\n\n").map(|block| {
        let lines = block.lines().filter(|line| !line.is_empty() && !line.starts_with('#'));
        let entry = |line: &str| {
            let (source, text) = line.split_once('\t').expect("a tab behind the source");
            (source.to_owned(), text.replace("\\n", "\n"))
        };
        lines.map(entry).collect::<Vec<_>>()
    });
    blocks.filter(|block| !block.is_empty()).collect()
}

#[test]
fn one_statement_from_every_source_has_one_id() {
    let lexer = Lexer::new(7);
    let mut seen: HashMap<ShapeId, String> = HashMap::new();
    let mut wrong = Vec::new();
    for block in blocks() {
        let shown = |(source, text): &(String, String)| {
            let shape = lexer.describe(text.as_bytes(), dialect(source));
            (shape.id, format!("{} <- {source}: {text}", shape.text))
        };
        let (first, text) = shown(&block[0]);
        if let Some(other) = seen.insert(first, text.clone()) {
            wrong.push(format!("two blocks share an id:\n  {other}\n  {text}"));
        }
        for entry in &block[1..] {
            let (id, other) = shown(entry);
            if id != first {
                wrong.push(format!("one block has two ids:\n  {text}\n  {other}"));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn the_canonical_text_has_the_id_of_its_statement() {
    let lexer = Lexer::new(7);
    for (source, text) in blocks().concat() {
        let shape = lexer.describe(text.as_bytes(), dialect(&source));
        let again = lexer.describe(shape.text.as_bytes(), Dialect::Generic);
        assert_eq!((again.id, &again.text), (shape.id, &shape.text), "{text}");
    }
}

#[test]
fn cut_texts_are_marked() {
    let lexer = Lexer::new(7);
    let cut = [
        "SELECT a FROM t WHERE name = 'Jan",
        "SELECT a FROM t WHERE x IN (1, 2",
        "SELECT a, b FRO...",
        "SELECT a FROM t WHERE",
        "SELECT a FROM t /* the rest",
        "SELECT a FROM t WHERE b = $tag$ x",
        "SELECT a FROM \"t",
    ];
    for text in cut {
        let scanned = lexer.scan(text.as_bytes(), Dialect::Postgres);
        assert!(scanned.truncated, "{text}");
        assert_eq!(scanned.values, Values::UNKNOWN, "{text}");
    }
    for (source, text) in blocks().concat().into_iter().filter(|(source, _)| source.starts_with("pgss")) {
        assert!(!lexer.scan(text.as_bytes(), dialect(&source)).truncated, "{text}");
    }
}

#[test]
fn values_tell_executions_apart() {
    let lexer = Lexer::new(7);
    let values = |text: &str| lexer.scan(text.as_bytes(), Dialect::Postgres).values;
    assert_eq!(values("SELECT * FROM t WHERE a = 5"), values("select *  from T where a=5 -- again"));
    assert_ne!(values("SELECT * FROM t WHERE a = 5"), values("SELECT * FROM t WHERE a = -5"));
    assert_ne!(values("SELECT * FROM t WHERE a IN (1, 2)"), values("SELECT * FROM t WHERE a IN (1, 3)"));
    assert_eq!(values("SELECT * FROM t"), Values::NONE);
    assert_eq!(values("SELECT * FROM t WHERE a = $1 AND b = 2"), Values::UNKNOWN);
    assert_ne!(
        values("SELECT * FROM t WHERE a = 5"),
        Lexer::new(8).scan(b"SELECT * FROM t WHERE a = 5", Dialect::Postgres).values
    );
    let scanned = lexer.scan(b"SELECT * FROM t WHERE a = $1", Dialect::Postgres);
    let with = |parameter: &'static [u8]| lexer.values_with(&scanned, [parameter]);
    assert_eq!(with(b"5"), with(b"5"));
    assert_ne!(with(b"5"), with(b"6"));
    assert_eq!(lexer.values_with(&scanned, []), Values::UNKNOWN);
}

#[test]
fn literals_have_the_places_of_the_canonical_text() {
    let lexer = Lexer::new(7);
    let places = |text: &str| {
        let mut found: Vec<Literal> = Vec::new();
        lexer.literals(text.as_bytes(), Dialect::Postgres, &mut found);
        let shown = found.iter().map(|literal| {
            format!("{}:{}", literal.place, &text[literal.start as usize..literal.end as usize])
        });
        shown.collect::<Vec<_>>().join(" ")
    };
    assert_eq!(places("SELECT 1 FROM t WHERE a = 'x' AND b = -5"), "0:1 1:'x' 2:-5");
    assert_eq!(places("SELECT a FROM t WHERE a IN ('x'::text, 'y') AND b = $1 AND c = 7"), "0:'x' 0:'y' 2:7");
    assert_eq!(places("INSERT INTO t VALUES (1, now(), 2), (3, now(), 4)"), "0:1 1:2");
    assert_eq!(places("SELECT f(1, 2), 3"), "0:1 0:2 1:3");
}

#[test]
fn schemas_of_tenants_fold() {
    let lexer = Lexer::new(7).with_tenant_schemas(&["tenant_*"]);
    let id = |text: &str| lexer.scan(text.as_bytes(), Dialect::Postgres).id;
    assert_eq!(id("SELECT * FROM tenant_17.orders"), id("SELECT * FROM \"tenant_9\".orders"));
    assert_eq!(id("SELECT * FROM tenant_17.orders"), id("SELECT * FROM Tenant_A.orders"));
    assert_ne!(id("SELECT * FROM tenant_17.orders"), id("SELECT * FROM public.orders"));
    assert_ne!(id("SELECT tenant_17 FROM orders"), id("SELECT tenant_18 FROM orders"));
}

#[test]
fn ids_are_those_of_this_version() {
    let scanned = Lexer::new(7).scan(b"SELECT id FROM customers WHERE id = 42", Dialect::Postgres);
    assert_eq!(scanned.id.to_string(), "q1:9283150c7000e115");
}

const DIALECTS: [Dialect; 4] = [Dialect::Postgres, Dialect::MySql, Dialect::SqlServer, Dialect::Generic];

/// Pieces of statements, some of them broken.
fn piece() -> impl Strategy<Value = String> {
    let words = [
        "select",
        "FROM",
        "where",
        "in",
        "IN (",
        "values",
        "VALUES (",
        "(",
        ")",
        ",",
        ", ",
        "array[",
        "[",
        "]",
        "is",
        "not",
        "null",
        "true",
        "as",
        "x",
        "Order",
        "\"order\"",
        "\"A b\"",
        "`c`",
        "`D-e`",
        "[f]",
        "a.b",
        ".",
        "*",
        "=",
        "<>",
        "!=",
        "->>",
        "::",
        "::int",
        ":=",
        ":n",
        ":",
        "?",
        "??",
        "?|",
        "?&",
        "$1",
        "$x$q$x$",
        "@p0",
        "@@v",
        "@>",
        "<@",
        "%s",
        "%(n)s",
        "%",
        "#",
        "#t",
        "-",
        "+",
        "-5",
        "5",
        "1e-5",
        "0x1F",
        ".5",
        "1.",
        "'t'",
        "'it''s'",
        "E'\\''",
        "N'n'",
        "--c\n",
        "-- c\n",
        "/*c*/",
        "/* /* */ */",
        "/*!1 a*/",
        "/*+ h */",
        ";",
        "...",
        "?, ...",
        "row",
        "ROW(",
        "extract(",
        "interval",
        "date",
        "limit",
        "end",
        "||",
        "&&",
        "~*",
        "\\",
        "{",
        "é",
        "_utf8'x'",
        "(_charset)",
        "\"",
        "'",
        "$",
        "\t",
        "default",
        "2fa",
        "on",
        "at",
        "cast",
    ];
    prop_oneof![
        8 => proptest::sample::select(words.to_vec()).prop_map(str::to_owned),
        1 => "[ -~]{0,4}",
        1 => "[a-zA-Z_]{1,20}",
    ]
}

/// Literals, most of them plain.
fn literal() -> impl Strategy<Value = String> {
    let odd = [
        "0", "0x1f", "1e5", "1.", ".5", "'it''s'", "'a\\'b'", "E'x'", "'%(a)s'", "'/*'", "'--'", "''", "-3",
        "+4.5", "true", "$$x$$", "\"x y\"",
    ];
    prop_oneof![
        4 => "[0-9]{1,6}",
        2 => "[0-9]{1,3}\\.[0-9]{1,3}",
        4 => "'[a-z0-9 ,()=%-]{0,9}'",
        2 => proptest::sample::select(odd.to_vec()).prop_map(str::to_owned),
        3 => proptest::collection::vec("[0-9]{1,4}", 2..6).prop_map(|list| list.join(", ")),
        1 => proptest::collection::vec("'[a-z(%]{0,4}'", 2..4).prop_map(|list| list.join(",\n\t")),
        1 => proptest::collection::vec(prop_oneof!["[0-9]{1,3}", "[0-9]\\.[0-9]", "'[a-z]?'"], 2..6)
            .prop_map(|list| list.join(",")),
        // Rows, where it stands in one.
        2 => proptest::collection::vec("[0-9]{1,3}", 2..6).prop_map(|rows| rows.join("), (")),
    ]
}

fn soup() -> impl Strategy<Value = String> {
    proptest::collection::vec((piece(), prop_oneof![3 => Just(" "), 1 => Just("")]), 0..24)
        .prop_map(|pieces| pieces.into_iter().map(|(piece, space)| piece + space).collect())
}

/// A value where only an operator can stand: it is written as the operator `?` would be.
fn is_ambiguous(text: &str) -> bool {
    text.match_indices('?').any(|(at, _)| {
        let before = text[..at].trim_end();
        let word = before.rsplit([' ', '(', '[', '.', ':']).next().unwrap_or(before);
        let starts = before.len() == word.len() || before[..before.len() - word.len()].ends_with("; ");
        word.ends_with(|letter: char| {
            letter.is_lowercase()
                || !letter.is_ascii()
                || letter.is_ascii_digit()
                || "_\")]?$".contains(letter)
        }) || ((starts && !word.is_empty()) || word == "END")
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1_000, failure_persistence: None, rng_seed: proptest::test_runner::RngSeed::Fixed(1), ..ProptestConfig::default() })]

    #[test]
    fn bytes_never_stop_the_lexer(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        for dialect in DIALECTS {
            let lexer = Lexer::new(1);
            let id = lexer.scan(&bytes, dialect).id;
            prop_assert_eq!(lexer.describe(&bytes, dialect).id, id);
            let mut found = Vec::new();
            lexer.literals(&bytes, dialect, &mut found);
        }
        Templates::new(1).call(b"GET", &bytes);
        Templates::new(1).endpoint_by_route(b"GET", &bytes);
        Templates::new(1).endpoint_by_name(&bytes);
        Templates::new(1).command(&bytes);
    }

    #[test]
    fn what_is_recognised_is_what_the_lexer_says(
        text in soup(),
        literals in proptest::collection::vec((any::<proptest::sample::Index>(), literal()), 1..40),
    ) {
        // Variants of one text with literals put in or exchanged, so that some have the like of others.
        let lexer = Lexer::new(7);
        for dialect in DIALECTS {
            let mut recognizer = Recognizer::new(lexer.clone());
            let mut variant = text.clone();
            for (place, other) in &literals {
                let mut found = Vec::new();
                lexer.literals(variant.as_bytes(), dialect, &mut found);
                let at = if found.is_empty() { None } else { found.get(place.index(found.len())) };
                match at {
                    Some(at) if variant.is_char_boundary(at.start as usize) && variant.is_char_boundary(at.end as usize) => {
                        variant.replace_range(at.start as usize..at.end as usize, other);
                    }
                    _ => {
                        let places: Vec<usize> = (0..=variant.len()).filter(|&at| variant.is_char_boundary(at)).collect();
                        variant.insert_str(places[place.index(places.len())], other);
                    }
                }
                let (recognised, lexed) = (recognizer.scan(variant.as_bytes(), dialect), lexer.scan(variant.as_bytes(), dialect));
                prop_assert_eq!(recognised, lexed, "{:?} {}", dialect, variant);
            }
        }
    }

    #[test]
    fn canonical_texts_are_fixed_points(text in soup()) {
        let lexer = Lexer::new(1);
        for dialect in [Dialect::Postgres, Dialect::Generic] {
            let shape = lexer.describe(text.as_bytes(), dialect);
            let again = lexer.describe(shape.text.as_bytes(), dialect);
            if !is_ambiguous(&shape.text) {
                prop_assert_eq!((again.id, &again.text), (shape.id, &shape.text));
            }
        }
    }

    #[test]
    fn one_text_has_one_id(text in soup()) {
        // The hash over tokens and the text written from tokens tell the same things apart.
        let lexer = Lexer::new(1);
        let (one, other) = (lexer.describe(text.as_bytes(), Dialect::Postgres), lexer.describe(text.to_uppercase().as_bytes(), Dialect::Postgres));
        prop_assert_eq!(one.id == other.id, one.text == other.text);
    }

    #[test]
    fn blanks_comments_and_case_say_nothing(
        block in 0_usize..1000,
        blanks in proptest::collection::vec(proptest::sample::select(vec![" ", "\n\t", " /* a 'comment' */ ", " -- don't\n"]), 64),
        upper in any::<bool>(),
    ) {
        let plain = |text: &str| {
            !text.contains(['\'', '"', '`', '$', '#', '…', '[']) && !["--", "/*", "..."].iter().any(|mark| text.contains(mark))
        };
        let entries: Vec<(String, String)> = blocks().concat().into_iter().filter(|(_, text)| plain(text)).collect();
        let (source, text) = &entries[block % entries.len()];
        let mut blanks = blanks.iter().cycle();
        let mut changed: String = text.split(' ').flat_map(|word| [word, blanks.next().unwrap_or(&" ")]).collect();
        if upper {
            changed = changed.to_ascii_uppercase();
        }
        let changed = changed.replace("%S", "%s").replace(")S", ")s").replace("DON'T", "x").replace("A 'COMMENT'", "x");
        let lexer = Lexer::new(1);
        prop_assert_eq!(
            lexer.scan(changed.as_bytes(), dialect(source)).id,
            lexer.scan(text.as_bytes(), dialect(source)).id,
            "{}", changed
        );
    }

    #[test]
    fn templates_are_fixed_points(url in "(https?://[a-z][a-z0-9.-]{0,12}(:[0-9]{2,4})?)?/[a-z0-9]{1,24}(/[a-zA-Z0-9_.%@;=-]{0,24}){0,5}(\\?[a-z0-9=&\\[\\]%]{0,20})?") {
        let mut templates = Templates::new(1);
        let text = templates.call(b"GET", url.as_bytes()).text.to_owned();
        let again = templates.call(b"", text.trim_start_matches("GET ").as_bytes()).text.to_owned();
        prop_assert_eq!(again, text.trim_start_matches("GET "));
    }
}
