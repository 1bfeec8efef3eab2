#!/bin/bash
# bitd when the world fails: kills at random moments and at named points (a few of make check-daemon-faults), a state disk that is full or broken,
# a reboot, a process number that comes back, a clock that is set by a day, a store of a newer bitd.
. "$(dirname "$0")/lib.sh"
needs launch bitd slow_jobs
mounted=''
clean_up() {
    end_daemons
    [ -z "$mounted" ] || umount "$mounted" 2>/dev/null
}
"$launch" small.json --out "$scratch/alone" >said 2>&1 </dev/null
right=$(member alone weights_hash)
# well ID RUN: it ends well, with the weights of a run that was left alone
well() { wait_for 90 stands "$1" "done" && [ "$(member "$2" weights_hash)" = "$right" ]; }
gone() { ! kill -0 "$daemon" 2>/dev/null; }
keeper_of() { sed -n 's/.*"pid":\([0-9]*\).*/\1/p' "$state_folder/attempts/$1-1.start"; }

"$top_srcdir/tests/daemon-faults/campaign" --trials 6 --folder "$scratch/kills" --seed $RANDOM --kinds 'queue one upgrade' >campaign.said 2>&1
ok $? "$(tail -n 1 campaign.said)"
grep '	failed	' campaign.said | sed 's/^/# /'

# The ranks save on the TERM of the keeper that ends them, which must not pass for a stop by hand.
start_bitd
id=$(submit small.json --out "$scratch/orphans")
wait_for 60 reaches orphans 4
kill -KILL "$(sed -n 's/.*"program":\([0-9]*\).*/\1/p' "$state_folder/attempts/$id-1.start")"
well "$id" orphans && [ "$(job "$id" attempts)" = 2 ]
ok $? "bit-launch is killed: its ranks are ended, and the job is started again"
"$bit" status "$id" >said && stop_bitd

# ---- the state's disk ----
mkdir small
if mount -t tmpfs -o size=2m,mode=700 none small 2>/dev/null; then
    mounted=$scratch/small state_folder=$scratch/small
    start_bitd
    id=$(submit small.json --out "$scratch/full")
    wait_for 60 reaches full 4
    dd if=/dev/zero of=small/filler bs=4k 2>/dev/null
    # SQLite's log may still have room for some.
    for ((i = 0; i < 40; i++)); do
        submit small.json --out "$scratch/more-$i" --after "$id" >/dev/null
    done
    wait_for 20 gone || kill -KILL "$daemon"
    wait "$daemon"
    same "the state's disk is full: bitd ends with 74, and says why" "$? $(grep -c 'disk is full; bitd ends, its jobs go on' daemon.log)" "74 1"
    wait_for 60 finished full
    ok $? "its job goes on"
    rm small/filler
    start_bitd && well "$id" full && [ "$(job "$id" attempts)" = 1 ]
    ok $? "with room again, a new bitd has the end that came meanwhile"
    more=$(submit small.json --out "$scratch/later")
    [ -n "$more" ] && well "$more" later
    ok $? "and takes jobs"
    stop_bitd
    state_folder=$scratch/state
else
    skip "the state's disk is full" "no small file system can be mounted"
fi
start_bitd
id=$(submit small.json --out "$scratch/ill")
wait_for 60 reaches ill 4
stop_bitd
# bitd alone, and not what it starts
FAULT_PATHS=$state_folder FAULT_CALL=fsync FAULT_FROM=2 FAULT_COUNT=0 LD_PRELOAD=$top_builddir/tests/faults/preload.so start_bitd
submit small.json --out "$scratch/more" >/dev/null
wait_for 20 gone || kill -KILL "$daemon"
wait "$daemon"
same "the state's disk fails: bitd ends with 74" $? 74
start_bitd && well "$id" ill && [ "$(job "$id" attempts)" = 1 ]
ok $? "its job did not notice"

# ---- a reboot ----
id=$(submit small.json --out "$scratch/boot")
wait_for 60 reaches boot 4
old=$(keeper_of "$id")
stop_bitd KILL
# shellcheck disable=SC2046
kill -KILL "$old" "$(sed -n 's/.*"program":\([0-9]*\).*/\1/p' "$state_folder/attempts/$id-1.start")" $(ranks_of boot) 2>/dev/null
wait_for 20 eval '! left_behind boot'
# A stranger has the keeper's number after the boot.
# It stays taken as long as it names a session: until the last of the keeper's family has gone.
wait_for 20 eval '! [ -e "/proc/$old" ] && ! pgrep -s "$old" >/dev/null && ! pgrep -g "$old" >/dev/null'
"$top_builddir/tests/daemon/reuse" "$old" sleep 300 2>said &
stranger=$!
sleep 0.3
if [ "$(cat "/proc/$old/comm" 2>/dev/null)" = sleep ]; then
    start_bitd
    wait_for 20 grep -q '"attempts":2' <("$bit" status "$id" --json)
    well "$id" boot && [ "$(job "$id" attempts)" = 2 ]
    ok $? "its number has come back to a stranger: the job is started again, from its checkpoint"
    [ "$(cat "/proc/$old/comm" 2>/dev/null)" = sleep ]
    ok $? "and the stranger is left alone"
    kill "$old"
else
    skip "a process number that comes back" "$(cat said)"
    start_bitd
    well "$id" boot
fi
wait "$stranger" 2>/dev/null
stop_bitd
echo 11111111-2222-3333-4444-555555555555 >boot_id
if unshare -m mount --bind boot_id /proc/sys/kernel/random/boot_id 2>/dev/null; then
    start_bitd
    id=$(submit small.json --out "$scratch/reboot")
    wait_for 60 reaches reboot 4
    old=$(keeper_of "$id")
    stop_bitd KILL
    kill -USR2 "$old"
    wait_for 20 test -e "$state_folder/attempts/$id-1.end"
    rm "$state_folder/attempts/$id-1.end"
    cat >bitd-of-another-boot <<END
#!/bin/sh
mount --bind "$scratch/boot_id" /proc/sys/kernel/random/boot_id && exec "$top_builddir/bitd" "\$@"
END
    chmod +x bitd-of-another-boot
    unshare -m "$scratch/bitd-of-another-boot" ${daemon_options[@]+"${daemon_options[@]}"} --set state="$state_folder" --set socket="$BIT_SOCKET" \
        --set launch="$launch" --set environment=BIT_TEST_FAULT >>daemon.log 2>&1 </dev/null 9>&- &
    daemon=$!
    wait_for 10 answers && well "$id" reboot && [ "$(job "$id" attempts)" = 2 ]
    ok $? "the machine was started anew: what ran counts as lost, and goes on from its checkpoint"
    stop_bitd
else
    skip "the machine was started anew" "mount namespaces are not allowed"
fi

# ---- the clock ----
export FAKE_CLOCK=$scratch/clock
at() { echo "$1" >clock.new && mv clock.new clock; }
at 86400
launch=$scratch/none LD_PRELOAD=$top_builddir/tests/daemon/clock.so start_bitd
id=$(submit small.json --out "$scratch/late")
wait_for 20 stands "$id" backoff
stop_bitd KILL
at 0
LD_PRELOAD=$top_builddir/tests/daemon/clock.so start_bitd
well "$id" late
ok $? "the clock was a day ahead when a job failed: it is started again at once, not tomorrow"
for off in -86400 86400; do
    at 0
    id=$(submit small.json --out "$scratch/day$off")
    wait_for 60 reaches "day$off" 4
    at $off
    before=$("$bit" status "$id" --json | grep -o '"checkpoint_step":[0-9]*')
    well "$id" "day$off" && answers && [ -n "$before" ]
    ok $? "the clock is set by $off s while a job runs: its end is seen"
    wait_for 5 grep -q 'the clock was set, 864[0-9]* s' daemon.log
    ok $? "and bitd says that"
done
stop_bitd
unset FAKE_CLOCK

# ---- a newer bitd's store ----
printf '\0\0\0\143' | dd of="$state_folder/state.db" bs=1 seek=60 conv=notrunc 2>/dev/null
"$top_builddir/bitd" ${daemon_options[@]+"${daemon_options[@]}"} --set state="$state_folder" --set socket="$BIT_SOCKET" >said 2>&1
[ $? = 65 ] && grep -q 'written by a newer bitd (schema 99' said
ok $? "the store of a newer bitd is refused, and left as it is"
exit $bad
