#!/usr/bin/env bash
# CPU seconds by stage, on generated traces in each form.
# usage: benches/stages.sh [SPANS] [FOLDER]     (1000000 spans, in a temporary folder)
set -eu
cd "$(dirname "$0")/.."
spans=${1:-1000000}
folder=${2:-$(mktemp -d)}
[ $# -ge 2 ] || trap 'rm -rf "$folder"' EXIT
mkdir -p "$folder"

cargo build --quiet --release --example generate
for form in document lines protobuf; do
  [ -s "$folder/$form-$spans" ] || target/release/examples/generate "$spans" "$form" "$folder/$form-$spans"
done

echo "== read, decode and type, one thread"
cargo bench --quiet --bench read -- "$folder/document-$spans" "$folder/lines-$spans" "$folder/protobuf-$spans"
echo "== the same with two threads"
cargo bench --quiet --bench read -- --threads 2 "$folder/lines-$spans" "$folder/protobuf-$spans"
echo "== from file to report, by stage"
cargo bench --quiet --bench pipeline -- "$folder/document-$spans" "$folder/lines-$spans" "$folder/protobuf-$spans"
echo "== the program, one thread and two: CPU seconds, wall seconds, peak KB"
cargo build --quiet --release
for form in document lines protobuf; do
  for threads in 1 2; do
    /usr/bin/time -f "$form, $threads: %U + %S s, %e s, %M KB" \
      target/release/whyslow diagnose "$folder/$form-$spans" --threads "$threads" --format json --output /dev/null
  done
done
