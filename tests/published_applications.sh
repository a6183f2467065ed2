#!/usr/bin/env bash
# Compares the loops that whyslow finds in published applications with what the database counted.
#
#   tests/published_applications.sh            all of them
#   tests/published_applications.sh indico     those that are named
#
# Each application is installed from its registry, filled with 5 and then with 20 objects, and served
# under `whyslow run` with the instrumentation that anyone would use; its database is 1 ms away. Every
# endpoint is asked several times, and pg_stat_statements tells how often each statement ran for one
# request. A statement that runs more often where there is more data is a loop. The n-plus-one findings
# of the endpoint must be these statements and no others; published/compare.py says how they are compared.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
. fixtures/recording/servers.sh

sizes=(5 20)

main() {
    need node nodejs
    need npm npm
    need redis-server redis-server
    need_python
    cargo build --quiet --locked --example shape_ids
    need_whyslow
    whyslow=$(realpath "$whyslow")
    start_postgresql max_connections=100 shared_preload_libraries=pg_stat_statements \
        pg_stat_statements.track_utility=off
    psql --quiet --no-psqlrc --command 'CREATE EXTENSION pg_stat_statements'
    start_network 1 "$PGPORT"
    cache_port=$(free_port)
    background cache redis-server --bind 127.0.0.1 --port "$cache_port" --save '' --dir "$scratch"
    wait_for_port "$cache_port"
    export CACHE_URL="redis://127.0.0.1:$cache_port/0"
    if [ "$#" = 0 ]; then
        set -- pretalx indico parse-server
    fi
    local name status=0
    # The next one is checked even if one fails.
    for name in "$@"; do
        set +e
        (set -e && check "$name")
        status=$((status + $?))
        set -e
    done
    [ "$status" = 0 ]
}

# Indico compiles its database driver, and there is none of this version for Python 3.12 and later.
need_python() {
    need cc build-essential
    need pg_config libpq-dev
    if ! python3 -c 'import os, sysconfig; os.stat(sysconfig.get_path("include") + "/Python.h")' 2>/dev/null; then
        packages python3-dev
    fi
    if ! python3 -c 'import sys; sys.exit(not (3, 10) <= sys.version_info < (3, 12))'; then
        echo "error: the applications need Python 3.10 or 3.11 as python3" >&2
        return 1
    fi
}

# check NAME: fails with the difference between the findings and the counts.
check() {
    local name=$1 size
    application=$PWD/tests/published/$1
    export ENVIRONMENT=${ENVIRONMENTS:-$scratch/environments}/$name DATA=$scratch/data/$name LOG=$scratch/application.log
    mkdir -p "$ENVIRONMENT" "$DATA"
    install
    createdb "${name}_empty"
    PGDATABASE=${name}_empty in_application ./create
    for size in "${sizes[@]}"; do
        createdb --template "${name}_empty" "${name}_$size"
        PGDATABASE=${name}_$size SIZE=$size in_application ./fill
        observe "$name" "$size"
    done
    python3 tests/published/compare.py "$name" "$scratch/$name" "${sizes[@]}" target/debug/examples/shape_ids
}

install() {
    if [ -f "$application/requirements.txt" ]; then
        python_environment "$application/requirements.txt" "$ENVIRONMENT"
    else
        cp "$application/package.json" "$ENVIRONMENT"
        npm install --prefix "$ENVIRONMENT" --silent --no-audit --no-fund --no-package-lock
    fi
}

in_application() {
    (cd "$application" && PYTHONDONTWRITEBYTECODE=1 "$@" >>"$LOG" 2>&1)
}

# observe NAME SIZE: leaves NAME.SIZE.counts.json and NAME.SIZE.report.json in the scratch folder.
observe() {
    local port into=$scratch/$1.$2
    port=$(free_port)
    echo "$1 with $2 objects"
    env COUNTS_PORT="$PGPORT" PGPORT="$network_port" PGDATABASE="$1_$2" OTEL_SERVICE_NAME="$1" \
        "$whyslow" run --save "$into.otlp" --format json -- bash tests/published/serve_and_ask.sh \
        "$application" "$port" "$2" "$into.counts.json" >"$into.report.json" 2>>"$scratch/run.log"
}

main "$@"
