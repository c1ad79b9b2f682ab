# shellcheck shell=bash
# Processes by pid file, and the cgroups they live in.

CGROUP=/sys/fs/cgroup/brokeforge

# is_process PIDFILE WORD: the pid lives and is still ours (its command line has WORD).
is_process() {
    local pid
    pid=$(cat "$1" 2>/dev/null) && [[ -n $pid ]] && tr '\0' ' ' 2>/dev/null <"/proc/$pid/cmdline" | grep -qF -- "$2"
}

end_process() {
    ! is_process "$1" "$2" || kill "$(<"$1")" 2>/dev/null || true
    rm -f "$1"
}

# init_of PID: the container's PID 1, the child of nspawn that has number 1 inside.
init_of() {
    local status
    for status in $(grep -lE "^PPid:[[:space:]]+$1\$" /proc/[0-9]*/status 2>/dev/null); do
        awk '$1 == "NSpid:" && NF > 2 && $NF == 1 { print $2 }' "$status" 2>/dev/null || true
    done
}

# in_cgroup2 SCRIPT ARGUMENT...: runs it where /sys/fs/cgroup is pure v2, whatever the machine itself uses.
in_cgroup2() {
    local script=$1
    shift
    unshare --mount --propagation private bash -c \
        "set -eu; mount -t cgroup2 none /sys/fs/cgroup; $script" cgroup "$@"
}

# Into a group of its own, out of the one that a session's end may kill.
enter_cgroup() {
    # shellcheck disable=SC2016
    in_cgroup2 'mkdir -p "$1/run"; echo "$2" >"$1/run/cgroup.procs"' "$CGROUP/$1" "$2"
}

# Kills what is left in the host's group, then removes it; the parent goes with the last one.
remove_cgroup() {
    # shellcheck disable=SC2016
    in_cgroup2 '
        [ -d "$1" ] || exit 0
        echo 1 >"$1/cgroup.kill"
        for attempt in $(seq 50); do
            find "$1" -depth -type d -exec rmdir {} \; 2>/dev/null || true
            [ -d "$1" ] || break
            sleep 0.1
        done
        rmdir "$(dirname "$1")" 2>/dev/null || true
        [ ! -d "$1" ]' "$CGROUP/$1"
}
