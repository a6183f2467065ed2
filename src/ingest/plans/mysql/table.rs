//! An object `table` of the JSON forms.

use super::access::Access;
use super::document::Json;

/// Estimated cost of the join up to a table.
pub(super) fn prefix_cost(table: &Json) -> Option<f64> {
    table.get("cost_info")?.number("prefix_cost")
}

/// Members of `table` that have a place in an [`Access`] or become nodes.
const KNOWN: [&str; 32] = [
    "table_name",
    "access_type",
    "possible_keys",
    "key",
    "key_length",
    "used_key_parts",
    "ref",
    "rows",
    "rows_examined_per_scan",
    "rows_produced_per_join",
    "filtered",
    "r_rows",
    "r_filtered",
    "r_loops",
    "r_table_time_ms",
    "r_other_time_ms",
    "r_total_time_ms",
    "attached_condition",
    "index_condition",
    "using_index",
    "using_index_for_group_by",
    "index_merge",
    "rowid_filter",
    "message",
    "insert",
    "update",
    "delete",
    "materialized",
    "materialized_from_subquery",
    "attached_subqueries",
    "using_join_buffer",
    "r_engine_stats",
];

/// How an object `table` says that it is read.
pub(super) fn access(table: &Json) -> Access {
    let statistics = table.get("r_engine_stats");
    let times = ["r_table_time_ms", "r_other_time_ms"].into_iter().filter_map(|name| table.number(name));
    // MariaDB up to 10.4 has one time, of reading.
    let own_ms = times.reduce(|a, b| a + b).or_else(|| table.number("r_total_time_ms"));
    let key = table.text("key");
    let merged = match table.get("index_merge") {
        Some(merge) => merged(merge),
        None if table.text("access_type") == "index_merge" => key.to_owned(),
        None => String::new(),
    };
    let filter = table.get("rowid_filter").and_then(|filter| filter.get("range"));
    let others = table.members().iter().filter(|(name, _)| !KNOWN.contains(&name.as_str()));
    Access {
        table: table.text("table_name").to_owned(),
        access_type: table.text("access_type").to_owned(),
        possible_keys: table.texts("possible_keys"),
        key: key.to_owned(),
        key_length: table.text("key_length").to_owned(),
        used_key_parts: table.texts("used_key_parts"),
        compared_with: table.texts("ref"),
        rows: table.number("rows_examined_per_scan").or_else(|| table.number("rows")),
        filtered: table.number("filtered"),
        actual_rows: table.number("r_rows"),
        actual_filtered: table.number("r_filtered"),
        loops: table.number("r_loops"),
        own_ms,
        pages_accessed: statistics.and_then(|part| part.number("pages_accessed")),
        pages_read: statistics.and_then(|part| part.number("pages_read_count")),
        condition: table.text("attached_condition").to_owned(),
        index_condition: table.text("index_condition").to_owned(),
        is_covering: table.is("using_index") || table.get("using_index_for_group_by").is_some(),
        merged,
        filter_key: filter.map(|range| range.text("key").to_owned()).unwrap_or_default(),
        message: table.text("message").to_owned(),
        extra: Vec::new(),
        others: others.map(|(name, value)| (name.clone(), value.line())).collect(),
    }
}

/// MariaDB's tree of merged indexes, as the tabular form writes it.
fn merged(merge: &Json) -> String {
    let one = |(name, value): &(String, Json)| match name.as_str() {
        "range" => value.text("key").to_owned(),
        operation => {
            let inner: Vec<String> = value.elements().iter().map(merged).collect();
            format!("{operation}({})", inner.join(","))
        }
    };
    merge.members().iter().map(one).collect::<Vec<_>>().join(",")
}
