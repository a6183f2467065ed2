#!/usr/bin/env bash
# Records programs with perf and compares the functions that whyslow names in `perf.data` with those of `perf script`. Needs perf and a
# machine that lets it record.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
. tests/packages.sh
need perf linux-perf
need g++ g++

cargo build --quiet --locked
whyslow=${CARGO_TARGET_DIR:-$PWD/target}/debug/whyslow
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT

gcc -O1 -g -fno-omit-frame-pointer -o "$folder/spin" profiles/tests/fixtures/perf/spin.c -lpthread
g++ -O2 -g -fno-omit-frame-pointer -o "$folder/shop" tests/perf_symbols/shop.cpp
strip -o "$folder/stripped" "$folder/shop"

# Builds are told of what samples are in, or of all that is mapped; a stripped program has no functions of its own.
for record in "spin" "shop" "shop --buildid-mmap" "stripped"; do
    read -r program option <<<"$record"
    # shellcheck disable=SC2086 # No option is no word.
    perf record --quiet --no-buildid-cache $option -g -e cpu-clock -F 199 -o "$folder/perf.data" -- "$folder/$program" >"$folder/out"
    perf script -i "$folder/perf.data" >"$folder/perf.txt" 2>"$folder/err"
    "$whyslow" flame --format folded "$folder/perf.data" >"$folder/ours"
    "$whyslow" flame --format folded "$folder/perf.txt" >"$folder/theirs"
    echo "$record"
    if [ "$program" = stripped ]; then
        grep -q '\[stripped\]' "$folder/ours"
    else
        python3 tests/perf_symbols/compare.py "$folder/ours" "$folder/theirs"
    fi
done

# Another program at the same path is not the one that was recorded.
cp "$folder/spin" "$folder/shop.new"
mv "$folder/shop.new" "$folder/stripped"
"$whyslow" flame --format folded "$folder/perf.data" >"$folder/ours"
if grep -q 'work' "$folder/ours"; then
    echo "functions of another build were named" >&2
    exit 1
fi
