//! Where indexes may be built: on servers where nobody else works, and that have no replicas, unless host and database are
//! named.

use detectors::figures::counted;

use super::super::connection::Connection;
use super::super::problem::Problem;
use super::super::target::Target;

/// A session that did something within this time is at work.
const QUIET_SECONDS: u32 = 60;

/// Says whether indexes may be built; `build_on` is what was named by `--build-on`.
///
/// # Errors
///
/// Where that is refused: what was found, and how to say that it is meant.
pub fn check(connection: &Connection, target: &Target, build_on: Option<&str>) -> Result<(), Problem> {
    is_writable(connection)?;
    let names = target.names();
    let first = names.first().cloned().unwrap_or_default();
    match build_on {
        Some(named) if names.iter().any(|name| name == named) => return Ok(()),
        Some(named) => {
            return Err(Problem::Misused(format!(
                "--build-on {named}: the address that is given is {first}"
            )));
        }
        None => {}
    }
    match found(connection)? {
        None => Ok(()),
        Some(found) => Err(Problem::Misused(format!(
            "no index is built on {first}: {found}. While an index is built and tried its table cannot be written. A copy \
             of the database is a better place; --build-on {first} says that this one is meant"
        ))),
    }
}

fn is_writable(connection: &Connection) -> Result<(), Problem> {
    let rows = connection.catalogue_rows("SELECT pg_is_in_recovery() AS standby")?;
    match rows.first().is_some_and(|row| row.is("standby")) {
        true => Err(Problem::Misused("the server is a standby, where no index can be built".to_owned())),
        false => Ok(()),
    }
}

/// Who else uses the server.
fn found(connection: &Connection) -> Result<Option<String>, Problem> {
    // What others do is hidden from users without pg_read_all_stats: they count as at work.
    let rows = connection.catalogue_rows(&format!(
        "SELECT count(*) FILTER (WHERE state IS NULL OR state <> 'idle'
                OR state_change > now() - interval '{QUIET_SECONDS} s') AS active,
            (SELECT count(*) FROM pg_stat_replication) AS replicas,
            (SELECT count(*) FROM pg_replication_slots WHERE active) AS slots
         FROM pg_stat_activity
         WHERE backend_type = 'client backend' AND datname = current_database() AND pid <> pg_backend_pid()"
    ))?;
    let count = |name: &str| rows.first().and_then(|row| row.number::<u64>(name)).unwrap_or(1);
    let replicas = count("replicas").max(count("slots"));
    Ok(match (count("active"), replicas) {
        (0, 0) => None,
        (0, replicas) => Some(format!("attached replicas would get the index, too ({replicas})")),
        (active, _) => Some(format!(
            "{} of the database did something within the last minute",
            counted(active, "other session")
        )),
    })
}
