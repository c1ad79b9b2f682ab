# Reads lines `HANDLE KEY`: ended runs that the panel has.
while read -r handle key; do
  check_handle "$handle"
  case "$key" in '' | *[!0-9a-f-]*) fail 'The key of a run is none. Update the panel.' ;; esac
  rm -rf "${tasks:?}/$handle/runs/$key"
done
