//! Tries one index on a live PostgreSQL: what tests end while it builds.
//!
//!     prove_index ADDRESS 'CREATE INDEX ON …'

use detectors::indexes::{Catalogue, Workload};
use whyslow::live::proof::{Times, Wanted, prove};
use whyslow::live::{Connection, Limits, Problem, Target};

fn main() -> Result<(), Problem> {
    let mut words = std::env::args().skip(1);
    let (address, ddl) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
    let connection = Connection::open(&Target::of(&address)?, Limits::default())?;
    let wanted = [Wanted { ddl, statements: Vec::new() }];
    prove(&connection, &Catalogue::default(), &Workload::default(), &wanted, Times::default()).map(drop)
}
