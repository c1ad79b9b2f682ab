set -eu
export LC_ALL=C DEBIAN_FRONTEND=noninteractive NEEDRESTART_SUSPEND=1
umask 022
summary() { printf '::summary %s\n' "$*"; }
fact() { printf '::fact %s\n' "$*"; }
fail() {
  printf '::error %s\n' "$*"
  exit 1
}
# because KIND SENTENCE: a usual failure that the script itself has found.
because() {
  fact cause "$1"
  shift
  fail "$*"
}
# Behind `||`: the sentence stands only if the output of the command does not name the cause.
fail_as_shown() {
  code=$?
  fact otherwise "$*"
  exit "$code"
}
# Scripts that root runs lie here, so nobody else may have a hand in it.
ours=/var/lib/brokeforge
check_folder() {
  if [ ! -L "$1" ] && [ ! -e "$1" ]; then return 0; fi
  if [ -L "$1" ] || [ ! -d "$1" ]; then
    fail "$1 is a link or a file where the panel keeps a folder of its own. Look who put it there and move it away, then retry."
  fi
  [ "$(stat -c %u "$1")" = "$(id -u)" ] ||
    fail "$1 belongs to $(stat -c %U "$1") instead of root, and the panel keeps scripts there that root runs. Look who made it and move it away, then retry."
  [ -z "$(find "$1" -maxdepth 0 -perm /022)" ] ||
    fail "Others than root may write to $1, where the panel keeps scripts that root runs. Look into it, run chmod 700 $1, then retry."
}
# own_folder FOLDER...: inside of ours; makes what is missing.
own_folder() {
  for each in "$ours" "$@"; do
    mkdir -m 700 "$each" 2>/dev/null || true
    check_folder "$each"
    [ -d "$each" ] || fail "$each cannot be made. Look whether the disk is full or read-only, then retry."
  done
}
