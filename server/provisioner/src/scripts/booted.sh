# 0: the server has been booted since this reboot was asked for. 75: not yet. 76: nobody asked for it.
read -r mark
{ read -r noted before < /var/lib/brokeforge/reboot; } 2>/dev/null || exit 76
[ "$noted" = "$mark" ] || exit 76
[ "$before" != "$(cat /proc/sys/kernel/random/boot_id)" ] || exit 75
