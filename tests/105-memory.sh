#!/bin/bash
# What bit plan says a rank needs is within 10 % of what a run then uses, and a checkpoint is as large as it says.
[ -x "$top_builddir/bitrun" ] || exit 77
[ "${MPI_KIND:-openmpi}" = openmpi ] || exit 77 # what the libraries themselves take was measured with it
nm "$top_builddir/bitrun" 2>/dev/null | grep -q __asan_init && exit 77
. "$(dirname "$0")/lib.sh"
needs cli

json() { grep -o "\"$2\": *[0-9]*" "$1" | head -1 | grep -o '[0-9]*$'; }

# compare WHAT RANKS SETTINGS...
compare() {
    local what=$1 ranks=$2 sets=(--set threads=1 --set schedule.steps=2 --set data.resize=null
        --set checkpoint.every_steps=1 --set checkpoint.keep=1)
    shift 2
    while [ $# -gt 0 ]; do sets+=(--set "$1"); shift; done
    rm -rf run
    expect 0 "$what is planned" "$bit" plan "$top_srcdir/jobs/demo.json" -n "$ranks" --json "${sets[@]}"
    cp out plan.json
    expect 0 "$what runs" timeout 200 $MPIRUN -n "$ranks" "$top_builddir/bitrun" "$top_srcdir/jobs/demo.json" --out run "${sets[@]}"
    local planned used bytes written
    planned=$(json plan.json total) used=$(json run/outcome.json peak_memory_bytes)
    [ "$used" -gt 0 ] && [ $((planned * 10)) -ge $((used * 9)) ] && [ $((planned * 10)) -le $((used * 11)) ]
    ok $? "$what: planned $((planned / 1000000)) MB a rank, used $((used / 1000000)) MB"
    bytes=$(json plan.json checkpoint_bytes) written=$(du -sb run/checkpoints | cut -f1)
    [ $((bytes * 20)) -ge $((written * 19)) ] && [ $((bytes * 20)) -le $((written * 21)) ]
    ok $? "$what: planned $bytes bytes a checkpoint, written $written"
}

compare "R14x1 on one rank" 1 data.size=64
compare "R14x1 on two ranks" 2
compare "R14x1 in bfloat16 on four ranks" 4 precision=bfloat16 micro_batch=8
exit $bad
