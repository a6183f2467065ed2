//! The tabular form of MySQL and MariaDB, as a table, with tabs, or vertical.
//!
//! A row is a table. Rows of one `id` are one `SELECT`, in the order of its join. Which `SELECT` an inner one belongs to is
//! told for `<derived2>` and `<subquery2>`; all others hang under the first.

use detectors::evidence::plan::{Engine, Key, NodeType, Relationship};

use super::access::Access;
use super::block::{Step, Way, above, appended, joined, made, modified, set_apart, sorted};
use super::cells::{self, Row};
use crate::ingest::plans::sketch::{Id, Sketch, set_number};
use crate::ingest::plans::{Found, PlanForm, Plans};

pub(in crate::ingest::plans) const FORM: PlanForm = PlanForm {
    name: "mysql-tabular",
    summary: "MySQL and MariaDB `EXPLAIN`, MariaDB `ANALYZE`: as a table, with tabs (`mysql -B`), vertical (`\\G`)",
    evidence: "recorded from MariaDB 10.11; MySQL from its documentation",
    read,
};

/// How deep one `SELECT` may stand within others before they hang under the first.
const DEEPEST: usize = 100;

fn read(text: &str) -> Option<Plans> {
    let found: Vec<Found> = cells::all(text)
        .into_iter()
        .filter_map(|(line, rows)| {
            let engine = engine(&rows);
            let plan = Selects::of(rows).plan(engine)?;
            Some(Found { plan, form: FORM.name, line: line as u64 + 1 })
        })
        .collect();
    (!found.is_empty()).then_some(Ok(found))
}

/// Only MySQL has a column of partitions unasked, and words of its own for buffers.
fn engine(rows: &[Row]) -> Engine {
    let words = ["(Block Nested Loop)", "(hash join)", "(Batched Key Access)"];
    let is_mysql = |row: &Row| {
        row.has("filtered") && row.has("partitions")
            || words.iter().any(|word| row.get("Extra").contains(word))
    };
    match rows.iter().any(is_mysql) {
        true => Engine::MySql,
        false => Engine::MariaDb,
    }
}

/// One `SELECT`: its number, its kind, its tables.
struct Select {
    id: u64,
    kind: String,
    rows: Vec<Row>,
}

impl Select {
    /// Whether its first table is not read but filled, by the others.
    fn is_filled(&self) -> bool {
        matches!(self.kind.as_str(), "INSERT" | "REPLACE")
    }
}

/// `SELECT`s that have no place yet, in their order.
struct Selects {
    open: Vec<Select>,
    /// First members of unions that go through a table, with that table's row.
    results: Vec<(u64, Row)>,
    sketch: Sketch,
}

impl Selects {
    fn of(rows: Vec<Row>) -> Self {
        let mut all = Self { open: Vec::new(), results: Vec::new(), sketch: Sketch::default() };
        for row in rows {
            let kind = row.get("select_type").to_owned();
            let id = row.get("id").parse().unwrap_or_default();
            match all.open.last_mut() {
                _ if kind.ends_with(" RESULT") => {
                    all.results.push((number_in(row.get("table"), "<union").unwrap_or_default(), row));
                }
                Some(select) if select.id == id && (select.kind == kind || select.is_filled()) => {
                    select.rows.push(row);
                }
                _ => all.open.push(Select { id, kind, rows: vec![row] }),
            }
        }
        all
    }

    fn plan(mut self, engine: Engine) -> Option<detectors::evidence::plan::Plan> {
        let first = self.open.first()?.id;
        let root = self.union(first, 0)?;
        while let Some(next) = self.open.first() {
            let (id, relationship) = (next.id, relationship(&next.kind));
            let child = self.union(id, 0)?;
            set_apart(self.sketch.node(child), relationship, &id.to_string());
            self.sketch.hang(child, root);
        }
        Some(self.sketch.finish(root, engine))
    }

    /// A `SELECT` with those that are united with it.
    fn union(&mut self, id: u64, depth: usize) -> Option<Id> {
        let first = self.open.iter().position(|select| select.id == id)?;
        let is_member = |select: &&Select| select.kind.contains("UNION");
        let more = self.open[first + 1..].iter().take_while(is_member).count();
        let members: Vec<Select> = self.open.drain(first..=first + more).collect();
        let members: Vec<Id> = members.into_iter().filter_map(|select| self.select(select, depth)).collect();
        if more == 0 {
            return members.first().copied();
        }
        let append = appended(&mut self.sketch, members);
        let result = self.results.iter().position(|(first, _)| *first == id);
        let Some((_, row)) = result.map(|at| self.results.swap_remove(at)) else { return Some(append) };
        let id = above(&mut self.sketch, NodeType::Materialize, append);
        let node = self.sketch.node(id);
        set_number(node, Key::ActualRows, row.get("r_rows").parse().ok());
        Some(match row.get("Extra").contains("Using filesort") {
            true => sorted(&mut self.sketch, id, ""),
            false => id,
        })
    }

    fn select(&mut self, select: Select, depth: usize) -> Option<Id> {
        let is_filled = select.is_filled();
        let Select { kind, rows, .. } = select;
        let mut extra: Vec<String> = rows.iter().map(|row| row.get("Extra").to_owned()).collect();
        let is_kept = extra.iter().any(|extra| extra.contains("Using temporary"));
        let is_sorted = extra.iter().any(|extra| extra.contains("Using filesort"));
        let is_once = !kind.starts_with("DEPENDENT") && !kind.starts_with("UNCACHEABLE");
        let mut steps: Vec<Step> = Vec::new();
        let mut target = None;
        for (row, extra) in rows.into_iter().zip(&mut extra) {
            if is_filled && target.is_none() {
                target = Some(row.get("table").to_owned());
                continue;
            }
            let is_measured_once = steps.is_empty() && is_once && !row.get("r_rows").is_empty();
            let mut step = self.step(&row, depth);
            if is_measured_once {
                set_number(self.sketch.node(step.id), Key::ActualLoops, Some(1.0));
            }
            // Without a table in between, what is sorted is the first table alone.
            if steps.is_empty() && is_sorted && !is_kept {
                let sort = sorted(&mut self.sketch, step.id, "");
                self.uncounted(step.id);
                step.id = sort;
            }
            step.is_made_unique = extra.contains("End temporary");
            steps.push(step);
        }
        let mut root = joined(&mut self.sketch, steps);
        if let (Some(id), true) = (root, is_kept) {
            let kept = above(&mut self.sketch, NodeType::Materialize, id);
            root = Some(if is_sorted { sorted(&mut self.sketch, kept, "") } else { kept });
        }
        match kind.as_str() {
            "INSERT" | "REPLACE" => {
                Some(modified(&mut self.sketch, root, "Insert", &target.unwrap_or_default()))
            }
            "UPDATE" => Some(modified(&mut self.sketch, root, "Update", "")),
            "DELETE" => Some(modified(&mut self.sketch, root, "Delete", "")),
            _ => root,
        }
    }

    /// Rows of a table that is sorted by itself are counted when the sort gives them: of those that were read nothing is known.
    fn uncounted(&mut self, table: Id) {
        let facts = &mut self.sketch.node(table).facts;
        for key in [
            Key::ActualRows,
            Key::ActualExaminedRows,
            Key::ActualFiltered,
            Key::RowsRemovedByFilter,
            Key::ActualLoops,
        ] {
            facts.remove(key);
        }
    }

    fn step(&mut self, row: &Row, depth: usize) -> Step {
        let access = access(row);
        let inner = number_in(&access.table, "<derived").or_else(|| number_in(&access.table, "<subquery"));
        let way = access.extra.iter().find_map(|extra| extra.strip_prefix("Using join buffer"));
        let way = way.map(Way::of_buffer).unwrap_or_default();
        let id = access.add_to(&mut self.sketch);
        if let Some(child) = inner.filter(|_| depth < DEEPEST).and_then(|inner| self.union(inner, depth + 1))
        {
            made(&mut self.sketch, child, id);
        }
        Step { id, way, ..Step::default() }
    }
}

/// `SELECT`s that depend on what is around them are executed again and again.
fn relationship(kind: &str) -> Relationship {
    match kind.starts_with("DEPENDENT") || kind.starts_with("UNCACHEABLE") {
        true => Relationship::SubPlan,
        false => Relationship::InitPlan,
    }
}

/// The number in `<derived2>`.
fn number_in(table: &str, before: &str) -> Option<u64> {
    let rest = table.strip_prefix(before)?;
    rest.split(|mark: char| !mark.is_ascii_digit()).next()?.parse().ok()
}

fn access(row: &Row) -> Access {
    let texts = |name: &str| -> Vec<String> {
        row.get(name).split(',').filter(|text| !text.is_empty()).map(str::to_owned).collect()
    };
    let number = |name: &str| row.get(name).split(' ').next().and_then(|number| number.parse().ok());
    let (access_type, _) = row.get("type").split_once('|').unwrap_or((row.get("type"), ""));
    let (key, filter_key) = row.get("key").split_once('|').unwrap_or((row.get("key"), ""));
    let extra: Vec<String> =
        row.get("Extra").split("; ").filter(|one| !one.is_empty()).map(str::to_owned).collect();
    let merged = extra.iter().filter_map(|one| one.strip_prefix("Using "));
    let merged =
        merged.filter(|one| one.contains('(') && !one.starts_with("join") && !one.starts_with("where"));
    let merged = merged.map(str::to_owned).next().filter(|_| access_type == "index_merge");
    let is_message = row.get("table").is_empty() && access_type.is_empty();
    Access {
        table: row.get("table").to_owned(),
        access_type: access_type.to_owned(),
        possible_keys: texts("possible_keys"),
        key: key.to_owned(),
        key_length: row.get("key_len").to_owned(),
        compared_with: texts("ref"),
        rows: number("rows"),
        filtered: number("filtered"),
        actual_rows: number("r_rows"),
        actual_filtered: number("r_filtered"),
        is_covering: extra.iter().any(|one| one == "Using index" || one.starts_with("Using index for ")),
        merged: merged.unwrap_or_default(),
        filter_key: filter_key.to_owned(),
        message: if is_message { extra.join("; ") } else { String::new() },
        others: match row.get("partitions") {
            "" => Vec::new(),
            partitions => vec![("partitions".to_owned(), partitions.to_owned())],
        },
        extra,
        ..Access::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ingest::plans::sketch::drawn;

    const HEAD: &str =
        "id\tselect_type\ttable\ttype\tpossible_keys\tkey\tkey_len\tref\trows\tfiltered\tExtra\n";

    fn one(rows: &str) -> detectors::evidence::plan::Plan {
        let rows = rows.replace(' ', "\t").replace('+', " ");
        let found = read(&format!("{HEAD}{rows}")).expect("a plan").expect("a whole plan");
        let [Found { plan, .. }] = &found[..] else { panic!("{found:?}") };
        plan.clone()
    }

    #[test]
    fn derived_tables_unions_and_subqueries_have_their_places() {
        let plan = one("1 PRIMARY <derived2> ALL NULL NULL NULL NULL 10 100.00 NULL\n\
             1 PRIMARY c eq_ref PRIMARY PRIMARY 4 x.id 1 50.00 Using+where\n\
             4 DEPENDENT+SUBQUERY o ref k k 5 c.id 2 100.00 Using+index\n\
             2 DERIVED a ALL NULL NULL NULL NULL 4 100.00 Using+filesort\n\
             2 DERIVED a2 ALL NULL NULL NULL NULL 4 100.00 Using+where;+Using+join+buffer+(hash+join)\n\
             3 UNION b index NULL PRIMARY 4 NULL 6 100.00 Using+index;+Using+temporary\n\
             NULL UNION+RESULT <union2,3> ALL NULL NULL NULL NULL NULL NULL Using+temporary\n");
        assert_eq!(
            drawn(&plan),
            "Nested Loop\n Subquery Scan <derived2>\n  Materialize\n   Append\n    Hash Join\n     Seq Scan a2\n     Hash\n      Sort\n       Seq Scan a\n    Materialize\n     Index Only Scan b\n Index Scan c\n ~Index Only Scan o\n"
        );
        assert_eq!(plan.engine, Engine::MySql);
        let join = &plan.nodes[0].facts;
        assert_eq!(join.number(Key::PlanRows), Some(5.0));
        let last = plan.nodes.last().unwrap();
        assert_eq!(
            (last.relationship, last.facts.text(Key::SubplanName)),
            (Relationship::SubPlan, Some("SubPlan 4"))
        );
    }

    /// MariaDB counts rows of a table that is sorted where the sort gives them: with a limit fewer than were read.
    #[test]
    fn rows_of_a_sorted_table_are_those_of_the_sort() {
        let head = HEAD.replace("filtered", "r_rows\tfiltered\tr_filtered");
        let row = "1 SIMPLE t ALL NULL NULL NULL NULL 100 10.00 60.00 100.00 Using+where;+Using+filesort\n";
        let rows = row.replace(' ', "\t").replace('+', " ");
        let found = read(&format!("{head}{rows}")).expect("a plan").expect("a whole plan");
        let [sort, scan] = &found[0].plan.nodes[..] else { panic!("{found:?}") };
        assert_eq!(sort.facts.number(Key::ActualRows), Some(10.0));
        assert_eq!(
            (scan.facts.number(Key::ActualRows), scan.facts.has(Key::RowsRemovedByFilter)),
            (None, false)
        );
    }

    #[test]
    fn several_indexes_of_one_table_are_told_apart() {
        let plan = one(
            "1 SIMPLE t ref|filter a,b a|b 5|5 const 12+(3%) 5.00 Using+where;+Using+rowid+filter\n\
             1 SIMPLE u index_merge a,b,c a,b,c 5,5,5 NULL 9 100.00 Using+union(a,intersect(b,c));+Using+where\n",
        );
        assert_eq!(
            drawn(&plan),
            "Nested Loop\n Index Scan t\n  Bitmap Index Scan\n Bitmap Heap Scan u\n  BitmapOr\n   Bitmap Index Scan\n   BitmapAnd\n    Bitmap Index Scan\n    Bitmap Index Scan\n"
        );
        assert_eq!(plan.nodes[1].facts.number(Key::PlanExaminedRows), Some(12.0));
        assert_eq!(plan.nodes[2].facts.text(Key::IndexName), Some("b"));
    }

    #[test]
    fn a_table_that_reads_itself_ends() {
        let plan = one("1 PRIMARY <derived1> ALL NULL NULL NULL NULL 10 100.00 NULL\n\
             2 DERIVED <derived2> ALL NULL NULL NULL NULL 10 100.00 NULL\n");
        assert_eq!(drawn(&plan), "Subquery Scan <derived1>\n ~Subquery Scan <derived2>\n");
    }

    #[test]
    fn changes_are_above_the_rows_that_they_change() {
        let plan = one(
            "1 INSERT t ALL NULL NULL NULL NULL NULL NULL NULL\n1 SIMPLE s ALL NULL NULL NULL NULL 5 100.00 NULL\n",
        );
        assert_eq!(drawn(&plan), "ModifyTable t\n Seq Scan s\n");
        assert_eq!(
            drawn(&one("1 UPDATE t range PRIMARY PRIMARY 4 const 5 100.00 Using+where\n")),
            "ModifyTable\n Index Scan t\n"
        );
    }
}
