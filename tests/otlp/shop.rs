//! Traces of a shop: a gateway, the shop behind it and a payment service, any number of them.
//!
//! 19 spans a trace, two thirds of them SQL with literals; about 550 bytes a span in JSON. The same
//! numbers give the same traces.

use super::{Resource, Scope, Span, Value};

/// Spans in each trace.
pub(crate) const SPANS_A_TRACE: u64 = 19;

const GATEWAY: usize = 0;
const SHOP: usize = 1;
const PAYMENTS: usize = 2;

/// What three services sent of some traces.
pub(crate) fn resources(traces: std::ops::Range<u64>) -> Vec<Resource> {
    let mut services = [("gateway", Vec::new()), ("shop", Vec::new()), ("payments", Vec::new())];
    for number in traces {
        Trace::new(number, &mut services).write();
    }
    services.into_iter().map(|(name, spans)| resource(name, spans)).collect()
}

fn resource(name: &str, spans: Vec<(Library, Span)>) -> Resource {
    let attributes = [
        ("service.name", name),
        ("service.version", "1.42.0"),
        ("service.instance.id", &format!("{name}-7d9c6b5f4-x2x{}", name.len())),
        ("telemetry.sdk.language", "python"),
        ("telemetry.sdk.name", "opentelemetry"),
    ];
    let of = |library| {
        spans.iter().filter(move |(wrote, _)| *wrote == library).map(|(_, span)| span.clone()).collect()
    };
    let scope = |library, name: &str| Scope { name: name.into(), spans: of(library) };
    let scopes = [
        scope(Library::Http, "opentelemetry.instrumentation.fastapi"),
        scope(Library::Database, "opentelemetry.instrumentation.psycopg2"),
    ];
    Resource {
        attributes: attributes.map(|(key, value)| (key.to_owned(), Value::Text(value.to_owned()))).to_vec(),
        scopes: scopes.into_iter().filter(|scope| !scope.spans.is_empty()).collect(),
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Library {
    Http,
    Database,
}

/// One trace in the making: a clock, and numbers that look random.
struct Trace<'s> {
    number: u64,
    id: u128,
    clock_ns: u64,
    state: u64,
    services: &'s mut [(&'static str, Vec<(Library, Span)>); 3],
}

impl<'s> Trace<'s> {
    fn new(number: u64, services: &'s mut [(&'static str, Vec<(Library, Span)>); 3]) -> Self {
        let clock_ns = 1_760_000_000_000_000_000 + number * 3_000_000;
        let mut trace = Self { number, id: 0, clock_ns, state: number, services };
        trace.id = u128::from(trace.random()) << 64 | u128::from(trace.random());
        trace
    }

    /// Splitmix64.
    fn random(&mut self) -> u64 {
        self.state = self.state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.state ^ (self.state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    fn write(&mut self) {
        match self.number % 3 {
            0 => self.list_orders(),
            1 => self.show_order(),
            _ => self.add_to_cart(),
        }
    }

    /// A loop over the rows of a result, then a call of another service.
    fn list_orders(&mut self) {
        self.behind_gateway("/orders", "/orders?page=3&size=11", |trace, parent| {
            let customer = trace.random() % 90_000;
            trace.sql(parent, "SELECT", &format!(
                "SELECT o.id, o.total, o.customer_id FROM orders o WHERE o.region = 'eu-{}' AND o.state <> 'closed' ORDER BY o.created_at DESC LIMIT 11",
                customer % 9,
            ));
            for _ in 0..11 {
                let id = trace.random() % 90_000;
                trace.sql(parent, "SELECT", &format!(
                    "SELECT c.id, c.name, c.email, c.city FROM customers c WHERE c.id = {id} AND c.deleted = false",
                ));
            }
            trace.sql(parent, "UPDATE", &format!("UPDATE sessions SET seen_at = now() WHERE token = 'x{customer:x}'"));
            trace.charge(parent);
        });
    }

    /// Different statements one after another, and a cache.
    fn show_order(&mut self) {
        const TABLES: [&str; 13] = [
            "orders",
            "customers",
            "addresses",
            "items",
            "products",
            "prices",
            "stock",
            "discounts",
            "taxes",
            "shipments",
            "invoices",
            "notes",
            "tags",
        ];
        let order = self.random() % 4_000_000;
        self.behind_gateway("/orders/{id}", &format!("/orders/{order}"), |trace, parent| {
            for table in TABLES {
                trace.sql(parent, "SELECT", &format!(
                    "SELECT t.id, t.kind, t.value FROM {table} t WHERE t.order_id = {order} AND t.valid_from <= '2025-10-0{}'",
                    order % 9 + 1,
                ));
            }
            trace.cache(parent, order);
            trace.internal(parent, "render");
        });
    }

    /// Reads, then inserts one row after another.
    fn add_to_cart(&mut self) {
        let user = self.random() % 700_000;
        self.behind_gateway("/cart", "/cart", |trace, parent| {
            for column in ["email", "phone", "segment"] {
                trace.sql(parent, "SELECT", &format!(
                    "SELECT u.id, u.{column}, u.locale FROM users u WHERE u.id = {user} AND u.tenant = 'tenant-{:02}'",
                    user % 40,
                ));
            }
            for line in 0..9 {
                let sku = trace.random() % 100_000;
                trace.sql(parent, "INSERT", &format!(
                    "INSERT INTO cart_lines (user_id, line, sku, amount, price) VALUES ({user}, {line}, 'SKU-{sku:06}', 1, 19.{line}9)",
                ));
            }
            trace.cache(parent, user);
            trace.charge(parent);
        });
    }

    /// A request to the gateway, which asks the shop, in which `work` happens.
    fn behind_gateway(&mut self, route: &str, target: &str, work: impl FnOnce(&mut Self, u64)) {
        let method = if route == "/cart" { "POST" } else { "GET" };
        let server = |host: &str| {
            vec![
                text("http.method", method),
                text("http.route", route),
                text("http.target", target),
                text("net.host.name", host),
                ("http.status_code".to_owned(), Value::Integer(200)),
            ]
        };
        let root = self.begin(GATEWAY, 0, &format!("{method} {route}"), 2, server("gateway"));
        let call = vec![
            text("http.method", method),
            text("http.url", &format!("http://shop.internal:8080{target}")),
            text("server.address", "shop.internal"),
            ("http.status_code".to_owned(), Value::Integer(200)),
        ];
        let call = self.begin(GATEWAY, root.id, method, 3, call);
        let entry = self.begin(SHOP, call.id, &format!("{method} {route}"), 2, server("shop"));
        let handler = self.begin(SHOP, entry.id, "handle", 1, vec![text("code.function", "handle")]);
        work(self, handler.id);
        for (service, span) in [(SHOP, handler), (SHOP, entry), (GATEWAY, call), (GATEWAY, root)] {
            self.end(service, Library::Http, span, 40_000);
        }
    }

    fn sql(&mut self, parent: u64, operation: &str, statement: &str) {
        let attributes = vec![
            text("db.system", "postgresql"),
            text("db.name", "shop"),
            text("db.statement", statement),
            text("db.operation", operation),
            text("server.address", "db-1.internal"),
        ];
        let span = self.begin(SHOP, parent, &format!("{operation} shop"), 3, attributes);
        let time_ns = 400_000 + self.random() % 3_000_000;
        self.end(SHOP, Library::Database, span, time_ns);
    }

    fn cache(&mut self, parent: u64, key: u64) {
        let attributes = vec![
            text("db.system", "redis"),
            text("db.statement", &format!("GET order:{key}:view")),
            text("server.address", "cache-1.internal"),
        ];
        let span = self.begin(SHOP, parent, "GET", 3, attributes);
        self.end(SHOP, Library::Http, span, 250_000);
    }

    fn internal(&mut self, parent: u64, name: &str) {
        let span = self.begin(SHOP, parent, name, 1, vec![text("code.function", name)]);
        self.end(SHOP, Library::Http, span, 900_000);
    }

    /// A call of the payment service.
    fn charge(&mut self, parent: u64) {
        let attributes = |host: &str| {
            vec![
                text("http.method", "POST"),
                text("http.url", "http://payments.internal:8080/charge"),
                text(host, "payments.internal"),
                ("http.status_code".to_owned(), Value::Integer(201)),
            ]
        };
        let call = self.begin(SHOP, parent, "POST", 3, attributes("server.address"));
        let entry = self.begin(PAYMENTS, call.id, "POST /charge", 2, attributes("net.host.name"));
        self.end(PAYMENTS, Library::Http, entry, 30_000_000);
        self.end(SHOP, Library::Http, call, 100_000);
    }

    fn begin(
        &mut self,
        service: usize,
        parent: u64,
        name: &str,
        kind: u8,
        attributes: Vec<(String, Value)>,
    ) -> Span {
        self.clock_ns += 20_000;
        let lane = text("thread.name", ["MainThread", "worker-1", "worker-2"][service]);
        Span {
            trace: self.id,
            id: self.random() | 1,
            parent,
            name: name.to_owned(),
            kind,
            start_ns: self.clock_ns,
            attributes: if attributes.len() == 1 { vec![lane, attributes[0].clone()] } else { attributes },
            ..Span::default()
        }
    }

    /// A span is written when it ends, `time_ns` after the last thing that happened.
    fn end(&mut self, service: usize, library: Library, mut span: Span, time_ns: u64) {
        self.clock_ns += time_ns;
        span.end_ns = self.clock_ns;
        self.services[service].1.push((library, span));
    }
}

fn text(key: &str, value: &str) -> (String, Value) {
    (key.to_owned(), Value::Text(value.to_owned()))
}
