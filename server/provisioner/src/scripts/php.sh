version=$(php_version)
[ -n "$version" ] || because package_not_found 'The package sources of this server offer no PHP. Check /etc/apt, then retry.'
packages=
for extension in fpm cli common bcmath curl gd intl mbstring mysql pgsql sqlite3 xml zip; do
  packages="$packages php$version-$extension"
done
# shellcheck disable=SC2086
install_packages $packages
"php-fpm$version" -t || fail "The configuration in /etc/php/$version/fpm is faulty. The output shows where; mend it, then retry."
run_service "php$version-fpm.service"
summary "PHP $("php$version" -r 'echo PHP_VERSION;') with FPM"
