read -r handle
check_handle "$handle"
own_folder
if [ -d "$tasks/$handle" ]; then
  cd "$tasks/$handle"
  # Nothing begins any more; if the removal fails after all, cron goes on as before.
  : >removed
  trap 'rm -f "$tasks/$handle/removed"' EXIT
  for run in runs/*; do
    # Held by a run that goes on; then the process is its own, too.
    if [ -f "$run/alive" ] && ! flock -n "$run/alive" true && read -r running 2>/dev/null <"$run/pid"; then
      echo 'Stopping the run that is under way.'
      kill -TERM "$running" 2>/dev/null || true
      flock -w 15 "$run/alive" true || kill -KILL -- "-$running" "$running" 2>/dev/null || true
    fi
  done
  flock -w 15 lock true || fail 'The run that is under way does not end. Look what holds it up on the server, then retry.'
  cd /
fi
rm -f "$crontabs/brokeforge-$handle"
rm -rf "${tasks:?}/$handle"
# With the last task goes what all of them share.
if rmdir "$tasks" 2>/dev/null; then
  rm -f "$programs/run-task"
  rmdir "$programs" 2>/dev/null || true
fi
summary 'taken from cron, with its runs'
