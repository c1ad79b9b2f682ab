# Reads a handle and a number of processes; prints their last lines as journald keeps them, one JSON a line.
read -r handle; read -r count
check_handle "$handle"
case "$count" in '' | *[!0-9]*) fail 'The number of processes is none. Update the panel.' ;; esac
number=0
set --
while [ "$number" -lt "$count" ]; do
  number=$((number + 1))
  set -- "$@" "--unit=$(unit_of "$handle" "$number")"
done
journalctl --quiet --no-pager --all --lines=200 --output=json \
  --output-fields=MESSAGE,UNIT,_SYSTEMD_UNIT "$@" 2>/dev/null | tail -c 600000
