#!/usr/bin/env bash
# Checks everything: format, lints, tests, documentation. Installs what is missing.
#
#   tests/run.sh          what every change must pass; under 20 minutes with a cold build on 2 cores
#   tests/run.sh --all    also licences, the recording scripts and long runs
#
# Ends with 0 only when every step passed. Needs Rust (rustup.rs) and, to install the rest, root or
# sudo on Debian or a relative.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
. tests/packages.sh

cargo_deny_version=0.20.2

usage() {
    sed -n '2,/^set/{/^set/d;s/^# \{0,1\}//;p}' "${BASH_SOURCE[0]}"
}

main() {
    local all=no word
    for word in "$@"; do
        case $word in
        --all) all=yes ;;
        -h | --help) usage && exit 0 ;;
        *) usage >&2 && exit 2 ;;
        esac
    done
    install_tools
    every_change
    if [ "$all" = yes ]; then
        before_a_release
    fi
    report
}

install_tools() {
    need cc build-essential
    need zstd zstd
    need shellcheck shellcheck
    need_postgresql
    need python3 python3
    packages python3-venv
    if ! command -v cargo >/dev/null; then
        echo "error: cargo is not there; install Rust $(minimal_rust) or newer from https://rustup.rs" >&2
        exit 1
    fi
    if ! cargo fmt --version >/dev/null 2>&1 || ! cargo clippy --version >/dev/null 2>&1; then
        rustup component add rustfmt clippy
    fi
}

minimal_rust() {
    sed -n 's/^rust-version = "\(.*\)"/\1/p' Cargo.toml
}

every_change() {
    step "format" cargo fmt --all --check
    step "scripts" check_scripts
    step "lints" cargo clippy --locked --workspace --all-targets -- -D warnings
    step "lints without features" \
        cargo clippy --locked --workspace --all-targets --no-default-features -- -D warnings
    step "tests" cargo test --locked --workspace --no-fail-fast
    step "logs of a live PostgreSQL" tests/postgres_logs.sh
    step "a live PostgreSQL" tests/live_postgres.sh
    step "logs of a live MariaDB" tests/mariadb_logs.sh
    step "plans of a live MariaDB" tests/mariadb_plans.sh
    step "logs of live web servers" tests/access_logs.sh
    step "flame graphs in a browser" tests/flame_viewer.sh
    step "documentation" \
        env RUSTDOCFLAGS="-D warnings" cargo doc --locked --workspace --no-deps --document-private-items
}

before_a_release() {
    step "licences" check_licences
    step "release build" cargo build --locked --release
    step "live recording" tests/live_recording.sh
    step "load tools" tests/load_tools.sh
    step "functions of perf's recordings" tests/perf_symbols.sh
    step "PostgreSQL 10 to 18" tests/postgres_versions.sh
    step "published applications" tests/published_applications.sh
}

check_scripts() {
    local script
    while IFS= read -r script; do
        bash -n "$script"
        shellcheck --external-sources --exclude=SC1091 --shell=bash "$script"
    done < <(git ls-files '*.sh' .ci/run 'fixtures/recording/apps/*/serve' 'tests/published/*/create' \
        'tests/published/*/fill' 'tests/published/*/serve' 'tests/published/*/environment')
    git ls-files '*.py' |
        xargs python3 -c 'import ast, sys; [ast.parse(open(name).read(), name) for name in sys.argv[1:]]'
}

check_licences() {
    if ! cargo deny --version >/dev/null 2>&1; then
        cargo install --locked --version "$cargo_deny_version" cargo-deny
    fi
    cargo deny --locked check bans licenses sources
}

passed=()
failed=()

# step NAME COMMAND...: runs on after a failure, so that one run shows them all.
step() {
    local name=$1 started=$SECONDS
    shift
    printf '\n== %s\n' "$name"
    # Not the condition of an `if`: bash would then ignore failures inside functions.
    set +e
    (
        set -e
        "$@"
    )
    local status=$?
    set -e
    if [ "$status" = 0 ]; then
        passed+=("$name ($((SECONDS - started)) s)")
    else
        failed+=("$name ($((SECONDS - started)) s, exit code $status)")
    fi
}

report() {
    printf '\n'
    printf 'passed  %s\n' "${passed[@]}"
    if [ "${#failed[@]}" -gt 0 ]; then
        printf 'FAILED  %s\n' "${failed[@]}"
        exit 1
    fi
}

main "$@"
