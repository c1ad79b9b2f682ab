set -eu
export LC_ALL=C DEBIAN_FRONTEND=noninteractive NEEDRESTART_SUSPEND=1
umask 022
summary() { printf '::summary %s\n' "$*"; }
fact() { printf '::fact %s\n' "$*"; }
fail() {
  printf '::error %s\n' "$*"
  exit 1
}
