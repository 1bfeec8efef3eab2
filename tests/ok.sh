# Sourced by scripts that check several things: ok RESULT NAME prints a line that tests/run counts; end with "exit $bad".
# shellcheck shell=bash disable=SC2034
n=0 bad=0
ok() {
    n=$((n + 1))
    if [ "$1" = 0 ]; then
        echo "ok $n - $2"
    else
        echo "not ok $n - $2"
        bad=1
        # What the last program said, where a script keeps it there.
        if [ -s said ]; then tail -n 20 said | sed 's/^/    /'; fi
    fi
}
skip() { # NAME WHY
    n=$((n + 1))
    echo "ok $n - $1 # SKIP $2"
}
