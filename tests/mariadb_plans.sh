#!/usr/bin/env bash
# Reads plans of a live MariaDB in all its forms, and builds there the indexes that are proposed for them.
#
#   tests/mariadb_plans.sh            all tests
#   tests/mariadb_plans.sh WORD...    those with a word in their name
#
# The server is private and ends with the script.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
. fixtures/recording/servers.sh

main() {
    cargo test --quiet --locked --test mariadb_plans --no-run
    start_mariadb --innodb-stats-auto-recalc=OFF
    mariadb --no-defaults --user=root --execute 'CREATE DATABASE shop'
    mariadb --no-defaults --user=root shop <tests/mariadb_plans/schema.sql >/dev/null
    # One after the other: each counts what its sessions read, of tables without the indexes of another.
    cargo test --quiet --locked --test mariadb_plans -- --test-threads 1 "$@"
}

main "$@"
