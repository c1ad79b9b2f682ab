version=$(php -r 'echo PHP_MAJOR_VERSION, ".", PHP_MINOR_VERSION;' 2>/dev/null) || fail 'php does not run. Provision again.'
for service in nginx "php$version-fpm" cron supervisor ufw; do
  systemctl is-active --quiet "$service.service" || fail "$service does not run. Provision again; its log: journalctl -u $service."
  echo "$service runs"
done
ufw status | grep -q '^Status: active' || fail 'The firewall is off. Provision again.'
code=$(curl -s -o /dev/null -w '%{http_code}' --max-time 10 http://127.0.0.1/ || true)
[ "$code" = 200 ] || fail "The web server answered $code to a request for its default page. Look at /var/log/nginx/error.log."
probe=/var/www/brokeforge-default/probe-$$.php
trap 'rm -f "$probe"' EXIT
echo '<?php echo 6 * 7;' > "$probe"
answer=$(curl -s --max-time 10 "http://127.0.0.1/${probe##*/}" || true)
[ "$answer" = 42 ] || fail 'PHP does not answer through nginx. Look at /var/log/nginx/error.log.'
echo 'PHP answers through nginx'
supervisorctl status >/dev/null 2>&1 || [ $? -eq 3 ] || fail 'supervisorctl does not reach supervisor. Provision again.'
summary 'every service answers'
