# shellcheck shell=bash
# A snapshot is a host's layer, frozen: the host itself and every clone go on over it.

snapshot_exists() { [[ -e $STATE/.snapshots/$1/lowers ]]; }

# freeze NAME SNAPSHOT: the host must be off. Nothing is copied.
freeze() {
    local name=$1 snapshot=$STATE/.snapshots/$2 host layer
    host=$(host_folder "$name")
    layer=$(<"$host/layer")
    mkdir -p "$snapshot"
    cp "$host/release" "$snapshot/release"
    under_shared_lock new_layer "$name" >"$host/layer.next"
    printf '%s:%s\n' "$layer/upper" "$(<"$host/lowers")" >"$snapshot/lowers.next"
    cp "$snapshot/lowers.next" "$host/lowers"
    mv "$host/layer.next" "$host/layer"
    mv "$snapshot/lowers.next" "$snapshot/lowers"
}

# Snapshots of this state folder, and layers whose state folder a machine's restart took away.
remove_layers() {
    local layer owner
    rm -rf "$STATE/.snapshots"
    for layer in "$STORE"/layers/*; do
        [[ -d $layer ]] || continue
        owner=$(cat "$layer/owner" 2>/dev/null) || owner=
        [[ -n $owner && $owner != "$STATE" && -d $owner ]] || rm -rf "$layer"
    done
    rmdir "$STORE/layers" 2>/dev/null || true
}

list_snapshots() {
    local snapshot
    for snapshot in "$STATE"/.snapshots/*; do
        [[ ! -e $snapshot/lowers ]] || printf 'snapshot %s - ready %s\n' "$(basename "$snapshot")" "$(<"$snapshot/release")"
    done
}
