//! `--from KIND URL`: traces out of a store instead of files.

use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::Context;
use clap::Args;
use ledger::shell::quoted;
use whyslow::duration;
use whyslow::fetch::{Access, Error, Fetched, STORES, Store, Wanted, fetch};

use crate::commands::reading::at_least_one;
use crate::commands::{UsageError, say};

/// The variable that holds the token, unless another is named.
const TOKEN: &str = "WHYSLOW_TOKEN";

/// Bytes of a token's file.
const TOKEN_MAX: u64 = 64 << 10;

/// Which store is asked for which traces.
#[derive(Debug, Args)]
#[group(skip)]
#[command(next_help_heading = "From a store of traces")]
pub(super) struct Options {
    /// Ask a store instead of reading files: jaeger or tempo, and its address
    #[arg(long, num_args = 2, value_names = ["KIND", "URL"], requires = "service", conflicts_with_all = ["paths", "compare"])]
    pub(super) from: Vec<String>,

    /// The service that takes part in the traces
    #[arg(long, value_name = "NAME", requires = "from")]
    service: Option<String>,

    /// From so long ago until now
    #[arg(long, value_name = "DURATION", default_value = "1h", value_parser = duration::parse, requires = "from")]
    since: Duration,

    /// So many traces at most
    #[arg(long, value_name = "N", default_value = "1000", value_parser = at_least_one, requires = "from")]
    limit: NonZeroUsize,

    /// The variable that holds a token [default: WHYSLOW_TOKEN]
    #[arg(long, value_name = "VARIABLE", requires = "from", conflicts_with = "token_file")]
    token_env: Option<String>,

    /// The file that holds a token
    #[arg(long, value_name = "FILE", requires = "from")]
    token_file: Option<PathBuf>,

    /// The tenant that is asked for (X-Scope-OrgID)
    #[arg(long, value_name = "ID", requires = "from")]
    tenant: Option<String>,

    /// An answer must have come whole within this time
    #[arg(long, value_name = "DURATION", default_value = "60s", value_parser = duration::parse, requires = "from")]
    timeout: Duration,

    /// Trust these certificates, too (PEM)
    #[arg(long, value_name = "FILE", requires = "from")]
    ca: Option<PathBuf>,
}

impl Options {
    /// Asks the store that was named, if one was.
    pub(super) fn fetch(&self) -> anyhow::Result<Option<Fetched>> {
        let ([kind, url], Some(service)) = (&self.from[..], &self.service) else { return self.nothing() };
        let store = STORES.iter().find(|store| store.name == kind).ok_or_else(|| unknown(kind))?;
        let access = Access {
            url: url.clone(),
            token: self.token()?,
            tenant: self.tenant.clone(),
            ca: self.ca.clone(),
            timeout: self.timeout,
        };
        let wanted = Wanted::since(service.clone(), self.since, self.limit.get());
        match fetch(store, &access, &wanted) {
            Ok(fetched) => {
                say(format_args!("whyslow: {} traces from {url}", fetched.traces));
                Ok(Some(fetched))
            }
            Err(Error::Misused(text)) => Err(UsageError(text).into()),
            Err(error) => Err(error.into()),
        }
    }

    /// Without a store nothing may be said about it; clap does not see that beside paths.
    fn nothing(&self) -> anyhow::Result<Option<Fetched>> {
        let given = [
            ("--service", self.service.is_some()),
            ("--token-env", self.token_env.is_some()),
            ("--token-file", self.token_file.is_some()),
            ("--tenant", self.tenant.is_some()),
            ("--ca", self.ca.is_some()),
        ];
        match given.iter().find(|(_, given)| *given) {
            Some((name, _)) => Err(UsageError(format!("{name} is for a store: --from KIND URL")).into()),
            None => Ok(None),
        }
    }

    /// The command that asks again, of what is there by then.
    pub(super) fn again(&self) -> String {
        let words: Vec<String> = self.from.iter().chain(&self.service).map(|word| quoted(word)).collect();
        match &words[..] {
            [kind, url, service] => {
                format!("whyslow diagnose --from {kind} {url} --service {service}  # after the change")
            }
            _ => String::new(),
        }
    }

    /// A secret never stands on the command line, where other users see it.
    fn token(&self) -> anyhow::Result<Option<String>> {
        if let Some(path) = &self.token_file {
            use std::io::Read;
            let mut token = String::new();
            let read =
                std::fs::File::open(path).and_then(|file| file.take(TOKEN_MAX).read_to_string(&mut token));
            read.with_context(|| format!("cannot read the token in {}", path.display()))?;
            return Ok(Some(token));
        }
        let name = self.token_env.as_deref().unwrap_or(TOKEN);
        match std::env::var(name) {
            Ok(token) if !token.trim().is_empty() => Ok(Some(token)),
            _ if self.token_env.is_some() => {
                Err(UsageError(format!("--token-env: {name} holds no token")).into())
            }
            _ => Ok(None),
        }
    }
}

fn unknown(kind: &str) -> UsageError {
    let known: Vec<&str> = STORES.iter().map(|store: &Store| store.name).collect();
    UsageError(format!("--from {kind}: this store is not known; expected {}", known.join(" or ")))
}
