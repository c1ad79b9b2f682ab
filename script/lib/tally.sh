# shellcheck shell=bash
# Counting over all kinds of tests. Set by the caller: LOGS.

PASSED=0 FAILED=0 SKIPPED=0
BROKEN=()
STEP_RESULT=0

# run_step NAME HINT COMMAND...: leaves the exit code in STEP_RESULT and never stops the run.
run_step() {
    local name=$1 hint=$2 started=$SECONDS
    shift 2
    STEP_RESULT=0
    progress "$name" "$LOGS/$name.log" "$@" || STEP_RESULT=$?
    if ((STEP_RESULT == 0)); then
        printf 'ok      %-7s %4ds\n' "$name" "$((SECONDS - started))"
    else
        printf 'FAILED  %-7s %4ds  to look closer: %s\n' "$name" "$((SECONDS - started))" "$hint"
        BROKEN+=("$name")
    fi
}

# A step that counts as one test.
as_one_test() {
    run_step "$@"
    if ((STEP_RESULT == 0)); then
        PASSED=$((PASSED + 1))
    else
        FAILED=$((FAILED + 1))
    fi
}

count_failed() {
    printf 'FAILED  %s\n' "$1"
    BROKEN+=("$1")
    FAILED=$((FAILED + 1))
}

count_skipped() {
    printf 'skipped %s\n' "$1"
    SKIPPED=$((SKIPPED + 1))
}

# count_cargo_tests NAME LOG RESULT: adds up every `test result:` line.
count_cargo_tests() {
    local passed failed ignored
    read -r passed failed ignored < <(
        sed -n 's/^test result: .* \([0-9]*\) passed; \([0-9]*\) failed; \([0-9]*\) ignored;.*/\1 \2 \3/p' "$2" |
            awk '{ p += $1; f += $2; i += $3 } END { print p + 0, f + 0, i + 0 }'
    )
    add "$1" "$passed" "$failed" "$ignored" "$3"
}

# count_playwright_tests NAME JSON RESULT. A flaky test failed once: it counts as failed.
count_playwright_tests() {
    local passed=0 failed=0 skipped=0
    if [[ -s $2 ]]; then
        read -r passed failed skipped < <(node -e '
            const { expected, unexpected, flaky, skipped } = JSON.parse(require("fs").readFileSync(process.argv[1])).stats;
            console.log(expected, unexpected + flaky, skipped)' "$2")
    fi
    add "$1" "$passed" "$failed" "$skipped" "$3"
}

# A suite that did not run to its end, or ran nothing, is a failure whatever it counted.
add() {
    local name=$1 passed=$2 failed=$3 skipped=$4 result=$5
    if ((failed == 0 && (result != 0 || passed == 0))); then
        failed=1
    fi
    if ((failed > 0 && result == 0)); then
        printf 'FAILED  %-7s        %s passed, %s failed\n' "$name" "$passed" "$failed"
        BROKEN+=("$name")
    fi
    PASSED=$((PASSED + passed))
    FAILED=$((FAILED + failed))
    SKIPPED=$((SKIPPED + skipped))
}

# Nothing may be printed after this line.
finish() {
    ((FAILED == 0)) || printf 'failed: %s (logs in %s)\n' "${BROKEN[*]}" "$LOGS"
    printf '%d passed, %d failed, %d skipped\n' "$PASSED" "$FAILED" "$SKIPPED"
    ((FAILED == 0)) && exit 0
    exit 1
}
