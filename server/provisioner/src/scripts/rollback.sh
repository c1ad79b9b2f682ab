# A change of the firewall is taken back unless the panel confirms it over a new connection. Confirming and
# taking back exclude each other by one rename of the snapshot's folder. A timer fires after 60 s; it does not
# outlive a reboot while ufw's files do, so a boot unit stands beside it while a change is pending.
state=/var/lib/brokeforge/firewall-rollback
boot_unit=brokeforge-firewall-rollback
begin_change() {
  [ ! -d "$state/pending" ] || fail 'Another change of the firewall waits to be confirmed. Retry in a minute.'
  install -d -m 700 /var/lib/brokeforge "$state"
  rm -rf "$state/new" "$state/confirmed" "$state/taken-back"
  install -d -m 700 "$state/new"
  cp -a /etc/ufw/user.rules /etc/ufw/user6.rules /etc/ufw/ufw.conf "$state/new/"
  cat > "$state/new/take-back" <<'SCRIPT'
#!/bin/sh
# Puts the firewall back as it was before a change that was not confirmed.
state=/var/lib/brokeforge/firewall-rollback
mv -T "$state/pending" "$state/taken-back" 2>/dev/null || exit 0
cp -a "$state/taken-back/user.rules" "$state/taken-back/user6.rules" "$state/taken-back/ufw.conf" /etc/ufw/
if grep -q '^ENABLED=yes' /etc/ufw/ufw.conf; then ufw reload; else ufw --force disable; cp -a "$state/taken-back/ufw.conf" /etc/ufw/; fi
systemctl disable brokeforge-firewall-rollback.service 2>/dev/null
rm -f /etc/systemd/system/brokeforge-firewall-rollback.service
systemctl daemon-reload
logger -t brokeforge 'a change of the firewall was not confirmed and was taken back'
SCRIPT
  chmod 700 "$state/new/take-back"
  cat > "/etc/systemd/system/$boot_unit.service" <<'UNIT'
[Unit]
Description=Take back a change of the firewall that was not confirmed before a reboot
After=ufw.service
ConditionPathExists=/var/lib/brokeforge/firewall-rollback/pending
[Service]
Type=oneshot
ExecStart=/var/lib/brokeforge/firewall-rollback/pending/take-back
[Install]
WantedBy=multi-user.target
UNIT
  systemctl daemon-reload
  systemctl enable --quiet "$boot_unit.service"
  systemctl stop "$boot_unit-timer.timer" 2>/dev/null || true
  systemctl reset-failed "$boot_unit-timer.service" "$boot_unit-timer.timer" 2>/dev/null || true
  mv -T "$state/new" "$state/pending"
  systemd-run --quiet --unit="$boot_unit-timer" --on-active=60 --timer-property=AccuracySec=1s "$state/pending/take-back"
  echo 'If the panel does not confirm within 60 s, this is taken back.'
}
confirm_change() {
  [ -d "$state/pending" ] || {
    [ ! -d "$state/taken-back" ] || fail 'The change was taken back.'
    return 0
  }
  mv -T "$state/pending" "$state/confirmed" || fail 'The change was taken back.'
  systemctl stop "$boot_unit-timer.timer" 2>/dev/null || true
  systemctl disable --quiet "$boot_unit.service" 2>/dev/null || true
  rm -f "/etc/systemd/system/$boot_unit.service"
  systemctl daemon-reload
  rm -rf "$state/confirmed"
}
nothing_pending() { [ ! -d "$state/pending" ]; }
firewall_facts() {
  if command -v ufw >/dev/null; then fact firewall_installed yes; else fact firewall_installed no; fi
  if ufw status 2>/dev/null | grep -q '^Status: active'; then fact firewall_enabled yes; else fact firewall_enabled no; fi
}
