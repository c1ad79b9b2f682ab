# shellcheck shell=bash
# One host: its folder $STATE/NAME holds small files (number, release, lowers, layer, pids) and the console's log.

# A machine that also compiles needs its time; on an idle one it is a second.
BOOT_SECONDS=90
STOP_SECONDS=30

host_folder() { echo "$STATE/$1"; }
host_exists() { [[ -e $STATE/$1/layer ]]; }
require_host() { host_exists "$1" || die "there is no host $1" "script/hosts list"; }
is_running() { is_process "$STATE/$1/boot.pid" "lib/hosts/boot $STATE/$1 "; }

# A start that fails or is interrupted while it makes a host leaves nothing of it.
UNFINISHED=
remove_unfinished() { [[ -z $UNFINISHED ]] || remove_host "$UNFINISHED"; }
AT_EXIT+=(remove_unfinished)

# make_host NAME RELEASE [SNAPSHOT]
make_host() {
    local name=$1 release=$2 snapshot=${3:-} host number
    host=$(host_folder "$name")
    mkdir -p "$STATE"
    mkdir "$host" 2>/dev/null || die "the host $name is just being made" "script/hosts destroy $name"
    UNFINISHED=$name
    if [[ -n $snapshot ]]; then
        release=$(<"$STATE/.snapshots/$snapshot/release")
        cp "$STATE/.snapshots/$snapshot/lowers" "$host/lowers"
    else
        ensure_base "$release" >"$host/lowers"
    fi
    number=$(under_shared_lock claim_address "$name" "$host")
    echo "$number" >"$host/number"
    echo "$release" >"$host/release"
    new_host_key "$host"
    : >"$host/new"
    under_shared_lock new_layer "$name" >"$host/layer.next"
    mv "$host/layer.next" "$host/layer"
    UNFINISHED=
}

new_host_key() { ssh-keygen -q -t ed25519 -N '' -C "host" -f "$1/host-key" && rm -f "$1/host-key.pub"; }

# A folder that only its owner's `destroy` takes away. Under the lock: one without an owner yet looks abandoned.
new_layer() {
    local layer
    mkdir -p "$STORE/layers"
    layer=$(mktemp -d "$STORE/layers/$1.XXXXXX")
    echo "$STATE" >"$layer/owner"
    echo "$layer"
}

# Boots it, detached from the calling shell, and waits until its sshd listens.
boot_host() {
    local name=$1 host
    host=$(host_folder "$name")
    rm -f "$host/stopping"
    (
        cd /
        exec setsid env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin LANG=C.UTF-8 \
            bash -c 'echo $$ >"$1/boot.pid"; exec "$0" "$1"' "$HOSTS_LIB/boot" "$host"
    ) >>"$host/console.log" 2>&1 </dev/null &
    disown
    await_ssh "$name" ''
}

# await_ssh NAME OLD-INIT: asks systemd inside, as a firewall or another port may hide sshd from us.
await_ssh() {
    local name=$1 old=$2 started=$SECONDS init
    while ((SECONDS - started < BOOT_SECONDS)); do
        init=$(host_init "$name") || init=
        if [[ -n $init && $init != "$old" ]] && inside "$init" systemctl is-active --quiet ssh.service 2>/dev/null; then
            return
        fi
        if ((SECONDS - started > 3)) && ! is_running "$name"; then
            break
        fi
        sleep 0.05
    done
    tail -n 15 "$STATE/$name/console.log" | sed 's/^/    /' >&2
    die "the host $name did not boot within $((SECONDS - started))s" "see $STATE/$name/console.log"
}

# Prints the host's PID 1 as seen from here; fails while there is none.
host_init() {
    local nspawn init
    nspawn=$(cat "$STATE/$1/nspawn.pid" 2>/dev/null) || return 1
    init=$(init_of "$nspawn")
    [[ -n $init ]] && echo "$init"
}

# inside INIT COMMAND...: as root, in all of the host's namespaces, without ssh.
inside() {
    local init=$1
    shift
    nsenter --target "$init" --all --root --wd=/proc/"$init"/root env -i HOME=/root USER=root LOGNAME=root SHELL=/bin/bash LANG=C.UTF-8 \
        PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin "$@"
}

# Powers it off; its files stay.
halt_host() {
    local name=$1 host init started=$SECONDS
    host=$(host_folder "$name")
    : >"$host/stopping"
    while is_running "$name"; do
        if ((SECONDS - started > STOP_SECONDS)); then
            kill_host "$name"
            return
        fi
        init=$(host_init "$name") || init=
        if [[ -n $init && ! -e $host/asked ]]; then
            : >"$host/asked"
            # SIGRTMIN+4 is systemd's "power off", even when its bus does not answer.
            kill -38 "$init" 2>/dev/null || true
        fi
        sleep 0.1
    done
    rm -f "$host/asked"
}

# At once, as if the plug were pulled.
kill_host() {
    local name=$1 host init attempt
    host=$(host_folder "$name")
    : >"$host/stopping"
    for attempt in {1..100}; do
        is_running "$name" || break
        init=$(host_init "$name") || init=
        [[ -z $init ]] || kill -KILL "$init" 2>/dev/null || true
        if ((attempt == 60)); then
            kill -KILL "$(<"$host/boot.pid")" 2>/dev/null || true
        fi
        sleep 0.1
    done
    rm -f "$host/asked" "$host/boot.pid" "$host/nspawn.pid"
}

# Everything it made, also when it was made only in part.
remove_host() {
    local name=$1 host number layer
    host=$(host_folder "$name")
    kill_host "$name"
    if number=$(cat "$host/number" 2>/dev/null); then
        remove_cgroup "$number" || say "the cgroup of $name could not be removed"
        network_down "$name" "$number"
        under_shared_lock release_address "$number" "$host"
    fi
    if layer=$(cat "$host/layer" 2>/dev/null); then
        rm -rf "$layer"
    fi
    rm -rf "$host"
}
