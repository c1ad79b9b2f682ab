# The program that systemd calls, as the panel puts it on the server.
run_program_program() {
  cat <<'RUN_PROGRAM_END'
#!/bin/sh
# run-program HANDLE NUMBER: becomes a process of a background program of BrokeForge.
# run-program within: goes on as the user that it runs as.
# run-program ended HANDLE NUMBER: writes down how a process ended, which systemd says by EXIT_CODE and EXIT_STATUS.
# The panel writes this file anew.
set -u
PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
ours=/var/lib/brokeforge/programs

if [ "${1:-}" = within ]; then
  # Command, directory and environment are open as 3, 4 and 5: only root can name their files.
  IFS= read -r BROKEFORGE_LINE <&4
  BROKEFORGE_VALUE=$(printf '%b.' "$BROKEFORGE_LINE")
  BROKEFORGE_VALUE=${BROKEFORGE_VALUE%.}
  cd -- "${BROKEFORGE_VALUE:-$HOME}" || exit 78
  # From here on only what is built in is used: the variables may name any PATH.
  while IFS= read -r BROKEFORGE_LINE; do
    # What is behind a line end would be lost without something at the end.
    BROKEFORGE_VALUE=$(printf '%b.' "${BROKEFORGE_LINE#*=}")
    export "${BROKEFORGE_LINE%%=*}=${BROKEFORGE_VALUE%.}"
  done <&5
  # The shell outlives what it has started, so that nothing is told to stop twice: systemd tells all that is left once more
  # when the first process has ended.
  exec /bin/sh -c 'trap "exit 129" HUP; trap "exit 130" INT; trap "exit 131" QUIT; trap "exit 138" USR1
    trap "exit 140" USR2; trap "exit 143" TERM
    . /dev/fd/3' sh 4<&- 5<&-
fi

role=run
if [ "${1:-}" = ended ]; then
  role=ended
  shift
fi
handle=${1:-} number=${2:-}
case $handle in '' | *[!0-9a-f]*) exit 64 ;; esac
case $number in '' | *[!0-9]*) exit 64 ;; esac
cd "$ours/$handle" || exit 66

if [ "$role" = ended ]; then
  umask 077
  case ${EXIT_CODE:-} in exited | killed | dumped) ;; *) exit 0 ;; esac
  case ${EXIT_STATUS:-} in '' | *[!0-9A-Z+-]*) exit 0 ;; esac
  echo "$EXIT_CODE $EXIT_STATUS $(date +%s%3N)" >"ends/$number.new" && mv "ends/$number.new" "ends/$number"
  exit
fi

umask 022
read -r user <user || exit 66
case $user in root | brokeforge) ;; *) exit 65 ;; esac
home=$(getent passwd "$user" | cut -d : -f 6)
exec 3<command 4<directory 5<environment || exit 66
cd /
set -- env -i --default-signal SHELL=/bin/sh PATH="$PATH" HOME="$home" USER="$user" LOGNAME="$user" \
  BROKEFORGE_PROCESS="$number"
# Its number stays what systemd knows it by, which runuser would not leave it.
[ "$user" = root ] || set -- "$@" setpriv --reuid "$(id -u "$user")" --regid "$(id -g "$user")" --init-groups --
exec "$@" "$0" within
RUN_PROGRAM_END
}
