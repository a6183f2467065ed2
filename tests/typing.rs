//! Spans as real instrumentation emits them, and what they are taken for.
//!
//! `fixtures/typing/*.json` holds cases: a span as its package emits it, and
//! every field that it is typed with (what is not said is left out). Expected
//! fields are written anew with `UPDATE_EXPECT=1`; read the difference.

use std::path::{Path, PathBuf};
use std::sync::Mutex;

use anyhow::{Context, Result, ensure};
use detectors::evidence::{CacheResult, Dictionary, Media, Role, Span, Status, Symbol, UNKNOWN, Values};
use serde_json::{Map, Value as Json, json};
use whyslow::ingest::attributes::Key;
use whyslow::ingest::raw::{RawSpan, Value};
use whyslow::ingest::typing::Typing;

#[test]
fn spans_of_real_packages_are_typed() -> Result<()> {
    let mut cases = 0;
    let mut failed = Vec::new();
    for file in fixtures()? {
        let text = std::fs::read_to_string(&file)?;
        let mut document: Json = serde_json::from_str(&text).with_context(|| file.display().to_string())?;
        for case in document["cases"].as_array_mut().context("no cases")? {
            cases += 1;
            let (typed, expected) = (type_case(case)?, &case["typed"]);
            if typed != *expected {
                let name = case["case"].as_str().unwrap_or("?");
                failed.push(format!("{}: {name}\n  expected {expected}\n  typed    {typed}", file.display()));
                case["typed"] = typed;
            }
        }
        if std::env::var_os("UPDATE_EXPECT").is_some() {
            std::fs::write(&file, format!("{document:#}\n"))?;
        }
    }
    ensure!(cases > 100, "only {cases} cases were found");
    ensure!(failed.is_empty(), "{} of {cases} cases\n{}", failed.len(), failed.join("\n"));
    Ok(())
}

fn fixtures() -> Result<Vec<PathBuf>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/typing");
    let mut files = Vec::new();
    for entry in std::fs::read_dir(&folder).with_context(|| folder.display().to_string())? {
        files.push(entry?.path());
    }
    files.sort();
    Ok(files)
}

fn type_case(case: &Json) -> Result<Json> {
    let shared = Mutex::new(Dictionary::default());
    let mut typing = Typing::new(&shared, 7);
    let resource = attributes(&case["resource"]);
    let scope = case["scope"].as_str().unwrap_or_default();
    let origin = typing.origin(&resource, scope.as_bytes());
    let attributes = attributes(&case["attributes"]);
    let raw = RawSpan {
        trace: 1,
        id: 2,
        start_ns: 10,
        end_ns: 20,
        name: case["name"].as_str().context("a case without a name of its span")?.as_bytes(),
        kind: kind(case["kind"].as_str().unwrap_or_default())?,
        error: case["error"] == true,
        attributes: &attributes,
        ..RawSpan::default()
    };
    let span = typing.span(&raw, origin);
    let dictionary = shared.into_inner().map_err(|_| anyhow::anyhow!("the dictionary was left locked"))?;
    let mut typed = typed(&span, &dictionary);
    if !case["resource"].is_null() {
        let origin = dictionary.origin(span.origin);
        let text = |symbol| dictionary.text(symbol);
        typed.insert("service".into(), text(origin.service).into());
        typed.insert("instance".into(), text(origin.instance).into());
        typed.insert("instance_by".into(), text(origin.instance_by).into());
    }
    Ok(Json::Object(typed))
}

fn kind(text: &str) -> Result<u8> {
    let kinds = ["", "internal", "server", "client", "producer", "consumer"];
    let kind =
        kinds.iter().position(|kind| *kind == text).with_context(|| format!("no such kind: {text}"))?;
    Ok(kind as u8)
}

/// Keeps what has a key, as readers do.
fn attributes(given: &Json) -> Vec<(Key, Value<'_>)> {
    let mut kept = Vec::new();
    for (name, value) in given.as_object().into_iter().flatten() {
        let Some(key) = Key::of(name.as_bytes()) else { continue };
        let values = value.as_array().map_or(std::slice::from_ref(value), Vec::as_slice);
        kept.extend(values.iter().filter_map(|value| {
            Some((
                key,
                match value {
                    Json::String(text) => Value::Text(text.as_bytes()),
                    Json::Bool(truth) => Value::Boolean(*truth),
                    Json::Number(number) => match number.as_i64() {
                        Some(integer) => Value::Integer(integer),
                        None => Value::Double(number.as_f64()?),
                    },
                    _ => return None,
                },
            ))
        }));
    }
    kept
}

/// Every field that is said, by name.
fn typed(span: &Span, dictionary: &Dictionary) -> Map<String, Json> {
    let text = |symbol: Symbol| json!(dictionary.text(symbol));
    let mut typed = Map::new();
    let mut say = |name: &str, said: bool, value: Json| {
        if said {
            typed.insert(name.to_owned(), value);
        }
    };
    say("kind", true, json!(format!("{:?}", span.kind)));
    say("role", span.role != Role::Internal, json!(format!("{:?}", span.role)));
    say("name", span.name != Symbol::default(), text(span.name));
    let shape = dictionary.shape(span.shape);
    say("shape", span.shape.0 != 0, json!(&*shape.text));
    say("family", span.shape.0 != 0, json!(format!("{:?}", shape.id.family)));
    say("target", span.target != Symbol::default(), text(span.target));
    let values = if span.values == Values::NONE { "none" } else { "known" };
    say("values", span.values.is_known(), json!(values));
    for (name, number) in
        [("rows", span.rows), ("response_bytes", span.response_bytes), ("thread", span.thread)]
    {
        say(name, number != UNKNOWN, json!(number));
    }
    say("repeats", span.repeats != 1, json!(span.repeats));
    say("parameters", span.parameters != 0, json!(span.parameters));
    say("status", span.status == Status::Error, json!("error"));
    say("status_code", span.status_code != 0, json!(span.status_code));
    say("retries", span.retries != 0, json!(span.retries));
    say("encoded", span.body.is_encoded(), json!(true));
    say("media", span.body.media() != Media::Unknown, json!(format!("{:?}", span.body.media())));
    say("composite", span.composite, json!(true));
    say("cache", span.cache != CacheResult::Unknown, json!(format!("{:?}", span.cache)));
    if let Some(location) = dictionary.location(span.location) {
        let (file, function) = (dictionary.text(location.file), dictionary.text(location.function));
        say("location", true, json!(format!("{file}:{} {function}", location.line)));
    }
    typed
}
