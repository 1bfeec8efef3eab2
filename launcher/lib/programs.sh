# bit-launch: finding the programs, checking the job (sourced).
# shellcheck shell=bash disable=SC2034,SC2154

# Installed beside this script, built in a checkout, or on the PATH.
find_program() {
    local folder
    for folder in "${BIT_BIN:-}" "$here" "${BIT_BUILD:-$here/../build}"; do
        if [ -n "$folder" ] && [ -x "$folder/$1" ]; then
            readlink -f "$folder/$1"
            return
        fi
    done
    command -v "$1" || stop 66 "cannot find the program $1: build it (./launcher/quickstart), install it, or name its \
folder in BIT_BIN"
}

# The mpirun of the MPI that bitrun was linked with.
find_mpirun() {
    local library name
    if [ -n "${MPIRUN:-}" ]; then
        echo "$MPIRUN"
        return
    fi
    library=$(ldd "$bitrun" 2>/dev/null | awk '/libmpich|libmpi\.so|libmpi-/ { print $3; exit }')
    case $library in
        *mpich*) set -- mpirun.mpich mpiexec.hydra mpirun ;;
        *) set -- mpirun.openmpi mpirun ;;
    esac
    # An MPI in its own place has bin/ beside lib/.
    for name in "${library%/lib*/*}/bin/mpirun" "$@"; do
        case $name in /usr/bin/* | /bin/*) continue ;; esac
        if command -v "$name"; then return; fi
    done
    stop 66 "cannot find mpirun (of ${library:-an MPI library}): name it in MPIRUN"
}


# value JSON NAME: the first number or text of that name in flat JSON.
value() { grep -o "\"$2\": *\(\"[^\"]*\"\|[0-9.]*\)" <<<"$1" | head -n 1 | sed 's/^[^:]*: *//; s/"//g'; }

# The dynamic linker ends a program with 127 when it cannot load the libraries, and says why.
refuse() {
    if [ "$1" = 127 ] && [ "$(ulimit -v)" != unlimited ]; then
        stop 74 "the limit of address space (ulimit -v) is $(ulimit -v) KB, too little to load the program: bit plan says what a job needs"
    fi
    exit "$1"
}

# Validates the job and takes from it what is needed here. Before a submission or a dry run also tells what the plan is
# and warns of; bitrun does that itself when it starts, and need not wait for the images being looked through twice.
make_plan() {
    local whole plan warning
    [ -z "$threads" ] || plan_options+=(--set "threads=$threads")
    whole=$("$bit" check "$job" --print ${plan_options[@]+"${plan_options[@]}"}) || refuse $?
    name=$(value "$whole" name) batch=$(value "$whole" batch) micro_batch=$(value "$whole" micro_batch)
    start_seconds=$(value "$whole" start_seconds)
    # A single number is checked by the plan or by bitrun, which say more.
    if [ "$least" != "$most" ] && ! choose_ranks "$most"; then
        stop 64 "-n $range: no such number of ranks shares a batch of $batch in micro-batches of $micro_batch"
    fi
    [ -n "$out" ] || out=runs/$name
    case $out in /*) ;; *) out=$PWD/$out ;; esac
    [ -z "$threads" ] || run_options+=(--threads "$threads")
    [ -n "$threads" ] || threads=$(value "$whole" threads)
    [ "${threads:-0}" != 0 ] || threads=
    if [ $slurm = no ] && [ $dry = no ]; then return; fi
    plan=$("$bit" plan "$job" -n "$ranks" --json ${plan_options[@]+"${plan_options[@]}"}) || exit $?
    say "$name: $(value "$plan" model), $(value "$plan" train_images) images, $(value "$plan" steps) steps," \
        "$ranks rank(s); $(($(value "$plan" total) / 1000000)) MB a rank, $(($(value "$plan" checkpoint_bytes) / 1000000))" \
        "MB a checkpoint, in $out"
    # Cores are this script's business, and a Slurm job runs elsewhere.
    grep -o '"warnings": *\[.*' <<<"$plan" | grep -o '"[^"]*"' | sed '1d; s/"//g' | grep -vE ' cores|this machine|SLURM_JOB_NUM_NODES' |
        while read -r warning; do say "warning: $warning"; done
    return 0
}
