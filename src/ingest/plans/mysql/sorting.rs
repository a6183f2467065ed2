//! What is done with the rows of several tables: sorted, grouped, kept.

use detectors::evidence::plan::{Key, NodeType};

use super::block::{above, above_of, joined, sorted};
use super::document::Json;
use super::select::Reading;
use crate::ingest::plans::sketch::{Id, set_number, set_text};

impl Reading {
    /// What is done with the rows of the tables in it.
    pub(super) fn operation(&mut self, name: &str, value: &Json) -> Option<Id> {
        let id = match name {
            "filesort" => return self.filesort(value),
            "ordering_operation" => return self.ordering(value),
            "grouping_operation" => {
                let child = self.ordering(value)?;
                above_of(&mut self.sketch, NodeType::Aggregate, child)
            }
            "temporary_table" | "buffer_result" | "materialization" => {
                let child = self.steps_of(value)?;
                above(&mut self.sketch, NodeType::Materialize, child)
            }
            "duplicates_removal" => {
                let child = self.ordering(value)?;
                above_of(&mut self.sketch, NodeType::Unique, child)
            }
            "windowing" | "window_functions_computation" => {
                let child = self.ordering(value)?;
                let child = self.sorts_of_windows(value, child);
                above(&mut self.sketch, NodeType::WindowAgg, child)
            }
            _ => return None,
        };
        Some(id)
    }

    /// MySQL's operations: sorting, with or without a table in between.
    fn ordering(&mut self, value: &Json) -> Option<Id> {
        let mut steps = self.steps(value);
        let (is_sorted, is_kept) = (value.is("using_filesort"), value.is("using_temporary_table"));
        // Without a table in between, what is sorted is the first table alone.
        if let (Some(first), true, false) = (steps.first_mut(), is_sorted, is_kept) {
            first.id = sorted(&mut self.sketch, first.id, "");
        }
        let mut id = joined(&mut self.sketch, steps)?;
        if is_kept {
            id = above(&mut self.sketch, NodeType::Materialize, id);
            if is_sorted {
                id = sorted(&mut self.sketch, id, "");
            }
        }
        Some(id)
    }

    fn sorts_of_windows(&mut self, value: &Json, mut child: Id) -> Id {
        for one in value.get("sorts").map(Json::elements).unwrap_or_default() {
            let keys = one.get("filesort").map(|sort| sort.text("sort_key")).unwrap_or_default();
            child = sorted(&mut self.sketch, child, keys);
        }
        for window in value.get("windows").map(Json::elements).unwrap_or_default() {
            if window.is("using_filesort") {
                child = sorted(&mut self.sketch, child, &window.texts("filesort_key").join(", "));
            }
        }
        child
    }

    /// MariaDB's sorting. Its time holds that of a table which it reads itself, but not of a temporary table, which is
    /// full when it begins.
    fn filesort(&mut self, sort: &Json) -> Option<Id> {
        let child = self.steps_of(sort)?;
        let id = sorted(&mut self.sketch, child, sort.text("sort_key"));
        let reads_itself = sort.get("temporary_table").is_none();
        if let Some(told) = sort.number("r_total_time_ms") {
            let below = if reads_itself { self.sketch.total_ms(child).unwrap_or_default() } else { 0.0 };
            self.sketch.add_time(id, (told - below).max(0.0));
        }
        let node = self.sketch.node(id);
        if let Some(loops) = sort.number("r_loops") {
            set_number(node, Key::ActualLoops, Some(loops));
            set_number(node, Key::ActualRows, sort.number("r_output_rows"));
        }
        if sort.is("r_used_priority_queue") {
            set_text(node, Key::SortMethod, "top-N heapsort");
        }
        if let Some(passes) = sort.number("r_sort_passes") {
            let space = if passes > 0.0 { "Disk" } else { "Memory" };
            set_text(node, Key::SortSpaceType, space);
        }
        for name in ["r_limit", "r_buffer_size", "r_sort_mode", "r_sort_passes"] {
            if let Some(value) = sort.get(name) {
                node.others.push((name.into(), value.line().into()));
            }
        }
        Some(id)
    }
}
