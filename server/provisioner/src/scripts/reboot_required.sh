# Kernel and library packages leave this file when they want a reboot.
note_reboot_required() {
  if [ -e /run/reboot-required ] || [ -e /var/run/reboot-required ]; then
    fact reboot_required yes
    echo 'The server asks for a reboot.'
  else
    fact reboot_required no
  fi
}
