[ "$(id -u)" = 0 ] || because permission_denied "This did not become root. Log in as root, or allow sudo without a password."
printf '%s, kernel %s, up since %s\n' "$(uname -n)" "$(uname -r)" "$(uptime -s 2>/dev/null || echo unknown)"
summary "as root on $(uname -n)"
