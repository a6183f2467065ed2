//! `whyslow plan --db`: the plan of a statement, made by a live server.

use std::io::Read;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::Context;
use clap::Args;
use detectors::settings::Settings;
use whyslow::duration;
use whyslow::live::{Connection, Limits, Target, explain};
use whyslow::plans::{PlansReport, of_statement};

use super::super::UsageError;
use super::super::live::misused;

/// Bytes of a statement in a file.
const STATEMENT_MAX: u64 = 16 << 20;

/// Which server is asked, and what may be done there.
#[derive(Debug, Args)]
#[group(skip)]
#[command(next_help_heading = "From a live PostgreSQL")]
pub(super) struct Options {
    /// Ask this server for the plan of the statements that are given in place of files: an address such as
    /// postgres://reader@db.example/shop, 'host=… dbname=…', or the name of a database; PG* variables, the password
    /// file and the service file fill what it leaves open. Nothing is executed
    #[arg(long, value_name = "ADDRESS", conflicts_with = "compare")]
    pub(super) db: Option<String>,

    /// Execute the statement to measure it; refused unless it only reads
    #[arg(long, requires = "db")]
    analyze: bool,

    /// End what takes longer on the server
    #[arg(long, value_name = "DURATION", default_value = "30s", value_parser = duration::parse, requires = "db")]
    timeout: Duration,
}

impl Options {
    /// Asks for the plan of each statement: `-` is standard input, a file is read, anything else is the statement.
    pub(super) fn examine(
        &self,
        address: &str,
        given: &[PathBuf],
        settings: &Settings,
    ) -> anyhow::Result<PlansReport> {
        let target = Target::of(address).map_err(misused)?;
        let limits = Limits { statement: self.timeout, ..Limits::default() };
        let statements: Vec<String> = given.iter().map(|given| statement(given)).collect::<Result<_, _>>()?;
        let connection = Connection::open(&target, limits).map_err(misused)?;
        let mut report = PlansReport::default();
        for statement in statements {
            let plans = explain::plans(&connection, &statement, self.analyze).map_err(misused)?;
            report.plans.extend(of_statement(&target.to_string(), &plans, &statement, settings)?.plans);
        }
        Ok(report)
    }
}

fn statement(given: &Path) -> anyhow::Result<String> {
    let is_stdin = given == Path::new("-");
    if !is_stdin && !given.is_file() {
        let text = given.to_str().ok_or_else(|| UsageError("the statement is not UTF-8".to_owned()))?;
        return Ok(text.to_owned());
    }
    let mut text = String::new();
    let read = match is_stdin {
        true => std::io::stdin().lock().take(STATEMENT_MAX).read_to_string(&mut text),
        false => {
            std::fs::File::open(given).and_then(|file| file.take(STATEMENT_MAX).read_to_string(&mut text))
        }
    };
    read.with_context(|| format!("cannot read {}", given.display()))?;
    Ok(text)
}
