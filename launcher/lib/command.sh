# bit-launch: sharing out cores and hosts, the command that starts the ranks (sourced).
# shellcheck shell=bash disable=SC2034,SC2154

# Cores (not hardware threads) that this process may use, within its CPU quota.
count_cores() { "$bit" limits --cores || echo 1; }

# Ranks of the fullest host; fills host_list with H:S words.
host_list='' node_list='' node_count='' # of a Slurm job: what is left of it, once something was lost
share_hosts() {
    local list entry name slots most=0 left=$ranks used
    local -A given=() # ranks of a host that is named more than once
    if [ -z "$hosts" ]; then
        # Inside a Slurm job its own list says it: "2(x3),1".
        if [ -n "${SLURM_JOB_ID:-}" ] && [ "${SLURM_JOB_NUM_NODES:-1}" -gt 1 ]; then
            fullest=$(((ranks + ${node_count:-$SLURM_JOB_NUM_NODES} - 1) / ${node_count:-$SLURM_JOB_NUM_NODES}))
            # Of a lost node mpirun knows nothing.
            [ -z "$node_list" ] || host_list=${node_list//,/:$fullest,}:$fullest
        else
            fullest=$ranks
        fi
        tell_idle "$(count_nodes)" "nodes of this job"
        return
    fi
    IFS=, read -r -a list <<<"$hosts"
    for entry in "${list[@]}"; do
        name=${entry%%:*}
        slots=$(((ranks + ${#list[@]} - 1) / ${#list[@]}))
        case $entry in *:*) slots=${entry#*:} ;; esac
        host_list=${host_list:+$host_list,}$name:$slots
        # mpirun fills one host after the other.
        [ "$slots" -le "$left" ] || slots=$left
        left=$((left - slots)) used=$((${given[$name]:-0} + slots))
        given[$name]=$used
        [ "$used" -le "$most" ] || most=$used
    done
    tell_idle "${#given[@]}" "hosts"
    [ "$left" = 0 ] || stop 64 "--host $hosts has room for $((ranks - left)) ranks, not for $ranks"
    fullest=$most
}

# Threads a rank, and whether every rank can have as many cores of its own.
share_cores() {
    [ -n "$cores" ] || cores=${SLURM_CPUS_ON_NODE:-$(count_cores)}
    share_hosts
    width=${threads:-$((cores / fullest))}
    [ "$width" -ge 1 ] || width=1
    crowded=no
    if [ $((width * fullest)) -gt "$cores" ]; then
        crowded=yes
        bind=no
        say "$fullest ranks of $width threads on $cores cores: not bound, idle ranks give way; expect it to be slow"
    fi
}

# A plugin that is listed may still miss its library: a step of one process tells.
has_pmix() {
    command -v srun >/dev/null && srun --mpi=list 2>&1 | grep -q pmix &&
        srun --mpi=pmix -N1 -n1 --overlap --immediate=10 true >/dev/null 2>&1 </dev/null
}

# Of a node that crashed, Slurm 22.05 keeps a socket named by job and step, which the same numbers cannot take after a requeue ("task
# launch failed"): each start of a job begins with another step.
skip_steps() {
    local i
    for ((i = 0; i < ${SLURM_RESTART_COUNT:-0} % 4; i++)); do
        srun --mpi=none --overlap --nodes=1 --ntasks=1 --immediate=10 true >/dev/null 2>&1 </dev/null
    done
}

build_command() {
    local variable
    if [ "$starter" = auto ]; then
        starter=mpirun
        [ -n "${SLURM_JOB_ID:-}" ] && [ -z "$hosts" ] && has_pmix && starter=srun
    fi
    if [ "$starter" = srun ]; then
        kind=srun
        # -K1: a rank that dies ends the others.
        command=(srun --mpi=pmix -K1 --ntasks="$ranks" --cpus-per-task="$width")
        [ $crowded = no ] || command+=(--overcommit)
        [ $in_step = no ] || [ -n "$node_list" ] || command+=(--overlap)
        [ $dry = yes ] || [ -n "$node_list" ] || skip_steps
        step_name=bit-$BIT_LAUNCH
        command+=(--job-name="$step_name")
        if [ -n "$node_list" ]; then
            [ "$node_count" -le "$ranks" ] || node_count=$ranks
            # The step before may still count as completing, on the lost node for ever.
            command+=(--overlap --nodes="$node_count" --nodelist="$(cut -d , -f "-$node_count" <<<"$node_list")")
        fi
        if [ $bind = no ]; then command+=(--cpu-bind=none); else command+=(--cpu-bind=cores); fi
    else
        mpirun=$(find_mpirun) || exit $?
        mpi_identify "$mpirun"
        command=("$mpirun" -n "$ranks")
        case $kind in
            openmpi)
                # Its long texts about exit codes say less than judge does.
                [ $verbose = yes ] || [ "$mpi_starter" != orte ] || command+=(--quiet)
                [ "$(id -u)" != 0 ] || command+=(--allow-run-as-root)
                [ -z "$host_list" ] || command+=(--host "$host_list")
                if [ $bind = no ]; then
                    command+=(--bind-to none --oversubscribe)
                else
                    command+=(--map-by "slot:PE=$width" --bind-to core)
                fi
                [ $crowded = no ] || command+=(--mca mpi_yield_when_idle 1)
                # Daemons whose mpirun's host is gone end after two minutes; Open MPI's own numbers make it eight.
                local prefix=OMPI setting
                [ "$mpi_starter" = orte ] || prefix=PRTE
                for setting in time=60 intvl=10 probes=6; do
                    variable=${prefix}_MCA_oob_tcp_keepalive_${setting%=*}
                    [ -n "${!variable:-}" ] || export "$variable=${setting#*=}"
                done
                for variable in OMP_NUM_THREADS OMP_PROC_BIND OMP_WAIT_POLICY BIT_PROGRESS BIT_LAUNCH BIT_START_SECONDS; do
                    [ "$variable" = OMP_WAIT_POLICY ] && [ $crowded = no ] && [ -z "${OMP_WAIT_POLICY:-}" ] || command+=(-x "$variable")
                done ;;
            mpich)
                [ -z "$host_list" ] || command+=(-hosts "$host_list")
                if [ $bind = no ]; then command+=(-bind-to none); else command+=(-bind-to "core:$width"); fi ;;
            *) say "$mpirun does not say which MPI it is: no binding" ;;
        esac
    fi
    # What mpirun reads of the step that it is in is that step's size, not the job's.
    if [ $in_step = yes ]; then export SLURM_TASKS_PER_NODE="$fullest(x${node_count:-${SLURM_JOB_NUM_NODES:-1}})"; fi
    # mpirun binds a rank to its cores; threads may move among them. Binding threads as well would give all helper
    # threads (loading, reducing) the first core.
    export OMP_NUM_THREADS=$width OMP_PROC_BIND=false
    # Otherwise the programs themselves see to it that an idle thread spins for a moment only.
    [ $crowded = no ] || export OMP_WAIT_POLICY=passive
    if [ -z "${BIT_PROGRESS:-}" ]; then
        if [ -t 2 ]; then BIT_PROGRESS=live; else BIT_PROGRESS=plain; fi
    fi
    # Before the ranks have read the job, its watchdog.start_seconds holds, too.
    [ -n "${BIT_START_SECONDS:-}" ] || BIT_START_SECONDS=$(awk -v s="${start_seconds:-1800}" 'BEGIN { n = int(s); print n + (n < s) }')
    export BIT_PROGRESS BIT_START_SECONDS
    command+=(${mpi_options[@]+"${mpi_options[@]}"} "$bitrun" "$job" --out "$out" ${run_options[@]+"${run_options[@]}"})
    [ $fresh = no ] || command+=(--fresh)
    [ $force = no ] || command+=(--force)
}

print_command() {
    local word line=''
    for word in OMP_NUM_THREADS OMP_PROC_BIND OMP_WAIT_POLICY; do line+="${!word+$word=${!word} }"; done
    for word in "$@"; do line+="$(printf '%q ' "$word")"; done
    echo "${line% }"
}
