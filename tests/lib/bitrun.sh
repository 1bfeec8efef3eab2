# For the black-box tests of bitrun (tests/lib.sh: needs bitrun): tiny jobs, runs of them, and how they end.
# shellcheck shell=bash disable=SC2034
bitrun=$top_builddir/bitrun
# MPI unloads its plug-ins before leaks are looked for; what they leave behind has no name to be suppressed by.
export ASAN_OPTIONS=${ASAN_OPTIONS:+$ASAN_OPTIONS:}detect_leaks=0

# images FOLDER PER-CLASS: the first digits of each class, as links
images() {
    local part class file n
    for part in train val; do
        for class in 0 1 2 3 4 5 6 7 8 9; do
            mkdir -p "$1/$part/$class"
            n=0
            for file in "$top_srcdir/data/digits/$part/$class"/*.jpg; do
                [ $n -lt "$2" ] || break
                ln -s "$file" "$1/$part/$class/"
                n=$((n + 1))
            done
        done
    done
}

# job FILE [STEPS]: the smallest network (depth=14: steps that take long enough to be met by a signal); 4 micro-batches of 4 a step; 70 images, so that an epoch ends within a step
job() {
    [ -d "$scratch/data" ] || images "$scratch/data" 7
    cat > "$1" <<EOF
{
  "model": {"depth": ${depth:-8}, "width": 1},
  "data": {"train": "$scratch/data/train", "val": "$scratch/data/val", "size": 16, "resize": 16, "mirror": false},
  "schedule": {"steps": ${2:-8}, "batch": 16, "base_rate": 0.1, "warmup_steps": 2, "decay_steps": [6]},
  "micro_batch": 4, "threads": 1, "backend": "openblas", "seed": 7,
  "checkpoint": {"every_steps": 3},
  "evaluation": {"every_steps": 4, "every_epochs": 0}
}
EOF
}

# run RANKS ARGUMENT...: bitrun, at most five minutes (sanitizers, a busy machine); what it says goes to $scratch/said. mpirun
# can hang at its own end (see mpi_once in tests/lib.sh): then the outcome has the exit code, for a run is not repeated.
run() {
    local ranks=$1 code
    shift
    mpi_once 300 "$ranks" "$bitrun" "$@" > "$scratch/said" 2>&1
    code=$?
    if [ $timed_out = yes ]; then
        while [ $# -gt 1 ] && [ "$1" != --out ]; do shift; done
        case $(value "${2:-.}/outcome.json" exit_code) in [0-9]*) code=$(value "${2:-.}/outcome.json" exit_code) ;; esac
    fi
    [ $code = 0 ] || [ $code = 75 ] || [ -n "${expected:-}" ] || sed 's/^/# /' "$scratch/said"
    return $code
}
# base_run: $scratch/base, a run of $scratch/tiny.json on two ranks that was stopped when it had two generations, of steps 3 and 6
base_run() {
    job "$scratch/tiny.json" 12
    quiet=(--set evaluation.every_steps=0)
    run 2 "$scratch/tiny.json" --out "$scratch/base" --steps-limit 6 "${quiet[@]}"
    [ $? = 75 ]
    ok $? "a run with two generations"
}
# fails CODE RANKS ARGUMENT...: must end with this code
fails() {
    local code=$1 found
    shift
    expected=1 run "$@"
    found=$?
    [ $found = "$code" ] || { echo "# exit $found, expected $code"; sed 's/^/# /' "$scratch/said"; }
    [ $found = "$code" ]
}
