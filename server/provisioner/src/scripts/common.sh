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
