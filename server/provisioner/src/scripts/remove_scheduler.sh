own_folder
for each in "$tasks" "$programs"; do check_folder "$each"; done
count=$(unknown_tasks)
if [ "$count" -gt 0 ]; then
  echo "Tasks that this panel does not know run on: $count, in $tasks. What they need stays for them."
  summary "cron stays, and what tasks share for those that this panel does not know: $count"
  exit 0
fi
# What was cut off may have left its beginnings, and lines for tasks that are gone.
rm -f "$tasks"/.taken.*
for folder in "$crontabs" "$programs"; do
  [ ! -d "$folder" ] || find "$folder" -maxdepth 1 -type f -name '.brokeforge.??????' -mmin +1 -exec rm -f {} +
done
for line in "$crontabs"/brokeforge-*; do
  case "${line##*/brokeforge-}" in '' | *[!0-9a-f]*) ;; *) rm -f "$line" ;; esac
done
if [ -d "$tasks" ]; then
  rmdir "$tasks" || fail "There are files in $tasks that are not the panel's. Look whose they are and move them away, then retry."
fi
rm -f "$programs/run-task"
# Background programs have theirs there, too.
rmdir "$programs" 2>/dev/null || true
summary 'what tasks share is gone, cron stays'
