# Changes nothing, and needs no root.
# shellcheck source=/dev/null
. /etc/os-release
case "${ID:-}" in
  debian) fact os "Debian $(cat /etc/debian_version)" ;;
  ubuntu) fact os "Ubuntu ${VERSION_ID:-}" ;;
esac
offered=$(offered_php)
# A fresh server has no package lists yet; its release tells what they will say.
[ -n "$offered" ] || case "${ID:-} ${VERSION_ID:-}" in
  'debian 12') offered=8.2 ;;
  'debian 13') offered=8.4 ;;
  'ubuntu 22.04') offered=8.1 ;;
  'ubuntu 24.04') offered=8.3 ;;
esac
[ -z "$offered" ] || fact php_offered "$offered"
