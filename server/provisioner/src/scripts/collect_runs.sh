# Reads handles; prints `fact`s about the server, then each run that the panel has not taken: a line
# `::run HANDLE BYTES`, so many bytes, and a line end.
fact clock "$(date +%s%3N)"
zone=$(readlink -f /etc/localtime 2>/dev/null || true)
case "$zone" in
  /usr/share/zoneinfo/*) zone=${zone#/usr/share/zoneinfo/} ;;
  *) zone=$(cat /etc/timezone 2>/dev/null || true) ;;
esac
[ -z "$zone" ] || fact time_zone "$zone"
if systemctl is-active --quiet cron.service; then fact scheduler_running yes; else fact scheduler_running no; fi
room=4000000 most=300
while read -r handle; do
  check_handle "$handle"
  [ -d "$tasks/$handle/runs" ] || continue
  cd "$tasks/$handle/runs"
  for run in *; do
    [ -f "$run/report" ] || continue
    read -r _ key state _ <"$run/report" || continue
    if [ "$state" = running ] && [ -f "$run/alive" ] && flock -n "$run/alive" true; then
      # Nobody is there any more who would write down how it ended, unless that was done just now.
      read -r _ key state trigger started _ <"$run/report" || continue
      if [ "$state" = running ]; then
        ended=lost
        [ ! -e "$run/stopped" ] || ended=stopped
        echo "run $key $ended $trigger $started - -" >"$run/report.new"
        mv "$run/report.new" "$run/report"
      fi
    fi
    taken=$(mktemp "$tasks/.taken.XXXXXX")
    cat "$run/report" "$run/output" >"$taken" 2>/dev/null || { rm -f "$taken"; continue; }
    bytes=$(wc -c <"$taken")
    room=$((room - bytes - 100))
    most=$((most - 1))
    if [ "$room" -lt 0 ] || [ "$most" -lt 0 ]; then
      rm -f "$taken"
      fact more yes
      exit 0
    fi
    printf '::run %s %s\n' "$handle" "$bytes"
    cat "$taken"
    echo
    rm -f "$taken"
  done
done
fact all yes
