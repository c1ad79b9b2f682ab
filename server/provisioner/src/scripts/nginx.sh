refuse_taken_port 80 nginx
install_packages nginx
version=$(php_version)
# Where no PHP runs, a script that lies there must not be sent as text.
handler='return 404;'
[ "$php" = none ] || handler="include snippets/fastcgi-php.conf;
        fastcgi_pass unix:/run/php/php$version-fpm.sock;"
root=/var/www/brokeforge-default
available=/etc/nginx/sites-available enabled=/etc/nginx/sites-enabled
# nginx does not start with an IPv6 listener where the kernel has no IPv6.
listen6=''
[ ! -e /proc/net/if_inet6 ] || listen6='
    listen [::]:80 default_server;'
own_folder
owed='' took_default=''
[ -d "$root" ] || install -d -m 755 "$root"
write_if_different "$root/index.html" <<'PAGE'
<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>Nothing here yet</title>
<p>This server is ready. No site has this name.</p>
</html>
PAGE
owed=$ours/nginx-reload
write_if_different "$available/brokeforge-default" <<SITE
# Kept by BrokeForge; changes here are overwritten.
server {
    listen 80 default_server;$listen6
    server_name _;
    root $root;
    index index.html index.php;

    location / {
        try_files \$uri \$uri/ =404;
    }

    location ~ \\.php\$ {
        $handler
    }
}
SITE
if [ ! -e "$enabled/brokeforge-default" ]; then
  owe
  ln -s ../sites-available/brokeforge-default "$enabled/brokeforge-default"
fi
# The distribution's default site claims the same place.
if [ -L "$enabled/default" ]; then
  took_default=$(readlink "$enabled/default")
  owe
  rm "$enabled/default"
fi
if ! nginx -t; then
  # What nginx refuses must not lie there for its next start.
  if [ -e "$owed" ]; then
    rm -f "$enabled/brokeforge-default"
    [ -z "$took_default" ] || ln -s "$took_default" "$enabled/default"
  fi
  fail 'The configuration in /etc/nginx is faulty. The output shows where; mend it on the server, then retry.'
fi
pay nginx.service
run_service nginx.service
summary "nginx $(nginx -v 2>&1 | sed 's#.*/##'), default site on port 80"
