read -r mark
folder=/var/lib/brokeforge
boot=$(cat /proc/sys/kernel/random/boot_id)
# Asked for again, perhaps by a panel that was restarted in between: once is enough.
if { read -r noted before < "$folder/reboot"; } 2>/dev/null && [ "$noted" = "$mark" ] && [ "$before" != "$boot" ]; then
  summary 'has rebooted already'
  exit 0
fi
# A reboot in the middle of an installation leaves packages half-way.
wait_for_apt
install -d -m 700 "$folder"
printf '%s %s\n' "$mark" "$boot" > "$folder/reboot.new"
mv "$folder/reboot.new" "$folder/reboot"
sync
# Detached and a little later, so that this answer still arrives.
systemctl is-active --quiet brokeforge-reboot.service ||
  systemd-run --quiet --collect --unit=brokeforge-reboot /bin/sh -c 'sleep 3; exec systemctl reboot' ||
  fail 'systemd did not take the order to reboot. The output shows why; mend it, then reboot again.'
echo "Boot $boot ends in 3 s."
summary 'systemd reboots the server'
