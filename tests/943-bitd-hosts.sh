#!/bin/bash
# bitd on the cores and the memory of its hosts: pre-emption, draining, growing and shrinking leave the bits as they are; memory is looked at before
# a start; data that change are told; the notify program gets its JSON.
. "$(dirname "$0")/lib.sh"
needs launch bitd slow_jobs
host=$(hostname)
[ "$(nproc)" -ge 2 ] || { echo "needs two cores"; exit 77; }
cat >tell <<FILE
#!/bin/sh
cat >>$scratch/told
FILE
chmod +x tell
# ranks JOB: of its newest start
ranks() { "$bit" status "$1" --json | sed -n 's/.*"attempt":{.*"ranks":\([0-9]*\),"cores".*/\1/p'; }

# ---- memory ----
start_bitd --set "host=$host 2 100"
ok $? "bitd starts, with 100 MB of memory for its host"
large=$(submit small.json -n 2 --out "$scratch/large")
wait_for 30 stands "$large" held memory
ok $? "a job whose ranks need more memory than the host has is held"
job "$large" why >said
grep -q '2 rank(s) need about [0-9]* MB of memory each: the hosts have room for 1 of them (the largest has 100 MB)' said
ok $? "with the figures, and what to do"
[ "$(job "$large" attempts)" = 0 ] && [ ! -e large/outcome.json ]
ok $? "nothing was started"
"$bit" resume "$large" >said
wait_for 30 stands "$large" held memory
ok $? "resumed, it is held again"
fits=$(submit small.json -n 1 --out "$scratch/fits" --set schedule.steps=4 --set schedule.decay_steps='[2]')
wait_for 60 stands "$fits" "done"
ok $? "one of fewer ranks runs"
elastic=$(submit small.json -n 1-2 --out "$scratch/elastic" --set schedule.steps=4 --set schedule.decay_steps='[2]')
wait_for 60 stands "$elastic" "done"
same "of MIN-MAX so many ranks start as there is memory for" "$(ranks "$elastic")" 1
stop_bitd
start_bitd --set "host=$host 2" --set notify="$scratch/tell"
"$bit" resume "$large" >said
wait_for 90 stands "$large" "done"
ok $? "on a host with more memory it runs when it is resumed"
plain=$(member large weights_hash)

# ---- notify ----
wait_for 10 grep -q "^{\"id\":$large,.*\"state\":\"done\".*}\$" told
ok $? "the notify program gets the job as a line of JSON"

# ---- pre-emption ----
low=$(submit small.json -n 2 --out "$scratch/low")
wait_for 60 reaches low 4
high=$(submit small.json -n 2 --out "$scratch/high" --priority 20)
wait_for 60 stands "$low" queued preempted
ok $? "a job of higher priority makes one save, stop and wait"
wait_for 90 stands "$high" "done"
ok $? "it runs to its end"
wait_for 90 stands "$low" "done" && [ "$(job "$low" attempts)" = 2 ]
ok $? "and then the other goes on"
same "whose weights are those of a run that was left alone" "$(member low weights_hash)" "$plain"

# ---- draining ----
drained=$(submit small.json -n 2 --out "$scratch/drained")
wait_for 60 reaches drained 4
"$bit" hosts --drain "$host" >said
wait_for 60 stands "$drained" queued drained
ok $? "a host that is drained has its jobs save, stop and wait"
grep -q draining <("$bit" hosts)
ok $? "bit hosts says so"
stop_bitd
start_bitd --set "host=$host 2" --set notify="$scratch/tell"
sleep 1
stands "$drained" queued
ok $? "also when bitd is started anew nothing starts there"
"$bit" hosts --open "$host" >said
wait_for 90 stands "$drained" "done"
ok $? "opened, it has them go on"
same "the weights are those of a run that was left alone" "$(member drained weights_hash)" "$plain"

# ---- growing and shrinking ----
beside=$(submit small.json -n 1 --out "$scratch/beside" --set schedule.steps=9000 --priority 5)
wait_for 60 stands "$beside" running
grows=$(submit small.json -n 1-2 --out "$scratch/grows")
wait_for 60 reaches grows 4
same "of MIN-MAX as many ranks start as there are cores for" "$(ranks "$grows")" 1
"$bit" pause "$grows" "$beside" >said
wait_for 60 stands "$grows" held paused && wait_for 60 stands "$beside" held paused
"$bit" resume "$grows" >said
wait_for 60 stands "$grows" running
same "the next start takes more, when there is room" "$(ranks "$grows")" 2
wait_for 60 reaches grows 12
"$bit" pause "$grows" >said
wait_for 60 stands "$grows" held paused
"$bit" resume "$beside" >said
wait_for 60 stands "$beside" running
"$bit" resume "$grows" >said
wait_for 60 stands "$grows" running
same "and fewer, when there is less" "$(ranks "$grows")" 1
wait_for 120 stands "$grows" "done"
same "the weights are those of a run that was left alone" "$(member grows weights_hash)" "$plain"

# ---- the data change ----
mkdir data
cp -rs "$top_srcdir/data/digits/val" data/train
sed "s|\"train\": \"[^\"]*\"|\"train\": \"$scratch/data/train\"|" small.json >changing.json
changing=$(submit changing.json -n 1 --out "$scratch/changing" --after "$beside:any")
is_noted() { [ -n "$(job "$changing" data)" ]; }
wait_for 30 is_noted
ok $? "what data a job has is noted at its submission"
sleep 2.5 # what was looked at just now is not looked at again
rm "$(find data/train -name '*.jpg' | sort | head -n 1)"
"$bit" cancel "$beside" >said
wait_for 60 stands "$changing" running
"$bit" status "$changing" >said
grep -q 'notice .*its data have changed since it was submitted: then 359 images.*; now 358 images' said
ok $? "that they have changed is told at its start"
grep -q "job $changing: its data have changed" daemon.log
ok $? "also in the log"
[ -n "$(job "$changing" version)" ]
ok $? "the version that it was submitted to is noted"
exit $bad
