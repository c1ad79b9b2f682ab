install_packages php-fpm php-cli php-common php-bcmath php-curl php-gd php-intl php-mbstring php-mysql php-pgsql \
  php-sqlite3 php-xml php-zip
version=$(php_version)
[ -n "$version" ] || fail 'The package php-fpm does not tell its version. Check the package sources of the server.'
install_packages "php$version-fpm"
"php-fpm$version" -t || fail "The configuration in /etc/php/$version/fpm is faulty. The output shows where; mend it, then retry."
run_service "php$version-fpm.service"
summary "PHP $("php$version" -r 'echo PHP_VERSION;') with FPM"
