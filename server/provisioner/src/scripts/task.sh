read -r handle; read -r user; read -r seconds; read -r overlap
read -r expression; read -r paused; read -r url; read -r hash
# Backslashes stand for themselves and for line ends.
IFS= read -r command
check_handle "$handle"
# What comes from the panel is checked once more here, where it counts.
case "$user" in root | brokeforge) ;; *) fail 'The user of the task is none. Update the panel.' ;; esac
case "$seconds" in '' | *[!0-9]*) fail 'The timeout of the task is no number. Update the panel.' ;; esac
case "$overlap" in skip | queue) ;; *) fail 'The overlap policy of the task is none. Update the panel.' ;; esac
case "$expression" in '' | *[!0-9A-Za-z*/,@\ -]*) fail 'The expression of the task is none. Update the panel.' ;; esac
getent passwd "$user" >/dev/null ||
  fail "The user $user is not on this server. Repair the scheduler, which makes it, or run the task as root."
own_folder "$tasks" "$tasks/$handle" "$tasks/$handle/runs"
mkdir -m 755 "$programs" 2>/dev/null || true
check_folder "$programs"
run_task_program | put 755 "$programs/run-task"
cd "$tasks/$handle"
# Others than root cannot get into the folder; whom the task runs as gets the file opened.
printf '%b' "$command" | put 644 "$tasks/$handle/command"
[ "$(sha256sum <command | cut -d ' ' -f 1)" = "$hash" ] ||
  fail 'The command did not arrive as it was written. Look whether the disk is full, then retry.'
echo "$user $seconds $overlap" | put 600 "$tasks/$handle/settings"
printf '%s\n' "$url" | put 600 "$tasks/$handle/url"
# Made here, and in the panel there is its hash alone.
if [ ! -s token ]; then
  echo "Authorization: Bearer $(od -An -N32 -tx1 /dev/urandom | tr -d ' \n')" | put 600 "$tasks/$handle/token"
fi
token=$(sed 's/^Authorization: Bearer //' token)
fact task_token_hash "$(printf '%s' "$token" | sha256sum | cut -d ' ' -f 1)"
line=$crontabs/brokeforge-$handle
if [ "$paused" = yes ]; then
  rm -f "$line"
  summary 'not run by cron, but by hand'
else
  put 644 "$line" <<LINE
# A scheduled task of BrokeForge. The panel writes this file anew.
MAILTO=""
$expression root $programs/run-task $handle
LINE
  summary "$expression as $user"
fi
