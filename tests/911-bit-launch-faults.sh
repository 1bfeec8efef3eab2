#!/bin/bash
# bit-launch from outside: a run of which all is stopped, a stopped mpirun, starting again after a loss, a crash loop, hosts
# that are gone.
. "$(dirname "$0")/lib.sh"
needs launch
[ "$MPI_KIND" = openmpi ] || { echo "finds its ranks below Open MPI's mpirun only"; exit 77; }
pausable bin
export BIT_BIN=$scratch/bin
left_behind() { ranks_of "$1" >/dev/null; }
hash() { "$bit" ckpt hash "$1"; }
small_job small.json '"watchdog": {"step_seconds": 3, "data_seconds": 3, "checkpoint_seconds": 6, "start_seconds": 20}'
"$launch" small.json -n 2 --out "$scratch/whole" >said 2>&1 </dev/null
ok $? "a run without a fault"

# A tenth of a second at the end of each step: time enough to meet a run before it ends, at no cost.
slowly=update=pause:0.1
# start DIR ARGUMENT...: in the background, until a checkpoint is there
start() {
    local dir=$1
    shift
    BIT_TEST_FAULT=$slowly "$launch" small.json --out "$scratch/$dir" "$@" >said 2>&1 </dev/null &
    pid=$!
    wait_for_step "$dir" 4
}

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

start lost -n 2-4 --restarts 3
cp small.json kept.json
sed -i 's/"batch": 8/"batch": 7/' small.json
kill -KILL "$(ranks_of lost | tail -n 1)"
wait $pid
[ $? = 0 ] && grep -q 'starting again in 1 s' said && [ "$(member lost state)" = finished ] && [ "$(hash lost)" = "$(hash whole)" ]
ok $? "a killed rank: it starts again by itself, to the same bits, though the job's file was edited"
mv kept.json small.json

BIT_TEST_FAULT=forward:0:6=kill "$launch" small.json -n 2 --restarts 2 --out "$scratch/loop" >said 2>&1 </dev/null
[ $? = 74 ] && [ "$(grep -c 'starting again' said)" = 3 ] && grep -q 'given up' said && [ "$(member loop state)" = failed ] && ! left_behind loop
ok $? "a crash loop ends: one restart for the checkpoint that was new, two more, exit code 74"

"$launch" small.json -n 2-4 --restarts 2 --host "$(hostname):2,no-such-host.invalid:2" --out "$scratch/hosts" >said 2>&1 </dev/null
[ $? = 0 ] && grep -q 'no-such-host.invalid does not answer' said && grep -q 'going on with 2 rank' said && [ "$(hash hosts)" = "$(hash whole)" ]
ok $? "a host that is gone: it goes on with the ranks that are left, to the same bits"

# Another run under the same name, of the same program, elsewhere: the end of one leaves the other alone.
mkdir here there
cp small.json here
cp small.json there
(cd here && BIT_TEST_FAULT=$slowly exec "$launch" small.json -n 2 --set schedule.steps=4000 --out same >../said 2>&1 </dev/null) &
pid=$!
wait_for_step here/same 4
"$launch" small.json -n 2 --out here/same >said 2>&1 </dev/null
[ $? = 74 ] && grep -q 'is using this folder' said && [ "$(member here/same state)" = running ] && kill -0 $pid
ok $? "a second launch on a run that lives: refused with exit code 74, and the run is left alone"
"$launch" small.json -n 2 --restarts 1 --out here/same >said.second 2>&1 </dev/null &
second=$!
for ((i = 0; i < 900; i++)); do grep -qE 'waiting until|starting again' said.second 2>/dev/null && break; sleep 0.1; done
kill -TERM $second
wait $second
[ $? = 75 ] && grep -q 'waiting until it is gone' said.second && ! grep -q 'starting again' said.second && kill -0 $pid
ok $? "a launch with --restarts on a run that lives waits for it, also while its checkpoints come"
(cd there && BIT_TEST_FAULT=forward:0:2=kill exec "$launch" small.json -n 2 --out same >../said.there 2>&1 </dev/null)
[ $? = 74 ] && kill -0 $pid && [ "$(member here/same state)" = running ]
result=$?
kill -TERM $pid
wait $pid
[ $? = 75 ] && [ $result = 0 ]
ok $? "a run that fails takes none with it that has the same relative name"

# While somebody holds the lock, an outcome is his.
sed -i 's/"state": "[a-z]*"/"state": "running"/' loop/outcome.json
exec 5>loop/lock
flock 5
[[ $("$BIT_BIN/bit" end loop --code 137) == 'later 74 news '* ]] && [ "$(member loop state)" = running ] && [ "$("$BIT_BIN/bit" end loop --held)" = yes ]
ok $? "a folder that is in use is not settled"
exec 5>&-
[[ $("$BIT_BIN/bit" end loop --code 137) == 'again 74 news '* ]] && [ "$(member loop state)" = failed ] && grep -q '"message": "the run was cut off' loop/outcome.json
ok $? "a folder that is in use no more is settled"
# A former run's last rank on a host that was cut off: waited for, at no cost of restarts.
exec 5>loop/lock
flock 5
: >said
(for ((i = 0; i < 600; i++)); do grep -q 'waiting until it is gone' said && break; sleep 0.1; done) &
exec 5>&-
"$launch" small.json -n 1 --restarts 1 --steps-limit 1 --out "$scratch/loop" >said 2>&1 </dev/null
[ $? = 75 ] && grep -q 'waiting until it is gone' said && ! grep -q 'starting again' said
ok $? "a folder that is held is waited for"

# --fresh holds until the new run has begun, --force until it has a checkpoint.
"$launch" small.json -n 1-2 --restarts 2 --fresh --force --steps-limit 4 --host "$(hostname):1,no-such-host.invalid:1" --out "$scratch/hosts" \
    >said 2>&1 </dev/null
[ $? = 75 ] && [ "$(member hosts step)" = 4 ]
ok $? "a start that did not begin leaves --fresh for the next"
BIT_TEST_FAULT=forward:0:6=kill "$launch" small.json -n 1 --restarts 1 --force --set schedule.base_rate=0.01 --out "$scratch/hosts" >said 2>&1 </dev/null
[ $? = 74 ] && grep -q 'given up' said
ok $? "a loss before the next checkpoint leaves --force for the next"
"$launch" small.json -n 2 --restarts 2 --set schedule.base_rate=0.02 --out "$scratch/whole" >said 2>&1 </dev/null
[ $? = 64 ] && [ "$(member whole state)" = finished ]
ok $? "a refused start: exit code 64, whatever the run was before"

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

BIT_TEST_FAULT=forward:0:3=kill "$launch" small.json -n 1 --restarts 9 --out "$scratch/back-off" >said 2>&1 </dev/null &
pid=$!
for ((i = 0; i < 900; i++)); do grep -q 'again in 4 s' said && break; sleep 0.1; done
kill -TERM $pid
wait $pid
[ $? = 75 ] && ! left_behind back-off
ok $? "TERM between two starts ends it"
exit $bad
