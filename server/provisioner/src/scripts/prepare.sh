mend_dpkg
refresh_lists
offered=$(offered_php)
[ -z "$offered" ] || fact php_offered "$offered"
# not_offered SENTENCE: the lists are fetched anew by the retry.
not_offered() {
  forget_lists
  because package_not_found "$1"
}
version=$(php_version)
[ "$php" = none ] || { [ -n "$version" ] && is_offered "php$version-fpm"; } ||
  not_offered "The package sources of this server offer no PHP${version:+ $version}; they offer ${offered:-none at all}. Choose another version or mend /etc/apt, then retry."
for part in $parts; do
  case "$part" in
    mariadb) package=mariadb-server ;;
    postgresql) package=postgresql ;;
    redis) package=redis-server ;;
    node) package=nodejs ;;
    *) fail "The part $part is not known here. Update the panel." ;;
  esac
  is_offered "$package" ||
    not_offered "The package sources of this server do not offer $package. Mend /etc/apt or choose without it, then retry."
done
install_packages acl ca-certificates curl git gnupg iproute2 unzip
# In a container the clock is the machine's own, and nothing inside can set it.
if systemd-detect-virt --container --quiet; then
  echo 'This is a container: its clock is kept from outside.'
elif [ "$(timedatectl show --property NTP --value 2>/dev/null)" = no ]; then
  timedatectl set-ntp true 2>/dev/null || echo 'The clock is not kept in time: no time service is installed.'
fi
summary "package lists and base packages are there, PHP ${offered:-none} offered"
