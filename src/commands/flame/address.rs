//! `--url`: a profile that a running program gives, such as Go's `/debug/pprof/profile`.

use std::path::PathBuf;
use std::time::Duration;

use anyhow::Context;
use clap::Args;
use profiles::Profile;
use whyslow::duration;
use whyslow::fetch::{Access, Error, document};

use crate::commands::UsageError;

/// The variable that holds the token, unless another is named.
const TOKEN: &str = "WHYSLOW_TOKEN";

/// Which address is asked.
#[derive(Debug, Args)]
#[group(skip)]
#[command(next_help_heading = "From a running program")]
pub(super) struct Options {
    /// Ask a running program: `http://localhost:6060/debug/pprof/profile?seconds=10`
    #[arg(long, value_name = "URL", conflicts_with_all = ["inputs", "compare"])]
    pub(super) url: Option<String>,

    /// The variable that holds a token [default: WHYSLOW_TOKEN]
    #[arg(long, value_name = "VARIABLE", requires = "url")]
    token_env: Option<String>,

    /// The profile must have come whole within this time
    #[arg(long, value_name = "DURATION", default_value = "2m", value_parser = duration::parse, requires = "url")]
    timeout: Duration,

    /// Trust these certificates, too (PEM)
    #[arg(long, value_name = "FILE", requires = "url")]
    ca: Option<PathBuf>,
}

impl Options {
    /// The profile of the address that was named, if one was, and the address without its query.
    pub(super) fn profile(&self) -> anyhow::Result<Option<(String, Profile)>> {
        let Some(url) = &self.url else { return Ok(None) };
        let access = Access {
            url: url.clone(),
            token: self.token()?,
            tenant: None,
            ca: self.ca.clone(),
            timeout: self.timeout,
        };
        let name = url.split(['?', '#']).next().unwrap_or(url).to_owned();
        let bytes = document(&access).map_err(|error| match error {
            Error::Misused(told) => anyhow::Error::new(UsageError(told)),
            other => other.into(),
        })?;
        anyhow::ensure!(!bytes.is_empty(), "{name} gave an empty answer: no profile is in it");
        let profile =
            profiles::read(bytes.as_slice()).with_context(|| format!("cannot read what {name} gave"))?;
        Ok(Some((name, profile)))
    }

    /// The token of the variable that is named; without a name one need not be there.
    fn token(&self) -> Result<Option<String>, UsageError> {
        let found = std::env::var(self.token_env.as_deref().unwrap_or(TOKEN)).ok();
        match &self.token_env {
            Some(name) if found.is_none() => {
                Err(UsageError(format!("--token-env {name}: there is no such variable")))
            }
            _ => Ok(found),
        }
    }
}
