//! As much of JSON Schema as the report's schema uses; any other keyword is an error.

use serde_json::Value;

/// What is wrong with a document, with its place.
pub(crate) fn violations(schema: &Value, document: &Value) -> Vec<String> {
    let mut found = Vec::new();
    check(schema, schema, document, "$", &mut found);
    found
}

fn check(root: &Value, schema: &Value, value: &Value, place: &str, found: &mut Vec<String>) {
    for (keyword, rule) in schema.as_object().unwrap() {
        let holds = match keyword.as_str() {
            "$schema" | "$id" | "$defs" | "title" | "description" => true,
            "$ref" => {
                let pointer = rule.as_str().unwrap().strip_prefix('#').unwrap();
                check(root, root.pointer(pointer).unwrap(), value, place, found);
                true
            }
            "anyOf" => rule.as_array().unwrap().iter().any(|other| {
                let mut wrong = Vec::new();
                check(root, other, value, place, &mut wrong);
                wrong.is_empty()
            }),
            "type" => match rule {
                Value::Array(names) => names.iter().any(|name| is_a(value, name.as_str().unwrap())),
                name => is_a(value, name.as_str().unwrap()),
            },
            "const" => rule == value,
            "enum" => rule.as_array().unwrap().contains(value),
            "minimum" => value.as_u64().is_none_or(|number| number >= rule.as_u64().unwrap()),
            "minItems" => value.as_array().is_none_or(|items| items.len() as u64 >= rule.as_u64().unwrap()),
            "maxItems" => value.as_array().is_none_or(|items| items.len() as u64 <= rule.as_u64().unwrap()),
            "pattern" => value.as_str().is_none_or(|text| is_hex(text, rule.as_str().unwrap())),
            "required" => {
                rule.as_array().unwrap().iter().all(|name| value.get(name.as_str().unwrap()).is_some())
            }
            "properties" => {
                check_properties(root, rule, value, place, found);
                true
            }
            "items" => {
                for (number, item) in value.as_array().into_iter().flatten().enumerate() {
                    check(root, rule, item, &format!("{place}[{number}]"), found);
                }
                true
            }
            other => panic!("keyword {other} at {place}"),
        };
        if !holds {
            found.push(format!("{place}: {keyword} {rule}, but {value}"));
        }
    }
}

/// Stricter than the standard: a field that the schema does not describe is wrong.
fn check_properties(root: &Value, rule: &Value, value: &Value, place: &str, found: &mut Vec<String>) {
    for (name, field) in value.as_object().into_iter().flatten() {
        match rule.get(name) {
            Some(schema) => check(root, schema, field, &format!("{place}.{name}"), found),
            None => found.push(format!("{place}.{name}: not described")),
        }
    }
}

fn is_a(value: &Value, name: &str) -> bool {
    match name {
        "object" => value.is_object(),
        "array" => value.is_array(),
        "string" => value.is_string(),
        "number" => value.is_number(),
        "integer" => value.is_u64() || value.is_i64(),
        "boolean" => value.is_boolean(),
        "null" => value.is_null(),
        other => panic!("type {other}"),
    }
}

/// `^[0-9a-f]{32}$` and the like.
fn is_hex(text: &str, pattern: &str) -> bool {
    let digits = pattern.strip_prefix("^[0-9a-f]{").and_then(|rest| rest.strip_suffix("}$")).unwrap();
    text.len() == digits.parse::<usize>().unwrap()
        && text.bytes().all(|byte| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte))
}
