install_packages ufw
# Where sshd really listens: what it was configured for and what it has open.
ssh_ports=$({
  sshd -T 2>/dev/null | awk '$1 == "port" { print $2 }'
  ss -Htlnp 2>/dev/null | awk '/"sshd"/ { n = split($4, at, ":"); print at[n] }'
} | sort -nu)
[ -n "$ssh_ports" ] || fail 'The port of the SSH server could not be found out. Check that sshd runs, then retry.'
open_ports="$ssh_ports 80 443"
has_base_rule() { ufw show added 2>/dev/null | grep -qF "ufw allow $1/tcp comment 'brokeforge:base'"; }
is_active() { ufw status 2>/dev/null | grep -q '^Status: active'; }
default_is_deny() { grep -q '^DEFAULT_INPUT_POLICY="DROP"' /etc/default/ufw && grep -q '^DEFAULT_OUTPUT_POLICY="ACCEPT"' /etc/default/ufw; }
to_do=
is_active || to_do=yes
default_is_deny || to_do=yes
for port in $open_ports; do has_base_rule "$port" || to_do=yes; done
if [ -n "$to_do" ]; then
  if ! is_active; then
    ss -Htuln | awk '{ n = split($5, at, ":"); port = at[n]; address = substr($5, 1, length($5) - length(port) - 1);
      if (address !~ /^127\./ && address !~ /^\[::1\]/ && address !~ /%lo$/) print $1 "/" port }' | sort -u |
      while read -r listener; do
        port=${listener#*/}
        case " $(echo $open_ports) " in *" $port "*) [ "${listener%/*}" = tcp ] && continue ;; esac
        echo "Will be closed to the outside: $listener"
      done
  fi
  begin_change
  default_is_deny || { ufw default deny incoming; ufw default allow outgoing; }
  for port in $open_ports; do
    has_base_rule "$port" || ufw allow "$port/tcp" comment brokeforge:base
  done
  is_active || ufw --force enable
else
  echo 'The firewall is as it should be.'
fi
systemctl is-enabled --quiet ufw.service || systemctl enable --quiet ufw.service
for port in $ssh_ports; do fact sshd_port "$port"; done
firewall_facts
summary "on, open: $(echo $open_ports | tr ' ' ',' | sed 's/,/, /g')"
