//! How the calls of a loop become one, in the words of the mapper, driver or client that is in use.

use crate::candidate::{Advice, Case, Mark, Remedy};
use crate::evidence::shape::sql::{Comparison, Facts, Verb};
use crate::evidence::{Dictionary, Kind, ShapeRef};
use crate::stack::{Language, Mapper, Stack, Store};
use crate::{group, kinship};

const BY_LIST_COSTS: &str =
    "answers have to be matched to their rows; very long lists in chunks of about 1,000";

/// How calls of a loop become one.
pub(crate) struct Batch<'a> {
    stack: Stack,
    dictionary: &'a Dictionary,
    kind: Kind,
    shape: ShapeRef,
    /// The query that the loop seems to be for.
    parent: Option<ShapeRef>,
    paged: bool,
}

impl<'a> Batch<'a> {
    /// The loop of a case.
    pub(crate) fn of(case: &Case<'a>) -> Self {
        Self {
            stack: Stack::of_case(case),
            dictionary: case.dictionary,
            kind: case.kind.unwrap_or(Kind::Sql),
            shape: case.shape(),
            parent: case.most(|mark| if let Mark::After(shape) = mark { Some(shape) } else { None }),
            paged: case.mostly(Mark::Paged),
        }
    }

    /// What to do, the best first.
    pub(crate) fn advice(&self) -> Vec<Advice> {
        let mut advice = Vec::new();
        if self.stack.graphql {
            advice.push(plain(
                "collect the keys of one level and load them together: a DataLoader in the resolver",
                "loads are put off to the end of the tick; one loader for each request",
            ));
        }
        match self.kind {
            _ if self.paged => advice.push(plain(
                "take larger pages, or read the result as one stream",
                "more memory at once on both sides",
            )),
            Kind::Sql => self.statements(&mut advice),
            Kind::Document => advice.push(self.documents()),
            Kind::Cache => advice.push(self.commands()),
            _ => self.calls(&mut advice),
        }
        advice
    }

    fn facts(&self, shape: ShapeRef) -> Option<&'a Facts> {
        self.dictionary.shape(shape).facts.as_deref()
    }

    fn statements(&self, advice: &mut Vec<Advice>) {
        match group::verb(self.dictionary.shape(self.shape)) {
            Verb::Insert | Verb::Merge => advice.push(self.inserts()),
            Verb::Update | Verb::Delete => advice.push(self.changes()),
            Verb::Call => advice.push(plain(
                "hand the procedure all rows in one call: an array or a table as its parameter",
                "the procedure has to be changed",
            )),
            _ => {
                let relation = Relation::of(self);
                advice.extend(relation.as_ref().and_then(|relation| self.eager(relation)));
                advice.push(self.by_list(relation.as_ref()));
            }
        }
    }

    /// The eager-loading call of the mapper.
    fn eager(&self, relation: &Relation) -> Option<Advice> {
        let Relation { parent, child, many, .. } = relation;
        let (owner, one) = (class(parent), class(child));
        let snake = relation.attribute();
        let camel = lower_first(&class_plural(&snake));
        let text = match self.stack.mapper? {
            Mapper::SqlAlchemy if *many => format!("SQLAlchemy selectinload({owner}.{snake})"),
            Mapper::SqlAlchemy => format!("SQLAlchemy joinedload({owner}.{snake})"),
            // A model gives its relations back under names that no table tells.
            Mapper::Django if *many => format!(
                "Django prefetch_related(\"…\") with the related name of {} (MODEL_set, if its key gives none)",
                without_application(&snake)
            ),
            Mapper::Django => format!("Django select_related(\"{}\")", without_application(&snake)),
            Mapper::ActiveRecord => format!("ActiveRecord {owner}.includes(:{snake})"),
            Mapper::Hibernate => {
                format!(
                    "Hibernate JOIN FETCH of {owner}.{camel}, @EntityGraph(attributePaths = \"{camel}\"), or @BatchSize"
                )
            }
            Mapper::EfCore => format!(
                "EF Core .Include({} => {}.{})",
                initial(&owner),
                initial(&owner),
                class_plural(&snake)
            ),
            Mapper::Sequelize => format!("Sequelize include: [{one}] in the query of {owner}"),
            Mapper::Prisma => format!("Prisma include: {{ {camel}: true }} in the query of {owner}"),
            Mapper::TypeOrm => format!("TypeORM relations: {{ {camel}: true }} in the query of {owner}"),
            Mapper::Gorm => format!("GORM Preload(\"{}\")", class_plural(&snake)),
            Mapper::Diesel => format!("Diesel {one}::belonging_to(&…) and grouped_by, one query for all"),
            Mapper::SeaOrm if *many => format!("SeaORM load_many({one})"),
            Mapper::SeaOrm => format!("SeaORM find_also_related({one}) or load_one({one})"),
            Mapper::Laravel => format!("Laravel {owner}::with('{camel}')"),
            Mapper::Doctrine => format!("Doctrine a fetch join: addSelect and leftJoin of {owner}.{camel}"),
        };
        let tradeoff = match many {
            true => {
                "a second query for all children, and all of them in memory; a join would repeat the parent's columns"
            }
            false => "wider rows; loads it also where it is not used",
        };
        Some(Advice {
            text: format!("load {} for all rows of {parent} at once: {text}", relation.child),
            tradeoff: tradeoff.to_owned(),
            remedy: None,
        })
    }

    /// One statement with a list of keys.
    fn by_list(&self, relation: Option<&Relation>) -> Advice {
        let facts = self.facts(self.shape);
        if facts.is_some_and(is_by_ranges) {
            return plain(
                "ask once for the whole range, and GROUP BY its steps (date_trunc, width_bucket)",
                "steps without rows are missing from the answer: fill them in",
            );
        }
        let join = relation.map_or("or join it to the query before the loop".to_owned(), |relation| {
            format!("or join {} to the query of {}", relation.child, relation.parent)
        });
        let above = self.parent.and_then(|parent| self.facts(parent));
        let Some(key) = facts.and_then(|facts| asked_by(facts, above)) else {
            return Advice {
                text: format!("ask for all of them in one statement, by a list of what differs; {join}"),
                tradeoff: BY_LIST_COSTS.to_owned(),
                remedy: None,
            };
        };
        let list = if self.stack.postgres {
            format!("WHERE {key} = ANY($1)")
        } else {
            format!("WHERE {key} IN (…)")
        };
        Advice {
            text: format!("collect the keys and ask once: {list}; {join}"),
            tradeoff: BY_LIST_COSTS.to_owned(),
            remedy: None,
        }
    }

    fn inserts(&self) -> Advice {
        let table =
            self.facts(self.shape).and_then(|facts| facts.written.first()).map_or("table", |table| table);
        let how = match (self.stack.mapper, self.stack.language) {
            (Some(Mapper::SqlAlchemy), _) => "SQLAlchemy session.add_all(…) or insert().values([…])",
            (Some(Mapper::Django), _) => "Django bulk_create(…)",
            (Some(Mapper::ActiveRecord), _) => "ActiveRecord insert_all(…)",
            (Some(Mapper::Hibernate), _) => {
                "Hibernate hibernate.jdbc.batch_size and saveAll(…); not with IDENTITY keys"
            }
            (Some(Mapper::EfCore), _) => "EF Core AddRange(…) and one SaveChanges()",
            (Some(Mapper::Sequelize), _) => "Sequelize bulkCreate([…])",
            (Some(Mapper::Prisma), _) => "Prisma createMany({ data: […] })",
            (Some(Mapper::TypeOrm), _) => "TypeORM insert([…])",
            (Some(Mapper::Gorm), _) => "GORM CreateInBatches(…)",
            (Some(Mapper::Diesel), _) => "Diesel insert_into(…).values(&vec)",
            (Some(Mapper::SeaOrm), _) => "SeaORM insert_many(…)",
            (Some(Mapper::Laravel), _) => "Laravel insert([…])",
            (Some(Mapper::Doctrine), _) => "one flush() for all of them",
            (None, Language::Python) => "executemany, execute_values or COPY",
            (None, Language::Java) => "addBatch and executeBatch, or COPY",
            (None, Language::Go) => "pgx SendBatch or CopyFrom, or several rows of VALUES",
            (None, Language::DotNet) => "a batch, or a bulk copy",
            _ => "several rows of VALUES in one statement, or COPY",
        };
        Advice {
            text: format!("insert the rows of {table} in batches: {how}"),
            tradeoff: "one bad row fails its whole batch; keys made by the database come back together"
                .to_owned(),
            remedy: None,
        }
    }

    fn changes(&self) -> Advice {
        let set = match self.stack.postgres {
            true => "UPDATE … FROM (VALUES …), or = ANY($1) where all rows change alike",
            false => "one statement with IN (…) where all rows change alike, else CASE or a temporary table",
        };
        let how = match self.stack.mapper {
            Some(Mapper::Django) => "Django bulk_update(…), or update() on the query set".to_owned(),
            Some(Mapper::ActiveRecord) => "ActiveRecord update_all or upsert_all".to_owned(),
            Some(Mapper::EfCore) => "EF Core ExecuteUpdate or ExecuteDelete".to_owned(),
            Some(Mapper::Hibernate) => {
                "one JPQL UPDATE, or hibernate.jdbc.batch_size with ordered updates".to_owned()
            }
            Some(Mapper::SqlAlchemy) => {
                format!("SQLAlchemy session.execute(update(…), […]) as one executemany; {set}")
            }
            _ => set.to_owned(),
        };
        Advice {
            text: format!("change the rows together: {how}"),
            tradeoff: "all their locks are taken at once; hooks of single objects do not run".to_owned(),
            remedy: None,
        }
    }

    fn documents(&self) -> Advice {
        let shape = self.dictionary.shape(self.shape);
        let store = self.stack.store.or_else(|| Store::of_operation(&shape.text));
        match (store, group::writes(Kind::Document, shape)) {
            (Some(Store::Mongo), true) => {
                plain("write them together: bulkWrite or insertMany", "one bad document may stop the rest")
            }
            (Some(Store::Dynamo), true) => plain(
                "write them together: BatchWriteItem, 25 items at a time",
                "takes no conditions; what comes back as unprocessed has to be sent again",
            ),
            (Some(Store::Search), true) => {
                plain("write them together: _bulk", "each document succeeds or fails on its own: look at all")
            }
            (None, true) => {
                plain("write them together, by the store's bulk write", "one bad document may stop the rest")
            }
            (Some(Store::Mongo), false) => plain(
                "collect the keys and ask once: { $in: […] }, or $lookup in the query before the loop",
                "answers have to be matched to their documents",
            ),
            (Some(Store::Dynamo), false) => plain(
                "collect the keys and ask once: BatchGetItem, 100 keys at a time; or keep in the item before \
                 the loop what is read of these",
                "answers come in any order and may be partial: unprocessed keys have to be asked for again",
            ),
            (Some(Store::Search), false) => plain(
                "collect the keys and ask once: _mget, a terms query, or _msearch",
                "answers have to be matched to their documents",
            ),
            (None, false) => plain(
                "collect the keys and ask once, by a list of keys or the store's batch read",
                "answers have to be matched to their documents",
            ),
        }
    }

    fn commands(&self) -> Advice {
        match group::writes(Kind::Cache, self.dictionary.shape(self.shape)) {
            true => plain("send the commands together: a pipeline", "answers come at the end, all at once"),
            false => plain(
                "ask for all keys at once: MGET (HMGET), or a pipeline",
                "in a cluster the keys of one MGET have to share a slot",
            ),
        }
    }

    fn calls(&self, advice: &mut Vec<Advice>) {
        advice.push(plain(
            "one call for all: an endpoint that takes a list of ids, or an answer that holds the parts already",
            "the other service has to offer it; larger answers",
        ));
        let mut together = self.stack.overlap(false).swap_remove(0);
        together.remedy = Some(Remedy::Overlap);
        together.text = format!("without such an endpoint: {}", together.text);
        advice.push(together);
    }
}

/// The column by which a statement asks, one that names rows before others.
fn asked_by(facts: &Facts, above: Option<&Facts>) -> Option<String> {
    let of = |comparison| facts.predicates.iter().filter(move |it| it.comparison == comparison);
    let list = || of(Comparison::In).find(|it| group::is_key(&it.column));
    let key = kinship::key_of(facts, above).or_else(list);
    let any = || of(Comparison::Equal).chain(of(Comparison::In)).next();
    key.or_else(any).map(|predicate| predicate.column.to_string())
}

fn plain(text: &str, tradeoff: &str) -> Advice {
    Advice { text: text.to_owned(), tradeoff: tradeoff.to_owned(), remedy: None }
}

/// Which rows a loop loads for which.
#[derive(Debug, PartialEq, Eq)]
struct Relation {
    /// Table of the query before the loop.
    parent: String,
    /// Table that the loop reads.
    child: String,
    /// Several children belong to one parent.
    many: bool,
}

impl Relation {
    fn of(batch: &Batch<'_>) -> Option<Self> {
        let facts = batch.facts(batch.shape)?;
        let above = batch.facts(batch.parent?)?;
        let key = kinship::key_of(facts, Some(above))?;
        let child = bare(facts.main.as_ref().or(key.table.as_ref()).or(facts.tables.first())?);
        let many = kinship::is_by_owner(facts, above);
        let parent = match many {
            true => kinship::owning_table(facts, above)?,
            false => bare(above.main.as_ref().or(above.tables.first())?),
        };
        Some(Self { parent, child, many })
    }

    /// The name that a model gives to it.
    fn attribute(&self) -> String {
        if self.many { self.child.clone() } else { singular(&self.child) }
    }
}

/// Whether a statement picks its rows by ranges alone, as for each hour of a day.
fn is_by_ranges(facts: &Facts) -> bool {
    !facts.predicates.is_empty() && facts.predicates.iter().all(|it| it.comparison == Comparison::Range)
}

/// A table without its schema and quotes.
pub(crate) fn bare(table: &str) -> String {
    let last = table.rsplit('.').next().unwrap_or(table);
    last.trim_matches(['"', '`', '[', ']']).to_owned()
}

/// One of what a table's name counts.
pub(crate) fn singular(name: &str) -> String {
    let lower = name.to_ascii_lowercase();
    let cut = |count: usize| name[..name.len() - count].to_owned();
    match () {
        () if lower.ends_with("ies") && lower.len() > 4 => format!("{}y", cut(3)),
        () if ["sses", "xes", "ches", "shes"].iter().any(|end| lower.ends_with(end)) => cut(2),
        () if ["ss", "us", "is"].iter().any(|end| lower.ends_with(end)) => name.to_owned(),
        () if lower.ends_with('s') => cut(1),
        () => name.to_owned(),
    }
}

/// The class of a table: `order_items` as `OrderItem`.
fn class(table: &str) -> String {
    class_plural(&singular(table))
}

/// `order_items` as `OrderItems`.
fn class_plural(name: &str) -> String {
    let parts = name.split('_').filter(|part| !part.is_empty());
    parts.map(upper_first).collect()
}

fn upper_first(word: &str) -> String {
    let mut letters = word.chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}

fn lower_first(word: &str) -> String {
    let mut letters = word.chars();
    letters.next().map_or_else(String::new, |first| first.to_lowercase().chain(letters).collect())
}

fn initial(class: &str) -> String {
    class.chars().next().unwrap_or('x').to_lowercase().collect()
}

/// Django puts the application's name before its tables: `shop_customer` is the field `customer`.
pub(crate) fn without_application(name: &str) -> &str {
    name.split_once('_').map_or(name, |(_, rest)| rest)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The fixes of a loop over `statement` as it is told for an instrumentation.
    fn fixes(library: &str, statement: &str) -> Vec<String> {
        let report = crate::testing::trace().judge(5, |trace, _| {
            let trace =
                trace.entry("GET /orders", 0.0, 220.0).by(library).sql("SELECT * FROM orders", 1.0, 9.0);
            trace.each(20, |trace, number| trace.sql(statement, 10.0 + number * 10.0, 19.0 + number * 10.0))
        });
        report.findings[0].fix.iter().map(|fix| fix.text.clone()).collect()
    }

    #[test]
    fn eager_loading_in_the_words_of_the_mapper() {
        let customer = "SELECT * FROM customers WHERE id = ?";
        let items = "SELECT * FROM order_items WHERE order_id = ?";
        for (library, one, many) in [
            (
                "opentelemetry.instrumentation.sqlalchemy",
                "joinedload(Order.customer)",
                "selectinload(Order.order_items)",
            ),
            (
                "opentelemetry.instrumentation.django",
                "select_related(\"customer\")",
                "prefetch_related(\"…\") with the related name of items",
            ),
            (
                "OpenTelemetry::Instrumentation::ActiveRecord",
                "Order.includes(:customer)",
                "Order.includes(:order_items)",
            ),
            (
                "io.opentelemetry.hibernate-6.0",
                "JOIN FETCH of Order.customer",
                "JOIN FETCH of Order.orderItems",
            ),
            (
                "OpenTelemetry.Instrumentation.EntityFrameworkCore",
                ".Include(o => o.Customer)",
                ".Include(o => o.OrderItems)",
            ),
            ("@opentelemetry/instrumentation-sequelize", "include: [Customer]", "include: [OrderItem]"),
            ("@prisma/instrumentation", "include: { customer: true }", "include: { orderItems: true }"),
            (
                "opentelemetry-instrumentation-typeorm",
                "relations: { customer: true }",
                "relations: { orderItems: true }",
            ),
            ("gorm.io/plugin/opentelemetry", "Preload(\"Customer\")", "Preload(\"OrderItems\")"),
            ("io.opentelemetry.contrib.php.laravel", "Order::with('customer')", "Order::with('orderItems')"),
        ] {
            assert!(fixes(library, customer)[0].contains(one), "{:?}", fixes(library, customer));
            assert!(fixes(library, items)[0].contains(many), "{:?}", fixes(library, items));
        }
    }

    #[test]
    fn plain_drivers_get_a_list_and_writes_get_batches() {
        let customer = "SELECT * FROM customers WHERE id = ?";
        assert!(fixes("opentelemetry.instrumentation.psycopg", customer)[0].contains("WHERE id = ANY($1)"));
        assert!(fixes("@opentelemetry/instrumentation-mysql2", customer)[0].contains("WHERE id IN (…)"));
        let insert = fixes("opentelemetry.instrumentation.psycopg", "INSERT INTO log (at) VALUES (?)");
        assert!(
            insert[0].contains("executemany") && !insert.iter().any(|fix| fix.contains("IN (")),
            "{insert:?}"
        );
        let update = fixes("opentelemetry.instrumentation.psycopg", "UPDATE stock SET left = ? WHERE id = ?");
        assert!(update[0].contains("UPDATE … FROM (VALUES …)"), "{update:?}");
    }

    #[test]
    fn lists_name_what_is_asked_by() {
        let fix = |statement: &str| fixes("opentelemetry.instrumentation.psycopg", statement).remove(0);
        assert!(fix("SELECT * FROM pages WHERE path = ?").contains("WHERE path = ANY($1)"));
        for statement in ["SELECT rating(?)", "SELECT * FROM pages WHERE path LIKE ?"] {
            let by_nothing = fix(statement);
            assert!(by_nothing.contains("in one statement") && !by_nothing.contains("WHERE"), "{by_nothing}");
        }
    }

    #[test]
    fn document_stores_are_spoken_to_in_their_words() {
        let fix = |library: &str, text: &str| {
            let report = crate::testing::trace().judge(5, |trace, _| {
                let trace = trace.entry("GET /orders", 0.0, 220.0).by(library);
                trace.each(20, |trace, number| {
                    trace.call(Kind::Document, text, 10.0 + number * 10.0, 19.0 + number * 10.0)
                })
            });
            report.findings[0].fix[0].text.clone()
        };
        assert!(fix("opentelemetry.instrumentation.pymongo", "find customers").contains("$in"));
        assert!(fix("io.opentelemetry.aws-sdk-2.2", "GetItem customers").contains("BatchGetItem"));
        assert!(fix("opentelemetry.instrumentation.elasticsearch", "get customers").contains("_mget"));
        assert!(fix("couchbase-client", "get customers").contains("batch read"));
    }

    #[test]
    fn names_of_models() {
        assert_eq!(class("order_items"), "OrderItem");
        assert_eq!(class("categories"), "Category");
        assert_eq!(class("addresses"), "Address");
        assert_eq!(class("status"), "Status");
        assert_eq!(class("boxes"), "Box");
        assert_eq!(bare("public.\"Orders\""), "Orders");
        assert_eq!(without_application("shop_customer"), "customer");
    }
}
