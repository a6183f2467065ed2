//! Broken plans: an error that says where and what would help, and never a panic.

use std::time::{Duration, Instant};

use detectors::evidence::plan::Key;
use whyslow::ingest::plans;

use super::{folder, read};

fn sample(name: &str) -> String {
    std::fs::read_to_string(folder().join(name)).expect("a sample")
}

fn refused(text: &str) -> (u64, String) {
    let unreadable = plans::read(text.as_bytes()).expect_err("a broken plan");
    (unreadable.line, unreadable.reason)
}

#[test]
fn what_is_wrong_is_said_with_its_line() {
    let text = sample("postgresql-18/cte.verbose.txt");
    let lines: Vec<&str> = text.lines().collect();
    // Cut before the second input of the join.
    let cut = lines[..17].join("\n");
    for (broken, line, words) in [
        ("", 1, "nothing but blanks"),
        ("\n\nEXPLAIN (ANALYZE)\nSELECT 1;\n", 3, "a statement without its plan"),
        ("Hello,\nhow are you", 1, "not a plan"),
        (cut.as_str(), 10, "cut off"),
        (&lines[4..].join("\n"), 1, "a part of a plan"),
        (
            "Append  (cost=0.00..1.00 rows=1 width=4)\n->  Append  (cost=0.00..1.00 rows=1 width=4)\n->  Hash Join  (cost=0.00..1.00 rows=1 width=4)\n->  Append  (cost=0.00..1.00 rows=1 width=4)\n->  Seq Scan on a  (cost=0.00..1.00 rows=1 width=4)",
            1,
            "blanks",
        ),
        ("[{\"Plan\": {\"Node Type\": \"Limit\",", 1, "cut off"),
    ] {
        let (at, reason) = refused(broken);
        assert!(reason.contains(words), "{reason}");
        assert!(at == line || words == "blanks", "line {at} and not {line}: {reason}");
    }
}

#[test]
fn lost_blanks_are_no_loss_where_one_tree_fits() {
    for name in [
        "postgresql-18/hashbatch.verbose.txt",
        "postgresql-18/memoize.verbose.txt",
        "postgresql-18/cte.verbose.txt",
        "postgresql-18/subplan.verbose.txt",
    ] {
        let text = sample(name);
        let flat: String = text.lines().map(|line| line.trim_start().to_owned() + "\n").collect();
        let truth = plans::read(text.as_bytes()).expect("a plan");
        let found = plans::read(flat.as_bytes()).unwrap_or_else(|error| panic!("{name}: {error}"));
        let plans = |found: Vec<plans::Found>| found.into_iter().map(|found| found.plan).collect::<Vec<_>>();
        assert_eq!(super::difference(&plans(truth), &plans(found)), None, "{name}");
    }
}

#[test]
fn neither_costs_nor_blanks_are_needed() {
    let bare = "Hash Join\nHash Cond: (a.id = b.id)\n->  Seq Scan on a\nFilter: (x > 1)\n->  Hash\n->  Seq Scan on b b2\n";
    let found = plans::read(bare.as_bytes()).expect("a plan");
    let parents: Vec<_> = found[0].plan.nodes.iter().map(|node| node.parent).collect();
    assert_eq!(parents, [None, Some(0), Some(0), Some(2)]);
    let (line, reason) =
        refused("Append\n->  Append\n->  Hash Join\n->  Append\n->  Seq Scan on a\n->  Seq Scan on b\n");
    assert!(line == 6 || reason.contains("blanks"), "line {line}: {reason}");
}

#[test]
fn a_cut_at_any_line_is_survived() {
    for (name, step) in [
        ("postgresql-18/parallel.verbose.txt", 1),
        ("postgresql-18/cte.nocosts.json", 1),
        ("postgresql-18/paste.psql-expanded.json.txt", 17),
        ("postgresql-18/paste.psql-html.text.txt", 17),
        ("postgresql-18/paste.psql-csv.json.txt", 17),
    ] {
        let text = sample(name);
        for (end, _) in text.match_indices('\n').step_by(step) {
            for part in [&text[..end], &text[..end / 2], &text[end..]] {
                let _ = plans::read(part.as_bytes());
            }
        }
    }
}

#[test]
fn flipped_bytes_are_survived() {
    // A simple generator of numbers that are the same each time.
    let mut seed = 0x2545_f491_4f6c_dd1d_u64;
    let mut next = |below: usize| {
        seed ^= seed << 13;
        seed ^= seed >> 7;
        seed ^= seed << 17;
        (seed % below as u64) as usize
    };
    let letters = b"\"'\n\t ()[]{}:,.<>&|+-=\\\xff0aZ";
    for path in super::samples().iter().step_by(17) {
        let bytes = std::fs::read(path).expect("a sample");
        for _ in 0..4 {
            let mut broken = bytes.clone();
            for _ in 0..1 + next(12) {
                let at = next(broken.len());
                broken[at] = letters[next(letters.len())];
            }
            let _ = plans::read(&broken);
        }
    }
    assert!(read(&folder().join("postgresql-18/jit.verbose.txt")).is_ok());
}

#[test]
fn depth_of_text_is_no_limit() {
    let node = |name: &str, depth: usize| {
        format!("{}->  {name}  (cost=0.00..1.00 rows=1 width=4)\n", " ".repeat(depth))
    };
    let root = "Unique  (cost=0.00..1.00 rows=1 width=4)\n";
    let deep = |nodes: usize, column: usize| {
        let between: String = (0..nodes).map(|depth| node("Unique", 2 + depth * column)).collect();
        plans::read(format!("{root}{between}{}", node("Result", 2 + nodes * column)).as_bytes())
            .expect("a plan")
    };
    assert_eq!(deep(500, 6)[0].plan.nodes.len(), 502);
    // Without their blanks, which nobody could paste.
    assert_eq!(deep(100_000, 0)[0].plan.nodes.len(), 100_002);
}

/// Reading takes as long as the text is: with the square of the lines of one node this would take minutes.
#[test]
fn very_many_lines_of_one_node_are_read_at_once() {
    const MANY: usize = 60_000;
    let costs = "(cost=0.00..1.00 rows=1 width=4)";
    let lines = |line: &dyn Fn(usize) -> String| (0..MANY).map(line).collect::<String>();
    let start = Instant::now();
    let workers = lines(&|number| format!("  Worker {number}:  actual time=0.1..0.2 rows=1 loops=1\n"));
    let found = plans::read(format!("Seq Scan on t  {costs}\n{workers}").as_bytes()).expect("a plan");
    assert_eq!(found[0].plan.nodes[0].workers.len(), MANY);
    let sets = lines(&|number| format!("  Group Key: c{number}\n"));
    let text = format!("GroupAggregate  {costs}\n{sets}  ->  Seq Scan on t  {costs}\n");
    let found = plans::read(text.as_bytes()).expect("a plan");
    assert_eq!(found[0].plan.nodes[0].facts.list(Key::GroupingSets).len(), MANY);
    let workers = lines(&|number| format!("{{\"Worker Number\": {number}}},"));
    let sets = lines(&|number| format!("{{\"Group Keys\": [[\"c{number}\"]]}},"));
    let scan = r#"{"Node Type": "Seq Scan", "Parent Relationship": "Outer"}"#;
    let text = format!(
        r#"[{{"Plan": {{"Node Type": "Aggregate", "Plans": [{scan}], "Workers": [{}], "Grouping Sets": [{}]}}}}]"#,
        workers.trim_end_matches(','),
        sets.trim_end_matches(',')
    );
    let found = plans::read(text.as_bytes()).expect("a plan");
    let node = &found[0].plan.nodes[0];
    assert_eq!((node.workers.len(), node.facts.list(Key::GroupingSets).len()), (MANY, MANY));
    assert!(start.elapsed() < Duration::from_secs(60), "{:?}", start.elapsed());
}
