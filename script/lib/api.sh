# shellcheck shell=bash
# Talking to the panel as its page does: JSON, a session cookie, the page's own Origin.

# Set by the caller: PANEL_URL, COOKIES (a file).

# api PATH JSON: prints the answer; says what the panel said when it refuses.
api() {
    local path=$1 input=$2 answer code
    answer=$(mktemp)
    code=$(curl --silent --show-error --max-time 60 --output "$answer" --write-out '%{http_code}' \
        --cookie "$COOKIES" --cookie-jar "$COOKIES" \
        --header "Origin: $PANEL_URL" --header 'Content-Type: application/json' --header 'Accept: application/json' \
        --data-binary @- "$PANEL_URL/api/$path" <<<"$input") || code=000
    if [[ $code != 2?? ]]; then
        printf 'error: the panel answered %s to %s: %s\n' "$code" "$path" "$(head -c 400 "$answer")" >&2
        rm -f "$answer"
        return 1
    fi
    cat "$answer"
    rm -f "$answer"
}

# json FIELD[.FIELD...] <JSON: prints the value, nothing if there is none. script/hosts needs python3 anyway.
json() {
    python3 -c '
import json, sys
value = json.load(sys.stdin)
for field in sys.argv[1].split("."):
    value = value.get(field) if isinstance(value, dict) else None
print("" if value is None else value)' "$1"
}

# A JSON string of any text.
json_string() { python3 -c 'import json, sys; print(json.dumps(sys.argv[1]))' "$1"; }
