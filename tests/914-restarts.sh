#!/bin/bash
# bit-launch --restarts: starting again after a loss, a crash loop, hosts that are gone, --fresh and --force over several starts.
. "$(dirname "$0")/lib.sh"
needs launch
watched_runs
hash() { "$bit" ckpt hash "$1"; }
"$launch" small.json -n 2 --out "$scratch/whole" >said 2>&1 </dev/null
ok $? "a run without a fault"

start lost -n 2-4 --restarts 3
cp small.json kept.json
sed -i 's/"batch": 8/"batch": 7/' small.json
kill -KILL "$(ranks_of lost | tail -n 1)"
wait $pid
[ $? = 0 ] && grep -q 'starting again in 1 s' said && [ "$(member lost state)" = finished ] && [ "$(hash lost)" = "$(hash whole)" ]
ok $? "a killed rank: it starts again by itself, to the same bits, though the job's file was edited"
mv kept.json small.json

BIT_TEST_FAULT=$slowly,forward:0:6=kill "$launch" small.json -n 2 --restarts 2 --out "$scratch/loop" >said 2>&1 </dev/null
[ $? = 74 ] && [ "$(grep -c 'starting again' said)" = 3 ] && grep -q 'given up' said && [ "$(member loop state)" = failed ] && ! left_behind loop
ok $? "a crash loop ends: one restart for the checkpoint that was new, two more, exit code 74"

"$launch" small.json -n 2-4 --restarts 2 --host "$(hostname):2,no-such-host.invalid:2" --out "$scratch/hosts" >said 2>&1 </dev/null
[ $? = 0 ] && grep -q 'no-such-host.invalid does not answer' said && grep -q 'going on with 2 rank' said && [ "$(hash hosts)" = "$(hash whole)" ]
ok $? "a host that is gone: it goes on with the ranks that are left, to the same bits"

# --fresh holds until the new run has begun, --force until it has a checkpoint.
"$launch" small.json -n 1-2 --restarts 2 --fresh --force --steps-limit 4 --host "$(hostname):1,no-such-host.invalid:1" --out "$scratch/hosts" \
    >said 2>&1 </dev/null
[ $? = 75 ] && [ "$(member hosts step)" = 4 ]
ok $? "a start that did not begin leaves --fresh for the next"
BIT_TEST_FAULT=$slowly,forward:0:6=kill "$launch" small.json -n 1 --restarts 1 --force --set schedule.base_rate=0.01 --out "$scratch/hosts" >said 2>&1 </dev/null
[ $? = 74 ] && grep -q 'given up' said
ok $? "a loss before the next checkpoint leaves --force for the next"
"$launch" small.json -n 2 --restarts 2 --set schedule.base_rate=0.02 --out "$scratch/whole" >said 2>&1 </dev/null
[ $? = 64 ] && [ "$(member whole state)" = finished ]
ok $? "a refused start: exit code 64, whatever the run was before"

BIT_TEST_FAULT=forward:0:3=kill "$launch" small.json -n 1 --restarts 9 --out "$scratch/back-off" >said 2>&1 </dev/null &
pid=$!
for ((i = 0; i < 900; i++)); do grep -q 'again in 4 s' said && break; sleep 0.1; done
kill -TERM $pid
wait $pid
[ $? = 75 ] && ! left_behind back-off
ok $? "TERM between two starts ends it"
exit $bad
