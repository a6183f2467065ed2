//! Pools of a pooler, which tells itself how long clients wait for connections: no request shows it, sums do.

use super::connections::Whole;
use crate::evidence::Dictionary;
use crate::evidence::server::{PoolerTotals, Poolers};
use crate::figures::duration;
use crate::finding::{self, Dismissal, Finding, Gain, GainKind, ServerPooler, SubjectKind};
use crate::pool_starvation::{self, Pooled};
use crate::settings::Settings;
use crate::{ALL, impact};

/// Stands for the service.
const SERVICE: &str = "pgbouncer";

/// Stands for all pools of a log.
const ALL_POOLS: &str = "all pools";

/// Per cent of the time of transactions that less waiting must give back.
const GAIN_SHARE_MIN: u64 = 5;

/// What is told of pools, and what is not, with the reason.
pub(super) fn judge(
    dictionary: &Dictionary,
    settings: &Settings,
    again: &str,
) -> (Vec<Finding>, Vec<Dismissal>) {
    let poolers = dictionary.server().poolers();
    let (mut told, mut dismissed) = (Vec::new(), Vec::new());
    for (pool, totals) in measured(poolers) {
        let pooled = Pooled { totals, counts: poolers.counts(), starved: starved(poolers, pool) };
        match too_little(&totals, settings) {
            Some(reason) if totals.wait_ns > 0 => dismissed.push(dismissal(pool, &totals, reason)),
            Some(_) => {}
            None => told.push(finding(pool, &pooled, settings, again)),
        }
    }
    if measured(poolers).is_empty() {
        dismissed.extend(starved(poolers, ALL_POOLS).iter().map(|(pool, now)| {
            let reason = format!(
                "{} clients wait, the first for {}, while all {} connections are in use; how long all waited is told by \
                 SHOW STATS and by the log",
                now.waiting,
                duration(now.longest_ns),
                now.in_use
            );
            dismissal(pool, &PoolerTotals::default(), reason)
        }));
    }
    (told, dismissed)
}

/// Sums of all pools by the log or, where there is none, of each database by what the console showed.
fn measured(poolers: &Poolers) -> Vec<(&str, PoolerTotals)> {
    match poolers.logged() {
        Some(totals) => vec![(ALL_POOLS, totals)],
        None => poolers.shown().map(|(database, totals)| (database, *totals)).collect(),
    }
}

/// Pools in which clients waited when they were shown, of a database or of all.
fn starved(poolers: &Poolers, pool: &str) -> Vec<(String, crate::evidence::server::PoolNow)> {
    let of = poolers
        .pools()
        .filter(|(database, _, now)| now.is_starved() && (pool == ALL_POOLS || *database == pool));
    of.map(|(database, user, now)| (format!("{database}/{user}"), *now)).collect()
}

/// Why waiting is not worth telling, as for waits that traces show.
fn too_little(totals: &PoolerTotals, settings: &Settings) -> Option<String> {
    let place = ALL.iter().position(|detector| detector.id == pool_starvation::DETECTOR.id)?;
    let least_ns = pool_starvation::wait_min_ns(settings.at(SERVICE, "").of(place));
    let gain_ns = impact::given_back(pool_starvation::WAITS_LEAVE, totals.wait_ns);
    let enough = u128::from(gain_ns) * 100 >= u128::from(totals.at_most.1) * u128::from(GAIN_SHARE_MIN);
    let noticed = gain_ns > 0 && gain_ns >= least_ns.saturating_mul(totals.at_most.0);
    (!enough || !noticed).then(|| {
        let (transactions, time_ns) = totals.at_most;
        let (each_ns, of_ns) = (gain_ns / transactions.max(1), time_ns / transactions.max(1));
        format!("gives back {} of {} of a transaction", duration(each_ns), duration(of_ns))
    })
}

fn subject(pool: &str) -> finding::Subject {
    finding::Subject {
        kind: SubjectKind::Pool,
        text: format!("connection pool of PgBouncer: {pool}"),
        shape: None,
    }
}

fn finding(pool: &str, pooled: &Pooled, settings: &Settings, again: &str) -> Finding {
    let whole = Whole {
        service: SERVICE,
        subject: subject(pool),
        requests: pooled.totals.transactions,
        gain: Gain {
            kind: GainKind::Latency,
            total_ns: impact::given_back(pool_starvation::WAITS_LEAVE, pooled.totals.wait_ns),
            total_bytes: None,
        },
        told: pool_starvation::tell_pooled(pooled),
    };
    whole.finding(settings, again)
}

fn dismissal(pool: &str, totals: &PoolerTotals, reason: String) -> Dismissal {
    Dismissal {
        detector: pool_starvation::DETECTOR.id.to_owned(),
        service: SERVICE.to_owned(),
        endpoint: None,
        subject: subject(pool).text,
        requests: totals.transactions,
        reason,
    }
}

/// What poolers told, as it is: of all pools by the log, of each database and of each pool by the console.
pub(super) fn told(poolers: &Poolers) -> Vec<ServerPooler> {
    let counts = poolers.counts();
    let logged = poolers.logged().map(|totals| (ALL_POOLS.to_owned(), totals));
    let of_log = (logged.is_some() || counts != Default::default()).then(|| {
        let (pool, totals) = logged.unwrap_or_else(|| (ALL_POOLS.to_owned(), PoolerTotals::default()));
        ServerPooler {
            logins: counts.logins,
            server_connections: counts.connected,
            refused: counts.refused,
            timed_out: counts.timed_out,
            failed: counts.failed,
            ..ServerPooler::of(pool, &totals)
        }
    });
    let of_databases =
        poolers.shown().map(|(database, totals)| ServerPooler::of(database.to_owned(), totals));
    let now = poolers.pools().map(|(database, user, now)| ServerPooler {
        pool: format!("{database}/{user}"),
        waiting: now.waiting,
        waiting_ns_max: now.longest_ns,
        in_use: now.in_use,
        idle: now.idle,
        ..ServerPooler::default()
    });
    of_log.into_iter().chain(of_databases).chain(now).collect()
}

impl ServerPooler {
    fn of(pool: String, totals: &PoolerTotals) -> Self {
        let PoolerTotals { transactions, time_ns, wait_ns, .. } = *totals;
        Self { pool, transactions, time_ns, wait_ns, ..Self::default() }
    }
}
