//! `whyslow index --db`: advice with what a live server knows, and proof.

use std::path::PathBuf;
use std::time::Duration;

use clap::Args;
use detectors::evidence::plan::Engine;
use detectors::indexes::IndexAdvice;
use whyslow::diagnosis::Request;
use whyslow::duration;
use whyslow::indexes::{Wanted, workload};
use whyslow::live::indexes::{Proving, advise};
use whyslow::live::proof::Times;
use whyslow::live::{Limits, Target};

use super::super::diagnose::progress;
use super::super::live::misused;
use super::super::say;

/// Which server is asked, and whether indexes are built there.
#[derive(Debug, Args)]
#[group(skip)]
#[command(next_help_heading = "From a live PostgreSQL")]
pub(super) struct Options {
    /// Use what this server knows of tables and columns; without files the statements are those that it has counted
    /// (pg_stat_statements). An address such as postgres://reader@db.example/shop, 'host=… dbname=…', or the name of a
    /// database; PG* variables, the password file and the service file fill what it leaves open. Nothing is executed
    #[arg(long, value_name = "ADDRESS")]
    pub(super) db: Option<String>,

    /// Build each index for real in a transaction that is rolled back, execute the statements before and after, and propose
    /// only what helps. Meanwhile nobody can write to its table: refused where others use the database or replicas are
    /// attached
    #[arg(long, requires = "db")]
    prove: bool,

    /// Build indexes on this host and database although others use them; it must be that of --db
    #[arg(long, value_name = "HOST/DATABASE", requires = "prove")]
    build_on: Option<String>,

    /// End what takes longer on the server: plans, and executions of --prove
    #[arg(long, value_name = "DURATION", default_value = "60s", value_parser = duration::parse, requires = "db")]
    timeout: Duration,

    /// End the build of an index that takes longer
    #[arg(long, value_name = "DURATION", default_value = "10m", value_parser = duration::parse, requires = "prove")]
    build_timeout: Duration,
}

impl Options {
    /// Asks the server; says on stderr what could not be seen.
    pub(super) fn advise(
        &self,
        address: &str,
        inputs: &[PathBuf],
        request: &Request,
    ) -> anyhow::Result<IndexAdvice> {
        let target = Target::of(address).map_err(misused)?;
        let given = match inputs.is_empty() {
            true => None,
            false => {
                let wanted = Wanted { database: Some(target.database()), engine: Some(Engine::PostgreSql) };
                Some(progress::shown(|progress| workload(inputs, request, wanted, progress))?)
            }
        };
        let times = Times { build: self.build_timeout, statement: self.timeout };
        let proving = self.prove.then(|| Proving { build_on: self.build_on.clone(), times });
        let limits = Limits { statement: self.timeout, ..Limits::default() };
        let advised = advise(&target, given, limits, proving.as_ref()).map_err(misused)?;
        advised.missing.iter().for_each(|missing| say(format_args!("whyslow: {missing}")));
        Ok(advised.advice)
    }
}
