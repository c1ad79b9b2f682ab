# shellcheck shell=bash
# One bridge for all hosts of this machine; per host an address, a network namespace and a veth pair.

BRIDGE=brokeforge0
BRIDGE_ADDRESS=10.213.0.1
# Shared by all state folders: who has which address, the proxy's process, what to restore at the end.
SHARED=/run/brokeforge-network
SHARED_LOCK=/run/lock/brokeforge-network.lock
# One inotify instance per systemd and more: the usual 128 end at 19 hosts.
INOTIFY_INSTANCES=1024
INOTIFY_SETTING=/proc/sys/fs/inotify/max_user_instances

netns_name() { echo "brokeforge-$1"; }
host_address() { echo "10.213.0.$(<"$1/number")"; }
veth_name() { echo "bf-host$1"; }

# under_shared_lock FUNCTION...: one at a time over all processes of this machine.
under_shared_lock() {
    local lock
    mkdir -p "$(dirname "$SHARED_LOCK")"
    exec {lock}>"$SHARED_LOCK"
    flock "$lock"
    LOCK_FD=$lock "$@"
    exec {lock}>&-
}

# claim_address NAME HOST: prints the number that is from now on this host's.
claim_address() {
    local name=$1 host=$2 number taken
    mkdir -p "$SHARED/addresses"
    for taken in "$SHARED"/addresses/*; do
        # A start that was killed half-way.
        [[ -e $taken ]] || rm -f "$taken"
        [[ ! -L $taken || $(basename "$(readlink "$taken")") != "$name" ]] ||
            die "there is a host $name already" "script/hosts destroy $name, or take another name"
    done
    for number in {2..254}; do
        ln -sT "$host" "$SHARED/addresses/$number" 2>/dev/null || continue
        ensure_bridge
        ensure_apt_proxy
        echo "$number"
        return
    done
    die "all 253 addresses are taken" "script/hosts destroy --all"
}

# release_address NUMBER HOST: the last one takes bridge, proxy and settings with it.
release_address() {
    local taken=$SHARED/addresses/$1
    [[ $(readlink "$taken") != "$2" ]] || rm -f "$taken"
    rmdir "$SHARED/addresses" 2>/dev/null || return 0
    end_process "$SHARED/proxy.pid" apt_proxy.py
    ip link delete "$BRIDGE" 2>/dev/null || true
    [[ ! -s $SHARED/inotify ]] || cat "$SHARED/inotify" >"$INOTIFY_SETTING"
    [[ ! -e $SHARED/made-netns-folder ]] || remove_empty_mount /run/netns
    rm -rf "$SHARED"
}

ensure_bridge() {
    [[ -d /run/netns ]] || : >"$SHARED/made-netns-folder"
    if (($(<"$INOTIFY_SETTING") < INOTIFY_INSTANCES)); then
        cat "$INOTIFY_SETTING" >"$SHARED/inotify"
        echo "$INOTIFY_INSTANCES" >"$INOTIFY_SETTING"
    fi
    [[ ! -d /sys/class/net/$BRIDGE ]] || return 0
    # A MAC of its own: else it takes its ports' lowest, and every host's neighbour entry dies when a port comes.
    ip link add "$BRIDGE" address 02:bf:0a:d5:00:01 type bridge
    without_own_address "$BRIDGE"
    ip address add "$BRIDGE_ADDRESS/24" dev "$BRIDGE"
    ip link set "$BRIDGE" up
}

ensure_apt_proxy() {
    ! is_process "$SHARED/proxy.pid" apt_proxy.py || return 0
    : >"$SHARED/proxy.log"
    (
        exec {LOCK_FD}>&-
        echo $BASHPID >"$SHARED/proxy.pid"
        start_apt_proxy "$APT_PROXY" "$SHARED/proxy.log"
    ) >/dev/null 2>&1 </dev/null &
    disown
    await_apt_proxy "$SHARED/proxy.log" >/dev/null
}

# A fresh namespace per boot: firewall rules and routes must not survive a reboot that would have cleared them.
network_up() {
    local netns number=$2 veth mac
    netns=$(netns_name "$1")
    veth=$(veth_name "$number")
    network_down "$1" "$number"
    # Fixed by the address: a neighbour who remembers the last host at this address remembers right.
    mac=$(printf '02:bf:0a:d5:00:%02x' "$number")
    ip netns add "$netns"
    ip link add "$veth" type veth peer name eth0 netns "$netns" address "$mac"
    without_own_address "$veth"
    ip link set "$veth" master "$BRIDGE" up
    ip -n "$netns" address add "10.213.0.$number/24" dev eth0
    ip -n "$netns" link set lo up
    ip -n "$netns" link set eth0 up
    ip neighbour flush to "10.213.0.$number" dev "$BRIDGE"
}

# A browser aborts its requests when an address comes: a link-local one would do so seconds after the start.
without_own_address() { ip link set "$1" addrgenmode none; }

network_down() {
    ip link delete "$(veth_name "$2")" 2>/dev/null || true
    ip netns delete "$(netns_name "$1")" 2>/dev/null || true
}

remove_empty_mount() {
    [[ -d $1 && -z $(ls -A "$1") ]] || return 0
    umount "$1" 2>/dev/null || true
    rmdir "$1"
}
