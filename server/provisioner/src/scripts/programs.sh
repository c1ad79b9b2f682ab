programs=$ours/programs
code=/usr/local/lib/brokeforge
units=/etc/systemd/system
check_handle() { case "$1" in '' | *[!0-9a-f]*) fail 'The handle of the program is none. Update the panel.' ;; esac; }
# unit_of HANDLE NUMBER: of one process.
unit_of() { echo "brokeforge-program-$1@$2.service"; }
# numbers_of HANDLE: of the processes that systemd knows of, running or not.
numbers_of() {
  {
    systemctl list-units --all --full --plain --no-legend "brokeforge-program-$1@*.service" | cut -d ' ' -f 1
    for link in "$units"/multi-user.target.wants/"brokeforge-program-$1"@*.service; do
      [ ! -L "$link" ] || echo "${link##*/}"
    done
  } | sed -n "s/^brokeforge-program-$1@\([0-9]\{1,5\}\)\.service\$/\1/p" | sort -nu
}
# stop_units UNIT...: with everything that they have started, and for the next boot.
stop_units() {
  for unit in "$@"; do
    [ ! -L "$units/multi-user.target.wants/$unit" ] || systemctl disable --quiet "$unit" || true
    rm -f "$units/multi-user.target.wants/$unit"
  done
  systemctl stop "$@" ||
    for unit in "$@"; do
      ! systemctl is-active --quiet "$unit" || fail "$unit does not stop. Look what holds it up on the server, then retry."
    done
  systemctl reset-failed "$@" 2>/dev/null || true
}
