mend_dpkg
if [ -n "$(find "$lists_stamp" -mmin -10 2>/dev/null)" ]; then
  echo 'The package lists are less than 10 minutes old.'
else
  apt_get update || fail 'The package lists could not be fetched. Check the network of the server and /etc/apt, then retry.'
  install -d -m 700 "${lists_stamp%/*}"
  touch "$lists_stamp"
fi
install_packages acl ca-certificates curl git gnupg iproute2 unzip
# In a container the clock is the machine's own, and nothing inside can set it.
if systemd-detect-virt --container --quiet; then
  echo 'This is a container: its clock is kept from outside.'
elif [ "$(timedatectl show --property NTP --value 2>/dev/null)" = no ]; then
  timedatectl set-ntp true 2>/dev/null || echo 'The clock is not kept in time: no time service is installed.'
fi
summary 'package lists and base packages are there'
