#!/usr/bin/env bash
# Compares what whyslow counts in the logs of a live PostgreSQL with what the server counted itself.
#
#   tests/postgres_logs.sh            all settings
#   tests/postgres_logs.sh NAME...    those that are named, as in logs/settings.tsv
#
# One workload (simple, extended and prepared protocol, cursors, functions, errors, texts of several lines)
# runs under each setting of logs/settings.tsv, and the server writes its log to stderr, as csvlog and as
# jsonlog. The three, also in envelopes (logs/wrap.py), must give the same counts and times, and where the setting logs every execution the
# calls of each statement must be those of pg_stat_statements. logs/compare.py says what is compared, and which
# differences there are by design.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
. fixtures/recording/servers.sh

logs=$PWD/tests/logs

main() {
    cargo build --quiet --locked --example shape_ids --bin whyslow
    whyslow=$(realpath "${WHYSLOW:-target/debug/whyslow}")
    mkdir -m 777 "$scratch/logs"
    start_postgresql shared_preload_libraries=pg_stat_statements,auto_explain logging_collector=on \
        log_destination=stderr,csvlog,jsonlog log_directory="$scratch/logs" log_rotation_size=0 log_rotation_age=0 \
        log_file_mode=0644 log_connections=on log_disconnections=on log_lock_waits=on log_temp_files=0 \
        deadlock_timeout=100ms work_mem=64kB
    createdb shop
    export PGDATABASE=shop
    psql --quiet --no-psqlrc --command 'CREATE EXTENSION pg_stat_statements'
    psql --quiet --no-psqlrc --file "$logs/schema.sql"
    local name settings counted status=0
    while IFS=$'\t' read -r name counted settings; do
        case $name in '' | '#'*) continue ;; esac
        if [ "$#" = 0 ] || [[ " $* " == *" $name "* ]]; then
            record "$name" "$settings"
            python3 "$logs/compare.py" "$name" "$counted" "$scratch/$name" "$whyslow" \
                target/debug/examples/shape_ids || status=1
        fi
    done <"$logs/settings.tsv"
    check_statistics || status=1
    check_since_last || status=1
    [ "$status" = 0 ]
}

# What the server has counted by now is read the same from each form that psql writes.
check_statistics() {
    local form told status=0
    for form in --csv --no-align --expanded ''; do
        # shellcheck disable=SC2086
        psql --no-psqlrc --quiet $form --output "$scratch/statistics" --command 'SELECT * FROM pg_stat_statements
            WHERE calls > 0 AND query NOT LIKE $$%pg_stat_statements%$$'
        told=$("$whyslow" diagnose "$scratch/statistics" --format json | python3 -c \
            'import json, sys; logged = json.load(sys.stdin)["logged"]; print(logged["executions"], round(logged["time_ns"] / 1e7))')
        sql "SELECT sum(calls) || ' ' || round(sum(total_exec_time)::numeric / 10) FROM pg_stat_statements
            WHERE calls > 0 AND query NOT LIKE '%pg_stat_statements%'" >"$scratch/counted"
        [ "$told" = "$(cat "$scratch/counted")" ] ||
            { echo "statistics ${form:-aligned}: $told, and the server says $(cat "$scratch/counted")"; status=1; }
    done
    return "$status"
}

# What a log holds is told once by several runs, also where it is compressed in between.
check_since_last() {
    local log=$scratch/logs/since-last.log told=0 whole
    set_all "log_min_duration_statement=0" since-last
    workload
    told=$((told + $(executions "$log" --since-last --state "$scratch/state")))
    workload
    told=$((told + $(executions "$log" --since-last --state "$scratch/state")))
    workload
    set_all "log_min_duration_statement=-1" after-since-last
    gzip "$log"
    told=$((told + $(executions "$log.gz" --since-last --state "$scratch/state")))
    whole=$(executions "$log.gz")
    [ "$told" = "$whole" ] || { echo "since the last time: $told executions, and the log has $whole"; return 1; }
}

# executions ARGUMENT...: how many a diagnosis tells of.
executions() {
    "$whyslow" diagnose "$@" --format json |
        python3 -c 'import json, sys; print(json.load(sys.stdin)["logged"]["executions"])'
}

# record NAME SETTINGS: leaves NAME.log, NAME.csv, NAME.json and NAME.counts.json in the scratch folder.
record() {
    local name=$1 setting folder=$scratch/$1
    mkdir -p "$folder"
    set_all "$2" "$name"
    sql 'SELECT pg_stat_statements_reset()' >/dev/null
    workload
    # What the server counted, before anything else runs.
    sql "SELECT coalesce(json_agg(json_build_object('query', query, 'calls', calls)), '[]') FROM pg_stat_statements s
         JOIN pg_database d ON d.oid = s.dbid WHERE d.datname = 'shop'" >"$folder/counts.json"
    set_all "log_min_duration_statement=-1" after
    local form
    for form in log csv json; do
        # What was asked before the workload began is not part of it.
        cp "$scratch/logs/$name.$form" "$folder/whole.$form"
    done
    case $name in
        prefix_empty) wrapped docker log ;;
        prefix_session) wrapped cri log ;;
        stmt_all_duration) wrapped journal log ;;
        explain_json) wrapped syslog log ;;
        params_off) wrapped docker csv ;;
        params_cut20) wrapped cloudnativepg csv ;;
        prefix_cloudsql) wrapped cloud log ;;
        prefix_azure) wrapped azure log ;;
        explain_text) wrapped cri json ;;
    esac
}

# wrapped ENVELOPE FORM: leaves NAME.FORM.ENVELOPE of the setting that was recorded last.
wrapped() {
    python3 "$logs/wrap.py" "$1" <"$folder/whole.$2" >"$folder/whole.$2.$1"
}

# set_all 'SETTING=VALUE;...' FILE: resets everything else that a setting changes; the log goes on in another file.
set_all() {
    local setting
    {
        for setting in log_line_prefix log_min_duration_statement log_statement log_duration \
            log_min_duration_sample log_statement_sample_rate log_transaction_sample_rate \
            log_parameter_max_length log_error_verbosity log_statement_stats auto_explain.log_min_duration \
            auto_explain.log_format auto_explain.log_nested_statements auto_explain.sample_rate; do
            echo "ALTER SYSTEM RESET $setting;"
        done
        tr ';' '\n' <<<"$1" | while IFS='=' read -r setting value; do
            [ -z "$setting" ] || echo "ALTER SYSTEM SET $setting = '${value//\'/\'\'}';"
        done
        echo "ALTER SYSTEM SET log_filename = '$2.log';"
        echo "SELECT pg_reload_conf();"
    } | unlogged psql --quiet --no-psqlrc --output /dev/null --set ON_ERROR_STOP=1
    local until=$((SECONDS + 20))
    until [ -s "$scratch/logs/$2.json" ]; do
        sql 'SELECT pg_rotate_logfile()' >/dev/null
        [ "$SECONDS" -lt "$until" ] || { echo "error: the server writes no $2.json" >&2; return 1; }
        sleep 0.2
    done
}

sql() {
    unlogged psql --no-psqlrc --quiet --tuples-only --no-align --command "$1"
}

# unlogged COMMAND...: with sessions of which the log tells nothing but that they came and went. The server writes the three
# logs one after the other, so that what is logged while they change may be in one of them alone.
unlogged() {
    PGOPTIONS='-c log_min_duration_statement=-1 -c log_min_duration_sample=-1 -c log_transaction_sample_rate=0
        -c log_statement=none -c log_duration=off -c log_statement_stats=off -c auto_explain.log_min_duration=-1' "$@"
}

# The same under each setting: what its sessions are called tells them from those of this script.
workload() {
    local protocol
    export PGAPPNAME=workload
    for protocol in simple extended prepared; do
        "$postgresql/pgbench" --no-vacuum --client 4 --transactions 12 --protocol "$protocol" \
            --file "$logs/loop.sql@2" --file "$logs/order.sql@2" --file "$logs/report.sql@1" shop >/dev/null 2>&1
    done
    psql --quiet --no-psqlrc --output /dev/null --file "$logs/mixed.sql" 2>/dev/null || true
    unset PGAPPNAME
}

main "$@"
