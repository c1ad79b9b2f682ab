# shellcheck shell=bash
# Sourced by every script: where things lie, and which toolchain builds them.

set -euo pipefail

HOME=${HOME:-$(getent passwd "$(id -u)" | cut -d: -f6)}
ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)

export HOME
export BROKEFORGE_CACHE=${BROKEFORGE_CACHE:-$HOME/.cache/brokeforge}
export CARGO_TARGET_DIR=${CARGO_TARGET_DIR:-$BROKEFORGE_CACHE/target}
mkdir -p "$BROKEFORGE_CACHE"

# script/setup decides once; a folder of links, so that nothing else in /usr/bin shadows the caller's tools.
TOOLCHAIN_BIN=$BROKEFORGE_CACHE/toolchain/bin
TOOLCHAIN_NAME=$BROKEFORGE_CACHE/toolchain/rustup

use_toolchain() {
    if [[ -x $TOOLCHAIN_BIN/cargo ]]; then
        # cargo searches ~/.cargo/bin for its subcommands *before* PATH unless PATH names it: name it last.
        PATH=$TOOLCHAIN_BIN:$PATH:${CARGO_HOME:-$HOME/.cargo}/bin
        # A rustup proxy further down PATH must not be asked for another toolchain.
        unset RUSTUP_TOOLCHAIN
    elif [[ -s $TOOLCHAIN_NAME ]]; then
        RUSTUP_TOOLCHAIN=$(<"$TOOLCHAIN_NAME")
        export RUSTUP_TOOLCHAIN
    fi
    if ! command -v cargo >/dev/null && [[ -x ${CARGO_HOME:-$HOME/.cargo}/bin/cargo ]]; then
        PATH=$PATH:${CARGO_HOME:-$HOME/.cargo}/bin
    fi
    export PATH
}
use_toolchain

# Where `script/build` leaves what the other scripts start.
server_binary() { printf '%s/%s/brokeforge\n' "$CARGO_TARGET_DIR" "$([[ ${1:-dev} == release ]] && echo release || echo debug)"; }
site_folder() { printf '%s/site/%s\n' "$CARGO_TARGET_DIR" "${1:-dev}"; }
# A module of nginx that `script/bench realtime` compares the panel with.
NCHAN=$BROKEFORGE_CACHE/nchan/usr/lib/nginx/modules/ngx_nchan_module.so

# Continuous integration builds exactly what is committed; elsewhere a new dependency may enter the lock file.
LOCKED=()
[[ -z ${CI:-} ]] || LOCKED=(--locked)

say() { printf '==> %s\n' "$*" >&2; }

# One line for what went wrong, one for what to do about it.
die() {
    printf 'error: %s\n' "$1" >&2
    [[ $# -lt 2 ]] || printf '  do:  %s\n' "$2" >&2
    exit 1
}

# What to do when the script ends, however it ends: names of functions, the last added first.
AT_EXIT=()
run_at_exit() {
    local result=$? index
    trap - EXIT
    # A second Ctrl-C must not leave half of it undone.
    trap '' INT TERM
    for ((index = ${#AT_EXIT[@]} - 1; index >= 0; index--)); do
        "${AT_EXIT[index]}" || true
    done
    exit "$result"
}
trap run_at_exit EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

# The process group of the command that `progress` runs. It has its own: a background command ignores Ctrl-C.
PROGRESS_JOB=
stop_progress() { [[ -z $PROGRESS_JOB ]] || kill -- "-$PROGRESS_JOB" 2>/dev/null; }
AT_EXIT+=(stop_progress)

# Runs a long command into a log with a line every 20 s, so that silence never looks like a hang.
# progress NAME LOG COMMAND...
progress() {
    local name=$1 log=$2 started=$SECONDS next=$((SECONDS + 20)) result=0
    shift 2
    mkdir -p "$(dirname "$log")"
    say "$name"
    set -m
    "$@" >"$log" 2>&1 </dev/null &
    PROGRESS_JOB=$!
    set +m
    while kill -0 "$PROGRESS_JOB" 2>/dev/null; do
        sleep 0.1
        if ((SECONDS >= next)); then
            next=$((SECONDS + 20))
            printf '    ... %ds  %s\n' "$((SECONDS - started))" "$(last_line "$log")" >&2
        fi
    done
    wait "$PROGRESS_JOB" || result=$?
    PROGRESS_JOB=
    if ((result != 0)); then
        printf '    failed after %ds; the last lines of %s:\n' "$((SECONDS - started))" "$log" >&2
        tail -n 40 "$log" | sed 's/^/    /' >&2
    elif ((SECONDS - started >= 5)); then
        printf '    done in %ds\n' "$((SECONDS - started))" >&2
    fi
    return "$result"
}

last_line() { tail -n 1 "$1" | tr '\r' '\n' | tail -n 1 | tr -d '\033' | cut -c 1-90; }
