set -eu
IFS= read -r user || [ -n "$user" ]
case $user in
  "" | root | [!a-z_]* | *[!a-z0-9_-]*) exit 0 ;;
esac
rm -f "/etc/sudoers.d/brokeforge-$user"
