#!/bin/bash
# Sweeps and chains by bitd with real runs: drawn trials behind a pre-training, the best one's settings once more, limits, wishes, failures.
. "$(dirname "$0")/lib.sh"
needs launch bitd slow_jobs
mkdir val
for class in 0 1; do ln -s "$top_srcdir/data/digits/val/$class" val/$class; done
val=$scratch/val small_job base.json '"seed": 7, "evaluation": {"metrics": "top1,nll"}'
sed -i 's/"steps": 24/"steps": 8/; s/"decay_steps": \[12\]/"decay_steps": [4]/' base.json

# ---- files ----
drawn='"optimizer": {"momentum": {"random": "uniform", "from": 0.5, "to": 0.95}}'
sed 's|"seed": 7|"seed": {"random": "whole", "from": 0, "to": 999}, '"$drawn"', "sweep": {"trials": 4, "at_once": 1, "metric": "nll", "last": {"schedule.steps": 10}}|' \
    base.json >sweep.json
"$bit" check sweep.json >said 2>&1 && grep -q 'ok: a sweep of 4 trials, 1 at a time, the best by nll, and then' said && grep -q 'optimizer.momentum *uniform from 0.5 to 0.95' said
ok $? "bit check says what a sweep consists of"
sed 's/"to": 0.95/"to": 1.5/' sweep.json >wrong.json
"$bit" check wrong.json >said 2>&1
[ $? = 64 ] && grep -Eq '^wrong.json:4:[0-9]+: optimizer.momentum: expected a number from 0 to 0.9999, found 1\.[0-9]+ \(trial [0-9] of 4\)' said
ok $? "a trial that is no valid job is told with its place and its number"
"$bit" plan sweep.json >said 2>&1
[ $? = 64 ] && grep -q 'this is a sweep, and one job was expected' said
ok $? "other commands say that a sweep is none of theirs"
"$bit" check --print --trial 2 sweep.json >by-hand.json && [ "$("$bit" check --print sweep.json | wc -l)" = 4 ] &&
    "$bit" check --print sweep.json | sed -n 3p | grep -q "$(sed 's/.*"momentum":\([0-9.]*\).*/\1/' by-hand.json)"
ok $? "the values of all trials, and the job of one, can be printed"

# ---- a chain: pre-training, then trials that begin with its weights, which are not there yet ----
start_bitd
ok $? "bitd starts"
up=$(submit base.json --out "$scratch/up" --name up)
sweep=$(submit sweep.json --out "$scratch/sweep" --after "$up" --set model.start="$scratch/up" --set seed='{"random": "whole", "from": 0, "to": 999}')
[ ! -e up/checkpoints ] && stands "$sweep" waiting children
ok $? "a sweep that begins with weights which are not there yet is taken, and waits"
most=0
over() {
    local live
    live=$("$bit" status --json --state starting,running,stopping | grep -o '"parent":'"$sweep," | wc -l)
    [ "$live" -le $most ] || most=$live
    stands "$sweep" "done"
}
wait_for 240 over
ok $? "it is done when its jobs are"
same "as many of its jobs run at a time as it says" "$most" 1
"$bit" status "$sweep" >said
[ "$(grep -cE '^ +[1-4] +[0-9]+ +done +8/8' said)" = 4 ] && grep -Eq '^last +[0-9]+ +done +10/10' said && grep -q 'the best is trial' said
ok $? "bit status shows all trials by rank, and the last job"
[ "$(sed -n '/^ *1 /,$p' said | awk '{ print $5 }' | sort -n -c 2>&1)" = '' ]
ok $? "the best comes first: of a metric of which less is better, the least"
best=$(awk '$1 == 1 { print $(NF - 1), $NF }' said)
same "the last job has the best one's values" "$(awk '$1 == "last" { print $(NF - 1), $NF }' said)" "$best"
grep -q "began with $scratch/up\|$scratch/up/checkpoints" sweep/trial-00/log.txt
ok $? "trials began with the weights of the job before them"
# Without model.start, as bit check printed it: a run by hand is the trial of a sweep that was handed in the same way.
alone=$(submit sweep.json --out "$scratch/alone" --set sweep.trials=3)
wait_for 200 stands "$alone" "done"
BIT_TEST_FAULT='' "$launch" by-hand.json --out "$scratch/by-hand" --threads 1 >said 2>&1
same "a trial run by hand has the weights of the sweep's" "$(member by-hand weights_hash)" "$(member alone/trial-02 weights_hash)"
"$bit" status "$sweep" --json | grep -q '"sweep":{"trials":4,"at_once":1,"has_last":true,"metric":{"name":"nll"'
ok $? "all of it is in the JSON, too"

# ---- failures ----
sed 's|"train": "\([^"]*\)"|"train": {"grid": ["\1", "'"$scratch"'/later"]}|; s|"seed": 7|"seed": 7, "sweep": {"last": {"data.train": "'"$scratch"'/later"}}|' base.json >grid.json
grid=$(submit grid.json --out "$scratch/grid")
wait_for 120 stands "$grid" failed no-result
ok $? "a sweep whose last job fails has failed"
"$bit" status "$grid" >said
grep -Eq '^last .* failed ' said && grep -Eq '^ +1 .* done ' said && tail -n 1 said | grep -Eq '^ +- .* failed .* missing-input$'
ok $? "trials that failed are shown below the others, with their cause"
ln -s "$top_srcdir/data/digits/train" later
follower=$(submit base.json --out "$scratch/follower" --after "$grid" --name follower)
wait_for 20 stands "$follower" held needs
ok $? "what was to follow it is held"
again=$("$bit" rerun "$grid" | sed -n 's/^job \([0-9]*\):.*/\1/p')
wait_for 120 stands "$again" "done"
ok $? "run again, it goes on in its folders, to its end"
wait_for 60 stands "$follower" "done"
ok $? "and what was to follow runs"

# ---- wishes, and bitd killed ----
three=$(submit sweep.json --out "$scratch/three" --set sweep.trials=3 --set sweep.at_once=2 --set schedule.steps=400 --set schedule.decay_steps='[4]')
trial() { echo $((three + 1 + $1)); }
wait_for 60 stands "$(trial 0)" running
"$bit" pause "$three" >said
all_are() { # STATE CAUSE
    local t
    for t in 0 1 2; do stands "$(trial $t)" "$@" || return 1; done
}
wait_for 60 all_are held paused && stands "$three" held paused
ok $? "paused: all of its jobs save and stop, or are held"
stop_bitd KILL
start_bitd
stands "$three" held paused && all_are held paused
ok $? "they stay so when bitd is killed and started anew"
"$bit" resume "$three" >said
wait_for 60 stands "$(trial 0)" running && stands "$three" waiting children
ok $? "resumed: they go on"
stop_bitd KILL
start_bitd
"$bit" cancel "$three" >said && grep -q "job $three: waiting, to cancel" said
ok $? "cancelled: it says that it waits for its jobs"
wait_for 60 stands "$three" cancelled && all_are cancelled cancelled
ok $? "and is cancelled when they are"
"$bit" pause "$three" >said 2>&1
[ $? = 64 ]
ok $? "nothing can be wished of it then"
exit $bad
