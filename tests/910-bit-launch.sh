#!/bin/bash
# bit-launch under mpirun: its command line, what it makes of the cores, and runs that end, are stopped, killed, resumed.
. "$(dirname "$0")/lib.sh"
needs launch
says() { gives "$1" "$2" "$launch" "${@:3}"; } # CODE TEXT ARGUMENT...: bit-launch ARGUMENT... exits with CODE and says TEXT
val=$top_srcdir/data/digits/val micro=4 small_job small.json '"evaluation": {"every_epochs": 0, "at_end": false}'

# ---- the command line ----
says 64 usage:; ok $? "without a job it shows its usage"
says 66 'no job file' missing.json; ok $? "a missing job"
says 64 'unknown option --nodes' small.json --nodes=2; ok $? "an option of sbatch without --slurm"
says 64 'expected a number of ranks' small.json -n two; ok $? "ranks that are no number"
says 64 'one job file' small.json other.json; ok $? "two job files"
says 64 'batch' small.json -n 3; ok $? "a batch that the ranks cannot share"
echo '{"modle": {}}' >wrong.json
says 64 'did you mean' wrong.json; ok $? "a job with a misspelt key"
says 64 'has room for 2 ranks' small.json -n 4 --set micro_batch=2 --host a:1,b:1 --dry-run; ok $? "hosts with too little room"
says 64 'threads' small.json -n 2 --threads 0; ok $? "no threads"
"$launch" --help | grep -q -- --slurm; ok $? "--help"

# ---- placement ----
case $MPI_KIND in
    openmpi) bound='slot:PE=3 --bind-to core' free='--bind-to none --oversubscribe' list='--host a:1\\,b:1' ;;
    *) bound='-bind-to core:3' free='-bind-to none' list='-hosts a:1\\,b:1' ;;
esac
says 0 "OMP_NUM_THREADS=3 .*$bound" small.json -n 2 --threads 3 --cores 6 --dry-run; ok $? "each rank gets its threads' cores"
says 0 "OMP_WAIT_POLICY=passive .*$free" small.json -n 2 --threads 3 --cores 5 --dry-run; ok $? "too few cores: nothing bound"
says 0 "OMP_NUM_THREADS=3 .*$bound" small.json -n 2 --set threads=0 --cores 7 --dry-run; ok $? "threads 0: a share of the cores"
says 0 "$list" small.json -n 2 --host a,b --cores 8 --dry-run; ok $? "hosts share the ranks"
says 0 "OMP_NUM_THREADS=8" small.json -n 2 --set threads=0 --host a,b --cores 8 --dry-run; ok $? "and each rank has a host's cores"
says 0 'checkpoint.every_steps=7 --steps-limit 3 --fresh' small.json --dry-run --fresh --set checkpoint.every_steps=7 --steps-limit=3
ok $? "bitrun's options reach it"
[ ! -e runs/small ]; ok $? "nothing was written so far"

# ---- whole runs ----
says 0 '' small.json -n 2 --out whole && [ "$(state whole)" = finished ]; ok $? "a run to the end"
hash=$("$top_builddir/bit" ckpt hash whole)
[ -n "$hash" ]; ok $? "it leaves a checkpoint"
says 0 '' small.json -n 2 --out whole && [ "$(state whole)" = finished ]; ok $? "again: nothing left to do"

# A fifth of a second at the end of each step: time enough to meet a run before it ends, at no cost of processor.
pausable slow
pace=update=pause:0.2
slowly() { BIT_BIN=$scratch/slow BIT_TEST_FAULT=$pace exec "$launch" "$@"; }

# Signals go to the launcher alone, as from a terminal's Ctrl-C handler, a batch system or a user. Four runs side by side.
signalled() { # SIGNAL: starts a run, sends the signal from step 4 on; what it said and its exit code to by-SIGNAL.said
    local dir=by-$1 pid
    # A shell without job control would start it with INT ignored.
    set -m
    slowly small.json -n 2 --out "$dir" >"$dir.said" 2>&1 </dev/null &
    pid=$!
    set +m
    wait_for_step "$dir" 4
    kill "-$1" $pid 2>/dev/null
    wait $pid
    echo "exit code $?" >>"$dir.said"
}
# ended SIGNAL CODE STATE: how that run came out; its words are shown where they are not as they should be
ended() {
    cp "by-$1.said" said
    echo "$(state "by-$1") at step $(member "by-$1" step)" >>said
    grep -q "^exit code $2\$" said && [ "$(state "by-$1")" = "$3" ]
}
for signal in TERM INT HUP USR1; do signalled $signal & done
wait
for signal in TERM INT HUP; do
    ended $signal 75 stopped && [ "$(member "by-$signal" step)" -lt 24 ]; ok $? "$signal: a checkpoint, then exit code 75"
done
ended USR1 0 finished; ok $? "USR1: the run goes on to its end"
says 0 '' small.json -n 2 --out by-TERM && [ "$("$top_builddir/bit" ckpt hash by-TERM)" = "$hash" ]
ok $? "the same command goes on to the same bits"
says 0 '' small.json -n 1 --out by-INT && [ "$("$top_builddir/bit" ckpt hash by-INT)" = "$hash" ]
ok $? "one rank goes on to the same bits"

# A rank is killed, while all of them are held up.
pace=update:all:6=sleep:30
slowly small.json -n 2 --out killed >said 2>&1 </dev/null &
pid=$!
wait_for_step killed 4
rank=$(ranks_of killed | head -n 1)
kill -KILL "$rank"
wait $pid
[ $? = 74 ] && grep -q 'the same command goes on' said; ok $? "a killed rank: exit code 74, and what to do"
says 0 '' small.json -n 2 --out killed && [ "$("$top_builddir/bit" ckpt hash killed)" = "$hash" ]; ok $? "it goes on to the same bits"

# The reader of the output goes away: mpirun would die of that.
{ "$launch" small.json -n 2 --out piped 2>&1; echo $? >code; } </dev/null | head -n 1 >/dev/null
[ "$(cat code)" = 0 ] && [ "$(state piped)" = finished ]; ok $? "a reader that goes away does not end the run"
says 0 'top-1' small.json -n 2 --out whole --evaluate --predictions said.jsonl --confusion=said.tsv; ok $? "--evaluate"
[ -s said.jsonl ] && [ -s said.tsv ]; ok $? "--evaluate with --predictions and --confusion"
exit $bad
