//! Which mapper, driver or client is in use, by the name of its instrumentation, and the words for a
//! fix that it understands.

use crate::candidate::{Advice, Case, Mark, Remedy};
use crate::evidence::shape::sql::{Comparison, Facts, Verb};
use crate::evidence::{Dictionary, Kind, OriginRef, ShapeRef};
use crate::{group, kinship};

/// An object mapper.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Mapper {
    SqlAlchemy,
    Django,
    ActiveRecord,
    Hibernate,
    EfCore,
    Sequelize,
    Prisma,
    TypeOrm,
    Gorm,
    Diesel,
    SeaOrm,
    Laravel,
    Doctrine,
}

/// Part of an instrumentation's name and the mapper that it tells; the first that fits.
const MAPPERS: [(&str, Mapper); 19] = [
    ("sqlalchemy", Mapper::SqlAlchemy),
    ("django", Mapper::Django),
    ("active_record", Mapper::ActiveRecord),
    ("activerecord", Mapper::ActiveRecord),
    ("action_pack", Mapper::ActiveRecord),
    ("actionpack", Mapper::ActiveRecord),
    ("rails", Mapper::ActiveRecord),
    ("hibernate", Mapper::Hibernate),
    ("spring-data", Mapper::Hibernate),
    ("entityframework", Mapper::EfCore),
    ("sequelize", Mapper::Sequelize),
    ("prisma", Mapper::Prisma),
    ("typeorm", Mapper::TypeOrm),
    ("gorm", Mapper::Gorm),
    ("diesel", Mapper::Diesel),
    ("sea_orm", Mapper::SeaOrm),
    ("sea-orm", Mapper::SeaOrm),
    ("laravel", Mapper::Laravel),
    ("doctrine", Mapper::Doctrine),
];

/// The language of the service.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
enum Language {
    Python,
    Node,
    Java,
    Go,
    DotNet,
    Ruby,
    Php,
    Rust,
    #[default]
    Other,
}

/// What a piece of code is written with.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Stack {
    mapper: Option<Mapper>,
    language: Language,
    /// Fields of a GraphQL query are resolved around the calls.
    graphql: bool,
    /// The driver speaks to PostgreSQL.
    postgres: bool,
}

impl Stack {
    /// What the code of a case is written with.
    pub(crate) fn of_case(case: &Case<'_>) -> Self {
        let origins = case.marks.iter().filter_map(|(mark, _)| match mark {
            Mark::By(origin) => Some(*origin),
            _ => None,
        });
        Self::of(case.dictionary, origins)
    }

    fn of(dictionary: &Dictionary, origins: impl Iterator<Item = OriginRef>) -> Self {
        let mut stack = Self::default();
        for origin in origins.map(|origin| dictionary.origin(origin)) {
            let library = dictionary.text(origin.library).to_ascii_lowercase();
            let named = MAPPERS.iter().find(|(part, _)| library.contains(part));
            stack.mapper = stack.mapper.or(named.map(|(_, mapper)| *mapper));
            stack.graphql |= library.contains("graphql");
            stack.postgres |= ["psycopg", "asyncpg", "npgsql", "pgx", "postgres", "-pg", "::pg"]
                .iter()
                .any(|driver| library.contains(driver));
            if stack.language == Language::Other {
                stack.language = Language::of(dictionary.text(origin.language));
            }
        }
        stack
    }

    /// Ways to use a result again instead of reading it again.
    pub(crate) fn keep_result(&self) -> Vec<Advice> {
        let text = match self.language {
            Language::Python => {
                "read it once and hand it on, or keep it for the request (functools.cache per request, Django: cached_property)"
            }
            Language::Node => {
                "read it once and hand it on, or keep it for the request (AsyncLocalStorage, DataLoader)"
            }
            Language::Java => {
                "read it once and hand it on, or keep it for the request (@RequestScope, first-level cache: load by id in one session)"
            }
            Language::Go => "read it once and hand it on, or keep it in the request's context",
            Language::DotNet => {
                "read it once and hand it on, or keep it in a scoped service (EF Core: Find looks in the context first)"
            }
            Language::Ruby => {
                "read it once and hand it on, or keep it for the request (||=, ActiveSupport::CurrentAttributes)"
            }
            Language::Php => "read it once and hand it on, or keep it for the request (Laravel: once())",
            Language::Rust | Language::Other => "read it once and hand it on, or keep it for the request",
        };
        vec![Advice {
            text: text.to_owned(),
            tradeoff: "what others write during the request is seen at the next one".to_owned(),
            remedy: None,
        }]
    }

    /// Ways to let calls wait together.
    pub(crate) fn overlap(&self, stores: bool) -> Vec<Advice> {
        let text = match self.language {
            Language::Python => {
                "start them together: asyncio.gather, or a ThreadPoolExecutor in synchronous code"
            }
            Language::Node => "start them together: await Promise.all([…])",
            Language::Java => "start them together: CompletableFuture.allOf, or virtual threads",
            Language::Go => "start them together: errgroup",
            Language::DotNet => "start them together: await Task.WhenAll(…)",
            Language::Ruby => "start them together: threads, or concurrent-ruby's Promises.zip",
            Language::Php => "start them together: Guzzle's Utils::all, Laravel's Http::pool",
            Language::Rust => "start them together: try_join!",
            Language::Other => "start them together and wait for all",
        };
        let tradeoff = match stores {
            true => {
                "each statement at the same time takes a connection of its own, outside of the transaction"
            }
            false => "more load at once on the other side; all are made even where the first fails",
        };
        let mut advice = vec![Advice { text: text.to_owned(), tradeoff: tradeoff.to_owned(), remedy: None }];
        if !stores {
            advice.push(Advice {
                text: "one call that answers all of it, if the services are yours".to_owned(),
                tradeoff: "a new endpoint that knows of several things".to_owned(),
                remedy: Some(Remedy::SendOnce),
            });
        }
        advice
    }

    /// How to do something after the answer.
    pub(crate) fn defer(&self) -> &'static str {
        match self.language {
            Language::Python => {
                "answer first, do it in a worker (Celery, RQ; in-process: Starlette's BackgroundTasks)"
            }
            Language::Node => "answer first, do it in a worker (BullMQ, or a queue that you have)",
            Language::Java => {
                "answer first, do it in a worker (a queue with an outbox table; in-process: @Async)"
            }
            Language::Go => "answer first, do it in a worker (a queue with an outbox table)",
            Language::DotNet => "answer first, do it in a worker (Hangfire, or a queue with an outbox table)",
            Language::Ruby => "answer first, do it in a job (ActiveJob, Sidekiq)",
            Language::Php => "answer first, do it in a queued job (Laravel: dispatch(), Symfony Messenger)",
            Language::Rust | Language::Other => {
                "answer first, do it in a worker (a queue with an outbox table)"
            }
        }
    }

    /// A profiler that can be attached to the running service.
    pub(crate) fn profiler(&self) -> &'static str {
        match self.language {
            Language::Python => "py-spy record --pid …",
            Language::Node => "node --cpu-prof, or 0x",
            Language::Java => "asprof (async-profiler) or JFR",
            Language::Go => "/debug/pprof/profile",
            Language::DotNet => "dotnet-trace collect",
            Language::Ruby => "rbspy record --pid …",
            Language::Php => "phpspy --pid …",
            Language::Rust | Language::Other => "perf record -g --pid …",
        }
    }

    /// How to spend less on building answers.
    pub(crate) fn serialise(&self) -> &'static str {
        match self.language {
            Language::Python => {
                "send fewer rows and fields (pages), and serialise faster: orjson, no second validation of what you built yourself (FastAPI: return a Response)"
            }
            Language::Node => {
                "send fewer rows and fields (pages), and serialise faster: fast-json-stringify, no copy of the whole result"
            }
            Language::Java => {
                "send fewer rows and fields (pages, projections instead of entities), and stream them"
            }
            Language::Ruby => {
                "send fewer rows and fields (pages, pluck instead of objects), and serialise faster: Oj, Alba"
            }
            _ => "send fewer rows and fields (pages), and stream them",
        }
    }
}

/// Whether an operation is reported by an object mapper.
pub(crate) fn is_of_mapper(dictionary: &Dictionary, origin: OriginRef) -> bool {
    Stack::of(dictionary, [origin].into_iter()).mapper.is_some()
}

impl Language {
    fn of(name: &str) -> Self {
        match name {
            "python" => Self::Python,
            "nodejs" | "webjs" | "javascript" => Self::Node,
            "java" | "kotlin" | "scala" => Self::Java,
            "go" => Self::Go,
            "dotnet" => Self::DotNet,
            "ruby" => Self::Ruby,
            "php" => Self::Php,
            "rust" => Self::Rust,
            _ => Self::Other,
        }
    }
}

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
            Mapper::Django => {
                let call = if *many { "prefetch_related" } else { "select_related" };
                format!("Django {call}(\"{}\")", without_application(&snake))
            }
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
            text: format!("load the {} of all {} at once: {text}", words(&relation.child), words(parent)),
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
        let key = facts.and_then(|facts| {
            let equal = facts.predicates.iter().filter(|it| it.comparison == Comparison::Equal);
            let keys = equal.clone().filter(|it| group::is_key(&it.column));
            keys.chain(equal).next().map(|predicate| predicate.column.to_string())
        });
        let key = key.unwrap_or_else(|| "key".to_owned());
        let list = if self.stack.postgres {
            format!("WHERE {key} = ANY($1)")
        } else {
            format!("WHERE {key} IN (…)")
        };
        let join = relation.map_or("or join it to the query before the loop".to_owned(), |relation| {
            format!("or join {} to the query of {}", relation.child, relation.parent)
        });
        Advice {
            text: format!("collect the keys and ask once: {list}; {join}"),
            tradeoff: "answers have to be matched to their rows; very long lists in chunks of about 1,000"
                .to_owned(),
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
        match group::writes(Kind::Document, self.dictionary.shape(self.shape)) {
            true => {
                plain("write them together: bulkWrite or insertMany", "one bad document may stop the rest")
            }
            false => plain(
                "collect the keys and ask once: { $in: […] }, or $lookup in the query before the loop",
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
        let facts = batch.facts(batch.shape).filter(|facts| kinship::is_by_key(facts))?;
        let above = batch.facts(batch.parent?)?;
        let equal = facts.predicates.iter().find(|it| it.comparison == Comparison::Equal);
        let child = bare(equal.and_then(|it| it.table.as_ref()).or(facts.tables.first())?);
        let many = kinship::is_by_owner(facts);
        let parent = match many {
            true => kinship::owning_table(facts, above)?,
            false => bare(above.tables.first()?),
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

/// `order_items` as `order items`.
fn words(table: &str) -> String {
    table.replace('_', " ")
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
                "prefetch_related(\"items\")",
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
