# Enables and starts what is not; restarts nothing that runs.
run_service() {
  systemctl is-enabled --quiet "$1" 2>/dev/null || systemctl enable --quiet "$1"
  systemctl is-active --quiet "$1" || systemctl start "$1" || true
  systemctl is-active --quiet "$1" || {
    journalctl --unit "$1" --lines 20 --no-pager
    fact otherwise "$1 does not start. The output shows its log; mend it on the server, then retry."
    exit 1
  }
}
# refuse_taken_port PORT PROCESS...: says who has it, unless that is one of the processes.
refuse_taken_port() {
  port=$1
  shift
  taken_by=$(ss -Htlnp "sport = :$port" | sed -n 's/.*users:(("\([^"]*\)",pid=\([0-9]*\).*/\1 (process \2)/p')
  for process in "$@"; do taken_by=$(printf '%s\n' "$taken_by" | grep -v "^$process (" || true); done
  [ -z "$taken_by" ] ||
    because port_in_use "Port $port is taken by $(printf '%s\n' "$taken_by" | head -n 1). Stop it or move it to another port, then retry."
}
# A database belongs on the loopback address, where Debian puts it. What somebody has changed is said, not undone.
reach_of() {
  beyond=$(ss -Htln "sport = :$1" | awk '{
      address = $4; sub(/:[0-9]+$/, "", address)
      if (address !~ /^127\./ && address !~ /^\[(::1|::ffff:127\..*)\]$/) print address
    }' | sort -u | tr '\n' ' ')
  if [ -n "$beyond" ]; then
    echo "listens beyond this server, on ${beyond% }"
  else
    echo "on port $1 of this server only"
  fi
}
# A service that must read its files anew owes that until it has, also where this is killed in between: `owed` names the
# file that remembers it, or nothing.
owe() { [ -z "$owed" ] || : > "$owed"; }
pay() {
  [ -e "$owed" ] || return 0
  if systemctl is-active --quiet "$1"; then systemctl reload "$1"; fi
  rm -f "$owed"
}
# write_if_different FILE: writes standard input to it, unless it is that already.
write_if_different() {
  temporary=$(mktemp "$1.XXXXXX")
  cat > "$temporary"
  if cmp -s "$temporary" "$1"; then
    rm -f "$temporary"
    return 0
  fi
  chmod 644 "$temporary"
  owe
  mv -T "$temporary" "$1"
  echo "Wrote $1"
}
