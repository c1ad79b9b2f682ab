read -r handle
check_handle "$handle"
[ -x "$programs/run-task" ] && [ -s "$tasks/$handle/settings" ] ||
  fail 'The task is not on this server any more. Save it again, which puts it there, then run it.'
summary 'it is there'
