read -r handle; read -r user; read -r count; read -r again; read -r signal; read -r stop_wait
read -r stopped; read -r anew; read -r command_hash
# Backslashes stand for themselves and for line ends.
IFS= read -r command; IFS= read -r directory; IFS= read -r environment
read -r environment_hash
check_handle "$handle"
# What comes from the panel is checked once more here, where it counts.
case "$user" in root | brokeforge) ;; *) fail 'The user of the program is none. Update the panel.' ;; esac
case "$count" in '' | *[!0-9]*) fail 'The number of processes is none. Update the panel.' ;; esac
case "$again" in always | no) ;; *) fail 'Whether it is restarted is not told. Update the panel.' ;; esac
case "$signal" in TERM | INT | QUIT | HUP | USR1 | USR2 | KILL) ;; *) fail 'The stop signal is none. Update the panel.' ;; esac
case "$stop_wait" in '' | *[!0-9]*) fail 'The wait is no number. Update the panel.' ;; esac
getent passwd "$user" >/dev/null ||
  fail "The user $user is not on this server. Provision the server or repair its scheduler, which makes it, or run the program as root."
own_folder "$programs" "$programs/$handle" "$programs/$handle/ends"
mkdir -m 755 "$code" 2>/dev/null || true
check_folder "$code"
cd "$programs/$handle"
put_all() {
  run_program_program | put 755 "$code/run-program"
  # Others than root cannot get into the folder; whom the program runs as gets the files opened.
  printf '%b' "$command" | put 644 "$programs/$handle/command"
  printf '%s\n' "$directory" | put 600 "$programs/$handle/directory"
  printf '%b' "$environment" | put 600 "$programs/$handle/environment"
  echo "$user" | put 600 "$programs/$handle/user"
}
# Processes that run as they were before owe a restart until they had one, also where this is killed in between.
owed=yes
[ -e restart ] || owed=no
: >restart
wrote=$(put_all) || { printf '%s\n' "$wrote"; exit 1; }
[ "$(sha256sum <command | cut -d ' ' -f 1)" = "$command_hash" ] &&
  [ "$(sha256sum <environment | cut -d ' ' -f 1)" = "$environment_hash" ] ||
  fail 'The program did not arrive as it was written. Look whether the disk is full, then retry.'
[ -z "$wrote" ] || printf '%s\n' "$wrote"
[ "$owed" = yes ] || [ -n "$wrote" ] || [ "$anew" = yes ] || rm -f restart
echo "$count" | put 600 "$programs/$handle/count"
put 644 "$units/brokeforge-program-$handle@.service" <<UNIT
# A background program of BrokeForge. The panel writes this file anew.
[Unit]
Description=BrokeForge program $handle, process %i
StartLimitIntervalSec=60
StartLimitBurst=5
[Service]
Type=exec
ExecStart=$code/run-program $handle %i
ExecStopPost=$code/run-program ended $handle %i
Restart=$again
RestartSec=2
KillMode=control-group
KillSignal=SIG$signal
TimeoutStopSec=$stop_wait
SuccessExitStatus=129 130 131 138 140 143
StandardInput=null
StandardOutput=journal
StandardError=journal
[Install]
WantedBy=multi-user.target
UNIT
systemctl daemon-reload
fact program_installed yes
wanted='' surplus='' number=0
if [ "$stopped" = no ]; then
  while [ "$number" -lt "$count" ]; do
    number=$((number + 1))
    wanted="$wanted $(unit_of "$handle" "$number")"
  done
fi
for known in $(numbers_of "$handle"); do
  [ "$known" -le "$number" ] || surplus="$surplus $(unit_of "$handle" "$known")"
done
# From here on these are lists of words of ours.
# shellcheck disable=SC2086
{
  [ -z "$surplus" ] || stop_units $surplus
  if [ "$stopped" = yes ]; then
    rm -f restart
    summary 'stopped, also after a reboot'
    exit 0
  fi
  cold=
  for unit in $wanted; do
    [ -L "$units/multi-user.target.wants/$unit" ] || systemctl enable --quiet "$unit"
    [ ! -e restart ] && systemctl is-active --quiet "$unit" || cold="$cold $unit"
  done
  if [ -n "$cold" ]; then
    # What has given up may begin anew.
    systemctl reset-failed $cold 2>/dev/null || true
    systemctl restart $cold ||
      fail 'systemd does not start the program. The output shows its reason; mend it on the server, then retry.'
  fi
  rm -f restart
}
summary "started as $user, now and at every boot"
