# The locks are fcntl locks, so a holder stands in /proc/locks by its file's device and inode. Another file system has the
# same inodes, and the device there is not always the one that the file tells (btrfs, overlays): so who can be seen must
# really have the file open.
apt_lock_holder() {
  for lock in /var/lib/dpkg/lock-frontend /var/lib/dpkg/lock /var/lib/apt/lists/lock; do
    [ -e "$lock" ] || continue
    device=$(stat -c %D "$lock")
    device=$(printf '%02x:%02x' "$((0x$device >> 8 & 0xfff))" "$((0x$device & 0xff | 0x$device >> 12 & 0xfff00))")
    for locked in $(awk -v inode="$(stat -c %i "$lock")" '
      $2 != "->" { split($6, at, ":"); if (at[3] == inode) print $5 "," at[1] ":" at[2] }' /proc/locks); do
      pid=${locked%,*}
      if [ ! -e "/proc/$pid/comm" ]; then
        [ "${locked#*,}" = "$device" ] || continue
        echo 'a program that cannot be seen from here'
        return 0
      elif has_open "$pid" "$lock"; then
        printf '%s (process %s)\n' "$(command_of "$pid")" "$pid"
        return 0
      fi
    done
  done
  return 1
}
has_open() {
  for open in "/proc/$1/fd"/*; do [ ! "$open" -ef "$2" ] || return 0; done
  return 1
}
# By its name alone, as arguments may hold secrets. The kernel knows 15 letters of it.
command_of() {
  known=$(cat "/proc/$1/comm" 2>/dev/null || echo 'a program')
  whole=$(tr '\0' '\n' 2>/dev/null < "/proc/$1/cmdline" | head -n 2 | awk -v known="$known" '
    { sub(/.*\//, "") } length(known) < 15 ? $0 == known : index($0, known) == 1 { print; exit }')
  echo "${whole:-$known}"
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
lists_stamp=$ours/package-lists-updated
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
  own_folder
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
