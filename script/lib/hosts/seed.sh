# shellcheck shell=bash
# What makes one host this host: written into its tree before it boots.

# seed HOST ROOT: identity once; what the last `start` asked for, each time it asked.
seed() {
    local host=$1 root=$2
    [[ ! -e $host/new ]] || seed_identity "$(basename "$host")" "$(host_address "$host")" "$root"
    [[ ! -e $host/host-key ]] || seed_host_key "$host/host-key" "$root"
    [[ ! -e $host/ssh-port ]] || printf 'Port %s\n' "$(<"$host/ssh-port")" >"$root/etc/ssh/sshd_config.d/10-port.conf"
    [[ ! -e $host/user ]] || seed_user "$(<"$host/user")" "$root"
    if [[ -e $host/key ]]; then
        authorize root "$host/key" "$root"
        [[ ! -e $host/user ]] || authorize "$(<"$host/user")" "$host/key" "$root"
    fi
    rm -f "$host/new" "$host/host-key" "$host/key"
}

seed_identity() {
    local name=$1 address=$2 root=$3
    echo "$name" >"$root/etc/hostname"
    printf '127.0.0.1 localhost\n%s %s\n::1 localhost ip6-localhost ip6-loopback\n' "$address" "$name" >"$root/etc/hosts"
    tr -d '-' </proc/sys/kernel/random/uuid >"$root/etc/machine-id"
}

# The only host key, so that it is known beforehand and a changed one can be tested.
seed_host_key() {
    rm -f "$2"/etc/ssh/ssh_host_*
    install -m 600 "$1" "$2/etc/ssh/ssh_host_ed25519_key"
    ssh-keygen -y -f "$1" >"$2/etc/ssh/ssh_host_ed25519_key.pub"
}

seed_user() {
    chroot "$2" /usr/bin/id "$1" >/dev/null 2>&1 || chroot "$2" /usr/sbin/useradd --create-home --shell /bin/bash "$1"
    printf '%s ALL=(ALL) NOPASSWD: ALL\n' "$1" >"$2/etc/sudoers.d/$1"
    chmod 440 "$2/etc/sudoers.d/$1"
}

# Adds the key to those a snapshot may have brought.
authorize() {
    local user=$1 key=$2 root=$3 owner group home
    IFS=: read -r _ _ owner group _ home _ < <(grep "^$user:" "$root/etc/passwd")
    install -d -m 700 -o "$owner" -g "$group" "$root$home/.ssh"
    touch "$root$home/.ssh/authorized_keys"
    grep -qxFf "$key" "$root$home/.ssh/authorized_keys" || cat "$key" >>"$root$home/.ssh/authorized_keys"
    chown "$owner:$group" "$root$home/.ssh/authorized_keys"
    chmod 600 "$root$home/.ssh/authorized_keys"
}
