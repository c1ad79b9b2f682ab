# One step of an operation, detached from whoever began it. Its files are in a folder of its own:
#   script values   what runs, and what that reads; the values are gone as soon as they are open
#   run end         how systemd begins and ends it
#   begun           there from the moment it runs
#   output          what it has printed, to be read by offset
#   result          how it ended: systemd's word for it, `exited` or `killed`, the code or the signal
# What goes to the panel's ear is a line on standard error; standard output is the step's.
set -u
LC_ALL=C
export LC_ALL
umask 077
read -r lane operation step run fence || exit 125
case "$lane$operation$step$run$fence" in '' | *[!0-9a-f]*) exit 125 ;; esac
name=$operation-$step-$run
unit=brokeforge-$name.service
steps=${BROKEFORGE_STEPS:-/var/lib/brokeforge/steps}
lane=$steps/$lane
dir=$lane/$name
tell() { printf '\nbrokeforge-step %s\n' "$*" >&2; }
has_systemd() { [ -d /run/systemd/system ]; }
# Where systemd is not process 1, its processes are known by a mark in their environment.
processes_of() { grep -lzsxF -e "BROKEFORGE_STEP=$1" /proc/[0-9]*/environ | sed 's#^/proc/##; s#/environ$##'; }
# runs NAME: no answer from systemd is no proof that it does not.
runs() {
  if has_systemd; then
    case "$(systemctl show --property=ActiveState --value "brokeforge-$1.service" 2>/dev/null)" in
      inactive | failed) return 1 ;;
    esac
    return 0
  fi
  [ -n "$(processes_of "$1")" ]
}
no_room() {
  tell failed "The files of a step cannot be written to $lane. Look whether the disk is full or read-only, then retry."
  exit 0
}
# Scripts that root runs lie here, so nobody else may have a hand in it.
own_folders() {
  for folder in "${steps%/*}" "$steps" "$lane"; do
    mkdir -m 700 "$folder" 2>/dev/null
    if [ ! -L "$folder" ] && [ ! -e "$folder" ]; then no_room; fi
    if [ -L "$folder" ] || [ ! -d "$folder" ]; then
      wrong='is a link or a file where the panel keeps a folder of its own. Look who put it there and move it away'
    elif [ "$(stat -c %u "$folder")" != "$(id -u)" ]; then
      wrong="belongs to $(stat -c %U "$folder") instead of root, and the panel keeps scripts there that root runs. Look who made it and move it away"
    elif [ -n "$(find "$folder" -maxdepth 0 -perm /022)" ]; then
      wrong="can be written to by others than root, and the panel keeps scripts there that root runs. Look into it and run chmod 700 $folder"
    else
      continue
    fi
    tell failed "$folder $wrong, then retry."
    exit 0
  done
}
# One at a time, and nobody whose number is lower than one that was here.
enter_lane() {
  exec 9>"$lane/lock" || no_room
  flock -w 60 9 || {
    tell busy
    exit 0
  }
  highest=$(cat "$lane/fence" 2>/dev/null)
  case "$highest" in '' | *[!0-9]*) highest=0 ;; esac
  if [ "$fence" -lt "$highest" ]; then
    tell fenced
    exit 0
  elif [ "$fence" -gt "$highest" ]; then
    { echo "$fence" >"$lane/fence.new" && mv -f "$lane/fence.new" "$lane/fence"; } 2>/dev/null || no_room
  fi
}
