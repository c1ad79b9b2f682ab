# shellcheck shell=bash
# The steps of script/demo, each through the panel's public endpoints. Set by the caller: DEMO, PANEL_URL, COOKIES.

DEMO_EMAIL=demo@example.com
DEMO_PASSWORD=
DEMO_HOST=
NO_HOST=

make_account() {
    local token='' attempt
    for attempt in {1..25}; do
        token=$(setup_token "$DEMO/panel.log")
        [[ -z $token ]] || break
        sleep 0.2
    done
    [[ -n $token ]] || die "the panel printed no setup token" "$(panel_log)"
    DEMO_PASSWORD=demo-$(od -An -N6 -tx1 /dev/urandom | tr -d ' \n')
    say "making the demo account"
    api accounts/setup '{"input":{"token":"'"$token"'","name":"Demo","email":"'"$DEMO_EMAIL"'","password":"'"$DEMO_PASSWORD"'"}}' >/dev/null ||
        die "the demo account could not be made" "$(panel_log)"
}

# Fails with the reason in NO_HOST where this machine cannot boot one.
boot_host() {
    local doctor
    if ! doctor=$("$ROOT/script/hosts" doctor 2>&1); then
        NO_HOST=$(tail -n 1 <<<"$doctor")
        return 1
    fi
    DEMO_HOST=demo-$$
    if ! progress "booting a Debian host (the first time makes its base: about a minute)" "$DEMO/host.log" \
        "$ROOT/script/hosts" start "$DEMO_HOST"; then
        NO_HOST="script/hosts start failed"
        return 1
    fi
    read -r _ HOST_ADDRESS < <(tail -n 1 "$DEMO/host.log")
}

# As the page does it: fetch the host key, confirm it, run the shown command on the host.
add_host() {
    local host_key command
    say "adding the host at $HOST_ADDRESS"
    host_key=$(api servers/host_key '{"input":{"address":"'"$HOST_ADDRESS"'","port":"22"}}' | json host_key)
    SERVER_ID=$(api servers/create '{"input":{"name":"demo","address":"'"$HOST_ADDRESS"'","port":"22","user":"root","host_key":'"$(json_string "$host_key")"'}}' |
        created_id)
    command=$(api servers/show '{"input":{"server_id":'"$SERVER_ID"'}}' | json authorize_command)
    "$ROOT/script/hosts" exec "$DEMO_HOST" "$command" >>"$DEMO/host.log" 2>&1 ||
        die "the host did not run the command that authorizes the panel" "script/hosts doctor says whether hosts can boot here; the host said: $(tail -n 3 "$DEMO/host.log")"
    await_connection
}

# Ids are numbers; an answer is the number itself or an object that holds it.
created_id() { sed -n 's/^\([0-9][0-9]*\)$/\1/p; s/.*"\(server_\)\{0,1\}id":\([0-9][0-9]*\).*/\2/p' | head -n 1; }

# The page asks for a check when the key may be there; so do we.
await_connection() {
    local attempt input='{"input":{"server_id":'$SERVER_ID'}}'
    for attempt in {1..30}; do
        api servers/check "$input" >/dev/null 2>&1 || true
        [[ $(api servers/show "$input" | json summary.connection) != connected ]] || return 0
        sleep 2
    done
    die "the panel could not sign in on the demo host" "$(panel_log)"
}

# Prints each step as it begins and ends; the page shows the same, live.
provision_host() {
    local answer state input='{"input":{"server_id":'$SERVER_ID'}}' started=$SECONDS
    say "provisioning: watch it at $PANEL_URL/servers/$SERVER_ID"
    api servers/provision "$input" >/dev/null || exit 1
    : >"$DEMO/steps"
    while ((SECONDS - started < 1800)); do
        kill -0 "$PANEL" 2>/dev/null || die "the panel ended" "$(panel_log)"
        answer=$(api servers/show "$input") || { sleep 2; continue; }
        print_new_steps "$((SECONDS - started))" <<<"$answer"
        state=$(json provisioning.state <<<"$answer")
        case $state in
            succeeded) say "provisioned in $((SECONDS - started))s"; return 0 ;;
            failed | cancelled)
                die "provisioning $state: $(json provisioning.error <<<"$answer")" "script/demo once more; script/hosts doctor says whether hosts can boot here"
                ;;
        esac
        sleep 1
    done
    die "provisioning did not end within 30 minutes" "script/hosts doctor says whether hosts can boot here"
}

# print_new_steps SECONDS <ANSWER: only what was not printed before.
print_new_steps() {
    python3 -c '
import json, sys
for step in (json.load(sys.stdin).get("provisioning") or {}).get("steps", []):
    if step["status"] != "waiting":
        print(step["status"].ljust(9), step["title"])' >"$DEMO/steps.new"
    grep --fixed-strings --line-regexp --invert-match --file="$DEMO/steps" "$DEMO/steps.new" |
        sed "s/^/$(printf '    %4ds  ' "$1")/" >&2 || true
    mv "$DEMO/steps.new" "$DEMO/steps"
}

# The folder of a demo goes away with it: what its panel said last is shown instead of a path to nowhere.
panel_log() { printf 'read what the panel said last:\n%s' "$(tail -n 15 "$DEMO/panel.log" 2>/dev/null)"; }

print_invitation() {
    cat <<TEXT

  BrokeForge runs: $1
    open      $PANEL_URL
    e-mail    $DEMO_EMAIL
    password  $DEMO_PASSWORD
  Ctrl-C stops the panel and destroys the host.

TEXT
}

forget_demo() {
    stop_panel
    [[ -z $DEMO_HOST ]] || "$ROOT/script/hosts" destroy "$DEMO_HOST" >/dev/null 2>&1 ||
        printf 'error: the host %s is still there\n  do:  script/hosts destroy %s\n' "$DEMO_HOST" "$DEMO_HOST" >&2
    rm -rf "$DEMO"
}
