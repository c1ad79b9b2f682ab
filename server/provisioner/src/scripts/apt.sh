# The lock is an fcntl lock, so its holder stands in /proc/locks by the file's inode.
apt_lock_holder() {
  for lock in /var/lib/dpkg/lock-frontend /var/lib/dpkg/lock /var/lib/apt/lists/lock; do
    [ -e "$lock" ] || continue
    inode=$(stat -c %i "$lock")
    pid=$(awk -v inode="$inode" '{ n = split($6, at, ":"); if (at[n] == inode) { print $5; exit } }' /proc/locks)
    [ -n "$pid" ] || continue
    printf '%s (process %s)\n' "$(cat "/proc/$pid/comm" 2>/dev/null || echo 'a program that has ended')" "$pid"
    return 0
  done
  return 1
}
wait_for_apt() {
  waited=0 told=
  while holder=$(apt_lock_holder); do
    if [ "$holder" != "$told" ]; then
      printf 'Waiting for %s, which holds the package lock.\n' "$holder"
      told=$holder
    fi
    [ "$waited" -lt 900 ] || fail "$holder has held the package lock for 15 minutes. Let it end or stop it, then retry."
    sleep 2
    waited=$((waited + 2))
  done
}
missing_packages() {
  for package in "$@"; do
    state=$(dpkg-query -W -f='${db:Status-Status}' "$package" 2>/dev/null || true)
    [ "$state" = installed ] || printf '%s ' "$package"
  done
}
apt_get() { apt-get -q -o DPkg::Lock::Timeout=600 -o Dpkg::Options::=--force-confdef -o Dpkg::Options::=--force-confold -o Dpkg::Use-Pty=0 "$@"; }
# A killed dpkg leaves packages half-way; whatever installs next must finish them first.
mend_dpkg() {
  [ -z "$(dpkg --audit)" ] || { echo 'Finishing what an interrupted installation left.'; dpkg --configure -a; }
  dpkg --configure -a
}
install_packages() {
  wait_for_apt
  mend_dpkg
  needed=$(missing_packages "$@")
  if [ -z "$needed" ]; then
    echo "Already installed: $*"
    return 0
  fi
  echo "Installing: $needed"
  # shellcheck disable=SC2086
  apt_get install -y --no-install-recommends $needed
}
