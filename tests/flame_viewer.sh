#!/usr/bin/env bash
# Opens pages of `whyslow flame` in a headless Chromium, which is installed where it is missing, and uses them as people do.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
. tests/packages.sh

need_browser() {
    local name
    for name in chromium chromium-browser google-chrome google-chrome-stable; do
        if command -v "$name" >/dev/null; then
            return
        fi
    done
    need chromium chromium
}

need python3 python3
need_browser
cargo build --locked --quiet --bin whyslow
python3 tests/flame_viewer/test.py "${CARGO_TARGET_DIR:-target}/debug/whyslow" "$@"
