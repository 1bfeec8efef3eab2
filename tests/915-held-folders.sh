#!/bin/bash
# Two launches on one folder or one name, and a folder whose lock is held: refused, waited for, never taken from who has it.
. "$(dirname "$0")/lib.sh"
needs launch
watched_runs

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

BIT_TEST_FAULT=$slowly,forward:0:6=kill "$launch" small.json -n 2 --out "$scratch/loop" >said 2>&1 </dev/null
[ $? = 74 ] && [ "$(state loop)" = failed ]
ok $? "a run whose rank is killed: exit code 74, and an outcome that says so"
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

exit $bad
