# For the black-box tests of bitd (tests/lib.sh: needs launch bitd): a daemon of the scratch folder's own.
# shellcheck shell=bash disable=SC2034
[ -x "$top_builddir/bitd" ] || { echo "built without the daemon"; exit 77; }
export BIT_SOCKET=$scratch/sock/http
state_folder=$scratch/state
daemon_options=()
[ "$(id -u)" != 0 ] || daemon_options+=(--allow-root)
# start_bitd OPTION...: in the background as $daemon; what it says goes to daemon.log
start_bitd() {
    "$top_builddir/bitd" ${daemon_options[@]+"${daemon_options[@]}"} --set state="$state_folder" --set socket="$BIT_SOCKET" --set runs="$scratch/runs" \
        --set launch="$launch" --set environment=BIT_TEST_FAULT "$@" >>daemon.log 2>&1 </dev/null 9>&- &
    daemon=$!
    wait_for 10 answers
}
answers() { "$bit" hosts >/dev/null 2>&1; }
# shellcheck disable=SC2120
stop_bitd() { # [SIGNAL]
    kill -"${1:-TERM}" "$daemon" 2>/dev/null
    wait "$daemon" 2>/dev/null
}
# job ID MEMBER: of the job as JSON, the first number or text of that name
job() { "$bit" status "$1" --json 2>/dev/null | grep -o "\"$2\":\(\"[^\"]*\"\|[^,}]*\)" | head -n 1 | sed 's/^[^:]*://; s/"//g'; }
# stands ID STATE [CAUSE]
stands() { [ "$(job "$1" state)" = "$2" ] && { [ -z "${3-}" ] || [ "$(job "$1" cause)" = "$3" ]; }; }
# submit JOB OPTION...: its number
submit() { "$bit" submit "$@" 2>said | sed -n 's/^job \([0-9]*\):.*/\1/p'; }
end_daemons() {
    stop_bitd
    # What still runs of this folder's jobs: their keepers end them.
    local start pid
    for start in "$state_folder"/attempts/*.start; do
        [ -e "$start" ] && [ ! -e "${start%.start}.end" ] || continue
        pid=$(sed -n 's/.*"pid":\([0-9]*\).*/\1/p' "$start")
        grep -qsF "${start%.start}" "/proc/$pid/cmdline" && kill -USR2 "$pid"
    done
}
