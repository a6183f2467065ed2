//! Which mapper, driver, store, framework and language a piece of code is written with, by the names of its
//! instrumentation, and the words for a fix that it understands.

use crate::candidate::{Advice, Case, Mark, Remedy};
use crate::evidence::{Dictionary, OriginRef};

/// An object mapper.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mapper {
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

/// A document store with words of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Store {
    Mongo,
    Dynamo,
    /// Elasticsearch and OpenSearch.
    Search,
}

impl Store {
    /// What the name of an instrumentation tells.
    fn of_library(library: &str) -> Option<Self> {
        let parts = [("mongo", Self::Mongo), ("dynamo", Self::Dynamo), ("search", Self::Search)];
        parts.iter().find(|(part, _)| library.contains(part)).map(|(_, store)| *store)
    }

    /// What an operation tells: the libraries of a cloud's vendor are for all its services.
    pub(crate) fn of_operation(text: &str) -> Option<Self> {
        let item = ["GetItem", "PutItem", "UpdateItem", "DeleteItem", "Query", "Scan"];
        item.contains(&text.split(' ').next()?).then_some(Self::Dynamo)
    }
}

/// A web framework with words of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Framework {
    FastApi,
    Django,
}

impl Framework {
    /// What the name of an instrumentation tells.
    fn of_library(library: &str) -> Option<Self> {
        let parts = [("fastapi", Self::FastApi), ("django", Self::Django)];
        parts.iter().find(|(part, _)| library.contains(part)).map(|(_, framework)| *framework)
    }
}

/// Parts of the names of instrumentations whose requests take turns on one thread, in Python.
const ASYNCIO: [&str; 9] =
    ["asgi", "fastapi", "starlette", "aiohttp", "tornado", "sanic", "quart", "litestar", "asyncio"];

/// On which event loop the requests of a process take turns.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum EventLoop {
    /// Its clients never block it.
    Node,
    /// Python's, whose functions may call clients that block.
    Asyncio,
}

/// `None` where requests have threads of their own, as far as is known.
pub(crate) fn event_loop(dictionary: &Dictionary, origin: OriginRef) -> Option<EventLoop> {
    let origin = dictionary.origin(origin);
    match dictionary.text(origin.language) {
        "nodejs" => Some(EventLoop::Node),
        "python" => {
            let library = dictionary.text(origin.library);
            ASYNCIO.iter().any(|part| library.contains(part)).then_some(EventLoop::Asyncio)
        }
        _ => None,
    }
}

/// The language of the service.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum Language {
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
    pub(crate) mapper: Option<Mapper>,
    pub(crate) store: Option<Store>,
    framework: Option<Framework>,
    pub(crate) language: Language,
    /// Fields of a GraphQL query are resolved around the calls.
    pub(crate) graphql: bool,
    /// The driver speaks to PostgreSQL.
    pub(crate) postgres: bool,
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
            stack.store = stack.store.or(Store::of_library(&library));
            stack.framework = stack.framework.or(Framework::of_library(&library));
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

    /// How to compress answers.
    pub(crate) fn compress(&self) -> &'static str {
        match self.language {
            Language::Python => match self.framework {
                Some(Framework::FastApi) => "app.add_middleware(GZipMiddleware, minimum_size=1000)",
                Some(Framework::Django) => "django.middleware.gzip.GZipMiddleware, first in MIDDLEWARE",
                None => "Flask-Compress (Compress(app)); for ASGI Starlette's GZipMiddleware",
            },
            Language::Node => "app.use(compression()) before the routes; Fastify: @fastify/compress",
            Language::Java => {
                "server.compression.enabled=true (Spring Boot; server.compression.mime-types has JSON already)"
            }
            Language::Go => "wrap the handler: gzhttp.GzipHandler of klauspost/compress",
            Language::DotNet => {
                "AddResponseCompression with EnableForHttps, then UseResponseCompression first"
            }
            Language::Ruby => "config.middleware.insert_before 0, Rack::Deflater",
            Language::Php => "zlib.output_compression = On, or let the web server do it",
            Language::Rust => "tower_http's CompressionLayer; actix-web: Compress::default()",
            Language::Other => "the middleware of your framework, from 1 kB on",
        }
    }

    /// How a client asks for compressed answers.
    pub(crate) fn accept_encoding(&self) -> &'static str {
        match self.language {
            Language::Python => "requests, httpx and aiohttp ask by themselves; urllib does not",
            Language::Node => "fetch and axios ask by themselves; http.request does not",
            Language::Java => {
                "set Accept-Encoding: gzip; java.net.http.HttpClient neither asks nor unpacks, OkHttp does both"
            }
            Language::Go => "net/http asks and unpacks by itself, unless Accept-Encoding is set by hand",
            Language::DotNet => "HttpClientHandler.AutomaticDecompression = DecompressionMethods.All",
            Language::Ruby => {
                "Net::HTTP and Faraday ask by themselves, unless Accept-Encoding is set by hand"
            }
            Language::Php => "Guzzle: 'decode_content' => 'gzip'; curl: CURLOPT_ENCODING with an empty text",
            Language::Rust => "reqwest with its feature gzip",
            Language::Other => "Accept-Encoding: gzip",
        }
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

    /// How to see what a query of a document store reads.
    pub(crate) fn explain_query(&self) -> &'static str {
        match self.store {
            Some(Store::Mongo) => {
                "look at its plan: explain(\"executionStats\") shows whether it reads more documents than it returns"
            }
            Some(Store::Dynamo) => {
                "look at what it reads: ReturnConsumedCapacity, and Count beside ScannedCount; a key or a secondary index that its condition names"
            }
            Some(Store::Search) => "look at where its time goes: \"profile\": true",
            None => "look at its plan: does an index serve what it asks by?",
        }
    }

    /// A profiler that can be attached to the running service.
    pub(crate) fn profiler(&self) -> &'static str {
        match self.language {
            Language::Python => "py-spy record -f raw -o cpu.folded --pid …",
            Language::Node => "node --cpu-prof",
            Language::Java => "asprof -o collapsed (async-profiler) or JFR",
            Language::Go => "curl -o cpu.pb.gz …/debug/pprof/profile",
            Language::DotNet => "dotnet-trace collect --format speedscope",
            Language::Ruby => "rbspy record -f speedscope --pid …",
            Language::Php => "phpspy --pid …",
            Language::Rust | Language::Other => "perf record -g --pid …; perf script",
        }
    }

    /// What the number of workers of a server is called.
    pub(crate) fn workers(&self) -> &'static str {
        match self.language {
            Language::Python => "gunicorn --threads (or --workers), uWSGI threads or processes",
            Language::Node => "processes (cluster, pm2 -i), as each serves on one thread,",
            Language::Java => {
                "server.tomcat.threads.max (Jetty: server.jetty.threads.max), or virtual threads,"
            }
            Language::Ruby => "Puma threads (or workers)",
            Language::Php => "php-fpm pm.max_children",
            Language::DotNet => "ThreadPool.SetMinThreads",
            Language::Go | Language::Rust | Language::Other => "the server's limit of requests at once",
        }
    }

    /// How many connections an HTTP client opens to one server.
    pub(crate) fn connections_of_client(&self) -> &'static str {
        match self.language {
            Language::Python => "httpx: Limits(max_connections); requests: pool_maxsize with pool_block",
            Language::Node => "Agent maxSockets; undici: connections",
            Language::Java => "maxConnPerRoute, maxConnTotal; WebClient: ConnectionProvider",
            Language::DotNet => "MaxConnectionsPerServer",
            Language::Go => "Transport MaxConnsPerHost",
            _ => "the client's limit of connections to one host",
        }
    }

    /// How to compute while other requests go on.
    pub(crate) fn beside_the_loop(&self) -> &'static str {
        match self.language {
            Language::Node => "compute in a worker thread (worker_threads, piscina)",
            _ => {
                "compute in another process (ProcessPoolExecutor with loop.run_in_executor); in a thread                  (asyncio.to_thread) only where the code lets go of Python's lock"
            }
        }
    }

    /// How to wait for a call while other requests go on.
    pub(crate) fn await_call(&self) -> &'static str {
        match self.language {
            Language::Node => "await the asynchronous form of the call (no …Sync function)",
            _ => {
                "await it with an asynchronous client (httpx.AsyncClient, aiohttp, asyncpg), or call it in a                  thread (asyncio.to_thread; FastAPI: declare the endpoint with def instead of async def)"
            }
        }
    }

    /// How to spend less on building answers.
    pub(crate) fn serialise(&self) -> &'static str {
        match self.language {
            Language::Python if self.framework == Some(Framework::FastApi) => {
                "send fewer rows and fields (pages), and serialise faster: orjson, no second validation of what you built yourself (FastAPI: return a Response)"
            }
            Language::Python if self.framework == Some(Framework::Django) => {
                "send fewer rows and fields (pages, values() instead of objects), and keep what is costly to render (cache of template fragments)"
            }
            Language::Python => {
                "send fewer rows and fields (pages), and serialise faster (orjson) or stream them"
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
