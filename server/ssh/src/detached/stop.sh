# Stops the step and everything it has started, and looks whether that is so.
own_folders
enter_lane
# One that is just being begun finds that it has ended already.
{ mkdir -p "$dir" && : >>"$dir/output"; } || no_room
if has_systemd; then
  group=$(systemctl show --property=ControlGroup --value "$unit" 2>/dev/null)
  # Waits until it is gone: TERM, and 10 s later KILL, to all that is in its group.
  systemctl stop "$unit" 2>/dev/null
  processes() {
    case "$group" in
      /?*) find "/sys/fs/cgroup$group" "/sys/fs/cgroup/systemd$group" "/sys/fs/cgroup/unified$group" \
        -name cgroup.procs -exec cat {} + 2>/dev/null | sort -u ;;
    esac
  }
else
  processes() { processes_of "$name"; }
  for signal in TERM KILL; do
    for wait in $(seq 50); do
      found=$(processes)
      [ -n "$found" ] || break
      # shellcheck disable=SC2086
      [ "$signal" = TERM ] && [ "$wait" -gt 1 ] || kill -"$signal" $found 2>/dev/null
      sleep 0.1
    done
  done
fi
for wait in $(seq 100); do
  found=$(processes)
  [ -n "$found" ] || runs "$name" || break
  ! has_systemd || systemctl kill --signal=KILL "$unit" 2>/dev/null
  sleep 0.1
done
found=$(processes)
if [ -n "$found" ] || runs "$name"; then
  # shellcheck disable=SC2086
  tell left $found
  exit 0
fi
[ -e "$dir/result" ] || printf -- '- stopped -\n' >"$dir/result" || no_room
tell stopped
