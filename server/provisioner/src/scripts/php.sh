install_packages php-fpm php-cli php-common php-mbstring php-xml php-curl php-zip php-mysql php-pgsql php-sqlite3 php-gd php-intl php-bcmath
version=$(php -r 'echo PHP_MAJOR_VERSION, ".", PHP_MINOR_VERSION;')
# A purge of the versioned package alone leaves the one without a version installed.
install_packages "php$version-fpm"
"php-fpm$version" -t
run_service "php$version-fpm.service"
summary "PHP $version"
