# Each prints the version of what answers, and fails when nothing does.
mariadb_version() { mariadb -BNe 'select version()' | sed 's/-.*//'; }
# From a folder that the user postgres may enter.
postgresql_version() { (cd / && runuser -u postgres -- psql -XAtc 'show server_version') | sed 's/ .*//'; }
# With a password of its own it answers that it wants one.
redis_version() {
  case "$(redis-cli ping 2>&1)" in PONG | NOAUTH*) ;; *) return 1 ;; esac
  redis-server --version | sed -n 's/.* v=\([^ ]*\).*/\1/p'
}
node_version() { node --version | sed 's/^v//'; }
