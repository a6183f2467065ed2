//! How one table is read: what all forms tell of it, and the node that says the same.

use detectors::evidence::plan::{Key, Node, NodeType, Relationship};

use super::merge;
use crate::ingest::plans::sketch::{Id, Sketch, related, set_list, set_number, set_text};

/// What a row of the tabular form, or an object `table` in JSON, tells.
#[derive(Debug, Default)]
pub(super) struct Access {
    /// Its name in the statement, or `<derived2>`, `<subquery2>`, `<union1,2>`.
    pub(super) table: String,
    pub(super) access_type: String,
    pub(super) possible_keys: Vec<String>,
    pub(super) key: String,
    pub(super) key_length: String,
    pub(super) used_key_parts: Vec<String>,
    pub(super) compared_with: Vec<String>,
    /// Estimated rows that one loop reads.
    pub(super) rows: Option<f64>,
    /// Of 100 rows that are read, how many are estimated to be left.
    pub(super) filtered: Option<f64>,
    /// Rows that one loop read.
    pub(super) actual_rows: Option<f64>,
    /// Of 100 rows that were read, how many were left.
    pub(super) actual_filtered: Option<f64>,
    pub(super) loops: Option<f64>,
    /// Milliseconds of all loops without what is below.
    pub(super) own_ms: Option<f64>,
    pub(super) pages_accessed: Option<f64>,
    pub(super) pages_read: Option<f64>,
    pub(super) condition: String,
    pub(super) index_condition: String,
    /// Rows come out of the index alone.
    pub(super) is_covering: bool,
    /// `union(a,intersect(b,c))`, where several indexes are merged.
    pub(super) merged: String,
    /// Index that a filter of row ids is made of.
    pub(super) filter_key: String,
    /// Why no table is read at all.
    pub(super) message: String,
    pub(super) extra: Vec<String>,
    pub(super) others: Vec<(String, String)>,
}

impl Access {
    /// Adds the node, with what is below it: indexes that are merged, a filter of row ids.
    pub(super) fn add_to(self, sketch: &mut Sketch) -> Id {
        let own_ms = self.own_ms;
        let below = self.indexes(sketch);
        sketch.add(self.node(), below, own_ms)
    }

    fn indexes(&self, sketch: &mut Sketch) -> Vec<Id> {
        let mut below = Vec::from_iter(merge::add_to(sketch, &self.merged));
        if !self.filter_key.is_empty() {
            let mut filter = related(NodeType::BitmapIndexScan, Relationship::Outer);
            set_text(&mut filter, Key::IndexName, &self.filter_key);
            below.push(sketch.add(filter, Vec::new(), None));
        }
        below
    }

    fn node(self) -> Node {
        let mut node = related(self.node_type(), Relationship::Outer);
        if !self.message.is_empty() {
            if self.message.starts_with("Impossible") {
                set_text(&mut node, Key::OneTimeFilter, "false");
            }
            set_list(&mut node, Key::Extra, [self.message.as_str()]);
            return node;
        }
        set_text(&mut node, Key::Alias, &self.table);
        set_text(&mut node, Key::AccessType, &self.access_type);
        set_list(&mut node, Key::PossibleKeys, self.possible_keys.iter().map(String::as_str));
        if self.merged.is_empty() {
            set_text(&mut node, Key::IndexName, &self.key);
        }
        set_number(&mut node, Key::KeyLength, self.key_length.parse().ok());
        set_list(&mut node, Key::UsedKeyParts, self.used_key_parts.iter().map(String::as_str));
        set_list(&mut node, Key::Ref, self.compared_with.iter().map(String::as_str));
        set_text(&mut node, Key::Filter, &self.condition);
        set_text(&mut node, Key::IndexCond, &self.index_condition);
        set_list(&mut node, Key::Extra, self.extra.iter().map(String::as_str));
        self.estimated(&mut node);
        self.measured(&mut node);
        node.others.extend(self.others.into_iter().map(|(name, value)| (name.into(), value.into())));
        node
    }

    fn estimated(&self, node: &mut Node) {
        set_number(node, Key::PlanExaminedRows, self.rows);
        set_number(node, Key::Filtered, self.filtered);
        set_number(node, Key::PlanRows, left(self.rows, self.filtered));
    }

    fn measured(&self, node: &mut Node) {
        // Tables of which one row at most can fit are read while the statement is planned: no loop counts that.
        let is_read_before = matches!(self.access_type.as_str(), "const" | "system");
        let loops = self.loops.filter(|loops| *loops > 0.0 || !is_read_before);
        set_number(node, Key::ActualLoops, loops);
        set_number(node, Key::ActualExaminedRows, self.actual_rows);
        set_number(node, Key::ActualFiltered, self.actual_filtered);
        let rows = left(self.actual_rows, self.actual_filtered);
        set_number(node, Key::ActualRows, rows);
        let removed = self.actual_rows.zip(rows).map(|(read, left)| (read - left).max(0.0));
        set_number(node, Key::RowsRemovedByFilter, removed);
        set_number(node, Key::PagesAccessed, self.pages_accessed);
        set_number(node, Key::PagesRead, self.pages_read);
    }

    fn node_type(&self) -> NodeType {
        let access_type = self.access_type.strip_prefix("hash_").unwrap_or(&self.access_type);
        match access_type {
            _ if !self.message.is_empty() => NodeType::Result,
            _ if self.table.starts_with('<') => NodeType::SubqueryScan,
            "ALL" | "system" => NodeType::SeqScan,
            "index_merge" => NodeType::BitmapHeapScan,
            _ if self.is_covering => NodeType::IndexOnlyScan,
            // All of the primary key is all of the table: rows lie in it.
            "index" if self.key == "PRIMARY" => NodeType::SeqScan,
            "const" | "eq_ref" | "ref" | "ref_or_null" | "range" | "index" | "fulltext"
            | "unique_subquery" | "index_subquery" => NodeType::IndexScan,
            "" => NodeType::Result,
            other => NodeType::Other(other.into()),
        }
    }
}

/// Rows that are left of those that are read.
fn left(rows: Option<f64>, of_100: Option<f64>) -> Option<f64> {
    Some(rows? * of_100.unwrap_or(100.0) / 100.0)
}
