# shellcheck shell=bash
# Debian packages, where we may install them.

is_debian() { [[ -r /etc/debian_version ]] && command -v apt-get >/dev/null; }

can_be_root() { [[ $(id -u) == 0 ]] || { command -v sudo >/dev/null && sudo -n true 2>/dev/null; }; }

as_root() {
    if [[ $(id -u) == 0 ]]; then
        "$@"
    else
        sudo -n "$@"
    fi
}

# apt_install PACKAGE...: installs the missing ones. Ends with one line saying what to do when it cannot.
apt_install() {
    local missing=() package
    is_debian || die "cannot install $* here: this is not Debian or Ubuntu" "install them with your package manager"
    for package in "$@"; do
        is_installed "$package" || missing+=("$package")
    done
    ((${#missing[@]})) || return 0
    can_be_root || die "missing packages: ${missing[*]}" "sudo apt-get install ${missing[*]}"

    progress "installing ${missing[*]}" "$BROKEFORGE_CACHE/log/apt.log" apt_install_now "${missing[@]}" ||
        die "apt could not install ${missing[*]}" "see $BROKEFORGE_CACHE/log/apt.log, then: apt-get install ${missing[*]}"
}

is_installed() { [[ $(dpkg-query -W -f '${db:Status-Status}' "$1" 2>/dev/null) == installed ]]; }

apt_install_now() {
    apt_get install "$@" && return
    # Lists that are absent or old are the usual reason.
    echo "refreshing the package lists"
    apt_update
    apt_get install "$@"
}

apt_update() { as_root apt-get -o Acquire::Retries=3 update; }

# --no-remove: never take away something the machine's owner installed. Waits for another apt for 5 minutes.
apt_get() {
    local verb=$1
    shift
    as_root env DEBIAN_FRONTEND=noninteractive apt-get -o DPkg::Lock::Timeout=300 -o Acquire::Retries=3 \
        --yes --quiet --no-install-recommends --no-remove "$verb" "$@"
}

# apt_install_without_starting PACKAGE UNIT...: installs a service's program without its service: neither now nor at the next
# boot does it open a port.
apt_install_without_starting() {
    local package=$1
    shift
    if is_debian && is_installed "$package"; then
        return
    fi
    local policy=/usr/sbin/policy-rc.d made=no result=0
    if can_be_root && [[ ! -e $policy ]]; then
        printf '#!/bin/sh\nexit 101\n' | as_root tee $policy >/dev/null
        as_root chmod 755 $policy
        made=yes
    fi
    # In a subshell, because the policy must go again also when apt_install dies.
    (apt_install "$package") || result=$?
    [[ $made == no ]] || as_root rm -f $policy
    ((result == 0)) || exit "$result"
    if command -v systemctl >/dev/null; then
        as_root systemctl disable --quiet "$@" 2>/dev/null || true
    else
        as_root deb-systemd-helper disable "$1" >/dev/null 2>&1 || true
    fi
}
