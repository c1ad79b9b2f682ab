set -eu
export LC_ALL=C PATH=/usr/sbin:/usr/bin:/sbin:/bin
umask 077
fail() {
  echo "::error $*"
  exit 1
}
# sudo tells who called it.
user=${SUDO_USER:-}
case $user in
  "" | root | [!a-z_]* | *[!a-z0-9_-]*) fail "sudo does not say who called it. Allow this user sudo without a password by visudo." ;;
esac
[ -d /etc/sudoers.d ] || fail "The server has no /etc/sudoers.d. Allow $user sudo without a password by visudo."
# Other mistakes in the configuration are not ours to mend, but none may be new.
sound=no
if visudo -c >/dev/null 2>&1; then sound=yes; fi

file=/etc/sudoers.d/brokeforge-$user
# sudo does not read files with a dot in their names.
new=$(mktemp /etc/sudoers.d/.brokeforge.XXXXXX)
clean() { rm -f "$new"; }
trap clean EXIT
echo "$user ALL=(ALL) NOPASSWD: ALL" >"$new"
chmod 440 "$new"
visudo -c -f "$new" || fail "visudo does not accept the file for $user. Allow this user sudo without a password by visudo."
sync "$new"
mv -f "$new" "$file"
if [ "$sound" = yes ] && ! visudo -c >/dev/null; then
  rm -f "$file"
  fail "visudo does not accept the configuration with $file, so that file was taken away again. Allow $user sudo without a password by visudo."
fi
echo "::summary wrote $file"
