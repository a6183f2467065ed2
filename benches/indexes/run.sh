#!/usr/bin/env bash
# How good index advice is, measured on a PostgreSQL of its own: see README.md.
#
#   benches/indexes/run.sh truth [ID...]                 measures what indexes give, and writes truth.tsv
#   benches/indexes/run.sh advice FILE [--offline]       measures the advice in FILE and says whether it is good enough
#   benches/indexes/run.sh inputs FOLDER                 writes ID.sql and ID.plan.json of each statement
#   benches/indexes/run.sh serve                         loads, says how to connect, and waits for Ctrl-C
#
# Where PGDATABASE names what `serve` has loaded, that is used instead of a new server.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
serving=${PGDATABASE:-}
. "$here/../../fixtures/recording/servers.sh"

main() {
    case ${1:-} in
        truth | advice | inputs | serve) ;;
        *) sed -n '2,/^set/{/^set/d;s/^# \{0,1\}//;p}' "${BASH_SOURCE[0]}" >&2 && exit 2 ;;
    esac
    local environment=${ENVIRONMENTS:-$scratch}/indexes
    if [ "$serving" = "" ]; then
        load
    fi
    if [ "$1" = serve ]; then
        echo "export PGHOST=$PGHOST PGPORT=$PGPORT PGUSER=$PGUSER PGDATABASE=$PGDATABASE"
        background waiting sleep infinity
        wait
        return
    fi
    python_environment "$here/requirements.txt" "$environment"
    "$environment/bin/python" "$here/measure.py" "$@"
}

# Everything stays in memory, nothing runs beside the statement that is measured, and costs are PostgreSQL's own.
load() {
    start_postgresql shared_preload_libraries=pg_stat_statements shared_buffers=1GB effective_cache_size=4GB \
        wal_level=minimal max_wal_senders=0 max_wal_size=8GB full_page_writes=off \
        autovacuum=off max_parallel_workers_per_gather=0 jit=off timezone=UTC
    local started=$SECONDS
    psql --quiet --no-psqlrc --set ON_ERROR_STOP=1 --command "CREATE DATABASE bench TEMPLATE template0
        LOCALE_PROVIDER icu ICU_LOCALE 'en-US'"
    export PGDATABASE=bench
    psql --quiet --no-psqlrc --set ON_ERROR_STOP=1 --command 'CREATE EXTENSION pg_stat_statements' \
        --file "$here/schema.sql" --file "$here/data.sql" --output /dev/null
    echo "loaded in $((SECONDS - started)) s" >&2
}

main "$@"
