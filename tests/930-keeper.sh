#!/bin/bash
# bit-keeper with real launches: what it writes down, what it passes on, what it ends, and SIGKILL of anything at random moments
# (TRIALS of them, default 3; SEED says which). As bitd does, the test holds the only write end of the pipe.
. "$(dirname "$0")/lib.sh"
needs launch
keeper=$top_builddir/bit-keeper
grep -q '^DAEMON_LIBS = ' "$top_builddir/Makefile" || { echo "built without the daemon"; exit 77; }
mounted=''
clean_up() {
    [ -z "$mounted" ] || umount "$mounted" 2>/dev/null
    [ -z "${child:-}" ] || kill -USR2 "$child" 2>/dev/null
}
mkdir attempts
mkfifo pipe

# keep NAME PROGRAM ARGUMENT...: a keeper, $child, that waits for go; options by $keeper_options
keep() {
    local name=$1
    shift
    # shellcheck disable=SC2086
    "$keeper" --attempt "${place:-$scratch/attempts}/$name" --go 8 ${keeper_options:-} -- "$@" 8<pipe >said 2>&1 </dev/null 6>&- &
    child=$!
    exec 7>pipe
}
go() { printf g >&7; exec 7>&-; }
# ends NAME: waits for the keeper; its exit code is 0 and there is a record
ends() {
    wait "$child"
    code=$?
    [ $code = 0 ] && [ -s "${place:-$scratch/attempts}/$1.end" ] && [ ! -e "${place:-$scratch/attempts}/$1.end.tmp" ]
}
# of NAME MEMBER: of the end record
of() { sed -n "s/.*[{,]\"$2\":\(\"[^\"]*\"\|[^,}]*\).*/\1/p" "${place:-$scratch/attempts}/$1.end"; }
is() { [ "$(of "$1" "$2")" = "$3" ] || { echo "# $2 of $1: $(of "$1" "$2"), not $3"; false; }; }
program() { sed -n 's/.*"program":\([0-9]*\).*/\1/p' "attempts/$1.start" 2>/dev/null | grep .; }
free() { flock -n "attempts/$1.start" true; }
locked() { ! free "$1"; }
nobody() { ! left_behind "$1" && ! pgrep -f "(mpirun|orted|prted).* --out $scratch/$1( |\$)" >/dev/null; }

# ---- what it writes down ----
cat >speaker <<'END'
#!/bin/bash
echo 'it says "a\b"'
printf 'and \xff\xc3\xa9\t.\n\n' >&2
exit ${1-3}
END
chmod +x speaker
keep talk "$scratch/speaker"
wait_for 10 test -s attempts/talk.start
sleep 0.2
[ ! -s attempts/talk.log ] && locked talk && [ "$(sed 's/^{"v":1,"pid":\([0-9]*\),"start_ticks":\([0-9]*\),"boot":"\(.*\)"}$/\1 \2 \3/' attempts/talk.start)" = \
    "$child $(sed 's/.*) //' /proc/$child/stat | cut -d ' ' -f 20) $(cat /proc/sys/kernel/random/boot_id)" ]
ok $? "until go nothing is started; lock and identity are there"
"$keeper" --attempt "$scratch/attempts/talk" --go 3 -- /bin/true 3</dev/null >said 2>&1
[ $? = 75 ] && grep -q 'another keeper has' said
ok $? "a second keeper of an attempt leaves with 75"
go
ends talk && is talk code 3 && is talk ran true && is talk killed false && is talk orphans 0 && is talk v 1 && is talk pid "$child" &&
    tail -c 60 attempts/talk.end | grep -qF '"last":"it says \"a\\b\"\nand ?é ."}' && ! locked talk && [ "$(stat -c %a attempts/talk.end)" = 600 ]
ok $? "the end record has code, identity and last lines"
"$keeper" --attempt "$scratch/attempts/talk" --go 3 -- /bin/true 3</dev/null >said 2>&1
[ $? = 75 ] && grep -q 'is over' said && is talk code 3
ok $? "an attempt that is over is not begun again"
keep alone "$scratch/speaker"
exec 7>&-
ends alone && is alone ran false && is alone code -1 && [ ! -s attempts/alone.log ] && grep -q 'bitd went away' attempts/alone.end
ok $? "bitd's death before go: nothing is started, and that is on record"
keep early "$scratch/speaker"
wait_for 10 test -s attempts/early.start
kill "$child"
ends early && is early ran false && is early asked true && exec 7>&-
ok $? "TERM before go: nothing is started"
keep nothing "$scratch/not-there"
go
ends nothing && is nothing ran false && is nothing code 127 && grep -q 'No such file' attempts/nothing.end
ok $? "a program that cannot be started: 127, and why"
keep streams /bin/bash -c 'ls -l /proc/$$/fd; cat /proc/$$/oom_score_adj; umask; kill -0 $PPID; exec sleep 0'
exec 6>open.file
go
ends streams && [ "$(awk '/->/ { print $(NF - 2) }' attempts/streams.log | tr '\n' ' ')" = "0 1 2 9 " ] && grep -qx 500 attempts/streams.log &&
    grep -qx "$(umask)" attempts/streams.log
ok $? "the program has streams, the lock as number 9, and nothing else; oom_score_adj 500"
exec 6>&-
wrong=0
for words in "--attempt relative --go 3 -- /bin/true" "--attempt $scratch/x --go 3 -- true" "--attempt $scratch/x --go 3" "--attempt $scratch/x -- /bin/true" \
    "--attempt $scratch/x --go three -- /bin/true" "--attempt $scratch/x --go 3 --some 1 -- /bin/true" "--attempt"; do
    # shellcheck disable=SC2086
    "$keeper" $words 3</dev/null >said 2>&1
    [ $? = 64 ] && [ ! -e x.start ] || { echo "# accepted: $words"; wrong=1; }
done
ok $wrong "wrong arguments are refused with 64"
keeper_options='--log-limit 1048576' keep long /bin/bash -c 'echo first; head -c 4000000 /dev/zero | tr "\0" x; echo; echo last'
go
ends long && [ "$(stat -c %s attempts/long.log)" = 4000012 ] && [ "$(du -k attempts/long.log | cut -f 1)" -lt 800 ] &&
    [ "$(head -n 1 attempts/long.log)" = first ] && [ "$(tail -n 1 attempts/long.log)" = last ]
ok $? "the middle of a log past its limit is given back, the rest stays where it was"

# ---- what is left behind ----
cat >leave <<'END'
#!/bin/bash
# leaves two that have moved into sessions of their own, of which one is deaf and one is stopped
setsid bash -c "trap '' TERM HUP; : >deaf; while :; do sleep 0.1; done # $0" &
setsid bash -c 'while :; do sleep 0.1; done' "$0" &
sleeper=$!
kill -STOP $sleeper
until [ -e deaf ]; do sleep 0.02; done
END
chmod +x leave
keep leave "$scratch/leave"
go
wait_for 10 program leave >/dev/null
began=$SECONDS
ends leave && is leave code 0 && [ "$(of leave orphans)" -ge 2 ] && [ $((SECONDS - began)) -ge 4 ] && [ $((SECONDS - began)) -le 30 ] &&
    ! pgrep -f "$scratch/leave" >/dev/null
ok $? "processes that were left behind get TERM, then KILL; deaf and stopped ones, too"
rm -f deaf
keep destroy "$scratch/leave"
go
wait_for 10 test -e deaf
began=$SECONDS
kill -USR2 "$child"
ends destroy && [ $((SECONDS - began)) -le 3 ]
ok $? "USR2 ends all of it at once"

# ---- disks ----
keep gone /bin/bash -c 'exec sleep 0.5'
wait_for 10 test -s attempts/gone.start
rm attempts/gone.end.tmp
go
ends gone && is gone code 0
ok $? "the place reserved for the record was removed: it is written all the same"
mkdir away
place=$scratch/away keep gone /bin/bash -c "rm -r '$scratch/away'"
go
wait "$child"
[ $? = 74 ]
ok $? "the folder was removed: 74"
mkdir small
if mount -t tmpfs -o size=256k none small 2>/dev/null; then
    mounted=$scratch/small
    place=$mounted
    keep full /bin/bash -c "until [ -e '$scratch/fill' ]; do sleep 0.05; done; dd if=/dev/zero of='$mounted/filler' 2>/dev/null; echo no room; exit 5"
    go
    : >fill
    ends full && is full code 5 && is full ran true && df --output=avail "$mounted" | grep -qx ' *0'
    ok $? "a disk that is full at the end: the record has its place"
    unset place
else
    skip "a disk that is full at the end: the record has its place" "no small file system can be mounted"
fi
# A folder of the record's name stands for a disk that fails.
keep broken /bin/bash -c 'exit 6'
wait_for 10 test -s attempts/broken.start
mkdir -p attempts/broken.end/in
go
wait_for 10 grep -q 'tried every second' attempts/broken.log && sleep 1.2 && kill -0 "$child" && locked broken
stayed=$?
rm -r attempts/broken.end
ends broken && is broken code 6 && [ $stayed = 0 ]
ok $? "a disk that fails at the end: the keeper stays until it works again"

# ---- real launches ----
if [ "$MPI_KIND" != openmpi ]; then
    echo "# the rest finds its ranks below Open MPI's mpirun only"
    exit $bad
fi
watched_runs
export BIT_TEST_FAULT=$slowly
keep whole "$launch" "$scratch/small.json" -n 2 --out "$scratch/whole"
go
ends whole && is whole code 0 && is whole orphans 0 && finished whole && [ "$(of whole max_rss_bytes)" -gt 10000000 ] && ! locked whole
ok $? "a launch of two ranks, from go to its record"
right=$(hash whole)

# begin NAME: a launch by a keeper, until a checkpoint is there
begin() {
    keep "$1" "$launch" "$scratch/small.json" -n 2 --out "$scratch/${2:-$1}"
    go
    wait_for_step "${2:-$1}" 4
}
begin stop
kill "$child"
ends stop && is stop code 75 && is stop asked true && is stop killed false && [ "$(state stop)" = stopped ] && is stop orphans 0
ok $? "TERM: the run saves and stops, 75"
keep save "$launch" "$scratch/small.json" -n 2 --set checkpoint.every_steps=1000 --out "$scratch/save"
go
wait_for 60 test -s save/metrics.jsonl
kill -USR1 "$child"
wait_for 60 reaches save 2
saved=$(member save checkpoint_step)
ends save && is save code 0 && [ "$saved" -lt 24 ] && finished save && [ "$(hash save)" = "$right" ]
ok $? "USR1: the run saves and goes on"
keep soon "$launch" "$scratch/small.json" -n 2 --out "$scratch/soon"
wait_for 10 test -s attempts/soon.start
kill -USR1 "$child"
go
kill -USR1 "$child"
ends soon && is soon code 0 && [ "$(hash soon)" = "$right" ]
ok $? "USR1 before there is a handler harms nothing"
keep soon-stop "$launch" "$scratch/small.json" -n 2 --set schedule.steps=2000 --out "$scratch/soon-stop"
go
wait_for 10 program soon-stop >/dev/null
kill "$child"
ends soon-stop && is soon-stop code 75 && nobody soon-stop
ok $? "TERM before there is a handler: 75"
begin launch
kill -KILL "$(program launch)"
ends launch && is launch code 137 && is launch killed true && [ "$(of launch orphans)" -ge 1 ] && nobody launch && ! locked launch &&
    ! grep -ls "$scratch/launch" /dev/shm/vader_segment.* /dev/shm/sm_segment.* 2>/dev/null
ok $? "bit-launch is killed: mpirun and ranks are ended, 137"
[[ $("$BIT_BIN/bit" end launch --code 137 --ended) == 'again '* ]]
ok $? "bit end says of that, as of something that was ended: again"
keep again "$launch" "$scratch/small.json" -n 2 --out "$scratch/launch"
go
ends again && is again code 0 && [ "$(hash launch)" = "$right" ]
ok $? "started again, it comes to the same bits"
begin keeper
kill -KILL "$child"
wait "$child" 2>/dev/null
locked keeper && left_behind keeper
ok $? "the keeper is killed: the run goes on, and the lock is held"
wait_for 60 finished keeper && wait_for 20 nobody keeper && wait_for 20 free keeper && [ "$(hash keeper)" = "$right" ] && [ ! -e attempts/keeper.end ]
ok $? "the run's end frees the lock"

# ---- anything, at any moment ----
RANDOM=${SEED:-$$}
echo "# SEED=${SEED:-$$}"
n=0 attempt=0 lost=0 told=''
for ((trial = 0; trial < ${TRIALS:-3}; trial++)); do
    rm -rf chaos
    for kills in 1 2 0; do # twice something is killed, then it is let end
        attempt=$((attempt + 1)) name=chaos-$attempt victim=nothing
        keep $name "$launch" "$scratch/small.json" -n 2 --out "$scratch/chaos"
        go
        if [ $kills != 0 ]; then
            sleep 0.$((RANDOM % 10))
            [ $((RANDOM % 2)) = 0 ] || wait_for_step chaos $((4 * kills))
            case $((RANDOM % 5)) in
                0) victim=keeper && kill -KILL "$child" ;;
                1) victim=launch && kill -KILL "$(program $name)" 2>/dev/null ;;
                2) victim=mpirun && pkill -KILL -f "^[^ ]*mpirun .* --out $scratch/chaos( |\$)" ;;
                3) victim=rank && pkill -KILL -f "^$top_builddir/tests/faults/bitrun_points .*--out $scratch/chaos( |\$)" ;;
                4) victim=both && kill -KILL "$child" "$(program $name)" 2>/dev/null ;;
            esac
        fi
        wait "$child" 2>/dev/null
        code=$?
        # Without a keeper the lock says when it is over.
        wait_for 120 free $name
        n=$((n + 1))
        if [ $victim = keeper ] || [ $victim = both ]; then
            [ $code = 137 ] || [ -e attempts/$name.end ] || { told+=" $victim:$code"; lost=$((lost + 1)); }
            wait_for 60 nobody chaos
        else
            [ $code = 0 ] && [ -s attempts/$name.end ] || { told+=" $victim:$code"; lost=$((lost + 1)); }
        fi
        nobody chaos || { told+=" left-by-$victim"; lost=$((lost + 1)); }
        locked $name && { told+=" locked-by-$victim"; lost=$((lost + 1)); }
    done
    is $name code 0 && [ "$(hash chaos)" = "$right" ] || { told+=" end-$(of $name code)"; lost=$((lost + 1)); }
done
[ -z "$told" ] || echo "#$told"
[ $n -gt 0 ] && [ $lost = 0 ]
ok $? "SIGKILL of keeper, bit-launch, mpirun, ranks at random moments: every end is known, nothing is left, the bits are the same"
exit $bad
