//! SQLite's `EXPLAIN QUERY PLAN`.
//!
//! Sources: `src/wherecode.c` and `src/select.c` of SQLite, and <https://sqlite.org/eqp.html>. There are no numbers in it. Tables
//! that stand beside each other are joined in their order; a B-tree for sorting beside them takes the rows of all.
//!
//! From 3.36 on the name that a table has in the statement is told alone: that is the `Alias`. Before, its own name was too.

mod detail;
mod outline;

use detectors::evidence::plan::Engine;

use self::detail::Piece;
use super::sketch::Sketch;
use super::{Found, PlanForm, Plans};

pub(super) const FORM: PlanForm = PlanForm {
    name: "sqlite",
    summary: "SQLite `EXPLAIN QUERY PLAN`, as the shell draws it and as a table",
    evidence: "recorded from SQLite 3.40; the table before 3.24 from its documentation",
    read,
};

fn read(text: &str) -> Option<Plans> {
    let found: Vec<Found> = outline::all(text).into_iter().filter_map(plan).collect();
    (!found.is_empty()).then_some(Ok(found))
}

/// From the last line to the first, so that each finds what is below it. Depth is a list here and no recursion.
fn plan((line, lines): (usize, Vec<outline::Line>)) -> Option<Found> {
    let mut sketch = Sketch::default();
    // What has no place yet, the first of it last.
    let mut open: Vec<(usize, Piece)> = Vec::new();
    for line in lines.into_iter().rev() {
        let mut below = Vec::new();
        while let Some((_, piece)) = open.pop_if(|(depth, _)| *depth > line.depth) {
            below.push(piece);
        }
        open.push((line.depth, detail::piece(&mut sketch, &line.said, below)));
    }
    let pieces = open.into_iter().rev().map(|(_, piece)| piece).collect();
    let root = detail::select(&mut sketch, pieces)?;
    Some(Found { plan: sketch.finish(root, Engine::Sqlite), form: FORM.name, line: line as u64 + 1 })
}

#[cfg(test)]
mod tests {
    use detectors::evidence::plan::{Key, NodeType, Plan, Relationship};

    use super::*;
    use crate::ingest::plans::sketch::drawn;

    fn one(text: &str) -> Plan {
        let found = read(text).expect("a plan").expect("a whole plan");
        let [Found { plan, .. }] = &found[..] else { panic!("{found:?}") };
        plan.clone()
    }

    #[test]
    fn tables_are_joined_and_sorted() {
        let plan = one(
            "QUERY PLAN\n|--SCAN o\n|--SEARCH c USING INTEGER PRIMARY KEY (rowid=?)\n`--USE TEMP B-TREE FOR ORDER BY\n",
        );
        assert_eq!(drawn(&plan), "Sort\n Nested Loop\n  Seq Scan o\n  Index Scan c\n");
        assert_eq!(plan.nodes[3].facts.text(Key::IndexCond), Some("rowid=?"));
        assert_eq!(plan.nodes[3].relationship, Relationship::Inner);
        let old = "0|0|0|SCAN TABLE ord AS o\n0|1|1|SEARCH TABLE cust AS c USING INTEGER PRIMARY KEY (rowid=?)\n0|0|0|USE TEMP B-TREE FOR ORDER BY\n";
        assert_eq!(drawn(&one(old)), drawn(&plan));
        assert_eq!(one(old).nodes[2].facts.text(Key::RelationName), Some("ord"));
        let ids = "id|parent|notused|detail\n3|0|0|SCAN o\n5|0|0|SEARCH c USING INTEGER PRIMARY KEY (rowid=?)\n20|0|0|USE TEMP B-TREE FOR ORDER BY\n";
        assert_eq!(one(ids), plan);
    }

    #[test]
    fn selects_within_selects_hang_where_they_are_used() {
        let plan = one(
            "QUERY PLAN\n|--CO-ROUTINE x\n|  |--SCAN ord USING COVERING INDEX i\n|  `--USE TEMP B-TREE FOR GROUP BY\n|--SCAN x\n|--CORRELATED SCALAR SUBQUERY 3\n|  `--SEARCH o USING AUTOMATIC COVERING INDEX (cust_id=?)\n`--LIST SUBQUERY 4\n   `--MULTI-INDEX OR\n      |--INDEX 1\n      |  `--SEARCH ord USING INDEX a (a=?)\n      `--INDEX 2\n         `--SEARCH ord USING INDEX b (b=?)\n",
        );
        assert_eq!(
            drawn(&plan),
            "Subquery Scan x\n Sort\n  Index Only Scan ord\n ~Index Only Scan o\n ~Bitmap Heap Scan ord\n  BitmapOr\n   Bitmap Index Scan\n   Bitmap Index Scan\n"
        );
        let relationships: Vec<_> = plan.nodes.iter().map(|node| node.relationship).collect();
        assert_eq!(relationships[1], Relationship::Subquery);
        assert_eq!(relationships[3..5], [Relationship::SubPlan, Relationship::InitPlan]);
        assert_eq!(plan.nodes[6].facts.text(Key::IndexName), Some("a"));
    }

    #[test]
    fn unions_are_appended() {
        let plan = one(
            "`--COMPOUND QUERY\n   |--LEFT-MOST SUBQUERY\n   |  `--SCAN a\n   `--UNION USING TEMP B-TREE\n      `--SCAN b\n",
        );
        assert_eq!(drawn(&plan), "Unique\n Append\n  Seq Scan a\n  Seq Scan b\n");
        let old = "1|0|0|SCAN TABLE a\n2|0|0|SCAN TABLE b\n0|0|0|COMPOUND SUBQUERIES 1 AND 2 USING TEMP B-TREE (UNION)\n";
        assert_eq!(drawn(&one(old)), drawn(&plan));
        assert_eq!(one(old).nodes[1].node_type, NodeType::Append);
    }

    #[test]
    fn depth_is_no_limit() {
        let deep = 2_000;
        let lines: String =
            (0..deep).map(|depth| format!("{}`--SCALAR SUBQUERY 1\n", "   ".repeat(depth))).collect();
        let text = format!("QUERY PLAN\n{lines}{}`--SCAN t\n", "   ".repeat(deep));
        assert_eq!(one(&text).nodes.len(), 1 + deep);
    }
}
