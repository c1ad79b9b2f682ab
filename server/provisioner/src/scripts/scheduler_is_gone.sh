if [ "$(unknown_tasks)" -eq 0 ]; then
  for each in "$tasks" "$programs/run-task"; do
    [ ! -e "$each" ] || fail "$each is still there. Look who keeps it, then retry."
  done
fi
summary 'nothing of it is left'
