#!/bin/bash
# The queue made anew from the folders of runs, when its store is lost.
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
never=$(submit small.json -n 2 --out "$scratch/all/never" --after "$live")
stop_bitd
rebuild "$scratch/all"
[ $? = 64 ] && grep -q 'the queue is not empty' said
ok $? "a queue that is there is not overwritten"
start_bitd
stop_bitd KILL
rm "$state_folder"/state.db*
mkdir -p all/broken all/half
echo '{"v": 1, "job": {"id": 1' >all/broken/bitd.json
echo '{"v":1,"instance":"x","job":{"id":77,"ranks":[1,1],"state":"flying"},"spec":"{}"}' >all/half/bitd.json
rebuild "$scratch/all"
[ $? = 0 ] && grep -q '3 job(s) are in the queue.s store again, 2 record(s) were left aside' said
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
"$bit" status "$never" >said 2>&1
[ $? = 66 ]
ok $? "one that had never been started is not known"
wait_for 90 stands "$live" "done" && [ "$(job "$live" attempts)" = 1 ]
ok $? "the one that ran was not started twice"
"$bit" resume "$held" >said
wait_for 90 stands "$held" "done"
same "the paused one goes on to the weights of a run that was left alone" "$(member all/held weights_hash)" "$(member all/ended weights_hash)"
[ "$(submit small.json -n 1 --out "$scratch/more")" -gt "$live" ]
ok $? "no number is given twice"
exit $bad
