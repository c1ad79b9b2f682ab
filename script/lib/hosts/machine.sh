# shellcheck shell=bash
# What this machine must offer before a host can boot on it.

# Exit code by which a caller tells "cannot run here" from "failed".
CANNOT_RUN_HERE=77

HOST_COMMANDS=(systemd-nspawn mmdebstrap ip ssh-keygen nsenter unshare flock setsid python3)
HOST_PACKAGES=(systemd-container mmdebstrap debian-archive-keyring iproute2 openssh-client python3)
DEBIAN_KEYRING=/usr/share/keyrings/debian-archive-keyring.gpg

# Prints why hosts cannot boot here, or nothing.
obstacle() {
    local missing
    [[ $(id -u) == 0 ]] || { echo "it needs root (or sudo without a password)"; return; }
    missing=$(missing_commands)
    [[ -z $missing ]] || { echo "missing: $missing(apt-get install ${HOST_PACKAGES[*]})"; return; }
    unshare --mount true 2>/dev/null || { echo "no mount namespaces here (not permitted)"; return; }
    unshare --mount --uts --ipc --pid --cgroup --fork true 2>/dev/null || { echo "no namespaces here (not permitted)"; return; }
    can_network || { echo "no network namespaces, bridge or veth pairs here"; return; }
    can_mount_cgroup2 || { echo "no cgroup2 here (cannot be mounted)"; return; }
    grep -qw overlay /proc/filesystems || can_overlay_in /dev/shm || { echo "no overlayfs in this kernel"; return; }
    store_folder >/dev/null || echo "overlay on overlay: no folder for the hosts that is not overlay itself (set BROKEFORGE_CACHE)"
}

missing_commands() {
    local command
    for command in "${HOST_COMMANDS[@]}"; do
        command -v "$command" >/dev/null || printf '%s ' "$command"
    done
    [[ -e $DEBIAN_KEYRING ]] || printf '%s ' "$DEBIAN_KEYRING"
}

can_network() {
    unshare --net bash -c '
        ip link add bridge0 type bridge && ip link add veth0 type veth peer name veth1' 2>/dev/null
}

can_mount_cgroup2() {
    unshare --mount --propagation private mount -t cgroup2 none /sys/fs/cgroup 2>/dev/null
}

# can_overlay_in FOLDER: tries it, because the file system's name does not tell.
can_overlay_in() {
    local trial result=0
    trial=$(mktemp -d "$1/.brokeforge-XXXXXX" 2>/dev/null) || return 1
    mkdir "$trial/lower"
    # shellcheck disable=SC2016
    unshare --mount --propagation private bash -c 'source "$0"; mount_overlay "$1/lower" "$1"' \
        "$HOSTS_LIB/overlay.sh" "$trial" 2>/dev/null || result=1
    rm -rf "$trial"
    return $result
}

# Prints the folder for bases, layers and cached packages.
store_folder() {
    local folder
    mkdir -p "$BROKEFORGE_CACHE"
    for folder in "$BROKEFORGE_CACHE" /var/tmp/brokeforge /dev/shm/brokeforge; do
        [[ -d $folder ]] || can_overlay_in "$(dirname "$folder")" || continue
        mkdir -p "$folder"
        can_overlay_in "$folder" && echo "$folder/hosts" && return
    done
    return 1
}

# Installs what is missing where that is allowed; says nothing where it is not: `obstacle` does.
install_host_packages() {
    [[ -n $(missing_commands) && $(id -u) == 0 ]] || return 0
    ! is_debian || (apt_install "${HOST_PACKAGES[@]}")
}
