echo "Boot $(cat /proc/sys/kernel/random/boot_id), kernel $(uname -r)."
state=$(timeout 170 systemctl is-system-running --wait 2>/dev/null || true)
[ -n "$state" ] || state=$(systemctl is-system-running 2>/dev/null || true)
note_reboot_required
case "$state" in
  running) summary "running again, kernel $(uname -r)" ;;
  degraded)
    systemctl --failed --no-legend --plain --no-pager
    units=$(systemctl --failed --no-legend --plain --no-pager | awk '{ printf "%s%s", separator, $1; separator = ", " }')
    summary "running again, kernel $(uname -r); failed units: $units"
    ;;
  *)
    systemctl list-jobs --no-legend --no-pager || true
    fail "It answers again, but it has not finished booting within 3 minutes: systemd says ${state:-nothing}. The output shows what it waits for; look at it on the server."
    ;;
esac
