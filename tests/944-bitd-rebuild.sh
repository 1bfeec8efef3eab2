#!/bin/bash
# The queue made anew when its store is lost: from the folders of runs, and from the records of jobs that were never started.
. "$(dirname "$0")/lib.sh"
needs launch bitd slow_jobs
rebuild() { "$top_builddir/bitd" ${daemon_options[@]+"${daemon_options[@]}"} --set state="$state_folder" --set socket="$BIT_SOCKET" --rebuild "$@" >said 2>&1; }
start_bitd
ended=$(submit small.json -n 1 --out "$scratch/all/ended" --token once --name finished)
wait_for 60 stands "$ended" "done"
held=$(submit small.json -n 1 --out "$scratch/all/held" --priority 3)
wait_for 60 reaches all/held 4
"$bit" pause "$held" >said
wait_for 60 stands "$held" held paused
live=$(submit small.json -n 1 --out "$scratch/all/live" --set schedule.steps=100)
wait_for 60 reaches all/live 4
never=$(submit small.json -n 1 --out "$scratch/all/never" --name never --after "$live" --token twice --set schedule.steps=8 --set 'schedule.decay_steps=[4]')
gone=$(submit small.json -n 1 --out "$scratch/all/gone" --after "$live")
sed "s|\"seed\": 7|\"seed\": {\"grid\": [1, 2]}|; s|\"data\": {|\"data\": {\"val\": \"$top_srcdir/data/digits/val\", |; s|\"steps\": 24|\"steps\": 2|; s|.12.|[1]|" small.json >sweep.json
search=$(submit sweep.json -n 1 --out "$scratch/all/search" --after "$never")
"$bit" priority "$search" 3 >said
"$bit" cancel "$gone" >said
# The last line of each job that waits.
records() { awk -F '[:,]' '{ last[$2] = $0 } END { for (id in last) if (last[id] !~ /"record":null}$/) print id }' "$state_folder/queued.jsonl" | sort -n | tr '\n' ' '; }
same "jobs that were never started, and sweeps, have a record beside the store" "$(records)" "$never $search $((search + 1)) $((search + 2)) "
stop_bitd
rebuild "$scratch/all"
[ $? = 64 ] && grep -q 'the queue is not empty' said
ok $? "a queue that is there is not overwritten"
start_bitd
stop_bitd KILL
rm "$state_folder"/state.db*
"$top_builddir/bitd" ${daemon_options[@]+"${daemon_options[@]}"} --set state="$state_folder" --set socket="$BIT_SOCKET" >said 2>&1
[ $? = 65 ] && grep -q 'its state.db was lost. bitd --rebuild DIR' said
ok $? "with an empty store beside these records bitd does not start, and says what to do"
mkdir -p all/broken all/half
echo '{"v": 1, "job": {"id": 1' >all/broken/bitd.json
echo '{"v":1,"instance":"x","job":{"id":77,"ranks":[1,1],"state":"flying"},"spec":"{}"}' >all/half/bitd.json
rebuild "$scratch/all"
[ $? = 0 ] && grep -q '7 job(s) are in the queue.s store again, 2 record(s) were left aside' said
ok $? "a lost store is made anew from the folders of runs, what is broken is left aside"
grep -q 'all/broken/bitd.json is left aside' said && grep -q 'all/half/bitd.json is left aside' said
ok $? "and named"
start_bitd
ok $? "bitd starts with it"
stands "$ended" "done" && [ "$(job "$ended" name)" = finished ] && [ "$(job "$ended" priority)" = 0 ]
ok $? "a job that had ended is there under its number"
same "its token still gives it" "$(submit small.json -n 1 --out "$scratch/all/ended" --token once)" "$ended"
stands "$held" held paused && [ "$(job "$held" priority)" = 3 ]
ok $? "one that was paused still is"
stands "$live" running
ok $? "one that ran is followed again"
stands "$never" waiting && [ "$(job "$never" name)" = never ] && [ "$(submit small.json -n 1 --out "$scratch/all/never" --token twice)" = "$never" ]
ok $? "one that had never been started waits for the one that runs, and its token gives it"
stands "$search" waiting children && stands $((search + 1)) waiting && [ "$(job "$search" priority) $(job $((search + 2)) priority)" = "3 3" ]
ok $? "a sweep has its jobs, with the priority that it was given"
"$bit" status "$gone" >said 2>&1
[ $? = 66 ]
ok $? "one that was cancelled before it began is not known"
wait_for 90 stands "$live" "done" && [ "$(job "$live" attempts)" = 1 ]
ok $? "the one that ran was not started twice"
"$bit" resume "$held" >said
wait_for 90 stands "$held" "done"
same "the paused one goes on to the weights of a run that was left alone" "$(member all/held weights_hash)" "$(member all/ended weights_hash)"
wait_for 90 stands "$never" "done" && [ "$(member all/never step)" = 8 ]
ok $? "the one that had never been started runs in its turn, as it was handed in"
wait_for 90 stands "$search" "done"
ok $? "and so does the sweep"
[ -z "$(records)" ]
ok $? "what has begun has its record in its folder alone"
[ "$(submit small.json -n 1 --out "$scratch/more")" -gt "$live" ]
ok $? "no number is given twice"
exit $bad
