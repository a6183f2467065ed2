//! Keywords of an address and their variables.

use std::collections::BTreeMap;

use super::Problem;

/// Keywords that mean something here, with the variable that stands for each where the address has none.
const KEYWORDS: &[(&str, &str)] = &[
    ("host", "PGHOST"),
    ("hostaddr", "PGHOSTADDR"),
    ("port", "PGPORT"),
    ("dbname", "PGDATABASE"),
    ("user", "PGUSER"),
    ("password", "PGPASSWORD"),
    ("passfile", "PGPASSFILE"),
    ("service", "PGSERVICE"),
    ("servicefile", "PGSERVICEFILE"),
    ("options", "PGOPTIONS"),
    ("connect_timeout", "PGCONNECT_TIMEOUT"),
    ("sslmode", "PGSSLMODE"),
    ("sslrootcert", "PGSSLROOTCERT"),
    ("sslcert", "PGSSLCERT"),
    ("sslkey", "PGSSLKEY"),
];

/// Keywords that addresses have and that change nothing here.
const WITHOUT_EFFECT: &[&str] = &[
    "application_name",
    "channel_binding",
    "client_encoding",
    "fallback_application_name",
    "gssencmode",
    "gssdelegation",
    "gsslib",
    "keepalives",
    "keepalives_count",
    "keepalives_idle",
    "keepalives_interval",
    "krbsrvname",
    "load_balance_hosts",
    "max_protocol_version",
    "min_protocol_version",
    "require_auth",
    "requirepeer",
    "sslcompression",
    "sslsni",
    "target_session_attrs",
    "tcp_user_timeout",
];

/// What is known by keyword.
#[derive(Debug, Default)]
pub(super) struct Parameters(BTreeMap<String, String>);

impl Parameters {
    /// What an address says; an empty value is none.
    pub(super) fn of(pairs: Vec<(String, String)>) -> Result<Self, Problem> {
        let mut known = Self::default();
        for (keyword, value) in pairs {
            known.check(&keyword)?;
            if !value.is_empty() {
                known.0.insert(keyword, value);
            }
        }
        Ok(known)
    }

    /// Adds what is not known yet.
    pub(super) fn add(&mut self, pairs: Vec<(String, String)>) -> Result<(), Problem> {
        for (keyword, value) in pairs {
            self.check(&keyword)?;
            self.0.entry(keyword).or_insert(value);
        }
        Ok(())
    }

    /// Adds what variables say of what is not known yet.
    pub(super) fn add_environment(&mut self, environment: &dyn Fn(&str) -> Option<String>) {
        for (keyword, variable) in KEYWORDS {
            if let Some(value) = environment(variable).filter(|_| !self.0.contains_key(*keyword)) {
                self.0.insert((*keyword).to_owned(), value);
            }
        }
    }

    /// The value of a keyword, which is not there afterwards.
    pub(super) fn take(&mut self, keyword: &str) -> Option<String> {
        self.0.remove(keyword)
    }

    fn check(&self, keyword: &str) -> Result<(), Problem> {
        let is_known = KEYWORDS.iter().any(|(own, _)| *own == keyword) || WITHOUT_EFFECT.contains(&keyword);
        if is_known {
            return Ok(());
        }
        let names = KEYWORDS.iter().map(|(own, _)| *own);
        let nearest = names.max_by(|a, b| strsim::jaro(a, keyword).total_cmp(&strsim::jaro(b, keyword)));
        let nearest = nearest.map(|name| format!("; did you mean {name}?")).unwrap_or_default();
        let shown: String = keyword.chars().filter(|letter| !letter.is_control()).take(40).collect();
        Err(Problem::Misused(format!("the address of the database: there is no keyword {shown}{nearest}")))
    }
}
