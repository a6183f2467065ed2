//! Statements with their plans, and the indexes that are proposed for them.

mod connected;
mod plans_alone;

use proptest::prelude::*;

use super::*;
use crate::evidence::plan::{Engine, Key, NodeType, Plan};
use crate::plans::testing::{Sketch, sketch};

/// A scan of a whole table that takes 100 ms and keeps some of a million rows.
fn scanned(table: &str, alias: &str, kept: f64) -> Plan {
    scan(sketch(), 0, table, alias, 100.0, 1e6, kept).execution(100.5).plan()
}

fn scan(sketch: Sketch, depth: usize, table: &str, alias: &str, ms: f64, read: f64, kept: f64) -> Sketch {
    let sketch = sketch.node(depth, NodeType::SeqScan, ms, kept, 1);
    sketch
        .text(Key::RelationName, table)
        .text(Key::Alias, alias)
        .text(Key::Filter, "(f(x) = 1)")
        .number(Key::RowsRemovedByFilter, read - kept)
}

/// The same, sorted, of which the first ten rows are wanted.
fn first_ten(table: &str, alias: &str, kept: f64) -> Plan {
    let top = sketch().node(0, NodeType::Limit, 104.0, 10.0, 1).node(1, NodeType::Sort, 104.0, 10.0, 1);
    scan(top, 2, table, alias, 100.0, 1e6, kept).execution(104.5).plan()
}

fn advice(engine: Engine, text: &str, plan: Plan) -> IndexAdvice {
    advice_with(&Catalogue::default(), engine, text, plan)
}

fn advice_with(catalogue: &Catalogue, engine: Engine, text: &str, plan: Plan) -> IndexAdvice {
    let statement = WorkloadStatement {
        text: text.to_owned(),
        executions: 1,
        plans: vec![plan],
        ..WorkloadStatement::default()
    };
    advise(&Workload { engine, statements: vec![statement], ..Workload::default() }, catalogue)
}

/// The proposals, without what all of them begin with.
fn proposed(text: &str, plan: Plan) -> Vec<String> {
    let mut ddl: Vec<String> = advice(Engine::PostgreSql, text, plan)
        .proposals
        .into_iter()
        .map(|proposal| proposal.ddl.replace("CREATE INDEX CONCURRENTLY ON ", ""))
        .collect();
    ddl.sort();
    ddl
}

fn refused(text: &str, plan: Plan) -> RefusalKind {
    let advice = advice(Engine::PostgreSql, text, plan);
    assert_eq!(advice.proposals, []);
    advice.statements[0].refusal.as_ref().map(|refusal| refusal.kind).expect("a reason")
}

#[test]
fn filters() {
    for (condition, expected) in [
        ("email = $1", "t (email)"),
        ("email = ?", "t (email)"),
        ("t.tenant_id = $1 AND kind = $2", "t (tenant_id, kind)"),
        ("tenant_id = 7 AND created_at >= '2026-01-01'", "t (tenant_id, created_at)"),
        ("tenant_id = 7 AND created_at BETWEEN $1 AND $2", "t (tenant_id, created_at)"),
        ("user_id IN (1, 2, 3)", "t (user_id)"),
        ("user_id = ANY($1)", "t (user_id)"),
        ("user_id = 1 OR user_id = 2", "t (user_id)"),
        ("lower(email) = 'a@b.c'", "t ((lower(email)))"),
        ("a * b > 100", "t ((a * b))"),
        ("legacy_id::text = '7'", "t (((legacy_id)::text))"),
        ("name LIKE 'abc%'", "t (name text_pattern_ops)"),
        ("name LIKE '%abc%'", "t USING gin (name gin_trgm_ops)"),
        ("name ILIKE 'abc%'", "t USING gin (name gin_trgm_ops)"),
        ("body @> '{\"a\": 1}'", "t USING gin (body jsonb_path_ops)"),
        ("tags @> ARRAY['a']", "t USING gin (tags)"),
        ("tags && $1", "t USING gin (tags)"),
        ("tags @> '{a,b}'", "t USING gin (tags)"),
        ("body @> '[{\"a\": 1}]'", "t USING gin (body jsonb_path_ops)"),
        ("span @> timestamptz '2026-01-01 10:00+00'", "t USING gist (span)"),
        ("span @> '2026-01-01 10:00+00'::timestamptz", "t USING gist (span)"),
        ("span && '[2026-01-01 10:00, 2026-01-02 10:00)'", "t USING gist (span)"),
        ("span && tstzrange($1, $2)", "t USING gist (span)"),
        ("body ->> 'sku' = $1", "t ((body ->> 'sku'))"),
        ("to_tsvector('english', note) @@ to_tsquery('x')", "t USING gin ((to_tsvector('english', note)))"),
        ("\"userId\" = 3", "t (\"userId\")"),
        ("owner_id = $1 AND deleted_at IS NULL", "t (owner_id) WHERE deleted_at IS NULL"),
        ("status = 'failed'", "t (status) WHERE status = 'failed'"),
        // The plan says how few rows are left, as nothing else is asked.
        ("status <> 'done'", "t (status) WHERE status <> 'done'"),
        ("NOT (status = 'done')", "t (status) WHERE status <> 'done'"),
        ("status NOT IN ('done', 'gone')", "t (status) WHERE status NOT IN ('done', 'gone')"),
        ("NOT is_sent", "t (is_sent) WHERE NOT is_sent"),
        ("sent_at IS NOT NULL", "t (sent_at) WHERE sent_at IS NOT NULL"),
        ("ip <<= '10.1.0.0/16'", "t (ip)"),
        ("ip <<= $1", "t USING gist (ip inet_ops)"),
        ("ip >>= '10.1.0.7'", "t USING gist (ip inet_ops)"),
        ("'10.1.0.0/16'::inet >>= ip", "t (ip)"),
    ] {
        let text = format!("SELECT * FROM t WHERE {condition}");
        assert_eq!(proposed(&text, scanned("t", "t", 40.0)), [expected], "{condition}");
    }
}

#[test]
fn both_sides_of_an_or() {
    let text = "SELECT * FROM users u WHERE u.email = $1 OR u.phone = $2";
    assert_eq!(proposed(text, scanned("users", "u", 2.0)), ["users (email)", "users (phone)"]);
    let other = "SELECT * FROM users u WHERE u.email = $1 OR length(u.name) = random()";
    refused(other, scanned("users", "u", 2.0));
}

#[test]
fn order_and_limit() {
    for (tail, kept, expected) in [
        (
            "WHERE tenant_id = $1 AND status = $2 ORDER BY created_at DESC LIMIT 10",
            2e4,
            "t (tenant_id, status, created_at)",
        ),
        ("ORDER BY created_at DESC LIMIT 10", 1e6, "t (created_at)"),
        ("WHERE a = $1 ORDER BY b DESC, c LIMIT 10", 2e4, "t (a, b DESC, c)"),
        ("WHERE a = $1 ORDER BY seen DESC NULLS LAST LIMIT 10", 2e4, "t (a, seen DESC NULLS LAST)"),
        (
            "WHERE (created_at, id) < ($1, $2) ORDER BY created_at DESC, id DESC LIMIT 10",
            5e5,
            "t (created_at, id)",
        ),
        ("WHERE kind IN ('a', 'b') ORDER BY created_at LIMIT 10", 5e5, "t (created_at)"),
    ] {
        assert_eq!(
            proposed(&format!("SELECT * FROM t {tail}"), first_ten("t", "t", kept)),
            [expected],
            "{tail}"
        );
    }
}

#[test]
fn smallest_values() {
    let plan = sketch().node(0, NodeType::Aggregate, 150.0, 1.0, 1).text(Key::Strategy, "Plain");
    let plan = scan(plan, 1, "t", "t", 100.0, 1e6, 5e4).execution(150.1).plan();
    assert_eq!(
        proposed("SELECT max(created_at) FROM t WHERE tenant_id = $1", plan),
        ["t (tenant_id, created_at)"]
    );
}

#[test]
fn few_columns_of_many_rows_are_held_by_the_index() {
    let plan = sketch().node(0, NodeType::Aggregate, 150.0, 1.0, 1).text(Key::Strategy, "Plain");
    let plan = scan(plan, 1, "t", "t", 100.0, 1e6, 8e4).execution(110.0).plan();
    let statement = "SELECT sum(amount) FROM t WHERE product_id = $1";
    assert_eq!(proposed(statement, plan.clone()), ["t (product_id) INCLUDE (amount)"]);
    let catalogue = |version| Catalogue { version: Some(version), ..Catalogue::default() };
    let ddl = |version| {
        let mut advice = advice_with(&catalogue(version), Engine::PostgreSql, statement, plan.clone());
        advice.proposals.pop().map(|only| only.ddl.replace("CREATE INDEX CONCURRENTLY ON ", ""))
    };
    assert_eq!(ddl(110_000).as_deref(), Some("t (product_id) INCLUDE (amount)"));
    // PostgreSQL 10 does not know it.
    assert!(ddl(100_023).is_none_or(|ddl| ddl == "t (product_id)"));
}

/// A hash join of a small table's few rows with a large table.
fn hash_joined(kind: &str, few: f64, rows: f64) -> Plan {
    let join = sketch().node(0, NodeType::HashJoin, 300.0, rows, 1).text(Key::JoinType, kind);
    let join = scan(join, 1, "orders", "o", 150.0, 2e6, 2e6);
    let hash = join.node(1, NodeType::Hash, 10.5, few, 1);
    scan(hash, 2, "users", "u", 10.0, 1e5, few).execution(301.0).plan()
}

#[test]
fn joins() {
    let text = "SELECT o.* FROM orders o JOIN users u ON u.id = o.user_id WHERE u.email = $1";
    assert_eq!(proposed(text, hash_joined("Inner", 1.0, 20.0)), ["orders (user_id)", "users (email)"]);
    let text = "SELECT o.* FROM orders o WHERE o.user_id IN (SELECT u.id FROM users u WHERE u.email = $1)";
    assert_eq!(proposed(text, hash_joined("Inner", 1.0, 20.0)), ["orders (user_id)", "users (email)"]);
}

#[test]
fn rows_without_partner_are_left_to_the_hash_join() {
    let text = "SELECT o.* FROM orders o WHERE NOT EXISTS (SELECT 1 FROM users u WHERE u.id = o.user_id)";
    refused(text, hash_joined("Anti", 1e5, 1e6));
}

#[test]
fn first_rows_of_each_group() {
    let plan = sketch()
        .node(0, NodeType::NestedLoop, 9_000.0, 300.0, 1)
        .node(1, NodeType::SeqScan, 0.1, 100.0, 1)
        .text(Key::RelationName, "tenants")
        .text(Key::Alias, "t")
        .node(1, NodeType::Limit, 90.0, 3.0, 100)
        .node(2, NodeType::Sort, 90.0, 3.0, 100)
        .node(3, NodeType::SeqScan, 88.0, 5_000.0, 100)
        .text(Key::RelationName, "orders")
        .text(Key::Alias, "o")
        .text(Key::Filter, "(tenant_id = t.id)")
        .number(Key::RowsRemovedByFilter, 495_000.0)
        .execution(9_000.0)
        .plan();
    let text = "SELECT * FROM tenants t CROSS JOIN LATERAL (SELECT * FROM orders o WHERE o.tenant_id = t.id \
                ORDER BY o.created_at DESC LIMIT 3) last";
    assert_eq!(proposed(text, plan), ["orders (tenant_id, created_at)"]);
}

#[test]
fn rows_to_change_are_found_as_others() {
    let plan = |operation: &str| {
        let top = sketch().node(0, NodeType::ModifyTable, 100.2, 0.0, 1).text(Key::Operation, operation);
        scan(top, 1, "t", "t", 100.0, 1e6, 3.0).execution(100.5).plan()
    };
    assert_eq!(proposed("UPDATE t SET a = 1 WHERE email = $1", plan("Update")), ["t (email)"]);
    assert_eq!(proposed("DELETE FROM t WHERE expires_at < now()", plan("Delete")), ["t (expires_at)"]);
}

#[test]
fn cascades_need_an_index_at_the_other_end() {
    let plan =
        sketch().node(0, NodeType::ModifyTable, 0.1, 0.0, 1).node(1, NodeType::IndexScan, 0.05, 1.0, 1);
    let plan =
        plan.text(Key::RelationName, "orders").text(Key::IndexName, "orders_pkey").execution(80.0).whole(
            |plan| {
                let mut trigger = crate::evidence::plan::Facts::default();
                trigger.set(
                    Key::ConstraintName,
                    crate::evidence::plan::Value::Text("order_items_order_id_fkey".into()),
                );
                trigger.set(Key::Relation, crate::evidence::plan::Value::Text("orders".into()));
                trigger.set(Key::Calls, crate::evidence::plan::Value::Number(1.0));
                trigger.set(Key::Time, crate::evidence::plan::Value::Number(79.0));
                plan.triggers.push(trigger);
            },
        );
    assert_eq!(proposed("DELETE FROM orders WHERE id = $1", plan.plan()), ["order_items (order_id)"]);
}

#[test]
fn silent_where_no_index_helps() {
    for (text, kept, expected) in [
        ("SELECT * FROM t", 1e6, RefusalKind::WholeTable),
        ("SELECT count(*) FROM t WHERE status <> 'a'", 9e5, RefusalKind::LowSelectivity),
        ("SELECT * FROM t WHERE status = $1", 4e5, RefusalKind::LowSelectivity),
        ("SELECT * FROM t WHERE date(created_at) = $1", 4e2, RefusalKind::NeedsRewrite),
        ("SELECT * FROM t WHERE created_at::date = $1", 4e2, RefusalKind::NeedsRewrite),
        ("SELECT * FROM t WHERE created_at + interval '1 day' > now()", 4e2, RefusalKind::NeedsRewrite),
        ("SELECT * FROM t WHERE $1 = ANY(tags)", 4e2, RefusalKind::NeedsRewrite),
        ("SELECT * FROM t WHERE name LIKE '%a%'", 4e2, RefusalKind::NeedsRewrite),
    ] {
        assert_eq!(refused(text, scanned("t", "t", kept)), expected, "{text}");
    }
    assert_eq!(refused("SELEC nothing", Plan::default()), RefusalKind::NotUnderstood);
}

#[test]
fn an_order_by_chance_needs_a_rewrite() {
    for order in ["random()", "(random())", "1"] {
        let text = format!("SELECT random(), id FROM t ORDER BY {order} LIMIT 10");
        let advice = advice(Engine::PostgreSql, &text, first_ten("t", "t", 1e6));
        assert_eq!(advice.proposals, []);
        let refusal = advice.statements[0].refusal.as_ref().expect("a reason");
        assert_eq!(refusal.kind, RefusalKind::NeedsRewrite, "{order}");
        assert!(refusal.reason.contains("1,000,000 rows a number by chance"), "{}", refusal.reason);
        assert!(refusal.rewrite.as_ref().is_some_and(|text| text.contains("TABLESAMPLE")), "{refusal:?}");
    }
    // What takes the rows is a condition, and an index serves it.
    let text = "SELECT id FROM t WHERE tenant_id = $1 ORDER BY random() LIMIT 10";
    assert_eq!(proposed(text, first_ten("t", "t", 40.0)), ["t (tenant_id)"]);
}

#[test]
fn rows_that_are_null_too_are_no_class() {
    for condition in ["flag IS NOT TRUE", "flag IS NOT FALSE", "NOT (flag IS TRUE)"] {
        let text = format!("SELECT * FROM t WHERE {condition}");
        assert!(proposed(&text, scanned("t", "t", 40.0)).is_empty(), "{condition}");
    }
    let text = "SELECT * FROM t WHERE flag IS FALSE";
    assert_eq!(proposed(text, scanned("t", "t", 40.0)), ["t (flag)"]);
    // Values of people, and those that each execution has others of.
    for condition in ["email <> 'a@b.c'", "status <> $1", "price <> 12"] {
        let text = format!("SELECT * FROM t WHERE {condition}");
        assert!(proposed(&text, scanned("t", "t", 40.0)).is_empty(), "{condition}");
    }
}

/// A condition that no index serves is not credited to the one that an index does.
#[test]
fn what_no_index_serves_is_not_credited() {
    let factor = |text: &str| {
        let advice = advice(Engine::PostgreSql, text, scanned("t", "t", 2.0));
        advice.proposals.first().map(|only| only.helps[0].factors[1]).unwrap_or(0.0)
    };
    let alone = factor("SELECT * FROM t WHERE kind = $1");
    assert!(alone > 150.0, "{alone}");
    for other in
        ["a % 7 = b", "name !~ 'x'", "(a = 3 OR f(b))", "a IS DISTINCT FROM b", "pos <-> '(1,2)' < 3"]
    {
        let beside = factor(&format!("SELECT * FROM t WHERE kind = $1 AND {other}"));
        assert!((1.5..100.0).contains(&beside), "{other}: {beside}");
    }
}

/// Rows that lead to others of the same table, level by level.
fn recursive(second: f64) -> Plan {
    let plan = sketch().node(0, NodeType::Aggregate, 601.0, 1.0, 1).node(
        1,
        NodeType::RecursiveUnion,
        600.0,
        40.0,
        1,
    );
    let plan =
        plan.node(2, NodeType::IndexScan, 0.02, 1.0, 1).text(Key::RelationName, "t").text(Key::Alias, "t");
    let plan = plan.text(Key::IndexName, "t_pkey").text(Key::IndexCond, "(id = 7)");
    let plan = plan.node(2, NodeType::HashJoin, 100.0, second, 6).text(Key::JoinType, "Inner");
    let plan = plan.text(Key::HashCond, "(t_1.parent = c.id)");
    let plan =
        plan.node(3, NodeType::SeqScan, 90.0, 1e6, 6).text(Key::RelationName, "t").text(Key::Alias, "t_1");
    let plan = plan.node(3, NodeType::Hash, 0.01, 7.0, 6);
    let plan = plan.node(4, NodeType::WorkTableScan, 0.005, 7.0, 6).text(Key::Alias, "c");
    plan.execution(602.0).plan()
}

#[test]
fn rows_that_lead_to_others_are_looked_up() {
    for step in [
        "SELECT t.id FROM t JOIN c ON t.parent = c.id",
        "SELECT t.id FROM c JOIN t ON c.id = t.parent",
        "SELECT t.id FROM t, c WHERE t.parent = c.id",
    ] {
        let text = format!(
            "WITH RECURSIVE c AS (SELECT id FROM t WHERE id = 7 UNION ALL {step}) SELECT count(*) FROM c"
        );
        assert_eq!(proposed(&text, recursive(6.5)), ["t (parent)"], "{step}");
        // Where most of the table is met, it is better read whole.
        let met = recursive(500_000.0);
        assert!(proposed(&text, met).is_empty(), "{step}");
    }
}

#[test]
fn a_month_of_any_year_is_no_range() {
    for (condition, is_range) in [
        ("extract(month FROM created_at) = 5", false),
        ("date_part('hour', created_at) = 5", false),
        ("month(created_at) = 5", false),
        ("extract(year FROM created_at) = 2026", true),
        ("date(created_at) = $1", true),
    ] {
        let text = format!("SELECT * FROM t WHERE {condition}");
        let advice = advice(Engine::PostgreSql, &text, scanned("t", "t", 400.0));
        let rewrite = advice.statements[0].refusal.as_ref().and_then(|refusal| refusal.rewrite.as_deref());
        let rewrite = rewrite.unwrap_or_default();
        assert!(rewrite.contains("created_at"), "{condition}: {rewrite}");
        assert_eq!(rewrite.contains("with a range"), is_range, "{condition}: {rewrite}");
    }
}

#[test]
fn times_without_a_zone_are_indexed_by_day() {
    let mut plan = scanned("t", "t", 40.0);
    let filter = "((date(paid_at) = '2026-01-01'::date) AND (paid_at > '2025-01-01 00:00:00'::timestamp without time zone))";
    plan.nodes[0].facts.set(Key::Filter, crate::evidence::plan::Value::Text(filter.into()));
    let text = "SELECT * FROM t WHERE date(paid_at) = '2026-01-01' AND paid_at > '2025-01-01'";
    assert_eq!(proposed(text, plan), ["t ((date(paid_at)), paid_at)"]);
}

#[test]
fn a_plan_without_its_statement_says_what_it_can() {
    let mut plan = first_ten("t", "t", 2e4);
    plan.nodes[1]
        .facts
        .set(Key::SortKey, crate::evidence::plan::Value::List(Box::new(["created_at DESC".into()])));
    let filter = "((tenant_id = 4711) AND (status = 'failed'::text) AND (NOT (hashed SubPlan 1)))";
    plan.nodes[2].facts.set(Key::Filter, crate::evidence::plan::Value::Text(filter.into()));
    assert_eq!(proposed("", plan.clone()), ["t (created_at)"]);
    let filter = "((tenant_id = 4711) AND (status = 'failed'::text))";
    plan.nodes[2].facts.set(Key::Filter, crate::evidence::plan::Value::Text(filter.into()));
    assert_eq!(proposed("not understood", plan), ["t (tenant_id, status, created_at)"]);
}

#[test]
fn an_index_that_is_walked_through_for_want_of_its_first_key() {
    let plan = |blocks: f64| {
        let scan = sketch().node(0, NodeType::IndexScan, 45.0, 11.0, 1).number(Key::SharedHitBlocks, blocks);
        let scan = scan.text(Key::RelationName, "m").text(Key::Alias, "m").text(Key::IndexName, "m_pkey");
        scan.text(Key::IndexCond, "(team_id = 7)").execution(45.1).plan()
    };
    assert_eq!(proposed("SELECT * FROM m WHERE team_id = $1", plan(850.0)), ["m (team_id)"]);
    // What takes the time is something that is done with each row.
    assert_eq!(refused("SELECT * FROM m WHERE team_id = $1", plan(14.0)), RefusalKind::AlreadyIndexed);
}

#[test]
fn a_small_table_counts_by_its_work() {
    let small = scan(sketch(), 0, "t", "t", 2.0, 2e4, 1.0).execution(2.1).plan();
    assert_eq!(proposed("SELECT * FROM t WHERE code = $1", small), ["t (code)"]);
    let tiny = scan(sketch(), 0, "t", "t", 0.02, 100.0, 1.0).execution(0.03).plan();
    assert_eq!(refused("SELECT * FROM t WHERE code = $1", tiny), RefusalKind::LittleWork);
}

#[test]
fn partitions_are_one_table() {
    let append = sketch().node(0, NodeType::Append, 200.0, 40.0, 1);
    let append = scan(append, 1, "log_01", "log_1", 95.0, 1e6, 20.0);
    let plan = scan(append, 1, "log_02", "log_2", 95.0, 1e6, 20.0).execution(201.0).plan();
    let advice = advice(Engine::PostgreSql, "SELECT * FROM log WHERE actor_id = $1", plan);
    assert_eq!(advice.proposals[0].ddl, "CREATE INDEX ON log (actor_id)");
    assert!(advice.proposals[0].notes[0].contains("partitioned"));
}

#[test]
fn mariadb_gets_ordinary_indexes_alone() {
    let text = "SELECT amount FROM t WHERE tenant_id = 3 AND status = 'failed'";
    let advice = advice(Engine::MariaDb, text, scanned("t", "t", 900.0));
    assert_eq!(advice.proposals[0].ddl, "CREATE INDEX idx_t_tenant_id_status ON t (tenant_id, status)");
}

/// A table as MariaDB's tabular form tells it: rows that it reads, what is left, how, and which indexes fit.
fn told(sketch: Sketch, depth: usize, alias: &str, read: f64, kept: f64, access: (&str, &[&str])) -> Sketch {
    let is_led = matches!(access.0, "ref" | "eq_ref");
    let mut sketch = sketch
        .bare(depth, if is_led { NodeType::IndexScan } else { NodeType::SeqScan })
        .text(Key::Alias, alias);
    sketch = sketch.text(Key::AccessType, access.0).number(Key::PlanExaminedRows, read);
    sketch.number(Key::PlanRows, kept).list(Key::PossibleKeys, access.1)
}

fn of_mariadb(text: &str, sketch: Sketch) -> Vec<String> {
    let plan = sketch.whole(|plan| plan.engine = Engine::MariaDb).plan();
    let mut ddl: Vec<String> =
        advice(Engine::MariaDb, text, plan).proposals.into_iter().map(|proposal| proposal.ddl).collect();
    ddl.sort();
    ddl
}

#[test]
fn rows_alone_are_enough() {
    let all = ("ALL", &[][..]);
    let text = "SELECT a FROM t WHERE tenant = 3";
    let expected = ["CREATE INDEX idx_t_tenant ON t (tenant)"];
    assert_eq!(of_mariadb(text, told(sketch(), 0, "t", 1e5, 5.0, all)), expected);
    assert_eq!(of_mariadb(text, told(sketch(), 0, "t", 1e5, 6e4, all)), [""; 0]);
    assert_eq!(of_mariadb(text, told(sketch(), 0, "t", 60.0, 5.0, all)), [""; 0]);
}

#[test]
fn a_limit_that_only_the_statement_tells_ends_a_sort() {
    let sorted = || told(sketch().bare(0, NodeType::Sort), 1, "t", 1e5, 6e4, ("ALL", &[]));
    let text = "SELECT * FROM t WHERE tenant = 3 ORDER BY at DESC LIMIT 10 OFFSET 20";
    let expected = ["CREATE INDEX idx_t_tenant_at ON t (tenant, at)"];
    assert_eq!(of_mariadb(text, sorted()), expected);
    assert_eq!(of_mariadb(&text.replace("LIMIT 10 OFFSET 20", ""), sorted()), [""; 0]);
    assert_eq!(of_mariadb(&text.replace("10", "90000"), sorted()), [""; 0]);
}

/// Which column an index has that the server only names is not known: it may be the one that would be proposed.
#[test]
fn indexes_that_the_server_names_are_not_proposed_again() {
    let named = |names| told(sketch(), 0, "t", 1e5, 5.0, ("ALL", names));
    assert_eq!(of_mariadb("SELECT a FROM t WHERE tenant = 3", named(&["by_tenant"])), [""; 0]);
    let two = of_mariadb("SELECT a FROM t WHERE tenant = 3 AND kind = 4", named(&["by_kind"]));
    assert_eq!(two, ["CREATE INDEX idx_t_tenant_kind ON t (tenant, kind)"]);
    let by_key = of_mariadb("SELECT a FROM t WHERE tenant = 3 AND id < 90000", named(&["PRIMARY"]));
    assert_eq!(by_key, ["CREATE INDEX idx_t_tenant_id ON t (tenant, id)"]);
}

/// What is looked up by a value of another table now cannot be looked up before that is read.
#[test]
fn joins_keep_to_what_leads_to_their_tables() {
    let joins = sketch().bare(0, NodeType::NestedLoop).bare(1, NodeType::NestedLoop);
    let plan = told(joins, 2, "c", 2e4, 1.0, ("ALL", &["PRIMARY"]));
    let plan = told(plan, 2, "i", 1e5, 1e5, ("ALL", &["PRIMARY"]));
    let plan = told(plan, 1, "o", 1.0, 0.0001, ("eq_ref", &["PRIMARY"])).list(Key::Ref, &["shop.i.order_id"]);
    let text = "SELECT * FROM customers c JOIN orders o ON o.customer = c.id JOIN items i ON i.order_id = o.id \
                WHERE c.email = 'x'";
    let expected = [
        "CREATE INDEX idx_customers_email ON customers (email)",
        "CREATE INDEX idx_orders_customer ON orders (customer)",
    ];
    assert_eq!(of_mariadb(text, plan), expected);
}

#[test]
fn one_index_serves_statements_that_ask_for_its_beginning() {
    let statement = |text: &str, kept: f64| WorkloadStatement {
        text: text.to_owned(),
        executions: 10,
        plans: vec![scanned("t", "t", kept)],
        ..WorkloadStatement::default()
    };
    let statements = vec![
        statement("SELECT * FROM t WHERE a = $1", 300.0),
        statement("SELECT * FROM t WHERE a = $1 AND at > $2", 30.0),
    ];
    let advice = advise(&Workload { statements, ..Workload::default() }, &Catalogue::default());
    let ddl: Vec<&str> = advice.proposals.iter().map(|proposal| &*proposal.ddl).collect();
    assert_eq!(ddl, ["CREATE INDEX CONCURRENTLY ON t (a, at)"]);
    assert_eq!(advice.statements.iter().map(|one| &*one.proposals).collect::<Vec<_>>(), [&[0][..], &[0][..]]);
    assert_eq!(advice.proposals[0].helps.len(), 2);
}

#[test]
fn an_index_that_is_there_is_not_proposed() {
    let key = IndexKey { expression: "a".to_owned(), ..IndexKey::default() };
    let index = Index {
        name: "i".to_owned(),
        method: "btree".to_owned(),
        keys: vec![key],
        is_valid: true,
        ..Index::default()
    };
    let table = Table { name: "t".to_owned(), rows: Some(1e6), indexes: vec![index], ..Table::default() };
    let catalogue = Catalogue { tables: [("t".to_owned(), table)].into(), ..Catalogue::default() };
    let statement = WorkloadStatement {
        text: "SELECT * FROM t WHERE a = $1".to_owned(),
        executions: 1,
        plans: vec![scanned("t", "t", 300.0)],
        ..WorkloadStatement::default()
    };
    assert_eq!(
        advise(&Workload { statements: vec![statement], ..Workload::default() }, &catalogue).proposals,
        []
    );
}

/// Ten million rows in 100,000 pages that lie in the order of a time as closely as is said.
fn in_order_of_time(correlation: Option<f64>) -> Catalogue {
    let column = |name: &str, type_name: &str, correlation| Column {
        name: name.to_owned(),
        type_name: type_name.to_owned(),
        correlation,
        ..Column::default()
    };
    let at = column("at", "timestamp with time zone", correlation);
    let table = Table {
        name: "t".to_owned(),
        rows: Some(1e7),
        pages: Some(100_000),
        columns: vec![at, column("kind", "text", Some(0.2)), column("amount", "bigint", Some(0.0))],
        ..Table::default()
    };
    Catalogue { tables: [("t".to_owned(), table)].into(), ..Catalogue::default() }
}

fn of_range(kept: f64, catalogue: &Catalogue) -> Proposal {
    let plan = scan(sketch(), 0, "t", "t", 1000.0, 1e7, kept).execution(1000.5).plan();
    let statement = WorkloadStatement {
        text: "SELECT * FROM t WHERE at >= $1 AND at < $2".to_owned(),
        executions: 1,
        plans: vec![plan],
        ..WorkloadStatement::default()
    };
    advise(&Workload { statements: vec![statement], ..Workload::default() }, catalogue).proposals.remove(0)
}

#[test]
fn a_range_of_many_rows_that_lie_together_gets_block_ranges() {
    let catalogue = in_order_of_time(Some(0.9999));
    let many = of_range(300_000.0, &catalogue);
    assert_eq!(many.ddl, "CREATE INDEX CONCURRENTLY ON t USING brin (at)");
    assert!(many.bytes.is_some_and(|bytes| bytes < 100_000), "{:?}", many.bytes);
    assert_eq!(many.write_cost_ns, 200);
    let btree =
        many.others.iter().find(|other| other.ddl.ends_with("ON t (at)")).expect("the b-tree is named");
    assert!(btree.reason.contains("; 240 MB instead of 55"), "{}", btree.reason);
}

#[test]
fn few_rows_are_found_by_a_btree_and_the_smaller_index_is_named() {
    let few = of_range(300.0, &in_order_of_time(Some(-0.9999)));
    assert_eq!(few.ddl, "CREATE INDEX CONCURRENTLY ON t (at)");
    let brin = few.others.iter().find(|other| other.ddl.contains("USING brin")).expect("it is named");
    assert!(brin.reason.contains(" instead of "), "{}", brin.reason);
}

#[test]
fn rows_that_lie_anywhere_get_no_block_ranges() {
    for correlation in [None, Some(0.0), Some(0.9)] {
        let proposal = of_range(300_000.0, &in_order_of_time(correlation));
        assert_eq!(proposal.ddl, "CREATE INDEX CONCURRENTLY ON t (at)", "{correlation:?}");
        assert!(proposal.others.iter().all(|other| !other.ddl.contains("brin")));
    }
}

#[test]
fn a_btree_that_others_need_serves_for_block_ranges() {
    let catalogue = in_order_of_time(Some(1.0));
    let statement = |text: &str, kept: f64| WorkloadStatement {
        text: text.to_owned(),
        executions: 1,
        plans: vec![scan(sketch(), 0, "t", "t", 1000.0, 1e7, kept).execution(1000.5).plan()],
        ..WorkloadStatement::default()
    };
    let statements = vec![
        statement("SELECT * FROM t WHERE at >= $1 AND at < $2", 300_000.0),
        statement("SELECT * FROM t WHERE at = $1", 3.0),
    ];
    let advice = advise(&Workload { statements, ..Workload::default() }, &catalogue);
    let ddl: Vec<&str> = advice.proposals.iter().map(|proposal| &*proposal.ddl).collect();
    assert_eq!(ddl, ["CREATE INDEX CONCURRENTLY ON t (at)"]);
    assert_eq!(advice.proposals[0].helps.len(), 2);
}

#[test]
fn writers_can_pay_too_much() {
    let table = Table {
        name: "t".to_owned(),
        rows: Some(1e6),
        rows_written: Some(1_000_000_000),
        ..Table::default()
    };
    let catalogue = Catalogue { tables: [("t".to_owned(), table)].into(), ..Catalogue::default() };
    let statement = WorkloadStatement {
        text: "SELECT * FROM t WHERE a = $1".to_owned(),
        executions: 1,
        plans: vec![scanned("t", "t", 300.0)],
        ..WorkloadStatement::default()
    };
    let advice = advise(&Workload { statements: vec![statement], ..Workload::default() }, &catalogue);
    assert_eq!(advice.proposals, []);
    assert_eq!(advice.statements[0].refusal.as_ref().map(|one| one.kind), Some(RefusalKind::WriteCost));
}

const PIECES: [&str; 44] = [
    "SELECT ",
    "* ",
    "a ",
    "t.b ",
    "FROM ",
    "t ",
    "u ",
    "JOIN ",
    "LEFT JOIN ",
    "ON ",
    "USING (a) ",
    "WHERE ",
    "= ",
    "< ",
    "'secret@x.y' ",
    "12345678 ",
    "$1 ",
    "? ",
    "AND ",
    "OR ",
    "NOT ",
    "( ",
    ") ",
    "IN ",
    "EXISTS ",
    "SELECT a FROM t ",
    "ORDER BY ",
    "LIMIT 3 ",
    "GROUP BY ",
    "max(a) ",
    "lower(b) ",
    "LIKE ",
    "'%secret%' ",
    "IS NULL ",
    "WITH c AS ",
    "UPDATE t SET a = ",
    "DELETE FROM t ",
    "date(a) ",
    "a ->> 'secretsecretsecret1' ",
    "@> ",
    "ARRAY[1] ",
    "BETWEEN ",
    ", ",
    "LATERAL ",
];

proptest! {
    #[test]
    fn no_statement_panics_and_no_value_is_told(places in prop::collection::vec(0..PIECES.len(), 0..40), kept in 0.0..1e6) {
        let text: String = places.into_iter().map(|place| PIECES[place]).collect();
        for plan in [scanned("t", "t", kept), first_ten("t", "t", kept), Plan::default()] {
            let said = format!("{:?}", advice(Engine::PostgreSql, &text, plan));
            for value in ["secret@", "12345678", "%secret", "secretsecret"] {
                prop_assert!(!said.contains(value), "{said}");
            }
        }
    }
}
