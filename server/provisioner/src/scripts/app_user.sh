user=brokeforge
if getent passwd "$user" >/dev/null; then
  echo "The user $user is there."
else
  useradd --create-home --home-dir "/home/$user" --shell /bin/bash --user-group "$user"
  echo "Made the user $user."
fi
home=$(getent passwd "$user" | cut -d : -f 6)
# An account of this name that somebody made for something else is not taken over.
[ "$home" = "/home/$user" ] || fail "The user $user is here already, with the home $home, so it belongs to something else. Rename or remove that user, then retry."
[ -d "$home" ] || fail "The home $home of the user $user is missing. Make it, owned by $user, then retry."
[ "$(passwd -S "$user" | cut -d ' ' -f 2)" = L ] || passwd -l "$user"
# The web server reaches in by an access list of its own; nobody else does.
[ "$(stat -c %a "$home")" = 750 ] || chmod 750 "$home"
# Each of these is a way to become root.
for group in sudo wheel adm disk docker lxd; do
  case " $(id -nG "$user") " in
    *" $group "*)
      gpasswd -d "$user" "$group" >/dev/null
      echo "Took $user out of the group $group."
      ;;
  esac
done
if command -v sudo >/dev/null && runuser -u "$user" -- sudo -n true 2>/dev/null; then
  fail "The user $user may become root by sudo. Take that rule out of /etc/sudoers or /etc/sudoers.d, then retry."
fi
summary "$user: no password, no sudo"
