# bit-launch: what it was started in (a batch system's job or step, another mpirun), and what of that is only left over (sourced).
# shellcheck shell=bash disable=SC2034,SC2154

# Whether this process comes, however many shells lie between, from a program whose name matches.
comes_from() { # PATTERN
    local pid=$$ name
    while [ "${pid:-0}" -gt 1 ]; do
        { read -r name <"/proc/$pid/comm"; } 2>/dev/null || return 1
        [[ ! $name =~ ^($1) ]] || return 0
        pid=$(sed -n 's/^PPid:[[:space:]]*//p' "/proc/$pid/status" 2>/dev/null)
    done
    return 1
}

forget() { # PATTERN: exported variables whose names match
    local name
    for name in $(compgen -e | grep -E "$1"); do unset "$name"; done
}
left_over() { say "$1 is left over from $2: not used"; }

# An mpirun that finds another one's variables takes itself for a part of that, and ends or waits. They are of no use here in any case.
leave_mpirun() {
    local name found='' rank=${OMPI_COMM_WORLD_RANK:-${PMI_RANK:-${PALS_RANKID:-0}}}
    for name in OMPI_COMM_WORLD_SIZE PMI_SIZE PALS_SIZE PMI_RANK PMI_FD PMI_PORT PMIX_RANK PMIX_NAMESPACE OMPI_MCA_ess OMPI_MCA_orte_hnp_uri; do
        [ -n "$found" ] || [ -z "${!name:-}" ] || found=$name
    done
    [ -n "$found" ] || return 0
    if comes_from 'mpirun|mpiexec|orterun|orted|prte|hydra_|palsd'; then
        [ "$rank" = 0 ] || stop 64 "started $found=${!found} times by another mpirun: start bit-launch once, with -n RANKS"
    elif ! comes_from slurmstepd; then
        left_over "$found=${!found}" "an mpirun that is not there"
    fi
    forget '^OMPI_(COMM_WORLD_.*|COMMAND|ARGV|UNIVERSE_SIZE|NUM_APP_CTX|FIRST_RANKS|APP_CTX_NUM_PROCS|FILE_LOCATION|VERSION)$'
    forget '^OMPI_MCA_(pmix|ess|ess_base_(jobid|vpid)|initial_wdir|mpi_oversubscribe|shmem_RUNTIME_QUERY_hint)$'
    forget '^OMPI_MCA_orte_(precondition_transports|(local_daemon|hnp)_uri|app_num|num_nodes|bound_at_launch|ess_.*|tmpdir_base|.*_session_dir|launch)$'
    forget '^PMIX_(NAMESPACE|RANK|ID|SERVER_.*|SECURITY_MODE|BFROP_.*|GDS_.*|PTL_.*|SYSTEM_TMPDIR|DSTORE_.*|HOSTNAME|VERSION|REINCARNATION|PARENT_.*)$'
    forget '^(PMI_(RANK|SIZE|FD|PORT|ID|SPAWNED|APPNUM|UNIVERSE_SIZE|PROCESS_MAPPING|CONTROL_.*)|HYDI_.*|MPI_LOCAL(NRANKS|RANKID)|PALS_(SIZE|RANKID|LOCAL_.*))$'
}

# 1: Slurm knows of no such job that runs. When it does not answer, the job is believed.
slurm_job_lives() { # ID
    if comes_from 'slurmstepd|salloc'; then return 0; fi
    [ -z "${SLURM_CONF:-}" ] || [ -e "$SLURM_CONF" ] || return 1
    case $(timeout 10 scontrol -o show job "$1" 2>&1) in
        *JobState=RUNNING* | *JobState=CONFIGURING* | *JobState=COMPLETING* | *JobState=SUSPENDED* | *JobState=STOPPED*) return 0 ;;
        *JobState=* | *"Invalid job id"* | *"configuration source"* | *"configuration file"* | *"cannot stat file"*) return 1 ;;
    esac
    return 0
}

# A step waits for one that holds its cores, which here would be the one we are in. What srun and mpirun read of it is the
# job's again.
in_step=no
leave_step() {
    case ${SLURM_STEP_ID:-} in
        '' | *[!0-9]*) return 0 ;;
        42949672[89]?) return 0 ;; # salloc's own shell, and batch scripts
    esac
    if [ "${SLURM_PROCID:-0}" != 0 ] && [ -z "${SLURM_PTY_PORT:-}" ] && comes_from slurmstepd; then
        stop 64 "started ${SLURM_STEP_NUM_TASKS:-several} times by srun (SLURM_PROCID=$SLURM_PROCID): start bit-launch once, with -n RANKS"
    fi
    in_step=yes
    say "inside step $SLURM_STEP_ID of job $SLURM_JOB_ID: the ranks share its cores (srun --overlap)"
    forget '^SLURM_(STEP_.*|STEPID|STEPMGR|PTY_.*|SRUN_.*|TASK_PID|PROCID|LOCALID|NODEID|GTIDS|LAUNCH_NODE_IPADDR|CPU_BIND.*|MEM_BIND.*)$'
    forget '^SLURM_(DISTRIBUTION|NPROCS|NTASKS_PER_.*|CPUS_PER_TASK|TRES_PER_TASK|MPI_TYPE|PMI.*|OVERCOMMIT|EXACT|EXCLUSIVE)$'
    export SLURM_OVERLAP=1
    [ -z "${SLURM_JOB_NODELIST:-}" ] || export SLURM_NODELIST=$SLURM_JOB_NODELIST
    [ -z "${SLURM_JOB_NUM_NODES:-}" ] || export SLURM_NNODES=$SLURM_JOB_NUM_NODES
}

enter_slurm() {
    local id=${SLURM_JOB_ID:-${SLURM_JOBID:-}} name text
    text="SLURM_JOB${SLURM_JOB_ID:+_}ID=$id"
    if [ -z "$id" ]; then
        for name in SLURM_JOB_NODELIST SLURM_NODELIST SLURM_TASKS_PER_NODE SLURM_STEP_ID SLURM_STEPID SLURM_JOB_NUM_NODES; do
            [ -z "${!name:-}" ] || { left_over "$name=${!name}" "a Slurm job (there is no SLURM_JOB_ID)"; break; }
        done
        forget '^SLURM_(JOB_NODELIST|NODELIST|TASKS_PER_NODE|STEP_.*|STEPID|JOB_NUM_NODES|NNODES)$'
    elif ! command -v srun >/dev/null || ! command -v scontrol >/dev/null; then
        say "$text, but there is no srun or scontrol here: the job is not used, the ranks start on this machine"
        forget '^SLURM_(JOB.*|NODELIST|NNODES|NODEID|TASKS_PER_NODE|STEP.*|PROCID|LOCALID|GTIDS|CPUS_ON_NODE|CPU_BIND.*)$'
    elif ! slurm_job_lives "$id"; then
        left_over "$text" "a Slurm job that does not run (any more)"
        forget '^SLURM_([^C]|C[^O]|CO[^N])' # all but SLURM_CONF
    else
        # Where the job was submitted with --export=NONE, srun and the daemons that mpirun starts with it would lose all variables.
        export SLURM_JOB_ID=$id SLURM_JOBID=$id SLURM_EXPORT_ENV=ALL
        leave_step
    fi
}

# Batch systems that name a file of hosts: where there is no such file there is no such job.
leave_others() {
    local variable pattern file
    while read -r variable pattern; do
        file=${!variable:-}
        if [ -n "$file" ] && [ ! -e "$file" ]; then
            left_over "$variable=$file" "a job that is not there (no such file)"
            forget "$pattern"
        fi
    done <<'END'
PBS_NODEFILE ^PBS_(JOBID|NODEFILE|ENVIRONMENT|NODENUM|TASKNUM|MOMPORT|NUM_NODES|NUM_PPN|NP)$
LSB_DJOB_HOSTFILE ^LSB_
PE_HOSTFILE ^(PE_HOSTFILE|PE|NSLOTS|NHOSTS|NQUEUES|ARC|JOB_ID)$
COBALT_NODEFILE ^COBALT_
OAR_NODEFILE ^OAR_
END
    if [ -n "${PBS_JOBID:-}" ] && [ -z "${PBS_NODEFILE:-}" ]; then
        left_over "PBS_JOBID=$PBS_JOBID" "a job that is not there (no PBS_NODEFILE)"
        forget '^PBS_(JOBID|ENVIRONMENT|NODENUM|TASKNUM|MOMPORT)$'
    fi
    if [ -n "${LSB_JOBID:-}" ] && [ -z "${LSB_DJOB_HOSTFILE:-}" ] && ! command -v bjobs >/dev/null; then
        left_over "LSB_JOBID=$LSB_JOBID" "a job that is not there (no LSB_DJOB_HOSTFILE, no bjobs)"
        forget '^LSB_'
    fi
}

look_around() {
    leave_mpirun
    enter_slurm
    leave_others
}

# Hosts that the batch system gave; 1 where there is none.
count_nodes() {
    if [ -n "${SLURM_JOB_ID:-}" ]; then
        echo "${node_count:-${SLURM_JOB_NUM_NODES:-1}}"
    elif [ -n "${PBS_NODEFILE:-}${LSB_DJOB_HOSTFILE:-}${PE_HOSTFILE:-}" ]; then
        awk '!seen[$1]++ { n++ } END { print (n > 0 ? n : 1) }' "${PBS_NODEFILE:-${LSB_DJOB_HOSTFILE:-$PE_HOSTFILE}}" 2>/dev/null || echo 1
    else
        echo 1
    fi
}

idle_said=no
tell_idle() { # NODES WHERE: when some of them get no rank
    [ "$ranks" -lt "$1" ] && [ $idle_said = no ] || return 0
    idle_said=yes
    say "$(($1 - ranks)) of the $1 $2 stay idle: there are $ranks rank(s); with -n $1 or more all are used"
}
