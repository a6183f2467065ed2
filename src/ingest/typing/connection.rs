//! Connections: spans whose name alone says that they connect, or wait for a connection of a pool.
//!
//! Names are asked only where there is no statement: instrumentation has no attributes for this.

use detectors::evidence::Kind;

use super::fields::Fields;
use super::origin::Library;
use crate::ingest::attributes::Key;

/// Data sources that open a connection each time; every other one is taken for a pool.
const WITHOUT_POOL: [&[u8]; 8] = [
    b"DriverManagerDataSource",
    b"SimpleDriverDataSource",
    b"PGSimpleDataSource",
    b"MysqlDataSource",
    b"MariaDbDataSource",
    b"JdbcDataSource",
    b"SQLServerDataSource",
    b"OracleDataSource",
];

/// What a span without a statement does with a connection; `None` if it is about something else.
pub(super) fn of(name: &[u8], library: Library) -> Option<Kind> {
    match name {
        // SQLAlchemy reports a checkout, with or without a connect, under this name.
        b"connect" if library == Library::Sqlalchemy => Some(Kind::PoolWait),
        b"connect" | b"Connect" | b"CONNECT" => Some(Kind::Connect),
        b"pg-pool.connect"
        | b"generic-pool.acquire"
        | b"pool.acquire"
        | b"pool.checkout"
        | b"pool.connect"
        | b"pool_acquire"
        | b"pool acquire"
        | b"acquire connection"
        | b"connection.acquire"
        | b"db.pool.acquire"
        | b"db.acquire"
        | b"pgxpool.acquire"
        | b"knex.acquire"
        | b"sqlx::pool::acquire"
        | b"sqlx.pool.acquire"
        | b"prisma:engine:connection"
        | b"oracledb.Pool.getConnection"
        | b"http.getconn"
        | b"HTTP wait_for_connection" => Some(Kind::PoolWait),
        b"pg.connect"
        | b"mysql.connect"
        | b"redis-connect"
        | b"redis.connect"
        | b"redis.dial"
        | b"mongodb.connect"
        | b"oracledb.getConnection"
        | b"tcp.connect"
        | b"tls.connect"
        | b"ipc.connect"
        | b"sql.connector.connect"
        | b"PDO::__construct"
        | b"mysqli::__construct"
        | b"mysqli_connect"
        | b"mysqli::real_connect"
        | b"http.connect"
        | b"http.tls"
        | b"http.dns"
        | b"dns.lookup"
        | b"RESOLVE"
        | b"SSL handshake"
        | b"TLS client handshake"
        | b"TLS handshake"
        | b"DNS lookup"
        | b"socket connect"
        | b"HTTP connection_setup" => Some(Kind::Connect),
        _ if library == Library::Network => Some(Kind::Connect),
        _ => data_source(name).or_else(|| with_target(name)),
    }
}

/// What is connected to, by a name that stays the same: the database, else the host; addresses come and go.
pub(super) fn name_of_target<'a>(fields: &Fields<'a>) -> &'a [u8] {
    let is_address =
        |host: &&[u8]| host.contains(&b':') || host.iter().all(|byte| b".0123456789".contains(byte));
    let host = || fields.text([Key::ServerAddress, Key::PeerName]).filter(|host| !is_address(host));
    let database = fields.text([Key::DbNamespace, Key::DbName]);
    database.or_else(host).and_then(|name| name.split(|byte| *byte == b'|').next()).unwrap_or_default()
}

/// `HikariDataSource.getConnection` and the like of Java.
fn data_source(name: &[u8]) -> Option<Kind> {
    let class = name.strip_suffix(b".getConnection")?;
    Some(if WITHOUT_POOL.contains(&class) { Kind::Connect } else { Kind::PoolWait })
}

/// Names that hold what is connected to: `HTTP connection_setup pay:443` of .NET.
fn with_target(name: &[u8]) -> Option<Kind> {
    const NAMES: [(&[u8], Kind); 7] = [
        (b"HTTP wait_for_connection ", Kind::PoolWait),
        (b"HTTP connection_setup ", Kind::Connect),
        (b"DNS lookup ", Kind::Connect),
        (b"socket connect ", Kind::Connect),
        (b"TLS client handshake ", Kind::Connect),
        (b"CONNECT ", Kind::Connect),
        (b"connect ", Kind::Connect),
    ];
    NAMES.iter().find(|(start, _)| name.starts_with(start)).map(|(_, kind)| *kind)
}
