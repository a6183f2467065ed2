#!/usr/bin/env bash
# Compares what whyslow counts in the logs of a live MariaDB with what the server counted itself.
#
#   tests/mariadb_logs.sh            all settings
#   tests/mariadb_logs.sh NAME...    those that are named, as in logs/mariadb/settings.tsv
#
# One workload (text and prepared statements, procedures, errors, texts of several lines that look like the log's own)
# runs under each setting of logs/mariadb/settings.tsv. Executions, rows and rows read of each statement must be those of
# the server's performance_schema. logs/mariadb/compare.py says what is compared, and which differences there are by
# design.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
. fixtures/recording/servers.sh

logs=$PWD/tests/logs/mariadb

main() {
    cargo build --quiet --locked --example shape_ids --bin whyslow
    whyslow=$(realpath "${WHYSLOW:-target/debug/whyslow}")
    start_mariadb --performance-schema=ON --performance-schema-instrument='statement/%=ON' \
        --performance-schema-consumer-events-statements-current=ON \
        --performance-schema-consumer-events-statements-history-long=ON \
        --performance-schema-events-statements-history-long-size=20000 \
        --performance-schema-max-sql-text-length=4096 --log-slow-admin-statements=ON
    as_root chmod -R a+rX "$scratch/mariadb"
    sql --execute 'CREATE DATABASE shop'
    sql shop <"$logs/schema.sql"
    local name counted settings status=0
    while IFS=$'\t' read -r name counted settings; do
        case $name in '' | '#'*) continue ;; esac
        if [ "$#" = 0 ] || [[ " $* " == *" $name "* ]]; then
            record "$name" "$settings"
            python3 "$logs/compare.py" "$name" "$counted" "$scratch/$name" "$whyslow" \
                target/debug/examples/shape_ids || status=1
        fi
    done <"$logs/settings.tsv"
    [ "$status" = 0 ]
}

# record NAME SETTINGS: leaves server.log and counts.tsv in the folder NAME.
record() {
    local folder=$scratch/$1 file=$scratch/mariadb/$1.log
    mkdir "$folder"
    sql --execute "SET GLOBAL slow_query_log_file = '$file', long_query_time = 0, log_slow_verbosity = '',
        log_slow_disabled_statements = DEFAULT, log_slow_filter = DEFAULT, log_slow_rate_limit = 1,
        general_log_file = '$file', slow_query_log = ON"
    sql --execute "SET GLOBAL ${2//,log_/, log_}"
    sql --execute "TRUNCATE performance_schema.events_statements_history_long"
    workload
    sql --execute 'SET GLOBAL slow_query_log = OFF, general_log = OFF'
    sql --batch --skip-column-names --execute "
        SELECT json_object('event', event_name, 'text', sql_text, 'errors', errors, 'nested', nesting_event_id IS NOT NULL,
            'rows', CAST(CASE WHEN rows_sent > 0 THEN rows_sent ELSE rows_affected END AS INT), 'examined', rows_examined)
        FROM performance_schema.events_statements_history_long" --raw >"$folder/counts.jsonl"
    as_root cat "$file" >"$folder/server.log"
}

sql() {
    mariadb --no-defaults --user=root "$@"
}

# The same under each setting.
workload() {
    local protocol client clients=()
    for protocol in text prepared; do
        for client in 1 2 3; do
            perl "$logs/sessions.pl" "$protocol" 4 &
            clients+=("$!")
        done
    done
    for client in "${clients[@]}"; do
        wait "$client"
    done
    sql --force --comments shop <"$logs/mixed.sql" >/dev/null 2>&1 || true
}

main "$@"
