# shellcheck shell=bash

# mount_overlay LOWERS LAYER: onto LAYER/root, changes go to LAYER/upper.
# `volatile` skips every fsync: packages install several times faster, and unmounting does not wait until all that
# others wrote to this disk is down (6 s beside a compiler). It refuses a work folder that was in use before, lest
# a crashed machine's files be trusted; no machine of ours outlives a crash. Kernels before 5.10 lack it.
mount_overlay() {
    rm -rf "$2/work"
    mkdir -p "$2/work" "$2/upper" "$2/root"
    mount -t overlay overlay -o "lowerdir=$1,upperdir=$2/upper,workdir=$2/work,volatile" "$2/root" 2>/dev/null ||
        mount -t overlay overlay -o "lowerdir=$1,upperdir=$2/upper,workdir=$2/work" "$2/root"
}
