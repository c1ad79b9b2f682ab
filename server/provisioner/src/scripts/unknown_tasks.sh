# Tasks that this panel does not know: of another panel, or left when the server was taken out of one. They run on, and need
# what all tasks share.
unknown_tasks() {
  count=0
  for each in "$tasks"/*/; do [ ! -d "$each" ] || count=$((count + 1)); done
  echo "$count"
}
