#!/bin/bash
# What bit plan says a rank needs is within 10 % of what a run then uses, and a checkpoint is as large as it says.
[ -x "$top_builddir/bitrun" ] || exit 77
[ "${MPI_KIND:-openmpi}" = openmpi ] || exit 77 # what the libraries themselves take was measured with it
nm "$top_builddir/bitrun" 2>/dev/null | grep -q __asan_init && exit 77
. "$(dirname "$0")/lib.sh"
needs cli

json() { grep -o "\"$2\": *[0-9]*" "$1" | head -1 | grep -o '[0-9]*$'; }

# compare WHAT RANKS SETTINGS...: of the job $job
job=$top_srcdir/jobs/demo.json
compare() {
    local what=$1 ranks=$2 sets=(--set threads=1 --set schedule.steps=2
        --set checkpoint.every_steps=1 --set checkpoint.keep=1)
    shift 2
    while [ $# -gt 0 ]; do sets+=(--set "$1"); shift; done
    rm -rf run
    expect 0 "$what is planned" "$bit" plan "$job" -n "$ranks" --json "${sets[@]}"
    cp out plan.json
    expect 0 "$what runs" timeout 200 $MPIRUN -n "$ranks" "$top_builddir/bitrun" "$job" --out run "${sets[@]}"
    local planned used bytes written
    planned=$(json plan.json total) used=$(json run/outcome.json peak_memory_bytes)
    [ "$used" -gt 0 ] && [ $((planned * 10)) -ge $((used * 9)) ] && [ $((planned * 10)) -le $((used * 11)) ]
    ok $? "$what: planned $((planned / 1000000)) MB a rank, used $((used / 1000000)) MB"
    bytes=$(json plan.json checkpoint_bytes) written=$(du -sb run/checkpoints | cut -f1)
    [ $((bytes * 20)) -ge $((written * 19)) ] && [ $((bytes * 20)) -le $((written * 21)) ]
    ok $? "$what: planned $bytes bytes a checkpoint, written $written"
}

compare "R14x1 on one rank" 1 data.size=64 data.resize=null
compare "R14x1 on two ranks" 2 data.resize=null
compare "R14x1 in bfloat16 on four ranks" 4 precision=bfloat16 micro_batch=8 data.resize=null
# A probe whose features are most of what the run takes: each picture stands there many times.
mkdir -p many
for class in 0 1 2 3 4 5 6 7 8 9; do
    mkdir -p many/$class
    for copy in $(seq 40); do
        for file in "$top_srcdir"/data/digits/val/$class/*.jpg; do
            ln -s "$file" "many/$class/$copy-$(basename "$file")"
        done
    done
done
compare "R14x1 with a probe" 1 probe.train="$PWD/many" probe.test="$top_srcdir/data/digits/val" probe.every_steps=2 probe.shots=200 probe.seeds=3 data.size=16 data.resize=null checkpoint.background=false

# Detection: training, evaluation with all records, checkpoints.
mkdir pictures
"$top_builddir/tests/golden/overfit_detect" --write pictures
ok $? "pictures with boxes"
cat >detect.json <<'END'
{"task": "detect", "model": {"depth": 14}, "micro_batch": 2,
 "data": {"train": "pictures/boxes.json", "val": "pictures/boxes.json", "size": 256, "loaders": 1},
 "detect": {"channels": 64, "layers": 2}, "schedule": {"steps": 2, "batch": 8, "decay_steps": []}}
END
job=$scratch/detect.json
compare "a detection on one rank" 1
compare "a detection in bfloat16 on two ranks" 2 precision=bfloat16
exit $bad
