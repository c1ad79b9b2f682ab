# Enables and starts what is not; restarts nothing that runs.
run_service() {
  systemctl is-enabled --quiet "$1" 2>/dev/null || systemctl enable --quiet "$1"
  systemctl is-active --quiet "$1" || systemctl start "$1"
  systemctl is-active --quiet "$1" || { journalctl -u "$1" -n 20 --no-pager; fail "$1 does not start. The output shows its log; mend it, then retry."; }
}
# Writes standard input to a file if it differs; says by its exit code whether it wrote.
write_if_different() {
  temporary=$(mktemp "$1.XXXXXX")
  cat > "$temporary"
  if [ -f "$1" ] && cmp -s "$temporary" "$1"; then
    rm -f "$temporary"
    return 1
  fi
  chmod "$2" "$temporary"
  mv -T "$temporary" "$1"
  echo "Wrote $1"
}
