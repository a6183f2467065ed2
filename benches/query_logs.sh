#!/usr/bin/env bash
# MB per CPU second and peak memory on query logs of live servers, with one thread and two.
#
#   benches/query_logs.sh [--peers] [MEGABYTES] [FOLDER]     (300 MB of each form, in a temporary folder)
#
# A PostgreSQL and a MariaDB run the workloads of tests/logs with every statement logged. What they write is repeated
# with later times and other sessions (repeat_log.py) until it is large enough. With --peers also what pgBadger and
# pt-query-digest of the distribution take for the first 10 MB of the same logs; both are installed.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

peers=no
[ "${1:-}" != --peers ] || { peers=yes && shift; }
megabytes=${1:-300}
folder=${2:-}
. fixtures/recording/servers.sh
if [ -n "$folder" ]; then
    mkdir -p "$folder"
else
    folder=$scratch/bench && mkdir "$folder"
fi
logs=$PWD/tests/logs

main() {
    local form
    if [ ! -s "$folder/jsonlog" ]; then
        record_postgresql
        for form in stderr csvlog jsonlog; do
            python3 benches/repeat_log.py "$form" "$folder/once.$form" "$folder/$form" "$megabytes"
        done
    fi
    if [ ! -s "$folder/mysql" ]; then
        record_mariadb
        python3 benches/repeat_log.py mysql "$folder/once.mysql" "$folder/mysql" "$megabytes"
    fi
    cargo build --quiet --locked --release
    for form in stderr csvlog jsonlog mysql; do
        for threads in 1 2; do
            measure "$form, $threads thread(s)" "$folder/$form" \
                target/release/whyslow diagnose "$folder/$form" --threads "$threads" --format json --output /dev/null
        done
    done
    [ "$peers" = no ] || measure_peers
}

# Leaves once.stderr, once.csvlog and once.jsonlog in the folder.
record_postgresql() {
    local protocol form written=$scratch/logs
    mkdir -m 777 "$written"
    start_postgresql logging_collector=on log_destination=stderr,csvlog,jsonlog log_directory="$written" \
        log_filename=server.log log_rotation_size=0 log_rotation_age=0 log_file_mode=0644 log_temp_files=0 \
        log_min_duration_statement=0 log_lock_waits=on log_timezone=UTC work_mem=64kB
    "$postgresql/createdb" shop
    export PGDATABASE=shop
    psql --quiet --no-psqlrc --file "$logs/schema.sql"
    for protocol in simple extended prepared; do
        "$postgresql/pgbench" --no-vacuum --client 4 --transactions 400 --protocol "$protocol" \
            --file "$logs/loop.sql@20" --file "$logs/order.sql@20" --file "$logs/report.sql@1" shop >/dev/null 2>&1
        psql --quiet --no-psqlrc --output /dev/null --file "$logs/mixed.sql" 2>/dev/null || true
    done
    for form in stderr:log csvlog:csv jsonlog:json; do
        cp "$written/server.${form#*:}" "$folder/once.${form%:*}"
    done
}

# Leaves once.mysql in the folder.
record_mariadb() {
    local client clients=()
    start_mariadb --skip-log-bin
    as_root chmod -R a+rX "$scratch/mariadb"
    mariadb --no-defaults --user=root --execute "CREATE DATABASE shop; SET GLOBAL long_query_time = 0,
        slow_query_log_file = '$scratch/mariadb/slow.log', log_slow_verbosity = 'full', slow_query_log = ON"
    mariadb --no-defaults --user=root shop <"$logs/mariadb/schema.sql"
    for client in text prepared text prepared; do
        perl "$logs/mariadb/sessions.pl" "$client" 100 &
        clients+=("$!")
    done
    for client in "${clients[@]}"; do
        wait "$client"
    done
    mariadb --no-defaults --user=root --force --comments shop <"$logs/mariadb/mixed.sql" >/dev/null 2>&1 || true
    as_root cat "$scratch/mariadb/slow.log" >"$folder/once.mysql"
}

# measure NAME LOG COMMAND...: the quickest of three runs, and the largest peak of them.
measure() {
    local name=$1 log=$2 times=$scratch/times
    shift 2
    : >"$times"
    for _ in 1 2 3; do
        /usr/bin/time --append --output "$times" --format '%U %S %e %M' "$@" >/dev/null 2>"$scratch/messages" ||
            { tail -n 5 "$scratch/messages" "$times" >&2 && return 1; }
    done
    awk -v name="$name" -v bytes="$(stat --format %s "$log")" '
        { cpu = $1 + $2; if (NR == 1 || cpu < least) { least = cpu; wall = $3 } if ($4 > peak) peak = $4 }
        END { printf "%-28s %6.0f MB per CPU second  %6.2f CPU s  %6.2f s  peak %4.0f MB\n", name, bytes / 1e6 / least,
                     least, wall, peak / 1000 }' "$times"
}

measure_peers() {
    packages pgbadger percona-toolkit
    local form
    for form in stderr csvlog jsonlog mysql; do
        head -c 10000000 "$folder/$form" >"$scratch/first.$form"
    done
    for form in stderr:stderr csvlog:csv jsonlog:jsonlog; do
        measure "pgbadger, ${form%:*}" "$scratch/first.${form%:*}" pgbadger --quiet --jobs 1 --format "${form#*:}" \
            --outfile "$scratch/pgbadger.html" "$scratch/first.${form%:*}"
    done
    measure "pt-query-digest, mysql" "$scratch/first.mysql" pt-query-digest "$scratch/first.mysql"
}

main
