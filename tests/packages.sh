# Installing what is missing, from the distribution's packages. Sourced, not run.
#
# The commands work as root and as a user who may use sudo, on Debian and its relatives.

# Runs a command as root.
as_root() {
    if [ "$(id -u)" = 0 ]; then
        "$@"
    else
        sudo "$@"
    fi
}

# Runs a command with package services held back: a database server that comes with a package must
# not start on the machine's own ports.
without_services() {
    local policy=/usr/sbin/policy-rc.d status=0
    if [ -e "$policy" ]; then
        "$@"
        return
    fi
    printf '#!/bin/sh\nexit 101\n' | as_root tee "$policy" >/dev/null
    as_root chmod 755 "$policy"
    "$@" || status=$?
    as_root rm -f "$policy"
    return "$status"
}

packages_updated=no

# packages NAME...: installs those that are not there.
packages() {
    local name missing=()
    for name in "$@"; do
        if ! dpkg-query -W -f '${Status}' "$name" 2>/dev/null | grep -q 'ok installed'; then
            missing+=("$name")
        fi
    done
    if [ "${#missing[@]}" = 0 ]; then
        return
    fi
    if [ "$packages_updated" = no ]; then
        as_root apt-get update -qq
        packages_updated=yes
    fi
    echo "installing ${missing[*]}"
    without_services as_root env DEBIAN_FRONTEND=noninteractive \
        apt-get install -qq -y --no-install-recommends "${missing[@]}" >/dev/null
}

# need COMMAND PACKAGE: installs the package unless the command is there.
need() {
    if ! command -v "$1" >/dev/null; then
        packages "$2"
    fi
    if ! command -v "$1" >/dev/null; then
        echo "error: $1 is not there although $2 is installed" >&2
        return 1
    fi
}

# Debian keeps the server programs of PostgreSQL off the PATH, and a new package makes a database of
# its own unless it is told not to.
need_postgresql() {
    if [ -z "$(postgresql_programs)" ]; then
        packages postgresql-common
        as_root mkdir -p /etc/postgresql-common/createcluster.d
        echo 'create_main_cluster = false' |
            as_root tee /etc/postgresql-common/createcluster.d/tests.conf >/dev/null
        packages postgresql postgresql-contrib
    fi
    if [ -z "$(postgresql_programs)" ]; then
        echo "error: PostgreSQL is installed, but initdb is not found" >&2
        return 1
    fi
}

# need_hypopg: the extension HypoPG for the PostgreSQL that `need_postgresql` finds.
need_hypopg() {
    local version
    version=$(basename "$(dirname "$(postgresql_programs)")")
    if [ ! -e "/usr/share/postgresql/$version/extension/hypopg.control" ]; then
        packages "postgresql-$version-hypopg"
    fi
}

# The package makes tables for a server of its own, which does not start.
need_mariadb() {
    need mariadbd mariadb-server
    need mariadb-install-db mariadb-server
    # A driver that prepares statements on the server.
    packages libdbd-mariadb-perl
}

# The folder with initdb and postgres, the newest version first; empty when there is none.
postgresql_programs() {
    find /usr/lib/postgresql/*/bin -name initdb -printf '%h\n' 2>/dev/null | sort -V | tail -n 1
}
