//! Options for what logs do not tell themselves.

use clap::Args;
use whyslow::ingest::{LogForm, LogForms, Prefix, Sampling};

/// What logs do not tell, where it is given.
#[derive(Debug, Args)]
#[group(skip)]
#[command(next_help_heading = "Logs")]
pub(crate) struct Options {
    /// What the members of a log mean whose lines are JSON or name=value, such as
    /// 'duration=elapsed_ms,path=url,time=at'; see docs/logs.md
    #[arg(long, value_name = "MAP", value_parser = LogForm::of_map)]
    map: Option<LogForm>,

    /// The columns of an access log, in the words of the server: log_format of nginx, LogFormat of Apache,
    /// access_log_format of gunicorn
    #[arg(long, value_name = "FORMAT", conflicts_with = "map", value_parser = LogForm::of_format)]
    log_format: Option<LogForm>,

    /// What PostgreSQL puts in front of each line of its log, where it cannot be found out: its
    /// log_line_prefix, or @FILE for that of a postgresql.conf
    #[arg(long, value_name = "PREFIX", value_parser = line_prefix)]
    log_line_prefix: Option<Box<Prefix>>,

    /// PostgreSQL logs this part of its statements (log_statement_sample_rate): counts and times are
    /// scaled; '0.1<250ms' where all of 250 ms and longer are logged
    #[arg(long, value_name = "RATE", value_parser = Sampling::parse)]
    log_sample_rate: Option<Sampling>,
}

impl Options {
    /// What is given.
    pub(crate) fn given(&self) -> Option<LogForms> {
        let form = self.map.as_ref().or(self.log_format.as_ref());
        LogForms::of(form.cloned(), self.log_line_prefix.as_deref().copied(), self.log_sample_rate)
    }
}

/// A prefix, or that of the configuration in a file.
fn line_prefix(text: &str) -> Result<Box<Prefix>, String> {
    let Some(file) = text.strip_prefix('@') else { return Prefix::given(text).map(Box::new) };
    let configuration =
        std::fs::read_to_string(file).map_err(|error| format!("cannot read {file}: {error}"))?;
    Prefix::of_configuration(&configuration).map(Box::new).map_err(|error| {
        format!("{file}: {error}; give the file that sets it, or what `SHOW log_line_prefix` says")
    })
}
