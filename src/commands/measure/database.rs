//! `whyslow measure --db`: rows and blocks of the same runs, as the database counts them.

use clap::Args;
use measurement::{Load, Run, Sample};
use whyslow::live::activity::{Activity, Watch};
use whyslow::live::{Connection, Limits, Target};

use crate::commands::live::misused;
use crate::commands::say;

/// What is counted is of no endpoint, but of the whole database.
const SUBJECT: &str = "database";

/// Which database is looked at.
#[derive(Debug, Args)]
#[group(skip)]
#[command(next_help_heading = "From a live PostgreSQL")]
pub(super) struct Options {
    /// Also count rows and blocks of this database before and after each run, and statements if it has pg_stat_statements.
    /// An address such as postgres://reader@localhost/shop, 'host=… dbname=…', or the name of a database
    #[arg(long, value_name = "ADDRESS")]
    db: Option<String>,
}

impl Options {
    /// Begins to look at the database.
    pub(super) fn watch(&self) -> anyhow::Result<Option<Watch>> {
        let Some(address) = &self.db else { return Ok(None) };
        let target = Target::of(address).map_err(misused)?;
        let connection = Connection::open(&target, Limits::default()).map_err(misused)?;
        let watch = Watch::of(connection).map_err(misused)?;
        if !watch.counts_statements() {
            say(format_args!(
                "whyslow: {target} has no pg_stat_statements: rows and blocks are those of the whole database, executions \
                 are not counted"
            ));
        }
        Ok(Some(watch))
    }
}

/// Looks before a run.
pub(super) fn before(watch: Option<&Watch>) -> anyhow::Result<Option<Activity>> {
    watch.map(|watch| watch.settled().map_err(misused)).transpose()
}

/// Looks after a run, and adds for each of its requests what was done meanwhile; `sent` are those that were sent and not
/// measured.
pub(super) fn count(
    watch: Option<&Watch>,
    before: Option<Activity>,
    run: &mut Run,
    sent: u64,
) -> anyhow::Result<()> {
    let Some((watch, before)) = watch.zip(before) else { return Ok(()) };
    let after = watch.settled().map_err(misused)?;
    let requests = requests(run).saturating_add(sent);
    let each = |(name, done): (&str, u64)| (name.to_owned(), per_request_milli(done, requests));
    let counts_milli = after.since(&before).map(each).collect();
    run.samples.insert(SUBJECT.to_owned(), Sample { errors: Some(0), counts_milli, ..Sample::default() });
    Ok(())
}

/// Requests that a run has measured: those that were sent, or of a command those that traces tell of. A command without traces
/// is one request.
fn requests(run: &Run) -> u64 {
    let is_sent = matches!(run.load, Some(Load::Open { .. }));
    let is_one = |subject: &str, sample: &Sample| match is_sent {
        // Traces also tell of endpoints that the server asked for itself.
        true => !sample.latency.is_unknown(),
        false => !subject.is_empty(),
    };
    let samples = run.samples.iter().filter(|(subject, sample)| is_one(subject, sample));
    samples.map(|(_, sample)| sample.requests).sum::<u64>().max(1)
}

fn per_request_milli(done: u64, requests: u64) -> u64 {
    let milli = u128::from(done) * 1_000 / u128::from(requests.max(1));
    u64::try_from(milli).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_is_one_request_unless_traces_tell_of_more() {
        let sample = |requests| Sample { requests, ..Sample::default() };
        let mut run = Run { samples: [(String::new(), sample(1))].into(), ..Run::default() };
        assert_eq!(requests(&run), 1);
        run.samples.insert("GET /a".to_owned(), sample(40));
        assert_eq!(requests(&run), 40);
        assert_eq!(per_request_milli(1_001, 40), 25_025);
        assert_eq!(per_request_milli(7, 0), 7_000);
    }
}
