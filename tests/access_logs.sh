#!/usr/bin/env bash
# Compares what whyslow reads in the access logs of live web servers with what their clients counted and measured.
#
#   tests/access_logs.sh            nginx, HAProxy and gunicorn
#   tests/access_logs.sh NAME...    those that are named
#
# fixtures/record_logs.sh starts the servers and sends the requests; logs/access.py says what is compared.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
. fixtures/recording/servers.sh

main() {
    if [ "$#" = 0 ]; then
        set -- nginx haproxy gunicorn
    fi
    cargo build --quiet --locked --bin whyslow
    local name status=0
    for name in "$@"; do
        mkdir "$scratch/$name"
        RECORD_INTO=$scratch/$name MEASURE_INTO=$scratch/$name fixtures/record_logs.sh "$name"
        python3 tests/logs/access.py "$scratch/$name" "${WHYSLOW:-target/debug/whyslow}" || status=1
    done
    [ "$status" = 0 ]
}

main "$@"
