# put MODE FILE: writes standard input to it, unless it is that already.
put() {
  temporary=$(mktemp "${2%/*}/.brokeforge.XXXXXX")
  cat >"$temporary"
  chmod "$1" "$temporary"
  if [ -f "$2" ] && cmp -s "$temporary" "$2" && [ "$(stat -c '%a %u' "$2")" = "$1 $(id -u)" ]; then
    rm -f "$temporary"
  else
    mv -T "$temporary" "$2"
    echo "Wrote $2"
  fi
}
