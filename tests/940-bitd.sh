#!/bin/bash
# bitd with real runs: a queue from submission to the end, wishes, chains, and jobs that do not notice how often bitd is killed.
. "$(dirname "$0")/lib.sh"
needs launch bitd slow_jobs

# ---- what it refuses ----
if [ "$(id -u)" = 0 ]; then
    "$top_builddir/bitd" --set state="$state_folder" >said 2>&1
    [ $? = 64 ] && grep -q 'does not run as root' said
    ok $? "root is refused"
else
    skip "root is refused" "not run as root"
fi
"$top_builddir/bitd" --set stat="$scratch" >said 2>&1
[ $? = 64 ] && grep -q "did you mean state" said
ok $? "an unknown key: refused, and the nearest one named"
"$bit" status >said 2>&1
[ $? = 74 ] && grep -q 'no bitd answers' said
ok $? "without a bitd its clients say so, with exit code 74"
start_bitd
ok $? "it starts and answers"
"$top_builddir/bitd" ${daemon_options[@]+"${daemon_options[@]}"} --set state="$state_folder" --set socket="$scratch/other/http" >said 2>&1
[ $? = 74 ] && grep -q 'another bitd works in' said
ok $? "a second one in the same state folder is refused"
[ "$(stat -c %a "$state_folder")$(stat -c %a "$scratch/sock")" = 700700 ]
ok $? "state and socket lie in folders of mode 0700"
echo '{"model": {"depth": 9}}' >wrong.json
"$bit" submit wrong.json >said 2>&1
[ $? = 64 ] && grep -q 'model.depth' said
ok $? "a wrong job is refused, with its place"
"$bit" submit small.json -n 64 --threads 64 >said 2>&1
[ $? = 64 ] && grep -q 'never fit' said
ok $? "a job that never fits is refused"
"$bit" submit small.json --name '../x' >said 2>&1
[ $? = 64 ] && grep -q 'name:' said
ok $? "a name with a path in it is refused"

# ---- one job, from the submission to the end ----
first=$(submit small.json -n 2 --token once --out "$scratch/plain")
same "the same token gives the same job" "$(submit small.json -n 2 --token once --out "$scratch/plain")" "$first"
sed -i 's/"steps": 24/"steps": 9999/' small.json # what is queued is what was submitted
"$bit" submit small.json --out "$scratch/plain" >said 2>&1
[ $? = 64 ] && grep -q 'has not ended' said
ok $? "a second job in a folder that is in use is refused"
sed -i 's/"steps": 9999/"steps": 24/' small.json
wait_for 60 stands "$first" "done"
ok $? "a job runs to its end"
finished plain && [ "$(member plain steps)" = 24 ]
ok $? "its run is finished, as it was submitted"
"$bit" logs "$first" >said && grep -q 'bitrun' said
ok $? "its log is there"
[ "$(job "$first" code)" = 0 ] && [ "$(sed -n 's/.*"ran":\([a-z]*\).*/\1/p' "$state_folder/attempts/$first-1.end")" = true ]
ok $? "its end is on record"

# ---- pause, resume, checkpoint, cancel ----
one=$(submit small.json -n 2 --out "$scratch/wished" --name wished)
wait_for 60 reaches wished 4
"$bit" pause "$one" >said
wait_for 30 stands "$one" held paused
ok $? "a job that is paused saves and stops"
[ "$(state wished)" = stopped ] && [ "$("$bit" hosts --json | grep -o '"free":[0-9]*')" = "$("$bit" hosts --json | grep -o '"cores":[0-9]*' | sed 's/cores/free/')" ]
ok $? "its cores are free"
stop_bitd
start_bitd
stands "$one" held paused
ok $? "it stays paused when bitd is started anew"
"$bit" resume "$one" >said
wait_for 60 stands "$one" "done"
ok $? "a job that is resumed goes on to its end"
same "its weights are those of a run that was left alone" "$(member wished weights_hash)" "$(member plain weights_hash)"
two=$(submit small.json -n 2 --out "$scratch/ended")
wait_for 60 stands "$two" running
"$bit" checkpoint "$two" >said
ok $? "a running job can be asked for a checkpoint"
"$bit" cancel "$two" >said
wait_for 30 stands "$two" cancelled
ok $? "a job that is cancelled stops"
"$bit" resume "$two" >said 2>&1
[ $? = 64 ] && grep -q 'is cancelled' said
ok $? "it cannot be resumed"
again=$("$bit" rerun "$two" | sed -n 's/^job \([0-9]*\):.*/\1/p')
wait_for 60 stands "$again" "done"
ok $? "it can be handed in again, under a new number"
same "that goes on in the same folder, to the same weights" "$(member ended weights_hash)" "$(member plain weights_hash)"

# ---- chains ----
sed 's|"train": "[^"]*"|"train": "'"$scratch"'/nowhere"|' small.json >missing.json
a=$(submit missing.json --out "$scratch/a")
b=$(submit small.json --out "$scratch/b" --after "$a")
c=$(submit small.json --out "$scratch/c" --after "$a:any" --set schedule.steps=4 --set schedule.decay_steps='[2]')
wait_for 30 stands "$a" failed missing-input
ok $? "a job whose data are missing fails, with that cause"
wait_for 10 stands "$b" held needs
ok $? "one that was to follow it is held"
wait_for 60 stands "$c" "done"
ok $? "one that was to follow it in any case runs"
mkdir nowhere
ln -s "$top_srcdir/data/digits/train"/* nowhere/
"$bit" rerun "$a" >said
wait_for 10 stands "$b" waiting
ok $? "handed in again, it has its followers wait"
wait_for 90 stands "$b" "done"
ok $? "and they run when it is done"

# ---- bitd is killed, again and again ----
killed=$(submit small.json -n 2 --out "$scratch/killed")
kills=0
for ((i = 0; i < ${KILLS:-12}; i++)); do
    sleep "0.$((RANDOM % 8))"
    stop_bitd KILL
    kills=$((kills + 1))
    [ $((RANDOM % 3)) != 0 ] || sleep 1
    start_bitd || break
    case $("$bit" status "$killed" --json | grep -o '"state":"[a-z]*"' | head -n 1) in *done*) break ;; esac
done
wait_for 60 stands "$killed" "done"
ok $? "a job ends well though bitd was killed $kills times"
# An attempt that bitd was killed in before it said "go" has ended without running.
same "it was started once" "$(grep -l '"ran":true' "$state_folder/attempts/$killed"-*.end | wc -l)" 1
same "its weights are those of a run that was left alone" "$(member killed weights_hash)" "$(member plain weights_hash)"

# ---- its end while nobody looks, and a keeper that is killed ----
away=$(submit small.json -n 2 --out "$scratch/away")
wait_for 60 stands "$away" running
stop_bitd KILL
wait_for 60 finished away
wait_for 10 test -e "$state_folder/attempts/$away-1.end"
start_bitd
wait_for 2 stands "$away" "done"
ok $? "an end that came while bitd was away is known within two seconds"
orphan=$(submit small.json -n 2 --out "$scratch/orphan")
wait_for 60 reaches orphan 4
kill -KILL "$(sed -n 's/.*"pid":\([0-9]*\).*/\1/p' "$state_folder/attempts/$orphan-1.start")"
sleep 1.5
stands "$orphan" running
ok $? "a job whose keeper is killed runs on"
wait_for 60 stands "$orphan" "done" && [ "$(job "$orphan" attempts)" = 1 ]
ok $? "and its end is found"
same "its weights are those of a run that was left alone" "$(member orphan weights_hash)" "$(member plain weights_hash)"
broken=$(submit small.json -n 2 --out "$scratch/broken")
wait_for 60 reaches broken 4
kill -KILL "$(ranks_of broken | head -n 1)"
wait_for 90 stands "$broken" "done" && [ "$(job "$broken" attempts)" = 2 ]
ok $? "a job that loses a rank is started again by itself"
same "its weights are those of a run that was left alone" "$(member broken weights_hash)" "$(member plain weights_hash)"

stop_bitd
[ $? = 0 ] && [ ! -e "$BIT_SOCKET" ]
ok $? "TERM ends it with exit code 0"
exit $bad
