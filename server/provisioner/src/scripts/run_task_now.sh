read -r handle
check_handle "$handle"
[ -x "$programs/run-task" ] && [ -d "$tasks/$handle" ] ||
  fail 'The task is not on this server any more. Save it again in the panel.'
exec "$programs/run-task" "$handle" panel
