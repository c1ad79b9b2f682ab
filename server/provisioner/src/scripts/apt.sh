# The locks are fcntl locks, so a holder stands in /proc/locks by its file's inode.
apt_lock_holder() {
  for lock in /var/lib/dpkg/lock-frontend /var/lib/dpkg/lock /var/lib/apt/lists/lock; do
    [ -e "$lock" ] || continue
    pid=$(awk -v inode="$(stat -c %i "$lock")" '
      $2 != "->" { count = split($6, at, ":"); if (at[count] == inode) { print $5; exit } }' /proc/locks)
    [ -n "$pid" ] || continue
    if name=$(cat "/proc/$pid/comm" 2>/dev/null); then
      printf '%s (process %s)\n' "$name" "$pid"
    else
      echo 'a program that cannot be seen from here'
    fi
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
  [ -z "$told" ] || echo 'The package lock is free.'
}
apt_get() {
  apt-get -q -o DPkg::Lock::Timeout=600 -o Dpkg::Use-Pty=0 \
    -o Dpkg::Options::=--force-confdef -o Dpkg::Options::=--force-confold "$@"
}
# A killed installation leaves packages half-way; whatever installs next must finish them first.
mend_dpkg() {
  wait_for_apt
  if ! dpkg --configure -a; then
    # Somebody took the lock in between, or a package is beyond `configure`.
    wait_for_apt
    dpkg --configure -a || true
  fi
  [ -z "$(dpkg --audit)" ] || apt_get install -y --fix-broken
}
missing_packages() {
  for package in "$@"; do
    state=$(dpkg-query -W -f='${db:Status-Status}' "$package" 2>/dev/null || true)
    [ "$state" = installed ] || printf '%s ' "$package"
  done
}
lists_stamp=/var/lib/brokeforge/package-lists-updated
install_packages() {
  mend_dpkg
  needed=$(missing_packages "$@")
  if [ -z "$needed" ]; then
    echo "Installed already: $*"
    return 0
  fi
  echo "Installing: $needed"
  # shellcheck disable=SC2086
  apt_get install -y --no-install-recommends $needed || {
    # Old lists name packages that the mirror has replaced: the retry fetches them anew.
    rm -f "$lists_stamp"
    fail "Could not install: $needed. The output shows why; mend it on the server, then retry."
  }
}
