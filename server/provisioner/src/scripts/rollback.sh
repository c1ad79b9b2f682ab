# A change of the firewall is taken back unless the panel confirms it over a new connection. To confirm and to take
# back are one rename of the same folder, so only one of them happens. A timer does not outlive a reboot, ufw's files
# do: hence the boot unit, which is there only while a change is pending. What follows the rename may fail without
# changing what was decided: a folder left behind must not stand in the way of the next change. A confirmation may outlive
# the panel that sent it, or come late: it names its step, and the next change waits until it has put everything away.
state=/var/lib/brokeforge/firewall-rollback
unit=brokeforge-firewall-rollback
check_folder "$ours"
check_folder "$state"
deciding() {
  exec 8>"$state/lock"
  flock 8
}
is_from() { [ ! -e "$state/pending/step" ] || [ "$(cat "$state/pending/step")" = "$1" ]; }
is_undecided() { [ -d "$state/pending" ] || [ -d "$state/taking-back" ]; }
forget_last_outcome() {
  waited=0
  while is_undecided; do
    [ "$waited" -gt 0 ] || echo 'An earlier change of the firewall is being taken back. Waiting for it.'
    [ "$waited" -lt 100 ] || fail "An earlier change of the firewall is neither confirmed nor taken back. Run $state/take-back on the server, which says why, then retry."
    sleep 1
    waited=$((waited + 1))
  done
  rm -rf "$state/taken-back"
}
begin_change() {
  own_folder "$state"
  # Made while there is room for it: taking back must work on a full disk.
  deciding
  rm -rf "$state/new" "$state/confirmed"
  install -d -m 700 "$state/new"
  step=${BROKEFORGE_STEP:-}
  echo "${step%-*}" > "$state/new/step"
  cp -a /etc/ufw/user.rules /etc/ufw/user6.rules /etc/ufw/ufw.conf "$state/new/"
  cp -a /etc/default/ufw "$state/new/default"
  cat > "$state/take-back" <<'SCRIPT'
#!/bin/sh
# Puts the firewall back as it was before a change that nobody confirmed, and goes on where it was cut off or failed.
# `by-itself`: nobody waits for the answer, so it tries until it works.
state=/var/lib/brokeforge/firewall-rollback
unit=brokeforge-firewall-rollback
exec 9>> "$state/lock"
flock -w 30 9 || exit 1
mv -T "$state/pending" "$state/taking-back" 2>/dev/null || [ -d "$state/taking-back" ] || exit 0
put_back() { cp -a "$state/taking-back/$1" "$2.brokeforge" && mv -T "$2.brokeforge" "$2"; }
put_all_back() {
  put_back user.rules /etc/ufw/user.rules &&
    put_back user6.rules /etc/ufw/user6.rules &&
    put_back ufw.conf /etc/ufw/ufw.conf &&
    put_back default /etc/default/ufw || return 1
  if grep -q '^ENABLED=yes' /etc/ufw/ufw.conf; then ufw reload; else ufw --force disable; fi
}
until put_all_back 9>&-; do
  [ "${1:-}" = by-itself ] || exit 1
  sleep 10
done
systemctl stop "$unit-timer.timer" 2>/dev/null
systemctl disable --quiet "$unit.service" 2>/dev/null
rm -f "/etc/systemd/system/$unit.service"
systemctl daemon-reload
rm -rf "$state/taken-back"
mv -T "$state/taking-back" "$state/taken-back"
SCRIPT
  chmod 700 "$state/take-back"
  cat > "/etc/systemd/system/$unit.service" <<UNIT
[Unit]
Description=Take back a change of the firewall that was not confirmed before a reboot
After=ufw.service
[Service]
Type=oneshot
ExecStart=$state/take-back by-itself
[Install]
WantedBy=multi-user.target
UNIT
  sync "$state/take-back" "$state"/new/* "/etc/systemd/system/$unit.service"
  systemctl daemon-reload
  systemctl enable --quiet "$unit.service"
  systemctl stop "$unit-timer.timer" 2>/dev/null || true
  # Armed before there is anything to take back: a change that nobody would take back cannot begin.
  systemd-run --quiet --collect --unit="$unit-timer" --on-active=60 --timer-property=AccuracySec=1s "$state/take-back" by-itself
  trap take_back_if_it_failed EXIT
  mv -T "$state/new" "$state/pending"
  exec 8>&-
}
take_back_if_it_failed() {
  code=$?
  if [ "$code" -ne 0 ] && is_undecided; then
    echo 'This failed half-way. Taking it back.'
    "$state/take-back" || true
  fi
  exit "$code"
}
# Reads the step that made the change.
confirm_change() {
  read -r step
  [ -d "$state" ] || return 0
  deciding
  [ ! -d "$state/pending" ] || rm -rf "$state/confirmed"
  if ! is_from "$step" || ! mv -T "$state/pending" "$state/confirmed" 2>/dev/null; then
    if is_undecided || [ -d "$state/taken-back" ]; then fail 'The change was not confirmed in time, so it was taken back.'; fi
    # Nothing had to change, or the answer to an earlier confirmation got lost.
    [ -d "$state/confirmed" ] || return 0
  fi
  systemctl stop "$unit-timer.timer" 2>/dev/null || true
  systemctl disable --quiet "$unit.service" 2>/dev/null || true
  rm -f "/etc/systemd/system/$unit.service" || true
  systemctl daemon-reload || true
  rm -rf "$state/confirmed" || true
}
rollback_status() {
  if is_undecided; then
    fact rollback pending
    return 1
  elif [ -d "$state/taken-back" ]; then
    fact rollback 'done'
  else
    fact rollback none
  fi
}
