install_packages ufw
forget_last_outcome
# Where sshd really listens: what it is configured for, what it has open (systemd may hold its socket), and where we are.
ssh_ports=$({
  sshd -T 2>/dev/null | awk '$1 == "port" { print $2 }'
  ss -Htlnp | awk '/"sshd"/ { count = split($4, at, ":"); print at[count] }'
  systemctl show ssh.socket --property Listen --value 2>/dev/null | sed -n 's/.*:\([0-9]*\) (Stream).*/\1/p'
  printf '%s\n' "${SSH_CONNECTION:-}" | awk 'NF == 4 { print $4 }'
} | sort -nu | tr '\n' ' ')
[ -n "$ssh_ports" ] || fail 'The port of the SSH server could not be found out. Check that sshd runs, then retry.'
# shellcheck disable=SC2086
open_ports=$(printf '%s\n' $ssh_ports 80 443 | sort -nu | tr '\n' ' ')
defaults_are_set() {
  grep -q '^DEFAULT_INPUT_POLICY="DROP"' /etc/default/ufw && grep -q '^DEFAULT_OUTPUT_POLICY="ACCEPT"' /etc/default/ufw
}
missing_ports() { for port in $open_ports; do is_base_rule allow tcp "$port" any || printf '%s ' "$port"; done; }
list_what_closes() {
  ss -Htuln | awk '{
      count = split($5, at, ":"); port = at[count]; address = substr($5, 1, length($5) - length(port) - 1)
      if (address !~ /^127\./ && address !~ /^\[::1\]/ && address !~ /%lo$/) print $1, port
    }' | sort -u | while read -r protocol port; do
    case "$protocol, $open_ports" in tcp,*" $port "*) continue ;; esac
    echo "Closed to the outside from now on, unless a rule opens it: $port/$protocol"
  done
}
missing=$(missing_ports)
if ufw_is_active && defaults_are_set && [ -z "$missing" ]; then
  echo 'The firewall is as it should be.'
else
  ufw_is_active || list_what_closes
  begin_change
  for port in $missing; do
    ufw allow "$port/tcp" comment "$base_comment" || fail "ufw refused the rule for port $port. The output shows why."
  done
  defaults_are_set || {
    ufw default deny incoming
    ufw default allow outgoing
  }
  ufw_is_active || ufw --force enable || fail 'The firewall does not start. The output shows why; mend it on the server, then retry.'
  [ -z "$(missing_ports)" ] || fail "ufw did not take the rules for $(missing_ports). Look at ufw show added on the server."
  ufw_is_active || fail 'The firewall is off although ufw switched it on. Look at ufw status on the server.'
  echo 'Taken back in 60 s, unless the panel still gets in.'
fi
systemctl is-enabled --quiet ufw.service || systemctl enable --quiet ufw.service
fact sshd_ports "${ssh_ports% }"
firewall_facts
summary "on, open for all: $(echo "${open_ports% }" | sed 's/ /, /g')"
