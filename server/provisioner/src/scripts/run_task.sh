# The program that cron calls, as the panel puts it on the server.
run_task_program() {
  cat <<'RUN_TASK_END'
#!/bin/sh
# run-task HANDLE [panel]: runs a scheduled task of BrokeForge and writes down how that went, for the panel to learn of it
# now or when it is back. The panel writes this file anew.
set -u
umask 077
# cron's own ends before /usr/sbin, where runuser is.
PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
ours=/var/lib/brokeforge/tasks
# Of what a run prints, so much of the beginning is kept and as much of the end.
most=16384
# Runs that the panel has not heard of.
most_runs=5000

# keep FOLDER [live]: reads what a run prints.
keep() {
  trap '' TERM HUP INT
  cd "$1" || exit 1
  if [ "${2:-}" = live ]; then
    exec 5>&1
    tee -a /dev/fd/5 | "$0" keep .
    return
  fi
  exec >>output 2>/dev/null
  # Unbuffered, as somebody may be reading along.
  stdbuf -o0 head -c "$most"
  dd bs=65536 2>beyond | tail -c "$most" >rest
  beyond=$(awk '/ copied/ || / bytes/ { print $1; exit }' beyond)
  [ "${beyond:-0}" -le "$most" ] || printf '\n[%s bytes left out]\n' "$((beyond - most))"
  cat rest
  rm -f rest beyond
  : >written
}
if [ "${1:-}" = keep ]; then
  keep "$2" "${3:-}"
  exit
fi

handle=${1:-} trigger=${2:-cron}
case $handle in '' | *[!0-9a-f]*) exit 64 ;; esac
case $trigger in cron | panel) ;; *) exit 64 ;; esac
task=$ours/$handle
cd "$task" || exit 66
read -r user seconds overlap <settings || exit 66
case $user in root | brokeforge) ;; *) exit 65 ;; esac
case $seconds in '' | *[!0-9]*) exit 65 ;; esac

now() { date +%s%3N; }
# report STATE END CODE
report() {
  printf 'run %s %s %s %s %s %s\n' "$key" "$1" "$trigger" "$started" "$2" "$3" >"$dir/report.new" &&
    mv "$dir/report.new" "$dir/report"
}
begin_report() {
  started=$(now)
  key=$started-$(head -c 8 /proc/sys/kernel/random/uuid)
  dir=$task/runs/$key
  mkdir -p "$dir" && : >"$dir/output"
}
# tell FOLDER: the token comes from a file, as everybody on the server sees arguments.
tell() {
  [ -s "$task/url" ] || return 1
  read -r url <"$task/url"
  cat "$1/report" "$1/output" 2>/dev/null |
    curl --silent --fail --output /dev/null --proto '=http,https' --connect-timeout 5 --max-time 20 \
      --header "@$task/token" --header 'Content-Type: application/octet-stream' --data-binary @- "$url" 2>/dev/null
}
# What has ended and is told is of no use any more. What cannot be told stays, and the panel fetches it.
tell_ended() {
  for each in "$dir" "$task"/runs/*; do
    [ -f "$each/report" ] || continue
    read -r _ _ state _ <"$each/report" || continue
    [ "$state" != running ] || continue
    tell "$each" || break
    rm -rf "$each"
  done
  # The names begin with the time.
  for each in $(ls "$task/runs" | head -n "-$most_runs"); do rm -rf "$task/runs/$each"; done
}
skip() {
  begin_report
  report skipped "$started" -
  [ "$trigger" = cron ] || echo 'Not run: the run before has not ended.'
  tell_ended
  [ "$trigger" = cron ] || exit 75
  exit 0
}

exec 9>>lock
if ! flock -n 9; then
  [ "$overlap" = queue ] || skip
  # One waits; more would only be late.
  exec 8>>waiting
  flock -n 8 || skip
  flock 9
  exec 8>&-
fi
# The task is being removed. What is older was left by a removal that was cut short.
[ -z "$(find "$task/removed" -mmin -2 2>/dev/null)" ] || exit 0
begin_report || exit 73
# As long as somebody holds this the run goes on, whatever its report says.
exec 7>"$dir/alive"
flock 7
# Somebody cancels what they began: everything of it gets this signal. Written down at once, as what does not end then
# is killed, with this program.
running= stopped=
stop() {
  stopped=yes
  : >"$dir/stopped"
  [ -z "$running" ] || kill -TERM "$running" 2>/dev/null
}
[ "$trigger" = cron ] || trap stop TERM
report running - -
tell "$dir" 7>&- 9>&- &
mkfifo "$dir/pipe" || exit 73
live=
[ "$trigger" = cron ] || live=live
# A group of its own: something that the command leaves behind may hold the pipe open for ever.
setsid "$0" keep "$dir" $live <"$dir/pipe" 7>&- 9>&- &
keeper=$!
home=$(getent passwd "$user" | cut -d : -f 6)
cd "$home" 2>/dev/null || cd /
# The command is a file that only root can name: the user gets it opened.
# What begins in the background has some signals switched off.
set -- env -i --default-signal SHELL=/bin/sh PATH="$PATH" \
  HOME="$home" USER="$user" LOGNAME="$user" /bin/sh /dev/fd/3
[ "$user" = root ] || set -- runuser -u "$user" -- "$@"
timeout --kill-after=10 "$seconds" "$@" 3<"$task/command" </dev/null >"$dir/pipe" 2>&1 7>&- 9>&- &
running=$!
echo "$running" >"$dir/pid"
[ -z "$stopped" ] || kill -TERM "$running" 2>/dev/null
wait "$running"
code=$?
# A wait that a signal ended says nothing of the command.
if [ -n "$stopped" ]; then
  wait "$running"
  code=$?
fi
ended=$(now)
waited=0
while [ ! -e "$dir/written" ] && [ "$waited" -lt 50 ]; do
  sleep 0.1
  waited=$((waited + 1))
done
[ -e "$dir/written" ] || kill -KILL -- "-$keeper" 2>/dev/null
rm -f "$dir/pipe" "$dir/pid" "$dir/written" "$dir/rest" "$dir/beyond"
state=failed
if [ "$code" -eq 0 ]; then
  state=succeeded
elif [ "$code" -eq 124 ] || [ "$code" -eq 137 ]; then
  [ $((ended - started)) -lt $((seconds * 1000)) ] || state=timed_out
fi
[ -z "$stopped" ] || state=stopped
report "$state" "$ended" "$code"
rm -f "$dir/alive" "$dir/stopped"
exec 7>&- 9>&-
[ "$trigger" = cron ] || [ "$state" != timed_out ] || printf '\nStopped after %s s.\n' "$seconds"
tell_ended
[ "$trigger" = cron ] || exit "$code"
RUN_TASK_END
}
