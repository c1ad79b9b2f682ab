# What the package lists offer.
is_offered() { apt-cache policy "$1" 2>/dev/null | grep -q '^  Candidate: [^(]'; }
# The distribution's own version, whatever else its sources may offer beside it.
own_php() {
  own=$(apt-cache depends php-fpm 2>/dev/null | sed -n 's/^ *Depends: php\([0-9.]*\)-fpm$/\1/p' | head -n 1)
  [ -n "$own" ] || own=$(dpkg-query -W -f='${Depends}' php-fpm 2>/dev/null | sed -n 's/^.*php\([0-9][0-9.]*\)-fpm.*$/\1/p')
  echo "$own"
}
# Every version there is, the distribution's own first.
offered_php() {
  {
    own_php
    apt-cache pkgnames php 2>/dev/null | sed -n 's/^php\([0-9.]*\)-fpm$/\1/p' | sort -rV | while read -r each; do
      if is_offered "php$each-fpm"; then echo "$each"; fi
    done
  } | awk 'NF && !seen[$1]++ { printf "%s%s", separator, $1; separator = " " }'
}
