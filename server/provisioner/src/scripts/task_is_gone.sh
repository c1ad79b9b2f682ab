read -r handle
check_handle "$handle"
for each in "$crontabs/brokeforge-$handle" "$tasks/$handle"; do
  [ ! -e "$each" ] || fail "$each is still there. Look who keeps it, then retry."
done
summary 'nothing of it is left'
