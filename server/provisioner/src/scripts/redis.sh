refuse_taken_port 6379 redis-server valkey-server
install_packages redis-server redis-tools
run_service redis-server.service
version=$(redis_version || true)
[ -n "$version" ] || fail 'Redis runs and does not answer. Look at /var/log/redis/redis-server.log on the server, then retry.'
summary "Redis $version, $(reach_of 6379)"
