//! Tells the shape id of statements: reads a JSON list of texts, writes a JSON list of ids. The word `mysql` says
//! whose statements they are; without it they are PostgreSQL's.
//!
//! So that other programs can compare statements of any source with those of a report.

use std::error::Error;
use std::io;

use detectors::evidence::shape::sql::{Dialect, Lexer};

fn main() -> Result<(), Box<dyn Error>> {
    let texts: Vec<String> = serde_json::from_reader(io::stdin().lock())?;
    let lexer = Lexer::new(0);
    let dialect = match std::env::args().nth(1).as_deref() {
        Some("mysql") => Dialect::MySql,
        _ => Dialect::Postgres,
    };
    let ids = texts.iter().map(|text| lexer.scan(text.as_bytes(), dialect).id.to_string());
    serde_json::to_writer(io::stdout().lock(), &ids.collect::<Vec<_>>())?;
    Ok(())
}
