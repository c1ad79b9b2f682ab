# shellcheck shell=bash
# Starting the panel and waiting until it answers.

# Fails before anything is built or booted when the port is not free.
require_free_port() {
    local port=$1
    if (exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null; then
        die "port $port on 127.0.0.1 is taken" "stop what listens there, or choose another: --port $((port + 1))"
    fi
}

# exec_panel PORT DATA COMMAND...: becomes the panel, or another command of its binary.
exec_panel() {
    panel_environment "$1" "$2"
    shift 2
    exec "$(server_binary)" "$@"
}

# start_panel PORT DATA LOG: leaves the panel in the background, its process id in PANEL.
start_panel() {
    (
        panel_environment "$1" "$2"
        exec "$(server_binary)" serve
    ) >"$3" 2>&1 </dev/null &
    PANEL=$!
    await_panel "$1" "$3"
}

panel_environment() {
    mkdir -p "$2"
    chmod 700 "$2"
    export BROKEFORGE_LISTEN=127.0.0.1:$1
    export BROKEFORGE_DATA=$2
    BROKEFORGE_SITE=$(site_folder)
    export BROKEFORGE_SITE
}

await_panel() {
    local port=$1 log=$2 attempt
    for attempt in {1..150}; do
        if ! kill -0 "$PANEL" 2>/dev/null; then
            tail -n 20 "$log" >&2
            die "the panel ended while starting" "read what it said, above"
        fi
        curl --silent --fail --output /dev/null --max-time 2 "http://127.0.0.1:$port/health" && return
        sleep 0.2
    done
    tail -n 20 "$log" >&2
    die "the panel did not answer on port $port within 30 seconds" "read what it said, above"
}

stop_panel() {
    [[ -n ${PANEL:-} ]] || return 0
    kill "$PANEL" 2>/dev/null || true
    wait "$PANEL" 2>/dev/null || true
    PANEL=
}

# The one-time token of a first start.
setup_token() { sed -n 's/.*Setup token: *\([^ ]*\).*/\1/p' "$1" | head -n 1; }
