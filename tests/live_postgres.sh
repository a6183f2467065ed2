#!/usr/bin/env bash
# Asks a live PostgreSQL for what whyslow asks one for: plans, its catalogue, statements, and proof of indexes.
#
#   tests/live_postgres.sh            all tests
#   tests/live_postgres.sh WORD...    those with a word in their name
#
# POSTGRESQL=FOLDER names the programs of another server, without HypoPG and pg_basebackup: what needs them is left to a run
# without it. The server is private and ends with the script. It has a certificate that it signed itself, for another host.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
. fixtures/recording/servers.sh

main() {
    cargo build --quiet --locked --example prove_index
    cargo test --quiet --locked --test live_postgres --no-run
    certificate
    need_postgresql
    local without=()
    if [ -n "${POSTGRESQL:-}" ]; then
        without=(--skip the_planner_says_what_it_would_use)
    else
        need_hypopg
    fi
    start_postgresql shared_preload_libraries=pg_stat_statements ssl=on ssl_cert_file="$scratch/tls/server.crt" \
        ssl_key_file="$scratch/tls/server.key" max_connections=40 autovacuum=off
    createdb shop
    export PGDATABASE=shop
    psql --quiet --no-psqlrc --set ON_ERROR_STOP=1 --file tests/live/schema.sql
    export WHYSLOW_CERTIFICATE=$scratch/tls/server.crt WHYSLOW_SOCKET=$scratch/database PGPASSFILE=$scratch/none
    # Of any version.
    WHYSLOW_PGBENCH=$(postgresql_programs)/pgbench
    export WHYSLOW_LOG=$database_folder/server.log WHYSLOW_PGBENCH
    # One after the other: each counts the sessions of the server.
    cargo test --quiet --locked --test live_postgres -- --test-threads 1 "${without[@]}" "$@"
    if [ -n "${POSTGRESQL:-}" ]; then
        return
    fi
    attach_a_replica
    local status=0
    cargo test --quiet --locked --test live_postgres -- --test-threads 1 --ignored "$@" || status=$?
    as_database_user "$postgresql/pg_ctl" -D "$scratch/standby" -m immediate -w stop >/dev/null
    return "$status"
}

# A standby that follows the server.
attach_a_replica() {
    export WHYSLOW_STANDBY_PORT
    WHYSLOW_STANDBY_PORT=$(free_port)
    mkdir -m 700 "$scratch/standby"
    if [ "$(id -u)" = 0 ]; then
        chown postgres "$scratch/standby"
    fi
    (cd / && as_database_user "$postgresql/pg_basebackup" --host "$PGHOST" --port "$PGPORT" --username shop \
        --pgdata "$scratch/standby" --write-recovery-conf --checkpoint fast --no-sync 2>"$scratch/basebackup.log")
    (cd / && as_database_user "$postgresql/pg_ctl" -D "$scratch/standby" -w -l "$scratch/standby/server.log" \
        -o "-p $WHYSLOW_STANDBY_PORT -k $scratch/database" start >/dev/null)
    local tries=0
    until [ "$(psql -XAtc 'SELECT count(*) FROM pg_stat_replication')" = 1 ]; do
        tries=$((tries + 1))
        if [ "$tries" -gt 200 ]; then
            echo "error: the standby does not follow" >&2
            return 1
        fi
        sleep 0.1
    done
}

certificate() {
    need openssl openssl
    mkdir -m 755 "$scratch/tls"
    openssl req -new -x509 -nodes -days 2 -subj /CN=other.example -addext subjectAltName=DNS:other.example \
        -newkey rsa:2048 -keyout "$scratch/tls/server.key" -out "$scratch/tls/server.crt" 2>"$scratch/openssl.log"
    chmod 600 "$scratch/tls/server.key"
    if [ "$(id -u)" = 0 ]; then
        chown postgres "$scratch/tls/server.key"
    fi
}

main "$@"
