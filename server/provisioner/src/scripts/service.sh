# Enables and starts what is not; restarts nothing that runs.
run_service() {
  systemctl is-enabled --quiet "$1" 2>/dev/null || systemctl enable --quiet "$1"
  systemctl is-active --quiet "$1" || systemctl start "$1" || true
  systemctl is-active --quiet "$1" || {
    journalctl --unit "$1" --lines 20 --no-pager
    fail "$1 does not start. The output shows its log; mend it on the server, then retry."
  }
}
# The distribution's own version, whatever else may be installed beside it.
php_version() { dpkg-query -W -f='${Depends}' php-fpm 2>/dev/null | sed -n 's/^.*php\([0-9][0-9.]*\)-fpm.*$/\1/p'; }
# write_if_different FILE: writes standard input to it, and says so in `changed`, unless it is that already.
write_if_different() {
  temporary=$(mktemp "$1.XXXXXX")
  cat > "$temporary"
  if cmp -s "$temporary" "$1"; then
    rm -f "$temporary"
    return 0
  fi
  chmod 644 "$temporary"
  mv -T "$temporary" "$1"
  echo "Wrote $1"
  changed=yes
}
