# shellcheck shell=bash
# Debian packages, where we may install them.

# Prints the command prefix that makes us root, or fails.
root_prefix() {
    if [[ $(id -u) == 0 ]]; then
        printf ''
    elif command -v sudo >/dev/null && sudo -n true 2>/dev/null; then
        printf 'sudo -n'
    else
        return 1
    fi
}

is_debian() { [[ -r /etc/debian_version ]] && command -v apt-get >/dev/null; }

is_installed() { [[ $(dpkg-query -W -f '${db:Status-Status}' "$1" 2>/dev/null) == installed ]]; }

# apt_install PACKAGE...: installs the missing ones. Fails with one line saying what to do.
apt_install() {
    local missing=() package
    is_debian || die "cannot install $* here: this is not Debian or Ubuntu" "install them with your package manager"
    for package in "$@"; do
        is_installed "$package" || missing+=("$package")
    done
    ((${#missing[@]})) || return 0
    root_prefix >/dev/null || die "missing packages: ${missing[*]}" "sudo apt-get install ${missing[*]}"

    progress "installing ${missing[*]}" "$BROKEFORGE_CACHE/log/apt.log" apt_install_now "${missing[@]}" ||
        die "apt could not install ${missing[*]}" "see $BROKEFORGE_CACHE/log/apt.log, then: apt-get install ${missing[*]}"
}

apt_install_now() {
    local prefix
    prefix=$(root_prefix)
    apt_get install "$@" && return
    # Lists that are absent or old are the usual reason.
    echo "refreshing the package lists"
    $prefix apt-get -o Acquire::Retries=3 update
    apt_get install "$@"
}

# --no-remove: never take away something the machine's owner installed. Waits for another apt for 5 minutes.
apt_get() {
    local verb=$1 prefix
    shift
    prefix=$(root_prefix)
    $prefix env DEBIAN_FRONTEND=noninteractive apt-get -o DPkg::Lock::Timeout=300 -o Acquire::Retries=3 \
        --yes --quiet --no-install-recommends --no-remove "$verb" "$@"
}

# Installs sshd's program without opening a port: neither now nor at the next boot.
apt_install_without_starting_sshd() {
    is_debian && is_installed openssh-server && return
    local prefix policy=/usr/sbin/policy-rc.d made=no
    prefix=$(root_prefix) || die "missing package: openssh-server" "sudo apt-get install openssh-server"
    if [[ ! -e $policy ]]; then
        printf '#!/bin/sh\nexit 101\n' | $prefix tee $policy >/dev/null
        $prefix chmod 755 $policy
        made=yes
    fi
    (apt_install openssh-server) || { [[ $made == no ]] || $prefix rm -f $policy; exit 1; }
    [[ $made == no ]] || $prefix rm -f $policy
    if [[ -d /run/systemd/system ]]; then
        $prefix systemctl disable --quiet ssh.service ssh.socket 2>/dev/null || true
    fi
}
