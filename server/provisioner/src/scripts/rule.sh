read -r new_action; read -r new_port; read -r new_protocol; read -r new_source
read -r old_action; read -r old_port; read -r old_protocol; read -r old_source
command -v ufw >/dev/null || { firewall_facts; fail 'ufw is not installed. Provision this server again.'; }
ufw status | grep -q '^Status: active' || { firewall_facts; fail 'The firewall is switched off. Provision this server again.'; }
# What comes from the panel is checked once more here, where it counts.
check_words() {
  case "$1" in allow | deny) ;; *) fail 'The action is neither allow nor deny.' ;; esac
  case "$2" in '' | *[!0-9:]* | :* | *: | *:*:*) fail 'The port is no port.' ;; esac
  case "$3" in tcp | udp | any) ;; *) fail 'The protocol is unknown.' ;; esac
  case "$4" in -* | *[!0-9a-fA-F.:/]*) fail 'The source is no address.' ;; esac
}
protocols() { if [ "$1" = any ]; then echo tcp udp; else echo "$1"; fi; }
# The words of a rule, the same for adding and deleting: action, protocol, source, port.
in_words() { printf '%s in proto %s from %s to any port %s' "$1" "$2" "${3:-any}" "$4"; }
# ufw's own list of what was added, in its own words.
has_rule() {
  # shellcheck disable=SC2046
  ufw --dry-run delete $(in_words "$@") >/dev/null 2>&1 || return 1
  # shellcheck disable=SC2046
  ! ufw --dry-run delete $(in_words "$@") 2>&1 | grep -q 'Could not delete non-existent rule'
}
add_rule() {
  for protocol in $(protocols "$3"); do
    if has_rule "$1" "$protocol" "$4" "$2"; then
      echo "There already: $(in_words "$1" "$protocol" "$4" "$2")"
      continue
    fi
    # ufw takes the first rule that fits: a deny behind an allow would do nothing.
    if [ "$1" = deny ]; then
      ufw prepend deny in proto "$protocol" from "${4:-any}" to any port "$2"
    else
      ufw allow in proto "$protocol" from "${4:-any}" to any port "$2"
    fi
  done
}
delete_rule() {
  for protocol in $(protocols "$3"); do
    if has_rule "$1" "$protocol" "$4" "$2"; then
      ufw --force delete "$1" in proto "$protocol" from "${4:-any}" to any port "$2"
    else
      echo "Not there: $(in_words "$1" "$protocol" "$4" "$2")"
    fi
  done
}
changes_something() {
  if [ -n "$new_action" ]; then
    for protocol in $(protocols "$new_protocol"); do
      has_rule "$new_action" "$protocol" "$new_source" "$new_port" || return 0
    done
  fi
  if [ -n "$old_action" ]; then
    for protocol in $(protocols "$old_protocol"); do
      if has_rule "$old_action" "$protocol" "$old_source" "$old_port"; then return 0; fi
    done
  fi
  return 1
}
[ -z "$new_action" ] || check_words "$new_action" "$new_port" "$new_protocol" "$new_source"
[ -z "$old_action" ] || check_words "$old_action" "$old_port" "$old_protocol" "$old_source"
if [ "$new_action $new_port $new_protocol $new_source" = "$old_action $old_port $old_protocol $old_source" ]; then
  old_action=
fi
if changes_something; then
  begin_change
  # The old words go first: they and the new ones may overlap (tcp of any), and a deny must end up in front.
  [ -z "$old_action" ] || delete_rule "$old_action" "$old_port" "$old_protocol" "$old_source"
  [ -z "$new_action" ] || add_rule "$new_action" "$new_port" "$new_protocol" "$new_source"
else
  echo 'The firewall says so already.'
fi
firewall_facts
if [ -n "$new_action" ]; then
  summary "$new_action $new_port/$new_protocol from ${new_source:-anywhere}"
else
  summary "removed $old_action $old_port/$old_protocol from ${old_source:-anywhere}"
fi
