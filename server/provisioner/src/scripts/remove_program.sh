read -r handle
check_handle "$handle"
own_folder
all=
for number in $(numbers_of "$handle"); do all="$all $(unit_of "$handle" "$number")"; done
if [ -n "$all" ]; then
  echo 'Stopping its processes.'
  # shellcheck disable=SC2086
  stop_units $all
fi
if [ -e "$units/brokeforge-program-$handle@.service" ]; then
  rm -f "$units/brokeforge-program-$handle@.service"
  systemctl daemon-reload
fi
rm -rf "${programs:?}/$handle"
# With the last program goes what all of them share.
if rmdir "$programs" 2>/dev/null; then
  rm -f "$code/run-program"
  rmdir "$code" 2>/dev/null || true
fi
summary 'stopped and taken from systemd'
