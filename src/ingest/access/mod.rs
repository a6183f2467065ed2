//! Access and application logs: a line is a request, without the operations that it makes.
//!
//! A reader finds in a line what is told of the request (`request::Told`) and hands it over; what it means is
//! decided where the attributes of spans are typed. Columns and members have one set of meanings (`meaning`); what
//! the columns of a log are is told by its first lines (`inferred`).

mod apache;
mod caddy;
mod columns;
mod envoy;
mod fields;
mod given;
mod gunicorn;
mod haproxy;
mod heroku;
mod inferred;
mod lines;
mod load_balancer;
mod meaning;
mod nginx;
mod rails;
mod request;
mod times;
mod tokens;
mod traefik;

pub(super) use self::apache::APACHE;
pub(super) use self::caddy::CADDY;
use self::columns::ByColumns;
pub use self::columns::Columns;
pub(super) use self::envoy::{ENVOY, ENVOY_JSON};
pub(super) use self::given::GIVEN;
pub use self::given::LogForm;
pub(super) use self::gunicorn::GUNICORN;
pub(super) use self::haproxy::HAPROXY;
pub(super) use self::heroku::HEROKU;
use self::inferred::Server;
use self::lines::{Lines, first_lines};
pub(super) use self::load_balancer::LOAD_BALANCER;
pub(super) use self::nginx::{NGINX, NGINX_JSON};
pub(super) use self::rails::{LOGRAGE, RAILS};
pub(super) use self::traefik::TRAEFIK;
use super::{Decode, Framing};

/// A decoder of lines in columns.
fn columns_of(
    framing: Framing,
    format: &'static str,
    service: &'static str,
    language: &'static str,
) -> Box<dyn Decode> {
    let columns = match framing {
        Framing::Columns(columns) => columns,
        _ => Columns::new(&[], true),
    };
    Lines::boxed(ByColumns::new(columns), format, service, language)
}

/// Whether lines of a program are read with what syslog writes in front of them.
pub(super) fn reads_syslog(program: &[u8]) -> bool {
    matches!(program, b"haproxy" | b"router")
}

/// What to change where an input is an access log that does not say how long requests took.
pub(super) fn without_durations(begin: &[u8]) -> Option<&'static str> {
    let whole = !begin.contains(&b'\n');
    let is_of_uvicorn = |line: &[u8]| {
        let line = line.strip_prefix(b"INFO:").map(<[u8]>::trim_ascii_start);
        line.is_some_and(|line| memchr::memmem::find(line, b" - \"").is_some() && line.contains(&b'/'))
    };
    if first_lines(begin, whole).take(3).any(is_of_uvicorn) {
        return Some(
            "it is the access log of uvicorn, which cannot say how long requests took: log it in a middleware, let \
             the proxy in front log it, or run the application under `whyslow run`",
        );
    }
    let (server, _) = inferred::columns(first_lines(begin, whole))?;
    (server == Server::WithoutDurations).then_some(
        "it is an access log that does not say how long requests took: add $request_time to log_format of nginx \
         (rt=$request_time urt=$upstream_response_time), %D to LogFormat of Apache, %(L)s to --access-logformat of \
         gunicorn; see docs/logs.md",
    )
}
