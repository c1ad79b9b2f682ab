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

# Reads JSON with what the machine has. json FIELD[.FIELD...] <JSON: prints the value, nothing if there is none.
json() {
    if command -v jq >/dev/null; then
        jq --raw-output ".$1 // empty"
    elif command -v python3 >/dev/null; then
        python3 -c 'import functools, json, sys
value = functools.reduce(lambda v, k: v.get(k) if isinstance(v, dict) else None, sys.argv[1].split("."), json.load(sys.stdin))
print("" if value is None else value)' "$1"
    else
        node -e 'const value = process.argv[1].split(".").reduce((v, k) => v?.[k], JSON.parse(require("fs").readFileSync(0)));
console.log(value ?? "")' "$1"
    fi
}

# A JSON string of any text.
json_string() { printf '"%s"' "$(sed 's/[\\"]/\\&/g' <<<"$1")"; }
