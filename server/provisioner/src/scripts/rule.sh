read -r new_action; read -r new_port; read -r new_protocol; read -r new_source
read -r old_action; read -r old_port; read -r old_protocol; read -r old_source
firewall_facts
command -v ufw >/dev/null || fail 'ufw is not installed. Provision this server first.'
ufw_is_active || fail 'The firewall is switched off. Provision this server first.'
# What comes from the panel is checked once more here, where it counts.
check_words() {
  case "$1" in allow | deny) ;; *) fail 'The action is neither allow nor deny.' ;; esac
  case "$2" in '' | *[!0-9:]* | :* | *: | *:*:*) fail 'The port is no port.' ;; esac
  case "$3" in tcp | udp | any) ;; *) fail 'The protocol is neither tcp, udp nor any.' ;; esac
  case "$4" in *[!0-9a-f.:/]* | /*) fail 'The source is no address.' ;; esac
}
# A range needs a protocol, so "any" is two rules. Prints a line of words per rule.
in_words() {
  [ -n "$1" ] || return 0
  case "$3" in any) protocols='tcp udp' ;; *) protocols=$3 ;; esac
  for protocol in $protocols; do echo "$1 $protocol $2 ${4:-any}"; done
}
is_among() { printf '%s\n' "$2" | grep -qxF -- "$1"; }
opposite() { case "$1" in allow) echo deny ;; *) echo allow ;; esac; }
[ -z "$new_action" ] || check_words "$new_action" "$new_port" "$new_protocol" "$new_source"
[ -z "$old_action" ] || check_words "$old_action" "$old_port" "$old_protocol" "$old_source"
new=$(in_words "$new_action" "$new_port" "$new_protocol" "$new_source")
old=$(in_words "$old_action" "$old_port" "$old_protocol" "$old_source")
to_add='' to_delete=''
while read -r action protocol port source; do
  [ -n "$action" ] || continue
  words="$action $protocol $port $source"
  against="$(opposite "$action") $protocol $port $source"
  # shellcheck disable=SC2086
  if is_everywhere $words; then
    echo "There already: $words"
  elif is_base_rule $against; then
    fail "Port $port is open for everybody as part of the base set, which provisioning keeps. Deny it for an address or a network instead."
  elif is_anywhere $against && ! is_among "$against" "$old"; then
    # ufw would turn that rule into this one, and deleting this one later would leave neither.
    fail "There is a rule that says the opposite for the same port and source: $against. Remove it first."
  else
    to_add="$to_add$words
"
  fi
done <<WORDS
$new
WORDS
while read -r action protocol port source; do
  [ -n "$action" ] || continue
  words="$action $protocol $port $source"
  # shellcheck disable=SC2086
  if is_among "$words" "$new"; then
    continue
  elif is_base_rule $words; then
    echo "Stays, as provisioning keeps it open: $words"
  elif is_anywhere $words; then
    to_delete="$to_delete$words
"
  else
    echo "Not there: $words"
  fi
done <<WORDS
$old
WORDS
forget_last_outcome
if [ -n "$to_add$to_delete" ]; then
  begin_change
  # Deleted by the very words it was added with.
  while read -r action protocol port source; do
    [ -n "$action" ] || continue
    ufw --force delete "$action" in proto "$protocol" from "$source" to any port "$port" </dev/null ||
      fail 'ufw refused to delete the rule. The output shows why.'
    ! is_anywhere "$action" "$protocol" "$port" "$source" || fail 'ufw did not delete the rule. Look at ufw show added on the server.'
  done <<WORDS
$to_delete
WORDS
  while read -r action protocol port source; do
    [ -n "$action" ] || continue
    # ufw takes the first rule that fits: a deny behind an allow would do nothing.
    case "$action" in
      deny) ufw prepend deny in proto "$protocol" from "$source" to any port "$port" </dev/null ;;
      allow) ufw allow in proto "$protocol" from "$source" to any port "$port" </dev/null ;;
    esac || fail 'ufw refused the rule. The output shows why.'
    is_everywhere "$action" "$protocol" "$port" "$source" || fail 'ufw did not take the rule as written. Look at ufw show added on the server.'
  done <<WORDS
$to_add
WORDS
  echo 'Taken back in 60 s, unless the panel still gets in.'
else
  echo 'Nothing had to change.'
fi
if [ -n "$new_action" ]; then
  summary "$new_action $new_port/$new_protocol from ${new_source:-anywhere}"
else
  summary "removed: $old_action $old_port/$old_protocol from ${old_source:-anywhere}"
fi
