install_packages nginx
version=$(php -r 'echo PHP_MAJOR_VERSION, ".", PHP_MINOR_VERSION;')
changed=
[ -d /var/www/brokeforge-default ] || install -d -m 755 /var/www/brokeforge-default
write_if_different /var/www/brokeforge-default/index.html 644 <<'PAGE' || true
<!doctype html><html lang="en"><meta charset="utf-8"><title>Nothing here yet</title><p>This server is ready. No site has this name.</p></html>
PAGE
write_if_different /etc/nginx/sites-available/brokeforge-default 644 <<SITE && changed=yes || true
# Kept by BrokeForge; changes here are overwritten.
server {
    listen 80 default_server;
    listen [::]:80 default_server;
    server_name _;
    root /var/www/brokeforge-default;
    index index.html index.php;
    location / { try_files \$uri \$uri/ =404; }
    location ~ \\.php\$ {
        include snippets/fastcgi-php.conf;
        fastcgi_pass unix:/run/php/php$version-fpm.sock;
    }
}
SITE
if [ ! -e /etc/nginx/sites-enabled/brokeforge-default ]; then
  ln -s ../sites-available/brokeforge-default /etc/nginx/sites-enabled/brokeforge-default
  changed=yes
fi
# Debian's own default site claims the same place.
if [ -L /etc/nginx/sites-enabled/default ]; then
  rm /etc/nginx/sites-enabled/default
  changed=yes
fi
nginx -t
if [ -n "$changed" ] && systemctl is-active --quiet nginx.service; then systemctl reload nginx.service; fi
run_service nginx.service
summary "nginx $(nginx -v 2>&1 | sed 's#.*/##'), default site"
