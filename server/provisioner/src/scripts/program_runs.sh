# Says how many of its processes run; that one does not stay up is no failure of ours.
read -r handle; read -r count; read -r stopped
check_handle "$handle"
case "$count" in '' | *[!0-9]*) fail 'The number of processes is none. Update the panel.' ;; esac
[ "$stopped" = yes ] || sleep 1
number=0 running=0
while [ "$number" -lt "$count" ]; do
  number=$((number + 1))
  ! systemctl is-active --quiet "$(unit_of "$handle" "$number")" || running=$((running + 1))
done
if [ "$stopped" = yes ]; then
  [ "$running" -eq 0 ] || fail "$running of its processes still run. Look what holds them up on the server, then retry."
elif [ "$running" -lt "$count" ]; then
  echo 'Not all of its processes stayed up. The log on its page says why.'
fi
summary "$running of $count running"
