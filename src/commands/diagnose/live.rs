//! `whyslow diagnose --db`: adds what a live server knows.

use clap::Args;
use whyslow::ingest::Input;
use whyslow::live::diagnosis::ask;
use whyslow::live::{Limits, Target};

use crate::commands::live::{end_at_interrupts, misused};

/// Which server is asked.
#[derive(Debug, Args)]
#[group(skip)]
#[command(next_help_heading = "From a live PostgreSQL")]
pub(super) struct Options {
    /// Add what this server knows: statements that it has counted (pg_stat_statements), sessions that hold up others,
    /// connections, health of tables and indexes. An address such as postgres://reader@db.example/shop,
    /// 'host=… dbname=…', or the name of a database. Nothing is executed
    #[arg(long, value_name = "ADDRESS", conflicts_with_all = ["compare", "since_last"])]
    db: Option<String>,
}

impl Options {
    /// The inputs with what the server has counted, and what is not as it should be there.
    pub(super) fn with(&self, mut inputs: Vec<Input>) -> anyhow::Result<(Vec<Input>, Vec<String>)> {
        let Some(address) = &self.db else { return Ok((inputs, Vec::new())) };
        let target = Target::of(address).map_err(misused)?;
        let told = ask(&target, Limits::default()).map_err(misused)?;
        end_at_interrupts();
        if let Some(csv) = told.statements.filter(|csv| !csv.is_empty()) {
            let name = format!("pg_stat_statements of {target}").into();
            inputs.push(Input::Stream { name, stream: Box::new(std::io::Cursor::new(csv)) });
        }
        let notes = told.notes.into_iter().map(|note| format!("{target}: {note}"));
        Ok((inputs, notes.collect()))
    }
}
