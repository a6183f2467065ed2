//! Plans within texts of JSON: lines of a log (`{"message": "…plan:\n…"}`), and rows that a client gives as objects
//! (`[{"QUERY PLAN": "Limit …"}, …]`).

use serde_json::Value;

use super::Row;

/// Names of what a log's line says.
const MESSAGES: [&str; 8] = ["message", "log", "msg", "textPayload", "MESSAGE", "line", "body", "QUERY PLAN"];

/// Takes the texts out of objects.
pub(super) fn take_off(rows: &[Row]) -> Option<Vec<Row>> {
    of_list(rows).or_else(|| of_lines(rows))
}

/// One object a line.
fn of_lines(rows: &[Row]) -> Option<Vec<Row>> {
    let mut is_any = false;
    let mut kept = Vec::with_capacity(rows.len());
    for row in rows {
        match object(&row.text).as_ref().and_then(text) {
            Some(text) => {
                is_any = true;
                kept.extend(text.trim_end_matches('\n').split('\n').map(|text| Row::new(text, row.line)));
            }
            None => kept.push(row.clone()),
        }
    }
    is_any.then_some(kept)
}

fn object(text: &str) -> Option<Value> {
    let text = text.trim().trim_end_matches(',');
    let is_one =
        text.starts_with('{') && text.ends_with('}') && MESSAGES.iter().any(|name| text.contains(name));
    is_one.then(|| serde_json::from_str(text).ok()).flatten()
}

/// What an object says, also within another.
fn text(object: &Value) -> Option<&str> {
    let own = MESSAGES.iter().find_map(|name| object.get(name)?.as_str());
    own.or_else(|| object.as_object()?.values().filter(|value| value.is_object()).find_map(text_of_one))
}

fn text_of_one(object: &Value) -> Option<&str> {
    MESSAGES.iter().find_map(|name| object.get(name)?.as_str())
}

/// A list of rows; each has one line of the plan, or all of it.
fn of_list(rows: &[Row]) -> Option<Vec<Row>> {
    const NAME: &str = "\"QUERY PLAN\"";
    let first = rows.iter().find(|row| !row.text.trim().is_empty())?;
    if !first.text.trim_start().starts_with('[') || !rows.iter().any(|row| row.text.contains(NAME)) {
        return None;
    }
    let whole = rows.iter().map(|row| row.text.as_str()).collect::<Vec<_>>().join("\n");
    let Value::Array(list) = serde_json::from_str(&whole).ok()? else { return None };
    let texts: Vec<&str> = list.iter().filter_map(text_of_one).collect();
    // Where each row stands is known if it begins in a line of its own.
    let mut lines = rows.iter().filter(|row| row.text.contains(NAME)).map(|row| row.line);
    let mut line = first.line;
    let mut kept = Vec::new();
    for text in texts {
        line = lines.next().unwrap_or(line);
        kept.extend(text.split('\n').map(|text| Row::new(text, line)));
    }
    (!kept.is_empty()).then_some(kept)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_taken_out() {
        let rows = [Row::new(r#"{"ps": 1, "message": "plan:\nLimit  (cost=1)\n  ->  Sort"}"#, 4)];
        let left = take_off(&rows).expect("a text");
        assert_eq!(left, [Row::new("plan:", 4), Row::new("Limit  (cost=1)", 4), Row::new("  ->  Sort", 4)]);
        let rows =
            [Row::new(r#"[{"QUERY PLAN": "Limit"},"#, 1), Row::new(r#"{"QUERY PLAN": "  ->  Sort"}]"#, 2)];
        assert_eq!(take_off(&rows), Some(vec![Row::new("Limit", 1), Row::new("  ->  Sort", 2)]));
        assert_eq!(take_off(&[Row::new(r#"{"Plan": {"Node Type": "Result"}}"#, 1)]), None);
    }
}
