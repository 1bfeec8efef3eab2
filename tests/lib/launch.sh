# For the black-box tests of bit-launch (tests/lib.sh: needs launch): nothing of an outer job, a small job, and what a run has come to.
# shellcheck shell=bash disable=SC2034
launch=$top_srcdir/launcher/bit-launch
export BIT_BIN=$top_builddir MPIRUN
unset BIT_PROGRESS SLURM_JOB_ID SLURM_JOBID SLURM_NTASKS SLURM_CPUS_ON_NODE
if [ "$MPI_KIND" = unknown ]; then
    echo "no mpirun that is known"
    exit 77
fi
# gives CODE TEXT COMMAND...: it ends with CODE and says TEXT
gives() {
    local code=$1 text=$2 got
    shift 2
    timeout -k 5 "${GIVES_SECONDS:-300}" "$@" >said 2>&1 </dev/null
    got=$?
    echo "exit code $got" >>said
    [ $got = "$code" ] && grep -qe "$text" said
}
state() { member "$1" state; }
finished() { [ "$(state "$1")" = finished ]; }
# reaches RUN STEP: whether it has a checkpoint of that step or a later one
reaches() { [ "$(member "$1" checkpoint_step)" -ge "$2" ] 2>/dev/null; }
wait_for_step() { wait_for 60 reaches "$@"; }
# ranks_of RUN, of the scratch folder: processes of a run with steps that can be held up (pausable)
ranks_of() { pgrep -f "^$top_builddir/tests/faults/bitrun_points .*--out $scratch/$1( |\$)"; }
# small_job FILE MORE: 24 steps, a checkpoint every 4; MORE: further members of it
small_job() {
    cat >"$1" <<JSON
{"model": {"depth": 8, "width": 1}, "threads": 1, "micro_batch": ${micro:-2},
 "data": {"train": "$top_srcdir/data/digits/train", ${val:+"\"val\": \"$val\", "}"size": 16, "resize": 16},
 "schedule": {"steps": 24, "batch": 8, "warmup_steps": 2, "decay_steps": [12]},
 "checkpoint": {"every_steps": 4}, $2}
JSON
}
# pausable FOLDER: programs whose steps BIT_TEST_FAULT holds up, for BIT_BIN
pausable() {
    mkdir "$1"
    ln -s "$top_builddir/bit" "$1/bit"
    ln -s "$top_builddir/tests/faults/bitrun_points" "$1/bitrun"
}
# watched_runs: runs of small.json whose steps can be held up and whose watchdogs are quick; to be seen below Open MPI's mpirun only
watched_runs() {
    [ "$MPI_KIND" = openmpi ] || { echo "finds its ranks below Open MPI's mpirun only"; exit 77; }
    pausable bin
    export BIT_BIN=$scratch/bin
    small_job small.json '"watchdog": {"step_seconds": 3, "data_seconds": 3, "checkpoint_seconds": 6, "start_seconds": 20}'
}
left_behind() { ranks_of "$1" >/dev/null; }
# A tenth of a second at the end of each step: time enough to meet a run before it ends, at no cost.
slowly=update=pause:0.1
# start DIR ARGUMENT...: of small.json, in the background as $pid, until a checkpoint is there
start() {
    local dir=$1
    shift
    BIT_TEST_FAULT=$slowly "$launch" small.json --out "$scratch/$dir" "$@" >said 2>&1 </dev/null &
    pid=$!
    wait_for_step "$dir" 4
}
