read -r panel_time
skew=$(($(date +%s) - panel_time))
[ "$skew" -ge 0 ] || skew=$((-skew))
# shellcheck source=/dev/null
. /etc/os-release
case "${ID:-} ${VERSION_ID:-}" in
  'debian 12' | 'debian 13') system="Debian $(cat /etc/debian_version)" ;;
  'ubuntu 22.04' | 'ubuntu 24.04') system="Ubuntu $VERSION_ID" ;;
  *) fail "${PRETTY_NAME:-This system} is not supported. Use Debian 12 or 13, or Ubuntu 22.04 or 24.04." ;;
esac
architecture=$(uname -m)
case "$architecture" in
  x86_64 | aarch64) ;;
  *) fail "The architecture $architecture is not supported. Use x86_64 or aarch64." ;;
esac
fact os "$system"
fact arch "$architecture"
[ "$(cat /proc/1/comm)" = systemd ] || fail 'systemd does not run as process 1. Use a server that boots with systemd.'
free_kib=$(df -Pk / | awk 'NR == 2 { print $4 }')
[ "$free_kib" -ge 2097152 ] || because disk_full "Only $((free_kib / 1024)) MiB are free on /. Free at least 2 GiB, then retry."
memory_kib=$(awk '$1 == "MemTotal:" { print $2 }' /proc/meminfo)
[ "$memory_kib" -ge 409600 ] || fail "The server has $((memory_kib / 1024)) MiB of memory. It needs at least 400 MiB."
fact clock_skew "$skew"
clock=
if [ "$skew" -gt 300 ]; then
  clock=", its clock is $skew s off"
  echo "The server's clock and the panel's differ by $skew s. Certificates and logs suffer from that: set the clock."
fi
wait_for_apt
summary "$system, $architecture, $((free_kib / 1048576)) GiB free, $((memory_kib / 1024)) MiB memory$clock"
