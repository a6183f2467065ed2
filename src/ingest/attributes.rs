//! The attributes that mean something here, in stable and legacy OpenTelemetry names, and in those of
//! OpenTracing and of Zipkin's Brave.
//!
//! A name that was renamed without a change of meaning shares a key with its
//! predecessor where both hold the same text; otherwise both have a key, so
//! that the stable one can win when instrumentation emits both on one span.

macro_rules! keys {
    ($($(#[$doc:meta])* $key:ident = $($name:literal)|+;)*) => {
        /// An attribute of a span, resource or scope that a reader keeps.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        #[repr(u8)]
        pub enum Key {
            $($(#[$doc])* $key,)*
        }

        impl Key {
            /// How many there are.
            pub(super) const COUNT: usize = [$(Self::$key),*].len();

            /// The key of a name; `None` for everything that is not kept. Called for every attribute of
            /// every span, so it decides by length and bytes.
            pub fn of(name: &[u8]) -> Option<Self> {
                match name {
                    $($($name)|+ => Some(Self::$key),)*
                    _ => parameter(name),
                }
            }
        }
    };
}

keys! {
    /// Name of the service.
    ServiceName = b"service.name";
    /// Id of one running copy of the service.
    ServiceInstanceId = b"service.instance.id";
    /// Version of the service.
    ServiceVersion = b"service.version";
    /// Name of the machine.
    HostName = b"host.name";
    /// Id of the machine.
    HostId = b"host.id";
    /// Process number.
    ProcessPid = b"process.pid";
    /// Container id.
    ContainerId = b"container.id";
    /// Pod.
    PodName = b"k8s.pod.name";
    /// Language of the SDK.
    SdkLanguage = b"telemetry.sdk.language";

    /// Database product.
    DbSystemName = b"db.system.name";
    /// Database product, legacy.
    DbSystem = b"db.system" | b"db.type";
    /// Statement.
    QueryText = b"db.query.text";
    /// Statement, legacy.
    Statement = b"db.statement" | b"sql.query" | b"jdbc.query[0]" | b"jdbc.query" | b"cassandra.query";
    /// Operation and target in short.
    QuerySummary = b"db.query.summary";
    /// Operation.
    DbOperationName = b"db.operation.name";
    /// Operation, legacy.
    DbOperation = b"db.operation";
    /// Table, collection, index or container.
    Collection = b"db.collection.name";
    /// Table, collection or index, legacy.
    OldCollection = b"db.sql.table"
        | b"db.mongodb.collection"
        | b"db.cassandra.table"
        | b"db.cosmosdb.container"
        | b"db.elasticsearch.path_parts.index"
        | b"elasticsearch.target"
        | b"aws.dynamodb.table_names";
    /// Database, stable: may hold more than the name, such as `shop|public`.
    DbNamespace = b"db.namespace";
    /// Database, legacy.
    DbName = b"db.name" | b"db.instance" | b"db.cassandra.keyspace" | b"cassandra.keyspace";
    /// Number of a Redis database.
    RedisDatabase = b"db.redis.database_index";
    /// Operations sent together.
    BatchSize = b"db.operation.batch.size" | b"db.redis.pipeline_length";
    /// Rows returned or affected.
    Rows = b"db.response.returned_rows"
        | b"db.response.affected_rows"
        | b"db.rows_affected"
        | b"db.sql.rows_affected"
        | b"db.row_count"
        | b"pgx.rows_affected"
        | b"jdbc.row-count";
    /// Error code of a database; texts such as `40P01` are kept as told.
    DbStatusCode = b"db.response.status_code";
    /// A bound parameter or all of them; `db.query.parameter.<key>` and the like have it, too.
    QueryParameter = b"db.statement.parameters" | b"db.postgresql.values" | b"db.mysql.values" | b"pgx.query.parameters" | b"db.sql.bindings";
    /// Connection pool.
    PoolName = b"db.client.connection.pool.name" | b"db.client.connections.pool.name" | b"pool.name";
    /// Method and path of a search engine's API.
    SearchPath = b"elasticsearch.url";
    /// Method of a search engine's API.
    SearchMethod = b"elasticsearch.method";

    /// HTTP method.
    HttpRequestMethod = b"http.request.method";
    /// HTTP method, legacy.
    HttpMethod = b"http.method";
    /// Route of a server.
    HttpRoute = b"http.route";
    /// Whole URL.
    UrlFull = b"url.full";
    /// Whole URL, legacy.
    HttpUrl = b"http.url";
    /// Scheme of a URL.
    UrlScheme = b"url.scheme" | b"http.scheme";
    /// Path of a URL.
    UrlPath = b"url.path" | b"http.path";
    /// Query of a URL.
    UrlQuery = b"url.query";
    /// Template of a URL's path.
    UrlTemplate = b"url.template";
    /// Path and query, legacy.
    HttpTarget = b"http.target";
    /// Host header, legacy.
    HttpHost = b"http.host";
    /// Status code of the answer.
    HttpStatus = b"http.response.status_code";
    /// Status code of the answer, legacy.
    OldHttpStatus = b"http.status_code";
    /// Bytes of the answer's body, as sent.
    ResponseBodySize = b"http.response.body.size";
    /// Bytes of the answer's body, legacy.
    OldResponseBodySize = b"http.response_content_length"
        | b"http.response.header.content-length"
        | b"http.response.header.content_length";
    /// Type of the answer's content.
    ContentType = b"http.response.header.content-type" | b"http.response.header.content_type";
    /// Encoding of the answer's body.
    ContentEncoding = b"http.response.header.content-encoding" | b"http.response.header.content_encoding";
    /// Which attempt it is.
    ResendCount = b"http.request.resend_count" | b"http.resend_count" | b"http.retry_count" | b"celery.retries";

    /// Name of a test.
    TestName = b"test.case.name" | b"vitest.test.name" | b"tests.name";
    /// Name of a test, on the spans of all its steps.
    TestNode = b"pytest.nodeid";

    /// Name of the server.
    ServerAddress = b"server.address";
    /// Port of the server.
    ServerPort = b"server.port";
    /// Name of the server, legacy.
    PeerName = b"net.peer.name" | b"peer.hostname";
    /// Address of the server.
    PeerAddress = b"network.peer.address" | b"net.sock.peer.addr" | b"net.peer.ip" | b"peer.ipv4" | b"peer.ipv6";
    /// Port of the server, legacy.
    PeerPort = b"net.peer.port" | b"net.sock.peer.port" | b"network.peer.port" | b"peer.port";
    /// Name of the service that is called.
    PeerService = b"peer.service" | b"service.peer.name";

    /// RPC system.
    RpcSystem = b"rpc.system" | b"rpc.system.name";
    /// RPC service.
    RpcService = b"rpc.service";
    /// RPC method; in the newest conventions with the service in front.
    RpcMethod = b"rpc.method";
    /// Status of a gRPC call: a number, or its name.
    GrpcStatus = b"rpc.grpc.status_code" | b"rpc.response.status_code";
    /// Name of a GraphQL operation.
    GraphqlName = b"graphql.operation.name";
    /// Kind of a GraphQL operation.
    GraphqlType = b"graphql.operation.type";

    /// Broker.
    MessagingSystem = b"messaging.system";
    /// Template of a destination's name.
    DestinationTemplate = b"messaging.destination.template";
    /// Topic or queue.
    Destination = b"messaging.destination.name";
    /// Topic or queue, legacy.
    OldDestination = b"messaging.destination" | b"message_bus.destination" | b"kafka.topic" | b"rabbit.exchange" | b"jms.queue" | b"jms.topic";
    /// The destination's name is made up for one use.
    DestinationIsTemporary = b"messaging.destination.temporary"
        | b"messaging.destination.anonymous"
        | b"messaging.temp_destination";
    /// What is done with messages.
    MessagingOperationType = b"messaging.operation.type";
    /// What is done with messages, legacy, or in the words of the broker.
    MessagingOperation = b"messaging.operation" | b"messaging.operation.name";
    /// Messages in one batch.
    MessageCount = b"messaging.batch.message_count";

    /// Name of a job.
    JobName = b"celery.task_name" | b"messaging.sidekiq.job_class" | b"messaging.resque.job_class";
    /// Framework that runs jobs.
    JobSystem = b"job.system";
    /// What set off a function: `timer`, `http`, ...
    FaasTrigger = b"faas.trigger";
    /// Name of a function.
    FaasName = b"faas.name" | b"faas.invoked_name";

    /// Whether a cache had the value.
    CacheHit = b"hit" | b"cache.hit" | b"db.redis.hit";
    /// Whether a cache had the value, as `hit` or `miss`.
    CacheResult = b"cache.result";

    /// Source file.
    FilePath = b"code.file.path";
    /// Source file, legacy.
    OldFilePath = b"code.filepath";
    /// Line in the source.
    Line = b"code.line.number";
    /// Line in the source, legacy.
    OldLine = b"code.lineno";
    /// Function with its namespace.
    FunctionName = b"code.function.name";
    /// Function, legacy.
    OldFunction = b"code.function" | b"mvc.controller.method";
    /// Namespace of a function, legacy.
    CodeNamespace = b"code.namespace" | b"mvc.controller.class";
    /// How many calls one span stands for.
    CompositeCount = b"span.composite.count" | b"composite.count";
    /// What calls have in common for which one span stands.
    CompositeStrategy = b"span.composite.compression_strategy" | b"composite.compression_strategy";
    /// Thread.
    ThreadId = b"thread.id";
}

impl Key {
    /// Whether it says who recorded a span.
    pub(super) fn is_of_resource(self) -> bool {
        matches!(
            self,
            Self::ServiceName
                | Self::ServiceInstanceId
                | Self::ServiceVersion
                | Self::HostName
                | Self::HostId
                | Self::ProcessPid
                | Self::ContainerId
                | Self::PodName
                | Self::SdkLanguage
        )
    }
}

impl Key {
    /// Whether spans that are alike else have other values under it: what is asked for, and how much came back.
    pub(super) fn varies(self) -> bool {
        matches!(
            self,
            Self::QueryText
                | Self::Statement
                | Self::QueryParameter
                | Self::Rows
                | Self::BatchSize
                | Self::UrlFull
                | Self::HttpUrl
                | Self::UrlPath
                | Self::UrlQuery
                | Self::HttpTarget
                | Self::ResponseBodySize
                | Self::OldResponseBodySize
                | Self::PeerAddress
                | Self::PeerPort
                | Self::MessageCount
                | Self::CompositeCount
                | Self::ThreadId
        )
    }
}

/// Parameters have the name or number of the parameter in theirs.
fn parameter(name: &[u8]) -> Option<Key> {
    let is_parameter =
        name.starts_with(b"db.query.parameter.") || name.starts_with(b"db.operation.parameter.");
    is_parameter.then_some(Key::QueryParameter)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stable_and_legacy_names_are_known() {
        for (name, key) in [
            ("service.name", Key::ServiceName),
            ("db.query.text", Key::QueryText),
            ("db.statement", Key::Statement),
            ("db.mongodb.collection", Key::OldCollection),
            ("db.query.parameter.id", Key::QueryParameter),
            ("db.operation.parameter.0", Key::QueryParameter),
            ("http.response.header.content-encoding", Key::ContentEncoding),
            ("http.response.header.content_length", Key::OldResponseBodySize),
            ("thread.id", Key::ThreadId),
        ] {
            assert_eq!(Key::of(name.as_bytes()), Some(key), "{name}");
        }
        for name in ["", "db", "db.user", "thread.name", "http.flavor", "db.query.textual", "DB.STATEMENT"] {
            assert_eq!(Key::of(name.as_bytes()), None, "{name}");
        }
    }
}
