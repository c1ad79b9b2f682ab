# Begins the step unless that has been done, then passes on what it prints, from an offset, until it ends.
read -r user deadline offset script_bytes value_bytes || exit 125
case "$deadline$offset$script_bytes$value_bytes" in '' | *[!0-9]*) exit 125 ;; esac
case "$user" in root | brokeforge) ;; *) exit 125 ;; esac
own_folders
find "$lane" -maxdepth 1 -name 'in.*' -mmin +60 -exec rm -f {} + 2>/dev/null
incoming=$lane/in.$$
trap 'rm -f "$incoming"' EXIT
cat >"$incoming" 2>/dev/null || no_room
# Cut on the way: not the step that was meant.
[ "$(wc -c <"$incoming")" -eq $((script_bytes + value_bytes)) ] || exit 125

make_files() {
  for other in "$lane"/*-*-*; do
    [ -d "$other" ] && [ "$other" != "$dir" ] || continue
    if runs "${other##*/}"; then
      tell busy
      exit 0
    fi
    rm -rf "$other"
  done
  new=$lane/new
  rm -rf "$new"
  {
    mkdir "$new" &&
      head -c "$script_bytes" "$incoming" >"$new/script" &&
      tail -c "+$((script_bytes + 1))" "$incoming" >"$new/values" &&
      : >"$new/output" &&
      # Room for the last words of a step that fills the disk, and for how it ended.
      head -c 524288 /dev/zero >"$new/spare" &&
      printf '%80s\n' '' >"$new/result.new" &&
      cat >"$new/run" <<'RUN' && cat >"$new/end" <<'END'
# run DIR USER: becomes the step. Of what it prints the first 8 MiB are kept and the last 256 KiB.
dir=$1 user=$2
[ ! -e "$dir/result" ] || exit 0
cat /proc/sys/kernel/random/boot_id >"$dir/begun"
script=$(cat "$dir/script" && echo x) || exit 125
script=${script%x}
mkfifo "$dir/pipe" || exit 125
(
  # It outlives the step until everything is written.
  trap '' TERM HUP INT
  exec <"$dir/pipe" >>"$dir/output" 2>/dev/null
  # Unbuffered, as somebody may be reading along.
  stdbuf -o0 head -c 8388608 || rm -f "$dir/spare"
  dd bs=65536 2>"$dir/beyond" | tail -c 262144 >"$dir/rest"
  rm -f "$dir/spare"
  beyond=$(awk '/ copied/ || / bytes/ { print $1; exit }' "$dir/beyond")
  [ "${beyond:-0}" -le 262144 ] || printf '\n[%s bytes left out]\n' "$((beyond - 262144))"
  cat "$dir/rest"
  rm -f "$dir/rest" "$dir/beyond"
  : >"$dir/written"
) &
exec <"$dir/values" >"$dir/pipe" 2>&1
rm -f "$dir/values" "$dir/pipe"
if [ "$user" = root ]; then
  HOME=$(getent passwd 0 | cut -d: -f6) USER=root LOGNAME=root
  export HOME USER LOGNAME
  cd "$HOME" || cd /
  exec /bin/sh -c "$script" brokeforge
fi
HOME=$(getent passwd "$user" | cut -d: -f6) USER=$user LOGNAME=$user
export HOME USER LOGNAME
cd "$HOME" || exit 125
exec runuser -u "$user" -- /bin/sh -c "$script" brokeforge
RUN
# end DIR: writes down how it ended, in place, as there may be no room for a new block.
dir=$1
[ ! -e "$dir/result" ] || exit 0
printf '%s %s %s\n' "${SERVICE_RESULT:--}" "${EXIT_CODE:--}" "${EXIT_STATUS:--}" 1<>"$dir/result.new" &&
  mv "$dir/result.new" "$dir/result"
END
  } 2>/dev/null || no_room
  mv "$new" "$dir" || no_room
}

start_unit() {
  set -- "--setenv=BROKEFORGE_STEP=$name"
  # Where the panel is, and the way to the network, as a login has them.
  for variable in SSH_CONNECTION http_proxy https_proxy no_proxy; do
    eval "value=\${$variable:-}"
    [ -z "$value" ] || set -- "$@" "--setenv=$variable=$value"
  done
  systemd-run --quiet --collect --unit="$unit" --description="BrokeForge: step $step of operation $operation" \
    --property=Type=exec --property=KillMode=control-group --property=TimeoutStopSec=10 \
    --property=RuntimeMaxSec="$deadline" --property=IgnoreSIGPIPE=no --property=StandardOutput=null \
    --property=StandardError=null --property="ExecStopPost=/bin/sh $dir/end $dir" "$@" \
    /bin/sh "$dir/run" "$dir" "$user" 9>&- </dev/null || {
    tell failed 'systemd did not begin the step. Look at the system log of the server, then retry.'
    exit 0
  }
}

start_processes() {
  # shellcheck disable=SC2016
  env -u BROKEFORGE_RUN BROKEFORGE_STEP="$name" setsid /bin/sh -c '
    trap "" HUP
    timeout --kill-after=10 "$3" /bin/sh "$1/run" "$1" "$2"
    EXIT_STATUS=$? EXIT_CODE=exited SERVICE_RESULT=exit-code
    if [ "$EXIT_STATUS" -eq 124 ]; then
      SERVICE_RESULT=timeout
    elif [ "$EXIT_STATUS" -gt 128 ]; then
      EXIT_CODE=killed EXIT_STATUS=$(kill -l "$EXIT_STATUS")
    fi
    export EXIT_STATUS EXIT_CODE SERVICE_RESULT
    for wait in 1 2 3 4 5 6 7 8 9 10; do
      [ ! -e "$1/written" ] || break
      sleep 0.1
    done
    exec /bin/sh "$1/end" "$1"' brokeforge "$dir" "$user" "$deadline" </dev/null >/dev/null 2>&1 9>&- &
}

# A reboot ends it like anybody's `kill`, and says nothing about the step.
was_rebooted() {
  grep -q ' killed ' "$dir/result" && ! cmp -s "$dir/begun" /proc/sys/kernel/random/boot_id
}

enter_lane
[ -d "$dir" ] || make_files
rm -f "$incoming"
if [ ! -e "$dir/result" ] && ! runs "$name" && [ ! -e "$dir/result" ]; then
  if [ -e "$dir/begun" ]; then
    tell vanished
    exit 0
  elif has_systemd; then
    start_unit
  else
    start_processes
  fi
fi
exec 9>&-

# Ten minutes at most, so that nothing listens for ever to a panel that is gone. Most steps take less than two seconds:
# these are looked at more often, because each has to wait until somebody sees that it has ended.
(
  looks=0 pause=0.02
  while [ ! -e "$dir/result" ] && [ "$looks" -lt 6100 ]; do
    sleep "$pause"
    looks=$((looks + 1))
    [ "$looks" -lt 100 ] || pause=0.1
    [ $((looks % 20)) -ne 0 ] || runs "$name" || break
  done
) &
tail --pid=$! --sleep-interval=0.02 --bytes="+$((offset + 1))" --follow "$dir/output" 2>/dev/null
size=$(wc -c <"$dir/output")
if [ -s "$dir/result" ] && was_rebooted; then
  tell vanished
elif [ -s "$dir/result" ]; then
  read -r how code status <"$dir/result"
  tell ended "$size" "$how" "$code" "$status"
elif runs "$name" || [ -s "$dir/result" ]; then
  tell running "$size"
else
  tell vanished
fi
