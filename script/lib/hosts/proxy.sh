# shellcheck shell=bash
# The way of apt inside the hosts to this machine's Debian mirror.

APT_PROXY=$BRIDGE_ADDRESS:3142

# start_apt_proxy ADDRESS:PORT LOG: becomes the proxy.
start_apt_proxy() {
    local python=/usr/bin/python3
    [[ -x $python ]] || python=$(command -v python3)
    use_apt_upstream_proxy
    exec setsid "$python" "$HOSTS_LIB/apt_proxy.py" --listen "$1" --cache "$STORE/apt" \
        --mirror "http://deb.debian.org/debian=$(debian_mirror)" \
        --mirror "http://deb.debian.org/debian-security=$(debian_mirror -security)" >>"$2" 2>&1 </dev/null
}

# await_apt_proxy LOG: prints the port once it answers.
await_apt_proxy() {
    local port _
    for _ in {1..100}; do
        port=$(sed -n 's/^listening //p' "$1" | tail -n 1)
        [[ -z $port ]] || { echo "$port"; return; }
        sleep 0.1
    done
    die "the apt proxy did not start" "see $1"
}

# debian_mirror [-security]: where this machine itself gets Debian from, else where everybody does.
debian_mirror() {
    local found
    # shellcheck disable=SC1091
    found=$(. /etc/os-release && [[ $ID == debian ]] &&
        apt-get indextargets --no-release-info --format '$(REPO_URI) $(RELEASE) $(COMPONENT)' 'Created-By: Packages' |
        awk -v suite="$VERSION_CODENAME${1:-}" '$1 ~ /^https?:/ && $2 == suite && $3 == "main" { print $1; exit }') || true
    found=${found:-http://deb.debian.org/debian${1:-}}
    echo "${found%/}"
}

# Where the machine's apt needs a proxy, ours needs it too.
use_apt_upstream_proxy() {
    local upstream
    upstream=$(apt-config dump 2>/dev/null | sed -n 's/^Acquire::http::Proxy "\(http.*\)";$/\1/p')
    [[ -z $upstream ]] || export http_proxy=$upstream https_proxy=${https_proxy:-$upstream}
}
