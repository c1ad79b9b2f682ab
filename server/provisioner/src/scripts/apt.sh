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
    [ "$waited" -lt 900 ] || because apt_lock_held "$holder has held the package lock for 15 minutes. Let it end or stop it, then retry."
    sleep 2
    waited=$((waited + 2))
  done
  [ -z "$told" ] || echo 'The package lock is free.'
}
# A mirror may have four addresses, and each is tried this often and this long: a dead one ends within 2 minutes.
apt_get() {
  apt-get -q -o DPkg::Lock::Timeout=600 -o Dpkg::Use-Pty=0 \
    -o Acquire::Retries=1 -o Acquire::http::Timeout=20 -o Acquire::https::Timeout=20 \
    -o Dpkg::Options::=--force-confdef -o Dpkg::Options::=--force-confold "$@"
}
lists_stamp=/var/lib/brokeforge/package-lists-updated
forget_lists() { rm -f "$lists_stamp"; }
refresh_lists() {
  # A change of the sources counts at once.
  if [ -n "$(find "$lists_stamp" -mmin -10 2>/dev/null)" ] && [ -z "$(find /etc/apt -newer "$lists_stamp")" ]; then
    echo 'The package lists are less than 10 minutes old.'
    return 0
  fi
  # Left to itself, apt takes old lists for those that it could not fetch, and calls that a success.
  apt_get -o APT::Update::Error-Mode=any update ||
    fail_as_shown 'The package lists could not be fetched. Check the network of the server and /etc/apt, then retry.'
  install -d -m 700 "${lists_stamp%/*}"
  touch "$lists_stamp"
}
half_installed() {
  dpkg-query -W -f='${db:Status-Eflag} ${db:Status-Status} ${Package}\n' |
    awk '$1 != "ok" || $2 ~ /^(half|unpacked|triggers)/ { printf "%s ", $3 }'
}
# A killed installation leaves packages half-way; whatever installs next must finish them first.
mend_dpkg() {
  wait_for_apt
  dpkg --configure -a || {
    # Somebody took the lock in between, or a package is beyond `configure`.
    wait_for_apt
    dpkg --configure -a || true
  }
  cut_off=$(half_installed)
  [ -n "$cut_off" ] || return 0
  echo "An earlier installation was cut off. Mending first: ${cut_off% }"
  refresh_lists
  apt_get install -y --fix-broken || {
    code=$?
    forget_lists
    (exit "$code")
  } || fail_as_shown "An earlier installation was cut off, and apt cannot mend it: ${cut_off% }. The output shows why; run apt-get install -f on the server, then retry."
}
missing_packages() {
  for package in "$@"; do
    state=$(dpkg-query -W -f='${db:Status-Status}' "$package" 2>/dev/null || true)
    [ "$state" = installed ] || printf '%s ' "$package"
  done
}
install_packages() {
  mend_dpkg
  needed=$(missing_packages "$@")
  if [ -z "$needed" ]; then
    echo "Installed already: $*"
    return 0
  fi
  echo "Installing: ${needed% }"
  # A retry comes here without the step that fetched the lists.
  refresh_lists
  # shellcheck disable=SC2086
  apt_get install -y --no-install-recommends $needed || {
    code=$?
    # Old lists name packages that the mirror has replaced: the retry fetches them anew.
    forget_lists
    (exit "$code")
  } || fail_as_shown "Could not install: ${needed% }. The output shows why; mend it on the server, then retry."
}
