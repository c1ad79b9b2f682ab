# Reads handles; prints a line for each of their processes:
# `::process HANDLE NUMBER ACTIVE SUB PID STARTED RESTARTS HOW STATUS ENDED`, with `-` for what is not known.
while read -r handle; do
  check_handle "$handle"
  [ -s "$programs/$handle/count" ] || continue
  read -r count <"$programs/$handle/count"
  case "$count" in '' | *[!0-9]*) continue ;; esac
  number=0
  while [ "$number" -lt "$count" ]; do
    number=$((number + 1))
    active=- sub=- pid=0 restarts=0 started=
    # In UTC, as not every name of a time zone is read back as what it was.
    while IFS='=' read -r key value; do
      case "$key" in
        ActiveState) active=$value ;;
        SubState) sub=$value ;;
        MainPID) pid=$value ;;
        NRestarts) restarts=$value ;;
        ExecMainStartTimestamp) started=$value ;;
      esac
    done <<SHOWN
$(TZ=UTC systemctl show --property=ActiveState,SubState,MainPID,NRestarts,ExecMainStartTimestamp "$(unit_of "$handle" "$number")")
SHOWN
    [ -z "$started" ] || started=$(date --date="$started" +%s 2>/dev/null || true)
    how=- status=- ended=-
    if [ -s "$programs/$handle/ends/$number" ]; then
      read -r how status ended <"$programs/$handle/ends/$number" || true
    fi
    echo "::process $handle $number $active $sub $pid ${started:--} $restarts ${how:--} ${status:--} ${ended:--}"
  done
done
fact looked yes
