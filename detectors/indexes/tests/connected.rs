//! What a catalogue and estimated plans tell.

use super::*;
use crate::evidence::plan::Relationship;

fn column(name: &str, type_name: &str) -> Column {
    Column { name: name.to_owned(), type_name: type_name.to_owned(), nullable: true, ..Column::default() }
}

/// A million rows of which nearly all are done, and of four kinds.
fn tasks() -> Table {
    let common =
        |values: &[(&str, f64)]| values.iter().map(|(value, part)| ((*value).to_owned(), *part)).collect();
    let status = Column {
        distinct: Some(3.0),
        null_fraction: Some(0.0),
        common: common(&[("done", 0.96), ("gone", 0.02), ("open", 0.02)]),
        ..column("status", "text")
    };
    let kind = Column {
        distinct: Some(4.0),
        null_fraction: Some(0.0),
        common: common(&[("a", 0.25), ("b", 0.25), ("c", 0.25), ("d", 0.25)]),
        ..column("kind", "text")
    };
    let flag = Column {
        null_fraction: Some(0.0),
        common: common(&[("t", 0.99), ("f", 0.01)]),
        ..column("flag", "boolean")
    };
    let seen = Column { null_fraction: Some(0.98), distinct: Some(20_000.0), ..column("seen_at", "date") };
    let pk = Index {
        name: "tasks_pkey".to_owned(),
        method: "btree".to_owned(),
        keys: vec![IndexKey { expression: "id".to_owned(), ..IndexKey::default() }],
        is_valid: true,
        ..Index::default()
    };
    Table {
        schema: "public".to_owned(),
        name: "tasks".to_owned(),
        rows: Some(1e6),
        pages: Some(10_000),
        columns: vec![column("id", "bigint"), status, kind, flag, seen, column("ip", "inet")],
        indexes: vec![pk],
        ..Table::default()
    }
}

fn catalogue(tables: Vec<Table>) -> Catalogue {
    let named = tables.into_iter().map(|table| (format!("{}.{}", table.schema, table.name), table));
    Catalogue { tables: named.collect(), version: Some(150_000) }
}

/// A scan of all of it, as the planner expects it.
fn estimated(kept: f64) -> Plan {
    let scan =
        sketch().bare(0, NodeType::SeqScan).number(Key::TotalCost, 22_500.0).number(Key::PlanRows, kept);
    scan.text(Key::RelationName, "tasks").text(Key::Alias, "tasks").text(Key::Filter, "(f(x) = 1)").plan()
}

fn proposed_with(catalogue: &Catalogue, text: &str, plan: Plan) -> Vec<String> {
    let proposals = advice_with(catalogue, Engine::PostgreSql, text, plan).proposals;
    let mut ddl: Vec<String> =
        proposals.into_iter().map(|one| one.ddl.replace("CREATE INDEX CONCURRENTLY ON ", "")).collect();
    ddl.sort();
    ddl
}

#[test]
fn the_rest_of_a_few_classes_is_a_class_where_statistics_say_that_it_is_rare() {
    let known = catalogue(vec![tasks()]);
    for (condition, kept, expected) in [
        ("status <> 'done'", 4e4, &["tasks (status) WHERE status <> 'done'"][..]),
        ("status NOT IN ('done', 'gone')", 2e4, &["tasks (status) WHERE status NOT IN ('done', 'gone')"]),
        ("NOT flag", 1e4, &["tasks (flag) WHERE NOT flag"]),
        ("flag = false", 1e4, &["tasks (flag) WHERE NOT flag"]),
        ("flag <> true", 1e4, &["tasks (flag) WHERE NOT flag"]),
        ("seen_at IS NOT NULL", 2e4, &["tasks (seen_at) WHERE seen_at IS NOT NULL"]),
        // Most rows are of it.
        ("status <> 'open'", 9.8e5, &[]),
        ("flag", 9.9e5, &[]),
        ("seen_at IS NULL", 9.8e5, &[]),
    ] {
        let text = format!("SELECT * FROM tasks WHERE {condition}");
        assert_eq!(proposed_with(&known, &text, estimated(kept)), expected, "{condition}");
    }
}

#[test]
fn what_is_not_rare_is_no_class_beside_a_rare_value() {
    // That few rows are left is the work of the other condition.
    let text = "SELECT * FROM tasks WHERE id2 = $1 AND status <> 'open'";
    let mut table = tasks();
    table.columns.push(Column { distinct: Some(5e5), ..column("id2", "bigint") });
    assert_eq!(proposed_with(&catalogue(vec![table]), text, estimated(2.0)), ["tasks (id2)"]);
    // Without statistics nothing says how rare the rest is.
    let advised =
        proposed("SELECT * FROM t WHERE owner_id = $1 AND status <> 'done'", scanned("t", "t", 4.0));
    assert_eq!(advised, ["t (owner_id)"]);
}

#[test]
fn addresses_of_a_network() {
    let known = catalogue(vec![tasks()]);
    for (condition, expected) in [
        ("ip << '10.1.0.0/16'", "tasks (ip)"),
        ("ip <<= '10.1.0.0/16' AND kind = 'a'", "tasks (kind, ip)"),
        ("ip << $1", "tasks USING gist (ip inet_ops)"),
        ("ip && $1", "tasks USING gist (ip inet_ops)"),
    ] {
        let text = format!("SELECT * FROM tasks WHERE {condition}");
        assert_eq!(proposed_with(&known, &text, estimated(10.0)), [expected], "{condition}");
    }
    // Bits are shifted with the same operator.
    assert!(
        proposed("SELECT * FROM t WHERE bits << 3 = 8", scanned("t", "t", 40.0))
            .iter()
            .all(|ddl| !ddl.contains("gist"))
    );
    assert!(proposed("SELECT * FROM t WHERE spread << 3", scanned("t", "t", 40.0)).is_empty());
}

#[test]
fn statistics_bound_what_a_condition_is_credited_with() {
    // Five rows of a million are left, by a condition that no index serves; one kind is a quarter of all.
    let text = "SELECT * FROM tasks WHERE kind = 'a' AND own_function(id) AND status <> 'open'";
    let advice =
        advice_with(&catalogue(vec![tasks()]), Engine::PostgreSql, text, scanned("tasks", "tasks", 5.0));
    let factors: Vec<f64> = advice.proposals.iter().map(|one| one.helps[0].factors[1]).collect();
    assert!(factors.iter().all(|factor| *factor < 10.0), "{:?}: {factors:?}", advice.proposals);
}

/// Orders of customers, and items of these orders.
fn shop(is_led: bool) -> Catalogue {
    let key = |columns: &[&str]| Index {
        name: "i".to_owned(),
        method: "btree".to_owned(),
        keys: columns
            .iter()
            .map(|one| IndexKey { expression: (*one).to_owned(), ..IndexKey::default() })
            .collect(),
        is_valid: true,
        ..Index::default()
    };
    let refers = |column: &str, table: &str| ForeignKey {
        name: format!("to_{table}"),
        columns: vec![column.to_owned()],
        references: format!("public.{table}"),
        referenced: vec!["id".to_owned()],
        cascades: true,
    };
    let table = |name: &str, rows: f64, key_columns: &[&str], foreign_keys| Table {
        schema: "public".to_owned(),
        name: name.to_owned(),
        rows: Some(rows),
        pages: Some((rows / 80.0) as u64 + 1),
        columns: vec![
            column("id", "bigint"),
            Column { distinct: Some(rows / 10.0), ..column("customer_id", "bigint") },
        ],
        indexes: vec![key(key_columns)],
        foreign_keys,
        ..Table::default()
    };
    let mut orders = table("orders", 1e6, &["id"], vec![refers("customer_id", "customers")]);
    orders.indexes.extend(is_led.then(|| key(&["customer_id"])));
    let items = table("items", 5e6, &["order_id", "id"], vec![refers("order_id", "orders")]);
    let notes = table("notes", 3.0, &["id"], vec![refers("customer_id", "customers")]);
    catalogue(vec![table("customers", 1e5, &["id"], Vec::new()), orders, items, notes])
}

fn found_by_key(operation: &str) -> Plan {
    let top = sketch().bare(0, NodeType::ModifyTable).number(Key::TotalCost, 8.3).number(Key::PlanRows, 0.0);
    let scan = top.text(Key::Operation, operation).bare(1, NodeType::IndexScan).number(Key::TotalCost, 8.3);
    let scan =
        scan.number(Key::PlanRows, 1.0).text(Key::RelationName, "customers").text(Key::Alias, "customers");
    scan.text(Key::IndexName, "customers_pkey").text(Key::IndexCond, "(id = $1)").plan()
}

#[test]
fn rows_that_refer_to_one_that_goes_need_an_index() {
    let delete = "DELETE FROM customers WHERE id = $1";
    assert_eq!(proposed_with(&shop(false), delete, found_by_key("Delete")), ["orders (customer_id)"]);
    let advice = advice_with(&shop(true), Engine::PostgreSql, delete, found_by_key("Delete"));
    assert_eq!(advice.proposals, []);
    assert_eq!(advice.statements[0].refusal.as_ref().map(|one| one.kind), Some(RefusalKind::AlreadyIndexed));
}

#[test]
fn what_goes_with_a_row_needs_an_index_as_well() {
    let mut known = shop(true);
    if let Some(items) = known.tables.get_mut("public.items") {
        items.indexes.clear();
    }
    let delete = "DELETE FROM customers WHERE id = $1";
    assert_eq!(proposed_with(&known, delete, found_by_key("Delete")), ["items (order_id)"]);
}

#[test]
fn a_key_that_stays_is_not_searched_for() {
    for (text, expected) in [
        ("UPDATE customers SET name = $2 WHERE id = $1", &[][..]),
        ("UPDATE customers SET id = $2 WHERE id = $1", &["orders (customer_id)"]),
        ("SELECT * FROM customers WHERE id = $1 FOR UPDATE", &[]),
    ] {
        assert_eq!(proposed_with(&shop(false), text, found_by_key("Update")), expected, "{text}");
    }
}

#[test]
fn foreign_keys_are_known_without_a_plan() {
    let statement = WorkloadStatement {
        text: "DELETE FROM customers WHERE id = $1".to_owned(),
        executions: 10,
        time_ns: Some(900_000_000),
        ..WorkloadStatement::default()
    };
    let workload = Workload { statements: vec![statement], ..Workload::default() };
    let ddl: Vec<String> = advise(&workload, &shop(false)).proposals.into_iter().map(|one| one.ddl).collect();
    assert_eq!(ddl, ["CREATE INDEX CONCURRENTLY ON orders (customer_id)"]);
    let refusal =
        |known: &Catalogue| advise(&workload, known).statements[0].refusal.as_ref().map(|one| one.kind);
    assert_eq!(refusal(&shop(true)), Some(RefusalKind::NoPlan));
}

/// The planner expects ten rounds, and its cost of one round is that of the nodes.
#[test]
fn rounds_of_a_recursive_query_are_reckoned_as_the_planner_does() {
    let plan =
        sketch().bare(0, NodeType::Aggregate).number(Key::TotalCost, 112_607.0).number(Key::PlanRows, 1.0);
    let plan = plan
        .bare(1, NodeType::RecursiveUnion)
        .apart(Relationship::InitPlan, "CTE c")
        .number(Key::TotalCost, 112_600.0)
        .number(Key::PlanRows, 301.0);
    let plan = plan.bare(2, NodeType::IndexScan).number(Key::TotalCost, 8.4).number(Key::PlanRows, 1.0);
    let plan =
        plan.text(Key::RelationName, "tasks").text(Key::Alias, "tasks").text(Key::IndexName, "tasks_pkey");
    let plan = plan.bare(2, NodeType::HashJoin).number(Key::TotalCost, 11_200.0).number(Key::PlanRows, 30.0);
    let plan = plan.bare(3, NodeType::SeqScan).number(Key::TotalCost, 8_200.0).number(Key::PlanRows, 1e6);
    let plan = plan.text(Key::RelationName, "tasks").text(Key::Alias, "h");
    let plan = plan.bare(3, NodeType::Hash).number(Key::TotalCost, 0.2).number(Key::PlanRows, 10.0);
    let plan = plan.bare(4, NodeType::WorkTableScan).number(Key::TotalCost, 0.2).number(Key::PlanRows, 10.0);
    let plan = plan.text(Key::Alias, "c_1").bare(1, NodeType::CteScan).number(Key::TotalCost, 6.2);
    let plan = plan.number(Key::PlanRows, 301.0).text(Key::CteName, "c").text(Key::Alias, "c").plan();
    let text = "WITH RECURSIVE c AS (SELECT * FROM tasks WHERE id = $1 UNION ALL SELECT h.* FROM tasks h JOIN c \
                ON c.id = h.parent) SELECT count(*) FROM c";
    assert_eq!(proposed_with(&catalogue(vec![tasks()]), text, plan), ["tasks (parent)"]);
}
