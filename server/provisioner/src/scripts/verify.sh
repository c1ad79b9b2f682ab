version=$(php_version)
services='nginx cron supervisor'
[ "$php" = none ] || services="$services php$version-fpm"
! is_chosen mariadb || services="$services mariadb"
! is_chosen postgresql || services="$services postgresql"
! is_chosen redis || services="$services redis-server"
for service in $services; do
  systemctl is-active --quiet "$service.service" || {
    journalctl --unit "$service.service" --lines 20 --no-pager
    fail "$service does not run. The output shows its log; mend it, then provision again."
  }
  systemctl is-enabled --quiet "$service.service" || fail "$service would not start after a reboot. Provision this server again."
  echo "$service runs"
done
ufw_is_active || fail 'The firewall is off. Provision this server again.'
systemctl is-enabled --quiet ufw.service || fail 'The firewall would be off after a reboot. Provision this server again.'
echo 'The firewall is on'
code=$(curl -s -o /dev/null -w '%{http_code}' --max-time 10 http://127.0.0.1/ || true)
[ "$code" = 200 ] || fail "The web server answered $code to a request for its default page. Look at /var/log/nginx/error.log."
echo 'nginx answers'
answering="nginx $(nginx -v 2>&1 | sed 's#.*/##')"
probe=$(mktemp -u /var/www/brokeforge-default/probe-XXXXXXXX).php
trap 'rm -f "$probe"' EXIT
echo '<?php echo PHP_MAJOR_VERSION.".".PHP_MINOR_VERSION;' > "$probe"
answer=$(curl -s --max-time 10 "http://127.0.0.1/${probe##*/}" || true)
if [ "$php" = none ]; then
  case "$answer" in *'<?php'*) fail 'nginx sends PHP files as text. Provision this server again.' ;; esac
else
  [ "$answer" = "$version" ] || fail "PHP $version does not answer through nginx. Look at /var/log/nginx/error.log."
  echo "PHP $version answers through nginx"
  answering="$answering, PHP $("php$version" -r 'echo PHP_VERSION;')"
fi
# 3: it answers, and some program of its own does not run.
supervisorctl status >/dev/null 2>&1 || [ $? -eq 3 ] || fail 'supervisorctl does not reach supervisor. Provision this server again.'
echo 'supervisor answers'
answering="$answering, supervisor $(supervisord --version)"
kill -0 "$(cat /run/crond.pid)" || fail 'cron left a stale /run/crond.pid. Restart cron on the server, then retry.'
for part in $parts; do
  version=$("${part}_version" || true)
  [ -n "$version" ] || fail "$part does not answer. Look at its log on the server, then provision again."
  echo "$part $version answers"
  answering="$answering, $part $version"
done
# What stands here from earlier choices counts as well; `-` for what does not.
is_there() { command -v "$1" >/dev/null; }
all_php=$(for binary in /usr/sbin/php-fpm[0-9]*; do
  [ ! -x "$binary" ] || "$binary" -v | sed -n '1s/^PHP \([^ ]*\).*/\1/p'
done | sort -rV | tr '\n' ' ')
fact version_php "${all_php:--}"
fact version_nginx "$(nginx -v 2>&1 | sed 's#.*/##')"
fact version_supervisor "$(supervisord --version)"
fact version_mariadb "$(if is_there mariadb; then mariadb_version; else echo -; fi)"
fact version_postgresql "$(if is_there psql; then postgresql_version; else echo -; fi)"
fact version_redis "$(if is_there redis-server; then redis_version; else echo -; fi)"
fact version_node "$(if is_there node; then node_version; else echo -; fi)"
note_reboot_required
summary "$answering, cron and ufw answer"
