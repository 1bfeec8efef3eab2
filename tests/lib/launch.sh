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
