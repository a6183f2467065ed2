//! Lines of properties: most are `Name: value` in the words of the structured forms, some tell several in one line.

use detectors::evidence::plan::{Facts, Form, Key, Value};

use super::quoted;
use crate::ingest::plans::assembly::set;

/// Names and values that are not known, as they were written.
pub(super) type Others = Vec<(Box<str>, Box<str>)>;

/// Whether a line is one: a name that begins with a capital letter, and a colon.
pub(super) fn is_one(text: &str) -> bool {
    text.split_once(':').is_some_and(|(name, value)| {
        let is_word = |letter: char| letter.is_alphanumeric() || matches!(letter, ' ' | '-' | '/' | '_');
        name.starts_with(|first: char| first.is_ascii_uppercase())
            && name.len() <= 60
            && name.chars().all(is_word)
            && (value.is_empty() || value.starts_with(' '))
    })
}

/// Names of lines that tell several properties, or of the whole.
const NAMES: [&str; 24] = [
    "Buffers",
    "I/O Timings",
    "WAL",
    "Heap Blocks",
    "Tuples",
    "Sort Method",
    "Buckets",
    "Planned Partitions",
    "Batches",
    "Hits",
    "Storage",
    "Sampling",
    "Memory",
    "Group Key",
    "Hash Key",
    "Planning",
    "JIT",
    "Options",
    "Timing",
    "Serialization",
    "Settings",
    "Planning time",
    "Execution time",
    "Total runtime",
];

/// Whether a line is a property with a known name.
pub(super) fn is_known(line: &str) -> bool {
    // Some stand behind another in its line.
    let is_name = |name: &str| NAMES.contains(&name) || name != "Maximum Storage" && Key::of(name).is_some();
    line.split_once(':').is_some_and(|(name, _)| is_name(name))
        || line.starts_with("Trigger ") && line.contains(" calls=")
}

/// Reads one line.
pub(super) fn read(line: &str, facts: &mut Facts, others: &mut Others) {
    let Some((name, value)) = line.split_once(':') else {
        return others.push(("".into(), line.into()));
    };
    let value = value.trim();
    match name {
        "Buffers" => buffers(value, facts),
        "I/O Timings" => timings(value, facts),
        "WAL" => wal(value, facts),
        "Heap Blocks" => {
            numbers(value, |word| key(&format!("{} Heap Blocks", capital(word))), facts);
        }
        "Tuples" => numbers(value, |word| key(&format!("Tuples {}", capital(word))), facts),
        "Sort Method" | "Buckets" | "Planned Partitions" | "Batches" | "Hits" | "Storage" => {
            pieces(line, facts, others);
        }
        "Sampling" => sampling(value, facts),
        "Memory" => numbers(value, |word| key(&format!("Memory {}", capital(word))), facts),
        _ => named(name, value, facts, others),
    }
}

/// A property in the words of the structured forms.
fn named(name: &str, value: &str, facts: &mut Facts, others: &mut Others) {
    let name = match name {
        "Planning time" => "Planning Time",
        "Execution time" | "Total runtime" => "Execution Time",
        _ => name,
    };
    match Key::of(name) {
        Some(key) if key.form() == Form::List => {
            let list: Vec<Box<str>> = quoted::list(value).into_iter().map(Box::from).collect();
            facts.set(key, Value::List(list.into()));
        }
        Some(key) if matches!(key.form(), Form::Number | Form::NumberOrNothing) => {
            set(facts, others, name, without_unit(value));
        }
        _ => set(facts, others, name, value),
    }
}

fn without_unit(value: &str) -> &str {
    value.trim_end_matches(|letter: char| letter.is_ascii_alphabetic()).trim_end()
}

/// `shared hit=3 read=4, local hit=1, temp read=1 written=2`
fn buffers(value: &str, facts: &mut Facts) {
    for group in value.split(", ") {
        let Some((kind, counts)) = group.split_once(' ') else { continue };
        numbers(counts, |word| key(&format!("{} {} Blocks", capital(kind), capital(word))), facts);
    }
}

/// `shared read=0.4, temp read=0.1 write=0.2`; in 15 and 16 `shared/local`, before without a word.
fn timings(value: &str, facts: &mut Facts) {
    for group in value.split(", ") {
        let kind = match group.split_once(' ') {
            Some((kind, _)) if !kind.contains('=') => kind,
            _ => "shared",
        };
        let shown = if kind == "shared/local" { "Shared".to_owned() } else { capital(kind) };
        numbers(group, |word| key(&format!("{shown} I/O {} Time", capital(word))), facts);
    }
}

/// `records=1 fpi=2 bytes=3 buffers full=1`
fn wal(value: &str, facts: &mut Facts) {
    let value = value.replace("buffers full=", "full=");
    let of = |word: &str| match word {
        "records" => Some(Key::WalRecords),
        "fpi" => Some(Key::WalFpi),
        "bytes" => Some(Key::WalBytes),
        "full" => Some(Key::WalBuffersFull),
        _ => None,
    };
    numbers(&value, of, facts);
}

/// `a=1 b=2kB`, each by the key of its word.
pub(super) fn numbers(text: &str, key: impl Fn(&str) -> Option<Key>, facts: &mut Facts) {
    for (word, value) in text.split_whitespace().filter_map(|pair| pair.split_once('=')) {
        if let (Some(key), Ok(number)) = (key(word), without_unit(value).parse::<f64>()) {
            facts.set(key, Value::Number(number));
        }
    }
}

fn key(name: &str) -> Option<Key> {
    Key::of(name)
}

fn capital(word: &str) -> String {
    let mut letters = word.chars();
    letters.next().map(|first| first.to_ascii_uppercase()).into_iter().chain(letters).collect()
}

/// `Sort Method: quicksort  Memory: 25kB`: pieces with two blanks between them. What a name means, the first tells.
fn pieces(line: &str, facts: &mut Facts, others: &mut Others) {
    let first = line.split(':').next().unwrap_or_default();
    for piece in line.split("  ").map(str::trim).filter(|piece| !piece.is_empty()) {
        let Some((name, value)) = piece.split_once(':').map(|(name, value)| (name, value.trim())) else {
            others.push((first.into(), piece.into()));
            continue;
        };
        match (first, name) {
            ("Sort Method", "Memory" | "Disk") => {
                facts.set(Key::SortSpaceType, Value::Text(name.into()));
                named("Sort Space Used", value, facts, others);
            }
            ("Buckets", "Buckets") => planned(value, [Key::HashBuckets, Key::OriginalHashBuckets], facts),
            ("Buckets", "Batches") => planned(value, [Key::HashBatches, Key::OriginalHashBatches], facts),
            (_, "Batches") => named("HashAgg Batches", value, facts, others),
            (_, "Memory Usage") => named("Peak Memory Usage", value, facts, others),
            ("Hits", "Hits" | "Misses" | "Evictions" | "Overflows") => {
                named(&format!("Cache {name}"), value, facts, others);
            }
            _ => named(name, value, facts, others),
        }
    }
}

/// `16 (originally 1)`: both are told where one of them was changed.
fn planned(value: &str, keys: [Key; 2], facts: &mut Facts) {
    let numbers =
        value.split(|letter: char| !letter.is_ascii_digit()).filter_map(|number| number.parse().ok());
    for (key, number) in keys.into_iter().zip(numbers) {
        facts.set(key, Value::Number(number));
    }
}

/// `system ('10'::real) REPEATABLE ('1'::double precision)`
fn sampling(value: &str, facts: &mut Facts) {
    let (method, rest) = value.split_once(" (").unwrap_or((value, ""));
    facts.set(Key::SamplingMethod, Value::Text(method.into()));
    let (parameters, seed) = match rest.split_once(") REPEATABLE (") {
        Some((parameters, seed)) => (parameters, Some(seed)),
        None => (rest, None),
    };
    let parameters =
        if seed.is_none() { parameters.strip_suffix(')').unwrap_or(parameters) } else { parameters };
    let parameters: Vec<Box<str>> = quoted::list(parameters).into_iter().map(Box::from).collect();
    facts.set(Key::SamplingParameters, Value::List(parameters.into()));
    if let Some(seed) = seed {
        let seed = seed.strip_suffix(')').unwrap_or(seed);
        facts.set(Key::RepeatableSeed, Value::Text(seed.into()));
    }
}
