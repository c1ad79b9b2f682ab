read -r handle
check_handle "$handle"
for each in "$units/brokeforge-program-$handle@.service" "$programs/$handle"; do
  [ ! -e "$each" ] || fail "$each is still there. Look who keeps it, then retry."
done
for number in $(numbers_of "$handle"); do
  ! systemctl is-active --quiet "$(unit_of "$handle" "$number")" ||
    fail "Process $number still runs. Look what holds it up on the server, then retry."
done
summary 'nothing of it is left'
