#!/usr/bin/env bash
# Builds the program for the way it is used (profile-guided optimization), in target/profile-guided/.
#
#   benches/profile_guided.sh [INPUT...]     (diagnosed while it learns, beside the recorded cases)
#
# The compiler's own tools are needed: rustup component add llvm-tools. Without inputs it learns from 200,000 generated spans
# in each form. docs/performance.md says what it wins.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
host=$(rustc --print host-tuple)
profdata=$(rustc --print sysroot)/lib/rustlib/$host/bin/llvm-profdata
target=$PWD/target/profile-guided
[ -x "$profdata" ] || { echo "llvm-profdata is missing: rustup component add llvm-tools" >&2 && exit 1; }

main() {
    rm -rf "$target/seen"
    build learning "-Cprofile-generate=$target/seen"
    learn "$target/learning/$host/release/whyslow" "$@"
    "$profdata" merge --output "$target/seen.profdata" "$target/seen"
    build . "-Cprofile-use=$target/seen.profdata"
    echo "$target/$host/release/whyslow"
}

# build FOLDER FLAG: a target of its own keeps build scripts out of it.
build() {
    RUSTFLAGS=$2 cargo build --quiet --locked --release --target "$host" --target-dir "$target/$1"
}

# learn PROGRAM INPUT...
learn() {
    local input program=$1
    shift
    [ $# -gt 0 ] || { generate && set -- "$target"/spans-*; }
    for input in "$@" fixtures/*/; do
        # A folder may hold nothing that can be diagnosed.
        "$program" diagnose "$input" --threads 1 --format json --output /dev/null 2>/dev/null || true
    done
}

generate() {
    local form
    cargo build --quiet --locked --release --example generate
    for form in document lines protobuf; do
        target/release/examples/generate 200000 "$form" "$target/spans-$form"
    done
}

main "$@"
