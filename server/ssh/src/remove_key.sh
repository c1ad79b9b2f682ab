set -eu
IFS= read -r line || [ -n "$line" ]
[ -n "$line" ]
file=$HOME/.ssh/authorized_keys
[ -e "$file" ] || exit 0

# The file may be a link into another folder: the new one must be born beside the real one.
file=$(readlink -f "$file")
grep -qxF -e "$line" "$file" || exit 0

new=$(mktemp "$file.XXXXXX")
trap 'rm -f "$new"' EXIT
# Copied first, for its owner and mode.
cp -p "$file" "$new"
# 1 means that no line is left.
grep -vxF -e "$line" "$file" > "$new" || [ $? -eq 1 ]
sync "$new"
mv -f "$new" "$file"
