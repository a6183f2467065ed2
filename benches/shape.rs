//! CPU nanoseconds per byte of the statement lexer and per URL of the templates.
//!
//! `cargo bench --bench shape`

use std::io::Write;

use detectors::evidence::shape::sql::{Dialect, Lexer};
use detectors::evidence::shape::url::Templates;
use rustix::time::{ClockId, clock_gettime};

const TEXTS: [(&str, &str); 4] = [
    (
        "103 bytes, literals",
        "SELECT o.id, o.total, o.status FROM orders o WHERE o.customer_id = 48151 AND o.state = 'paid' LIMIT 100",
    ),
    (
        "placeholders",
        "SELECT id, name, email, created_at FROM customers WHERE id = $1 AND deleted_at IS NULL",
    ),
    (
        "quoted by a mapper",
        "SELECT \"orders\".\"id\", \"orders\".\"total\", \"orders\".\"created_at\" FROM \"orders\" WHERE \"orders\".\"customer_id\" = 42",
    ),
    (
        "list of 12",
        "SELECT * FROM items WHERE order_id IN (101, 102, 103, 104, 105, 106, 107, 108, 109, 110, 111, 112)",
    ),
];

const ROUNDS: u32 = 1_000_000;

fn main() -> std::io::Result<()> {
    let mut out = std::io::stdout();
    let lexer = Lexer::new(7);
    for (name, text) in TEXTS {
        let ns = fastest(|| lexer.scan(std::hint::black_box(text.as_bytes()), Dialect::Postgres).id.hash);
        writeln!(out, "{name:22} {ns:6.1} ns  {:.2} ns/byte", ns / text.len() as f64)?;
    }
    let mut templates = Templates::new(7);
    let url = "https://payments:8443/v1/charges/507f1f77bcf86cd799439011/refunds?page=2&size=50";
    let ns = fastest(|| templates.call(b"GET", std::hint::black_box(url.as_bytes())).id.hash);
    writeln!(out, "{:22} {ns:6.1} ns", "URL")
}

/// CPU nanoseconds of one call: the fastest of five rounds.
fn fastest(mut call: impl FnMut() -> u64) -> f64 {
    let rounds = (0..5).map(|_| {
        let begin = cpu_ns();
        let sum = (0..ROUNDS).fold(0_u64, |sum, _| sum.wrapping_add(call()));
        std::hint::black_box(sum);
        (cpu_ns() - begin) as f64 / f64::from(ROUNDS)
    });
    rounds.fold(f64::MAX, f64::min)
}

fn cpu_ns() -> u64 {
    let now = clock_gettime(ClockId::ProcessCPUTime);
    now.tv_sec as u64 * 1_000_000_000 + now.tv_nsec as u64
}
