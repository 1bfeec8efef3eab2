#!/bin/bash
# Old logs and checkpoints go by policy: of jobs that ended long ago, told in events, never the newest good checkpoint; and bit ckpt prune, which does it.
. "$(dirname "$0")/lib.sh"
needs launch bitd
clean_up() { end_daemons; }
small_job small.json '"seed": 7'
"$launch" small.json -n 1 --out "$scratch/run" >said 2>&1
generations() { find "$1/checkpoints" -maxdepth 1 -name 'step-*' ! -name '*.*' | wc -l; }
[ "$(generations run)" -ge 3 ]
ok $? "a run with several checkpoints"
hash=$("$bit" ckpt hash run)
newest=$(find run/checkpoints -maxdepth 1 -name 'step-*' ! -name '*.*' | sort | tail -n 1)
cp -r run damaged
# The newest is damaged: the one before it is the newest good one.
shard=$(find "damaged/checkpoints/${newest##*/}" -name 'shard-*' | head -n 1)
printf 'x' | dd of="$shard" bs=1 seek=3000 conv=notrunc 2>/dev/null
all=$(generations damaged)
exec 8>run/lock
flock 8
"$bit" ckpt prune run >said 2>&1
[ $? = 74 ] && [ "$(generations run)" -ge 3 ]
ok $? "bit ckpt prune: nothing while a run has the folder"
exec 8>&-
"$bit" ckpt prune run --keep 2 >said && grep -q "removed, 2 kept" said && [ "$(generations run)" = 2 ]
ok $? "so many of the newest stay as were asked for"
"$bit" ckpt prune run >said && [ "$(generations run)" = 1 ]
ok $? "one without a word"
same "the newest one, whole" "$("$bit" ckpt hash run)" "$hash"
"$bit" ckpt prune damaged >said 2>&1
[ "$(generations damaged)" -lt "$all" ] && "$bit" ckpt hash damaged >said 2>&1 && ! grep -qF "$hash" said
ok $? "where the newest is damaged, the newest good one stays"
"$bit" ckpt prune nowhere >said 2>&1
[ $? = 66 ]
ok $? "a folder without checkpoints"

start_bitd --set keep_logs_days=0.0001 --set keep_generations_days=0.0001 --set retention_seconds=1
one=$(submit small.json -n 1 --out "$scratch/one")
held=$(submit small.json -n 1 --out "$scratch/held")
wait_for 60 stands "$one" "done"
"$bit" pause "$held" >said 2>&1
wait_for 60 test ! -e "$state_folder/attempts/$one-1.log"
ok $? "the log of a job that ended long ago goes"
events() { curl -s --unix-socket "$BIT_SOCKET" "http://localhost/api/v1/jobs/$1/events"; }
if command -v curl >/dev/null; then
    events "$one" >said
    grep -q '"name":"log-removed"' said
    ok $? "an event tells it"
    removed() { events "$one" | grep -q '"name":"checkpoints-removed"'; }
    wait_for 60 removed
    ok $? "and that old checkpoints went"
else
    skip "events" "there is no curl"
fi
[ "$(generations one)" = 1 ] && "$bit" ckpt verify one >said 2>&1
ok $? "the newest good one stays"
"$bit" resume "$held" >said 2>&1
wait_for 60 stands "$held" "done"
ok $? "jobs that have not ended are left alone"
exit $bad
