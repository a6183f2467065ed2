#!/usr/bin/env bash
# Serves one application, asks each of its endpoints, ends it. Started by published_applications.sh.
#
#   serve_and_ask.sh APPLICATION PORT SIZE COUNTS
set -euo pipefail
here="$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)"
. "$here/../../fixtures/recording/ports.sh"

end_server() {
    local status=$?
    kill -TERM "$server" 2>/dev/null || true
    wait "$server" || true
    exit "$status"
}

(cd "$1" && PYTHONDONTWRITEBYTECODE=1 exec ./serve "$2" >>"$LOG" 2>&1) &
server=$!
trap end_server EXIT
wait_for_port "$2"
python3 "$here/ask.py" "$2" "$1/requests.json" "$3" "$4"
