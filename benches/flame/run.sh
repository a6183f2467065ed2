#!/usr/bin/env bash
# Generates profiles and says what reading them costs. Needs 1.5 GB in the temporary folder.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT

generate() {
    cargo run --quiet --release -p whyslow-profiles --example generate_profile -- "$@"
}

generate 2000000 folded "$folder/stacks.folded"
generate 250000 perf "$folder/perf.txt"
for file in "$folder"/*; do
    # A process for each: the peak of memory is the process's.
    cargo bench --quiet -p whyslow-profiles --bench read_profiles -- "$file"
done
