//! Options for logs whose form cannot be recognised.

use clap::Args;
use whyslow::ingest::LogForm;

/// The form of logs, where it is given.
#[derive(Debug, Args)]
#[group(skip)]
#[command(next_help_heading = "Logs")]
pub(super) struct Options {
    /// What the members of a log mean whose lines are JSON or name=value, such as
    /// 'duration=elapsed_ms,path=url,time=at'; see docs/logs.md
    #[arg(long, value_name = "MAP", value_parser = LogForm::of_map)]
    map: Option<LogForm>,

    /// The columns of an access log, in the words of the server: log_format of nginx, LogFormat of Apache,
    /// access_log_format of gunicorn
    #[arg(long, value_name = "FORMAT", conflicts_with = "map", value_parser = LogForm::of_format)]
    log_format: Option<LogForm>,
}

impl Options {
    /// The form that is given.
    pub(super) fn given(&self) -> Option<&LogForm> {
        self.map.as_ref().or(self.log_format.as_ref())
    }
}
