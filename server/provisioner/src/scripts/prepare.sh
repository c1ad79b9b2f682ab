wait_for_apt
mend_dpkg
newest=$(find /var/lib/apt/lists -maxdepth 1 -name '*Release' -mmin -10 2>/dev/null | head -n 1)
if [ -n "$newest" ]; then
  echo 'The package lists are less than 10 minutes old.'
else
  apt_get update
fi
install_packages ca-certificates curl gnupg unzip git acl
# In a container the clock is the machine's own and timesyncd cannot set it.
if ! systemd-detect-virt --container --quiet && [ -z "$(missing_packages systemd-timesyncd)" ]; then
  timedatectl set-ntp true 2>/dev/null || echo 'Time synchronization could not be switched on.'
fi
summary 'package lists and base packages are there'
