#!/bin/bash
# The priority of a job that was handed in already: bit priority changes whose turn it is, and nothing else.
. "$(dirname "$0")/lib.sh"
needs launch bitd slow_jobs
start_bitd --set "host=$(hostname) 2" --set preempt_margin=0
ok $? "bitd starts"
order() { "$bit" queue --json | grep -o '"id":[0-9]*,"name"' | grep -o '[0-9]*' | tr '\n' ' '; }
# told ID: the events of its priority
told() { "$bit" status "$1" --json >/dev/null && curl -s --unix-socket "$BIT_SOCKET" "http://bit/api/v1/jobs/$1/events" | grep -o '"name":"priority","context":{[^}]*}'; }
first=$(submit small.json -n 2 --name first --set schedule.steps=400)
wait_for 60 stands "$first" running
a=$(submit small.json -n 2 --name a)
b=$(submit small.json -n 2 --name b)
c=$(submit small.json -n 2 --name c)
same "jobs stand in the order in which they came" "$(order)" "$first $a $b $c "
changed=$(job "$c" changed)
"$bit" priority "$c" 5 >said
[ $? = 0 ] && grep -q "^job $c: queued, priority 5\$" said
ok $? "the last one is given a priority"
same "it stands before the others" "$(order)" "$first $c $a $b "
same "how long it has waited is not forgotten" "$(job "$c" changed)" "$changed"
"$bit" priority "$a" "$b" -3 >said && "$bit" priority "$b" 2 --json | grep -q '"priority":2'
ok $? "several at once, a negative one, and as JSON"
same "each has its place" "$(order)" "$first $c $b $a "
stop_bitd KILL
start_bitd --set "host=$(hostname) 2" --set preempt_margin=0
same "and keeps it when bitd is killed" "$(order)" "$first $c $b $a "
told "$c" >said && grep -q '"state":"queued",.*"why":"5, it was 0"' said
ok $? "an event of the job tells it"
"$bit" priority "$first" 7 >said && stands "$first" running && [ "$(job "$first" priority)" = 7 ]
ok $? "one that runs can have another, and runs on"

# ---- what makes no sense ----
for words in "$a" "$a 1.5" "$a many" "$a 1000001" "x 3"; do
    # shellcheck disable=SC2086
    "$bit" priority $words >said 2>&1
    [ $? = 64 ]
    ok $? "bit priority $words: refused"
done
"$bit" priority 999 3 >said 2>&1
[ $? = 66 ]
ok $? "of a job that nobody knows"
for body in '{}' '{"priority": "3"}' '{"priority": 1.5}' '{"priority": 2000000}' '{"priority": 3, "more": 1}' '3' ''; do
    same "the body '$body' is malformed" "$(curl -s -o said -w '%{http_code}' --unix-socket "$BIT_SOCKET" -H 'Content-Type: application/json' -d "$body" "http://bit/api/v1/jobs/$a/priority")" 400
done
same "nothing of it has come to anything" "$(job "$a" priority)" -3

# ---- to the end ----
"$bit" cancel "$first" >said
wait_for 60 stands "$c" running && stands "$b" queued && stands "$a" queued
ok $? "the one with the highest priority starts"
"$bit" priority "$a" 9 >said && wait_for 60 stands "$a" running && stands "$b" queued
ok $? "then the one that has it by then"
"$bit" priority "$first" 3 >said 2>&1
[ $? = 64 ] && grep -q 'is cancelled' said
ok $? "a job that has ended has none to be changed"

# ---- a sweep, and pre-emption ----
"$bit" cancel "$a" "$b" >said
wait_for 60 stands "$a" cancelled && wait_for 60 stands "$b" cancelled
stop_bitd
start_bitd --set "host=$(hostname) 2" --set preempt_margin=10
sed "s|\"seed\": 7|\"seed\": {\"grid\": [1, 2]}|; s|\"data\": {|\"data\": {\"val\": \"$top_srcdir/data/digits/val\", |" small.json >sweep.json
runs=$(submit small.json -n 2 --name runs --set schedule.steps=200)
wait_for 60 reaches runs/runs 4
search=$(submit sweep.json -n 2 --name search)
"$bit" priority "$search" 20 >said
ok $? "a sweep has a priority, too"
same "which is that of its jobs" "$(job $((search + 1)) priority) $(job $((search + 2)) priority)" "20 20"
wait_for 60 stands "$runs" queued preempted && wait_for 60 stands $((search + 1)) running
ok $? "so much that one which runs saves and makes room"
"$bit" cancel "$search" "$runs" >said
wait_for 60 stands "$search" cancelled
exit $bad
