refuse_taken_port 3306 mariadbd mysqld
install_packages mariadb-server mariadb-client
run_service mariadb.service
version=$(mariadb_version || true)
[ -n "$version" ] || fail 'MariaDB runs and does not let root in by its socket. Look at /etc/mysql on the server, then retry.'
summary "MariaDB $version, $(reach_of 3306)"
