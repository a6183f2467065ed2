//! Judges whether a loop of statements can be sent for the rows of a query before it.
//!
//! The query just before a loop is often a stranger: a page counts unread messages, or a mapper
//! prefetches pictures, between the list and the loop over it. The names of keys tell more: rows
//! looked up by `product_id` belong to a table of products, and a row looked up by its `id` is
//! referred to by a column that bears its table's name.

use crate::evidence::Shape;
use crate::evidence::shape::sql::{Comparison, Facts, Predicate};
use crate::group::is_key;
use crate::mapper::{bare, singular, without_application};

/// What a loop is to a query before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Kinship {
    /// Their names say that the loop is not for the query's rows.
    Stranger,
    /// Nothing speaks for it or against it.
    Possible,
    /// A key of one bears the name of the other.
    Named,
}

/// What a loop of `child` is to the query `parent`.
pub(crate) fn kinship(child: &Shape, parent: &Shape) -> Kinship {
    let (Some(facts), Some(above)) = (child.facts.as_deref(), parent.facts.as_deref()) else {
        return Kinship::Possible;
    };
    if returns_one_value(&parent.text) || finds_one_row(above) {
        return Kinship::Stranger;
    }
    let Some(key) = key_of(facts, Some(above)) else {
        let ranges = facts.predicates.iter().any(|it| it.comparison == Comparison::Range);
        let equals = facts.predicates.iter().any(|it| it.comparison != Comparison::Range);
        return if ranges && !equals { Kinship::Stranger } else { Kinship::Possible };
    };
    let text = flat(&parent.text);
    let all_columns = parent.text.contains('*');
    match owner_of(key) {
        Some(owner) if owner_table(&owner, above).is_some() => Kinship::Named,
        Some(owner) if all_columns || text.contains(&format!("{owner}id")) => Kinship::Possible,
        Some(_) => Kinship::Stranger,
        None if names_of(facts, key).iter().any(|name| text.contains(&format!("{name}id"))) => Kinship::Named,
        None => Kinship::Possible,
    }
}

/// The table of `parent` whose rows own what `child` looks up: products for `product_id`.
pub(crate) fn owning_table(child: &Facts, parent: &Facts) -> Option<String> {
    owner_table(&owner_of(key_of(child, Some(parent))?)?, parent)
}

/// Whether a statement looks up what belongs to another row, by a column such as `product_id`.
pub(crate) fn is_by_owner(child: &Facts, parent: &Facts) -> bool {
    key_of(child, Some(parent)).and_then(owner_of).is_some()
}

fn owner_table(owner: &str, parent: &Facts) -> Option<String> {
    let tables = parent.main.iter().chain(&parent.tables).map(|table| bare(table));
    tables.into_iter().find(|table| flat(&singular(table)).ends_with(owner))
}

/// The key that differs from call to call. What the query before the loop compares as well is the
/// same for all of its rows, such as a tenant; of the others one that names a table of it comes first.
/// Where no query is known the last key is the closest.
pub(crate) fn key_of<'a>(child: &'a Facts, parent: Option<&Facts>) -> Option<&'a Predicate> {
    let of_child = |it: &&Predicate| it.comparison == Comparison::Equal && is_key(&it.column);
    let shared = |it: &&Predicate| {
        let same = |other: &Predicate| {
            other.comparison == Comparison::Equal && other.column.eq_ignore_ascii_case(&it.column)
        };
        parent.is_some_and(|parent| parent.predicates.iter().any(same))
    };
    let keys = || child.predicates.iter().filter(of_child);
    let Some(parent) = parent else { return keys().next_back() };
    let named = |it: &&Predicate| owner_of(it).is_some_and(|owner| owner_table(&owner, parent).is_some());
    let own = || keys().filter(|it| !shared(it));
    own().find(named).or_else(|| own().next()).or_else(|| keys().next())
}

/// `product` of `product_id`; none for `id`, and for a table's own `customer_id`.
fn owner_of(key: &Predicate) -> Option<String> {
    let column = flat(&key.column);
    let owner =
        column.strip_suffix("id").filter(|owner| !owner.is_empty() && *owner != "uu" && *owner != "gu")?;
    let own = key.table.as_ref().is_some_and(|table| flat(&singular(&bare(table))) == owner);
    (!own).then(|| owner.to_owned())
}

/// How other tables may call the one that is looked up.
fn names_of(facts: &Facts, key: &Predicate) -> Vec<String> {
    let Some(table) = key.table.as_ref().or(facts.main.as_ref()).or(facts.tables.first()) else {
        return Vec::new();
    };
    let table = singular(&bare(table));
    vec![flat(&table), flat(without_application(&table))]
}

/// A lookup by the key of its own only table.
fn finds_one_row(facts: &Facts) -> bool {
    let own = |it: &Predicate| {
        let column = it.column.to_ascii_lowercase();
        it.comparison == Comparison::Equal
            && (["id", "uuid", "guid", "pk"].contains(&column.as_str()) || column.ends_with("_key"))
    };
    facts.tables.len() == 1 && facts.predicates.iter().any(own)
}

/// An aggregate over everything, or a question whether there is any row.
fn returns_one_value(text: &str) -> bool {
    let lower = text.to_ascii_lowercase();
    let Some(first) = lower.strip_prefix("select ") else { return false };
    let one = ["count(", "sum(", "min(", "max(", "avg(", "exists", "? as a from", "? from", "1 from"];
    one.iter().any(|start| first.starts_with(start)) && !lower.contains(" group by ")
}

/// In one case and without underscores: `product_class_id` refers to `productclass`.
fn flat(name: &str) -> String {
    name.chars().filter(|letter| *letter != '_').map(|letter| letter.to_ascii_lowercase()).collect()
}

#[cfg(test)]
mod tests {
    use crate::testing::trace;

    /// What the loop over `statement` after these queries is told to be for, and its first fix.
    fn told(before: &[&str], statement: &str) -> (String, String) {
        let report = trace().judge(5, |trace, _| {
            let mut trace = trace.entry("GET /orders", 0.0, 250.0).by("opentelemetry.instrumentation.django");
            for (number, query) in before.iter().enumerate() {
                let from = 1.0 + number as f64 * 5.0;
                trace = trace.sql(query, from, from + 4.0);
            }
            trace.each(20, |trace, number| trace.sql(statement, 30.0 + number * 10.0, 39.0 + number * 10.0))
        });
        let finding = &report.findings[0];
        (finding.why.clone(), finding.fix[0].text.clone())
    }

    const PRODUCTS: &str =
        "SELECT catalogue_product.id, catalogue_product.product_class_id FROM catalogue_product";
    const IMAGES: &str = "SELECT catalogue_productimage.id, catalogue_productimage.product_id FROM catalogue_productimage WHERE product_id IN (?)";
    const UNREAD: &str = "SELECT COUNT(*) AS n FROM notification WHERE recipient_id = ?";

    #[test]
    fn keys_name_the_query_of_the_loop() {
        let stock = "SELECT partner_stockrecord.id FROM partner_stockrecord WHERE product_id = ?";
        let (why, fix) = told(&[PRODUCTS, IMAGES, UNREAD], stock);
        assert!(why.contains("FROM catalogue_product;") || why.ends_with("FROM catalogue_product"), "{why}");
        assert!(fix.contains("prefetch_related(\"…\") with the related name of stockrecord"), "{fix}");
        let class = "SELECT catalogue_productclass.id FROM catalogue_productclass WHERE id = ?";
        let (why, fix) = told(&[PRODUCTS, IMAGES, UNREAD], class);
        assert!(why.contains("FROM catalogue_product"), "{why}");
        assert!(
            !why.contains("productimage") && fix.contains("for all rows of catalogue_product at once"),
            "{why} {fix}"
        );
    }

    #[test]
    fn a_call_before_the_loop_does_not_hide_its_query() {
        let (customer, orders) =
            ("SELECT name FROM customers WHERE id = ?", "SELECT id, customer_id FROM orders LIMIT ?");
        let (why, _) = told(&[customer, orders], customer);
        assert!(why.contains("once for each row of SELECT id, customer_id FROM orders"), "{why}");
        let (why, _) = told(&["SELECT * FROM banners", customer, orders], customer);
        assert!(why.contains("once for each row of SELECT id, customer_id FROM orders"), "{why}");
    }

    #[test]
    fn strangers_are_not_named() {
        let stock = "SELECT partner_stockrecord.id FROM partner_stockrecord WHERE product_id = ?";
        let address = "SELECT useraddress.id, useraddress.user_id FROM useraddress";
        let session = "SELECT session.id, session.data FROM session WHERE session_key = ? AND expires > ?";
        let (why, fix) = told(&[session, address, UNREAD], stock);
        assert!(!why.contains("once for each row"), "{why}");
        assert!(fix.contains("ANY($1)") || fix.contains("IN (…)"), "{fix}");
    }

    #[test]
    fn keys_that_the_query_before_compares_as_well_name_nothing() {
        let talks = "SELECT submission.id, event.id FROM submission INNER JOIN event ON submission.event_id = event.id WHERE event_id = ?";
        let tags = "SELECT tag.id FROM tag INNER JOIN submission_tags ON tag.id = submission_tags.tag_id WHERE event_id = ? AND submission_id = ?";
        let (why, fix) = told(&[talks, UNREAD], tags);
        assert!(why.contains("once for each row of SELECT … FROM submission "), "{why}");
        assert!(fix.starts_with("load tag for all rows of submission at once"), "{fix}");
    }

    #[test]
    fn without_a_key_no_relation_is_told() {
        let below = "SELECT category.id FROM category WHERE depth = ? AND path > ?";
        let (_, fix) = told(&["SELECT category.id FROM category ORDER BY path"], below);
        assert!(!fix.contains("select_related"), "{fix}");
    }

    #[test]
    fn steps_of_a_range_are_no_rows() {
        let hour = "SELECT SUM(orders.total) FROM orders WHERE placed > ? AND placed < ?";
        let (why, fix) = told(&["SELECT orders.id FROM orders WHERE placed > ?"], hour);
        assert!(!why.contains("once for each row") && fix.contains("GROUP BY"), "{why} {fix}");
    }
}
