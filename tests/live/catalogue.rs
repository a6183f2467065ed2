//! What is known of tables, indexes and statements, as they were created.

use std::collections::BTreeSet;

use detectors::indexes::{Index, IndexKey, Table};
use whyslow::live::{Connection, Limits, Target, catalogue, statements};

use super::{address, psql, version};

fn connection(parts: &str) -> Connection {
    let target = Target::of(&address(parts)).unwrap_or_else(|problem| panic!("{problem}"));
    Connection::open(&target, Limits::default()).unwrap_or_else(|problem| panic!("{problem}"))
}

fn known(parts: &str) -> catalogue::Known {
    let names = BTreeSet::from(["orders".to_owned(), "accounts".to_owned()]);
    catalogue::read(&connection(parts), &names).unwrap_or_else(|problem| panic!("{problem}"))
}

fn index<'t>(table: &'t Table, name: &str) -> &'t Index {
    table.indexes.iter().find(|index| index.name == name).unwrap()
}

#[test]
fn tables_columns_and_indexes_are_as_they_were_created() {
    let known = known("");
    assert_eq!(known.missing, Vec::<String>::new());
    let orders = &known.catalogue.tables["public.orders"];
    assert_eq!(orders.rows, Some(200_000.0));
    assert!(orders.pages.unwrap() > 1_000, "{:?}", orders.pages);
    assert!(orders.rows_written.unwrap() >= 200_000);
    let types: Vec<(&str, &str, bool)> = orders
        .columns
        .iter()
        .map(|column| (column.name.as_str(), column.type_name.as_str(), column.nullable))
        .collect();
    assert_eq!(types[3], ("created_at", "timestamp with time zone", false));
    assert_eq!(types[5], ("note", "text", true));
    let status = &orders.columns[2];
    assert_eq!(status.distinct, Some(3.0));
    assert_eq!(status.common[0].0, "paid");
    assert!(status.is_bytewise, "the database has the collation C");
    assert!(orders.columns[3].correlation.unwrap() > 0.99);
    assert!((orders.columns[5].null_fraction.unwrap() - 0.9).abs() < 0.02);
    assert_eq!(orders.columns[0].bounds.len(), 101);

    let partial = index(orders, "orders_lower_note");
    assert_eq!(partial.method, "btree");
    assert_eq!(partial.predicate.as_deref(), Some("note IS NOT NULL"));
    let expression = IndexKey {
        expression: "(lower(note))".to_owned(),
        operator_class: Some("text_pattern_ops".to_owned()),
        descending: true,
        nulls_first: Some(false),
    };
    let total = IndexKey { expression: "total".to_owned(), descending: true, ..IndexKey::default() };
    assert_eq!(partial.keys, [expression, total]);
    assert!(index(orders, "orders_pkey").is_constraint && index(orders, "orders_pkey").is_unique);

    let customers = &known.catalogue.tables["public.customers"];
    let include: &[&str] = if version() >= 110_000 { &["Full Name"] } else { &[] };
    assert_eq!(index(customers, "customers_email").include, include);
    assert_eq!(index(customers, "customers_tags").method, "gin");
    assert!(!index(customers, "customers_name").is_valid);
    assert!(index(customers, "customers_email").bytes.unwrap() > 0);
    // Values are read for tables that are named only.
    assert_eq!(customers.columns[1].bounds, Vec::<String>::new());
    let partition = &known.catalogue.tables["public.events_2024"];
    assert_eq!(partition.partition_of.as_deref(), Some("public.events"));
    // What is in partitions the server counts there alone.
    let events = &known.catalogue.tables["public.events"];
    assert_eq!((events.rows, events.pages), (Some(1_000.0), partition.pages));
    assert!(events.rows_written.unwrap() >= 1_000, "{events:?}");
}

#[test]
fn what_is_hidden_is_named_with_what_grants_it() {
    let known = known("user=monitor");
    let only = &known.missing[..];
    assert_eq!(only.len(), 1);
    let grant = if version() >= 140_000 { "GRANT pg_read_all_data" } else { "GRANT SELECT ON public." };
    assert!(only[0].contains("public.") && only[0].contains(grant), "{only:?}");
    let accounts = &known.catalogue.tables["public.accounts"];
    assert_eq!(accounts.columns.len(), 2);
    assert_eq!(accounts.columns[1].distinct, None);
}

#[test]
fn statements_are_those_that_the_server_counted() {
    psql("SELECT pg_stat_statements_reset()");
    for _ in 0..3 {
        psql("SELECT count(*) FROM orders WHERE status = 'failed'");
    }
    psql("BEGIN; UPDATE orders SET total = total WHERE id = 7; ROLLBACK");
    let counted = statements::read(&connection("")).unwrap_or_else(|problem| panic!("{problem}"));
    assert_eq!(counted.missing, Vec::<String>::new());
    let found = |text: &str| counted.workload.statements.iter().find(|statement| statement.text == text);
    let select = found("SELECT count(*) FROM orders WHERE status = $1").unwrap();
    assert_eq!(select.executions, 3);
    assert!(select.time_ns.unwrap() > 100_000);
    assert!(found("UPDATE orders SET total = total WHERE id = $1").is_some());
    assert!(found("BEGIN").is_none());
    let hidden = statements::read(&connection("user=stranger")).unwrap_or_else(|problem| panic!("{problem}"));
    assert!(hidden.missing[0].contains("GRANT pg_read_all_stats"), "{:?}", hidden.missing);
}

#[test]
fn a_database_without_the_extension_says_how_to_get_it() {
    let problem = statements::read(&connection("dbname=postgres")).unwrap_err().to_string();
    assert!(problem.contains("CREATE EXTENSION pg_stat_statements"), "{problem}");
}

#[test]
fn each_statement_gets_a_plan() {
    psql("SELECT pg_stat_statements_reset()");
    psql("SELECT count(*) FROM orders WHERE status = 'failed'");
    psql("BEGIN; DELETE FROM orders WHERE id = 7; ROLLBACK");
    let connection = connection("");
    let mut workload = statements::read(&connection).unwrap_or_else(|problem| panic!("{problem}")).workload;
    let known = catalogue::read(&connection, &BTreeSet::from(["orders".to_owned()]));
    let known = known.unwrap_or_else(|problem| panic!("{problem}")).catalogue;
    let told = statements::add_plans(&connection, &mut workload, &known);
    let told = told.unwrap_or_else(|problem| panic!("{problem}")).join("\n");
    match version() {
        ..120_000 => {
            assert!(told.contains("2 statements were planned for recorded values, else usual ones"), "{told}")
        }
        _ => assert_eq!(told, ""),
    }
    let without: Vec<&str> = workload
        .statements
        .iter()
        .filter(|statement| statement.plans.is_empty())
        .map(|statement| statement.text.as_str())
        .collect();
    assert_eq!(without, Vec::<&str>::new());
    assert_eq!(psql("SELECT count(*) FROM orders"), "200000");
}
