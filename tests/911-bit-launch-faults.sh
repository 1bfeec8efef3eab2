#!/bin/bash
# bit-launch from outside: a run of which all is stopped, a stopped mpirun, signals while it starts.
. "$(dirname "$0")/lib.sh"
needs launch
watched_runs
"$launch" small.json -n 2 --out "$scratch/whole" >said 2>&1 </dev/null
ok $? "a run without a fault"

start stopped -n 2
# shellcheck disable=SC2046
kill -STOP $(ranks_of stopped)
wait $pid
code=$?
# Woken to be ended, they may still save: what was found stands all the same.
[ $code = 76 ] && [ "$(member stopped state) $(member stopped reason)" = "failed late" ] && [ -n "$(member stopped late_phase)" ] &&
    ! left_behind stopped
ok $? "all ranks stopped: seen from outside, ended, exit code 76"

# Stopped before it begins, as on a host that hangs; woken to be ended, it does not begin either.
cat >sleeper <<'END'
#!/bin/bash
kill -STOP $$
exec -a "$0" sleep 1000
END
chmod +x sleeper
"$launch" small.json -n 2 --mpirun-option "$scratch/sleeper" --set watchdog.start_seconds=2 --out "$scratch/nobody" >said 2>&1 </dev/null
[ $? = 76 ] && grep -q 'no rank has begun within 2 s' said && ! pgrep -f "$scratch/sleeper" >/dev/null && [ ! -e nobody/lock ]
ok $? "no rank begins: seen from outside, ended, exit code 76"

start mpirun -n 2
kill -STOP "$(pgrep -f "mpirun.* --out $scratch/mpirun" | head -n 1)"
wait $pid
code=$?
[ $code = 76 ] || [ $code = 0 ] && ! left_behind mpirun && ! pgrep -f "mpirun.* --out $scratch/mpirun" >/dev/null
ok $? "mpirun stopped: the run ends all the same"

# Signals that come before the ranks have handlers: a wish for a checkpoint kills none, a stop that gets lost is sent again.
cat >slow <<'END'
#!/bin/bash
trap '' USR2
: >began
sleep 1
exec "$@"
END
chmod +x slow
early() { # SIGNAL DIR: a start to which SIGNAL is sent while its ranks begin; its exit code in $code
    rm -f began
    BIT_TEST_FAULT=$slowly "$launch" small.json -n 2 --mpirun-option "$scratch/slow" --out "$scratch/$2" >said 2>&1 </dev/null &
    pid=$!
    for ((i = 0; i < 900; i++)); do [ -e began ] && break; sleep 0.1; done
    kill "-$1" $pid
    wait $pid
    code=$?
}
early USR1 early
[ $code = 0 ] && [ "$(member early state)" = finished ]
ok $? "USR1 before the run has begun: it goes on to its end"
rm -rf early
early TERM early
[ $code = 75 ] && { [ ! -e early/outcome.json ] || [ "$(member early state)" = stopped ]; }
ok $? "TERM before the run has begun: it ends with 75"
BIT_TEST_FAULT=evaluate:all=stop "$launch" small.json -n 2 --set "data.val=$top_srcdir/data/digits/val" --evaluate --out "$scratch/whole" >said 2>&1 </dev/null
[ $? = 76 ] && ! left_behind whole && [ "$(member whole state)" = finished ]
ok $? "all ranks of an evaluation stopped: seen from outside, ended, exit code 76"

exit $bad
