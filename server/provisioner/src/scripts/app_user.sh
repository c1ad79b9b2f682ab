user=brokeforge
home=/home/$user
if ! getent passwd "$user" >/dev/null; then
  useradd --create-home --home-dir "$home" --shell /bin/bash --user-group "$user"
  echo "Made the user $user."
fi
[ "$(passwd -S "$user" | cut -d ' ' -f 2)" = L ] || passwd -l "$user" >/dev/null
[ "$(stat -c %a "$home")" = 750 ] || chmod 750 "$home"
for group in sudo wheel adm; do
  if id -nG "$user" | tr ' ' '\n' | grep -qx "$group"; then
    gpasswd -d "$user" "$group" >/dev/null
    echo "Took $user out of the group $group."
  fi
done
if runuser -u "$user" -- sudo -n true 2>/dev/null; then
  fail "The user $user may become root by sudo. Take the rule out of /etc/sudoers or /etc/sudoers.d, then retry."
fi
summary "$user, no password, no sudo"
