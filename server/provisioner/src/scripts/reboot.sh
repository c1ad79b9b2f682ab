read -r mark
own_folder
boot=$(cat /proc/sys/kernel/random/boot_id)
# Asked for again, perhaps by a panel that was restarted in between: once is enough.
if { read -r noted before < "$ours/reboot"; } 2>/dev/null && [ "$noted" = "$mark" ] && [ "$before" != "$boot" ]; then
  summary 'has rebooted already'
  exit 0
fi
# A reboot in the middle of an installation leaves packages half-way.
wait_for_apt
printf '%s %s\n' "$mark" "$boot" > "$ours/reboot.new"
mv "$ours/reboot.new" "$ours/reboot"
sync
# Detached and a little later, so that this answer still arrives.
systemctl is-active --quiet brokeforge-reboot.service ||
  systemd-run --quiet --collect --unit=brokeforge-reboot /bin/sh -c 'sleep 3; exec systemctl reboot' ||
  fail 'systemd did not take the order to reboot. The output shows why; mend it, then reboot again.'
echo "Boot $boot ends in 3 s."
summary 'systemd reboots the server'
