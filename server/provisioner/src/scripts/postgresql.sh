refuse_taken_port 5432 postgres
# The cluster is made while the package is set up, in the locale of that moment. In "C" it could not hold UTF-8.
LC_ALL=C.UTF-8
install_packages postgresql
LC_ALL=C
run_service postgresql.service
version=$(postgresql_version || true)
[ -n "$version" ] || fail 'PostgreSQL does not let its user postgres in by its socket. Look at pg_lsclusters and /etc/postgresql on the server, then retry.'
summary "PostgreSQL $version, $(reach_of 5432)"
