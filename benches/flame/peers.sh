#!/usr/bin/env bash
# What pages, pictures and differences cost beside inferno's: CPU seconds, peak memory, bytes of the result; and how long a search
# takes in the browser.
#
#   benches/flame/peers.sh [FOLDER]     keeps what is generated there: 1.5 GB
#
# Installs inferno where it is missing.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."

folder=${1:-$(mktemp -d)}
mkdir -p "$folder"
if [ $# = 0 ]; then
    trap 'rm -rf "$folder"' EXIT
fi

inferno=${INFERNO:-$folder/inferno}
if [ ! -x "$inferno/bin/inferno-flamegraph" ]; then
    cargo install --quiet --locked --version ^0.12 --root "$inferno" inferno
fi
cargo build --quiet --release -p whyslow-flame --example draw_profile
cargo build --quiet --release -p whyslow-profiles --example generate_profile
programs=${CARGO_TARGET_DIR:-target}/release/examples

# generate NAME STACKS SEED
generate() {
    if [ ! -e "$folder/$1" ]; then
        "$programs/generate_profile" "$2" folded "$folder/$1" "$3"
    fi
}

# cost WHAT RESULT COMMAND...: the best of three.
cost() {
    python3 benches/flame/cost.py "$@"
}

generate small.folded 400000 1
generate before.folded 2000000 1
generate after.folded 2000000 2

draw=$programs/draw_profile
peer=$inferno/bin/inferno-flamegraph
cost "page, 607 MB" "$folder/page.html" "$draw" html "$folder/page.html" "$folder/before.folded"
cost "picture, 607 MB" "$folder/ours.svg" "$draw" svg "$folder/ours.svg" "$folder/before.folded"
cost "picture by inferno, 607 MB" "$folder/theirs.svg" "$peer" "$folder/before.folded" ">$folder/theirs.svg"
cost "page, 121 MB" "$folder/small.html" "$draw" html "$folder/small.html" "$folder/small.folded"
cost "picture by inferno with every box, 121 MB" "$folder/all.svg" "$peer" --minwidth 0 "$folder/small.folded" ">$folder/all.svg"
cost "difference, 607 and 607 MB" "$folder/difference.html" \
    "$draw" html "$folder/difference.html" "$folder/before.folded" "$folder/after.folded"
cost "lines of the difference by inferno" "$folder/difference.folded" \
    "$inferno/bin/inferno-diff-folded" "$folder/before.folded" "$folder/after.folded" ">$folder/difference.folded"
cost "its picture by inferno" "$folder/difference.svg" "$peer" "$folder/difference.folded" ">$folder/difference.svg"
python3 benches/flame/search.py "$folder/small.html" "$folder/page.html" "$folder/difference.html"
