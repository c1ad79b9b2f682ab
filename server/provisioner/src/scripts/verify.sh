version=$(php_version)
[ -n "$version" ] || fail 'PHP is not installed. Provision this server again.'
for service in nginx "php$version-fpm" cron supervisor; do
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
probe=$(mktemp -u /var/www/brokeforge-default/probe-XXXXXXXX).php
trap 'rm -f "$probe"' EXIT
echo '<?php echo 6 * 7;' > "$probe"
answer=$(curl -s --max-time 10 "http://127.0.0.1/${probe##*/}" || true)
[ "$answer" = 42 ] || fail 'PHP does not answer through nginx. Look at /var/log/nginx/error.log.'
echo 'PHP answers through nginx'
# 3: it answers, and some program of its own does not run.
supervisorctl status >/dev/null 2>&1 || [ $? -eq 3 ] || fail 'supervisorctl does not reach supervisor. Provision this server again.'
echo 'supervisor answers'
kill -0 "$(cat /run/crond.pid)" || fail 'cron left a stale /run/crond.pid. Restart cron on the server, then retry.'
summary "nginx $(nginx -v 2>&1 | sed 's#.*/##'), PHP $("php$version" -r 'echo PHP_VERSION;'), supervisor $(supervisord --version), cron and ufw answer"
