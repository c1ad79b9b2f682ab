# shellcheck shell=bash
# A PostgreSQL of the tests' own: a folder and a port, no service, and nothing is kept. Needs apt.sh.

POSTGRES_FOLDER= POSTGRES_URL=

ensure_postgres() { [[ -n $(postgres_programs) ]] || apt_install_without_starting postgresql postgresql.service; }

# start_postgres: leaves its address in POSTGRES_URL, and ends it with the script.
start_postgres() {
    local programs port password
    programs=$(postgres_programs)
    POSTGRES_FOLDER=$(mktemp -d "${TMPDIR:-/tmp}/brokeforge-postgres.XXXXXX")
    AT_EXIT+=(stop_postgres)
    password=$(od -An -N16 -tx1 /dev/urandom | tr -d ' \n')
    printf '%s\n' "$password" >"$POSTGRES_FOLDER/password"
    # It refuses to run as root.
    [[ $(id -u) != 0 ]] || chown -R postgres "$POSTGRES_FOLDER"
    as_postgres "$programs/initdb" --no-sync --encoding=UTF8 --locale=C --username=panel --auth=scram-sha-256 \
        --pwfile="$POSTGRES_FOLDER/password" "$POSTGRES_FOLDER/data" >"$LOGS/postgres-start.log" 2>&1 || return 1
    port=$(node -e 'const s = require("net").createServer().listen(0, "127.0.0.1", () => { console.log(s.address().port); s.close(); })')
    # Whatever these tests write may be lost with the machine's power.
    as_postgres "$programs/pg_ctl" start --wait --silent --pgdata="$POSTGRES_FOLDER/data" --log="$POSTGRES_FOLDER/log" \
        --options="-c listen_addresses=127.0.0.1 -c port=$port -c unix_socket_directories=$POSTGRES_FOLDER \
            -c max_connections=300 -c fsync=off -c synchronous_commit=off -c full_page_writes=off" \
        >>"$LOGS/postgres-start.log" 2>&1 || return 1
    POSTGRES_URL=postgres://panel:$password@127.0.0.1:$port/postgres
}

stop_postgres() {
    [[ -n $POSTGRES_FOLDER ]] || return 0
    as_postgres "$(postgres_programs)/pg_ctl" stop --mode=immediate --silent --pgdata="$POSTGRES_FOLDER/data" >/dev/null 2>&1 || true
    cp "$POSTGRES_FOLDER/log" "$LOGS/postgres-server.log" 2>/dev/null || true
    rm -rf "$POSTGRES_FOLDER"
    POSTGRES_FOLDER=
}

# The folder of initdb, of the newest version there is.
postgres_programs() {
    local initdb
    initdb=$(compgen -G '/usr/lib/postgresql/*/bin/initdb' | sort -V | tail -n 1) || initdb=$(command -v initdb) || return 0
    dirname "$initdb"
}

as_postgres() {
    if [[ $(id -u) == 0 ]]; then
        (cd / && runuser -u postgres -- "$@")
    else
        (cd / && "$@")
    fi
}
