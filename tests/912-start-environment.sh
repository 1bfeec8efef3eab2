#!/bin/bash
# The environment that a run starts in: variables that other jobs and launchers left, steps, closed streams, lists of hosts, names that
# a shell or sbatch could misread; with a real Slurm where that can be started.
. "$(dirname "$0")/lib.sh"
needs launch
bitrun=$top_builddir/bitrun
export GIVES_SECONDS=90
chmod 755 "$scratch" # munged's wish
clean_up() { PATH=$PATH:/usr/sbin "$top_srcdir/tests/lab/slurm" stop "$scratch/lab" >/dev/null 2>&1; }
trap 'exit 130' INT TERM HUP
cat >tiny.json <<END
{"model": {"depth": 8, "width": 1}, "threads": 1, "micro_batch": 4,
 "data": {"train": "$top_srcdir/data/digits/val", "val": "", "size": 16, "resize": 16},
 "schedule": {"steps": 4, "batch": 8, "warmup_steps": 1, "decay_steps": [3]}, "evaluation": {"every_epochs": 0, "at_end": false}}
END
dry=("$launch" tiny.json -n 2 --dry-run)

# ---- lists of hosts, and options without their values ----
two=$("${dry[@]}" --host a:1,b:1 2>/dev/null)
alike() { [ "$("${dry[@]}" "$@" 2>/dev/null)" = "$two" ]; }
alike --host 'a:1, b:1' && alike --host ' a:1 b:1,' && alike --host 'a slots=1, b slots=1' && alike --host $'a:1\nb:1' && alike '--host=a:1;b:1'
ok $? "hosts with blanks, slots= and other separators"
printf '# two hosts\na slots=1 max_slots=4\r\n\n  b:1 # the second\n' >hosts
alike --hostfile hosts; ok $? "--hostfile"
gives 0 'a:1\\,a:1' "${dry[@]}" --host a,a; ok $? "a host that is named twice"
gives 0 ' 4 ranks of 1 threads on 3 cores' "$launch" tiny.json -n 4 --set micro_batch=2 --dry-run --cores 3 --host a:2,a:2
ok $? "a host that is named twice has the ranks of both"
failed=''
for list in 'a::2' 'a:x' 'a:0' ':2' 'a b=2' 'slots=2' ' ,' 'a slots=' 'a:1 slots=2' '-x' 'a/b' '[::1]:2' 'a:1:2'; do
    gives 64 'expected NAME or NAME:RANKS' "${dry[@]}" "--host=$list" || failed+=" $list"
done
[ -z "$failed" ]; ok $? "malformed lists of hosts are refused with the form${failed:+:$failed}"
gives 66 'no such file' "${dry[@]}" --hostfile none; ok $? "a missing file of hosts"
: >empty
gives 64 'names no host' "${dry[@]}" --hostfile empty; ok $? "an empty file of hosts"
failed=''
for option in -n --ranks --threads --host --hostfile --cores --starter --lead --restarts --out --set --backend --steps-limit; do
    gives 64 "^bit-launch: $option needs a value" "$launch" tiny.json $option && gives 64 "$option needs a value" "$launch" tiny.json $option --dry-run ||
        failed+=" $option"
    case $option in -n) ;; *) gives 64 'needs a value' "$launch" tiny.json $option= || failed+=" $option=" ;; esac
done
[ -z "$failed" ]; ok $? "bit-launch: each option that lacks its value${failed:+:$failed}"
failed=''
for option in --out --set --backend --threads --steps-limit --trace --trace-steps --bench-reduce; do
    gives 64 "$option needs a value" "$bitrun" tiny.json $option && gives 64 "$option needs a value" "$bitrun" tiny.json $option --fresh || failed+=" $option"
done
[ -z "$failed" ]; ok $? "bitrun: each option that lacks its value${failed:+:$failed}"

# ---- what is left over ----
stale() { # NAME VARIABLE=VALUE...: bit-launch trains, and names the first variable
    local name=$1
    shift
    gives 0 "${1%%=*}=.*\(left over\|not used\)" env "$@" "$launch" tiny.json -n 2 --out "$name" && finished "$name"
    ok $? "$name that is not there"
}
stale "a Slurm job" SLURM_JOBID=1 SLURM_JOB_NODELIST=far SLURM_NODELIST=far SLURM_TASKS_PER_NODE=2 SLURM_CONF=/none
stale "a Slurm job's list of nodes" SLURM_NODELIST=far SLURM_TASKS_PER_NODE=2
stale "an mpirun of Open MPI" OMPI_COMM_WORLD_SIZE=3 OMPI_COMM_WORLD_RANK=1 PMIX_RANK=1 PMIX_NAMESPACE=1 PMIX_SERVER_URI2=1 OMPI_MCA_ess=pmi \
    OMPI_MCA_orte_hnp_uri=1
stale "an mpirun of MPICH" PMI_SIZE=2 PMI_RANK=0 PMI_FD=77
stale "a PBS job" PBS_NODEFILE="$scratch/none" PBS_JOBID=1 PBS_ENVIRONMENT=PBS_BATCH
stale "an LSF job" LSB_JOBID=1 LSB_HOSTS='far away' LSB_MCPU_HOSTS='far 1 away 1'
stale "a Grid Engine job" PE_HOSTFILE="$scratch/none" JOB_ID=1 ARC=x SGE_ROOT=/none
gives 0 '2 rank(s), from SLURM_NTASKS=2' env SLURM_NTASKS=2 "$launch" tiny.json --dry-run; ok $? "where the number of ranks comes from"
gives 64 'SLURM_NTASKS=many' env SLURM_NTASKS=many "$launch" tiny.json --dry-run; ok $? "and when it is none"
printf 'far\nfar\naway\n' >nodes
gives 0 '1 of the 2 nodes of this job stay idle' env PBS_JOBID=1 PBS_NODEFILE=nodes "$launch" tiny.json -n 1 --dry-run; ok $? "an idle node of a PBS job"
gives 0 '1 of the 2 hosts stay idle' "$launch" tiny.json -n 1 --dry-run --host a,b; ok $? "an idle host"
gives 0 'SLURM_JOB_NUM_NODES=3.*1 stay' env SLURM_JOB_NUM_NODES=3 "$top_builddir/bit" plan tiny.json -n 2 --set micro_batch=4; ok $? "bit plan: an idle node"

# ---- a launcher of another MPI, whose processes are each alone ----
failed=''
for variable in OMPI_COMM_WORLD_SIZE PMI_SIZE SLURM_STEP_NUM_TASKS; do
    gives 74 "$variable=3" env $variable=3 "$bitrun" tiny.json --out other || failed+=" $variable"
done
[ -z "$failed" ] && [ ! -e other ]; ok $? "an environment of three processes, and a world of one${failed:+:$failed}"
gives 0 '' env SLURM_STEP_NUM_TASKS=3 SLURM_PTY_PORT=1 "$bitrun" tiny.json --out shell; ok $? "but not in a terminal of a step"
case $MPI_KIND in openmpi) foreign=mpirun.mpich ;; *) foreign=mpirun.openmpi ;; esac
if command -v $foreign >/dev/null; then
    gives 74 'belong together' env OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1 $foreign -n 2 "$bitrun" tiny.json --out other
    [ $? = 0 ] && [ "$(grep -c 'belong together' said)" = 1 ] && [ ! -e other ]; ok $? "$foreign: refused, and said once"
else
    skip "$foreign" "it is not installed"
fi

# ---- asked to stop while MPI starts ----
waits() { # SIGNAL TIMES: seconds from the first signal to the end of the rank in $took, its words in said
    local pid i
    # A process that never joins: the others wait for it within MPI_Init.
    # shellcheck disable=SC2086
    OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1 $MPIRUN -n 2 "$top_srcdir/tests/each-rank" bash -c "echo \$\$ >pid; exec '$bitrun' tiny.json --out never" // sleep 300 >said 2>&1 </dev/null &
    for ((i = 0; i < 100; i++)); do
        pid=$(cat pid 2>/dev/null)
        [ -z "$pid" ] || ! grep -qsE '^SigCgt:.*4[0-9a-f]{3}$' "/proc/$pid/status" || [ "$(readlink "/proc/$pid/exe")" != "$bitrun" ] || break
        sleep 0.1
    done
    sleep 1
    local began=${EPOCHREALTIME/./}
    for ((i = 0; i < $2; i++)); do
        kill "-$1" "$pid"
        sleep 0.3
    done
    for ((i = 0; i < 200; i++)); do
        kill -0 "$pid" 2>/dev/null || break
        sleep 0.1
    done
    took=$(((${EPOCHREALTIME/./} - began) / 1000))
    wait
    rm -f pid
    echo "took $took ms" >>said
    grep -q 'stopped as asked' said
}
if [ "$MPI_KIND" = openmpi ]; then
    waits TERM 2 && [ $took -lt 5000 ]; ok $? "a second TERM ends a start that hangs"
    waits INT 2 && [ $took -lt 5000 ]; ok $? "a second INT, too"
    waits TERM 1 && [ $took -ge 8000 ] && [ $took -lt 18000 ]; ok $? "the first one ends it after ten seconds"
else
    skip "a stop within MPI_Init" "needs a start that hangs"
fi

# ---- closed streams ----
"$bitrun" tiny.json --out closed <&- >&- 2>&-
[ $? = 0 ] && finished closed && ! grep -qr 'bitrun:' closed/checkpoints closed/metrics.jsonl; ok $? "bitrun without standard streams"
"$launch" tiny.json -n 2 --out closed2 >&- && finished closed2; ok $? "bit-launch without output"
"$launch" tiny.json -n 2 --out closed3 <&- >&- 2>&- && finished closed3; ok $? "bit-launch without any stream"
"$top_builddir/bit" check tiny.json >&-; ok $? "bit without output"

# ---- mpirun's own reasons ----
if [ "$MPI_KIND" = openmpi ]; then
    gives 74 '^    .*slots' "$launch" tiny.json -n 2 --out full --host localhost:2 --mpirun-option --map-by --mpirun-option ppr:1:node:PE=1 ||
        gives 74 '^    [A-Z]' "$launch" tiny.json -n 2 --out full --mpirun-option --no-such-option
    ok $? "a start that mpirun refuses: its reason is repeated"
else
    skip "mpirun's own reasons" "Hydra always tells them"
fi

# ---- names that are easily misread ----
failed=''
for name in 'two words' "it's \"q\" \$HOME" 'run90%j' $'new\nline' 'ä€' 'st*r[a]&;|' 'back\slash'; do
    gives 0 '' "$launch" tiny.json -n 2 --out "$name" && finished "$name" || failed+=" $name"
done
[ -z "$failed" ]; ok $? "names of folders under mpirun${failed:+:$failed}"
mkdir 'my %j $x'
cp tiny.json 'my %j $x/tiny.json'
gives 0 '' "$launch" 'my %j $x/tiny.json' -n 2 --out=-dash && finished ./-dash; ok $? "a job in a folder like that, and a folder with a dash in front"

# ---- a real Slurm ----
if [ "$MPI_KIND" = openmpi ] && LAB_MESSAGE_TIMEOUT=60 PATH=$PATH:/usr/sbin "$top_srcdir/tests/lab/slurm" start "$scratch/lab" 2 8 >lab.said 2>&1; then
    eval "$("$top_srcdir/tests/lab/slurm" env "$scratch/lab")"
    unset MPIRUN OMPI_ALLOW_RUN_AS_ROOT OMPI_ALLOW_RUN_AS_ROOT_CONFIRM
    jobs=()
    submit() { # OUT ARGUMENT...
        local out=$1
        shift
        "$launch" tiny.json -n 2 --threads 1 --no-bind --slurm --out "$out" "$@" >said 2>&1 </dev/null
        jobs+=("$(sed -n 's/^Submitted batch job //p' said)")
    }
    submit none-srun --export=NONE
    SBATCH_EXPORT=NONE submit none-mpirun --starter mpirun --nodes=2
    submit some --export=HOME,USER --starter mpirun
    for name in 'run90%j' "it's \"q\" \$HOME #x" 'ä€'; do submit "s $name"; done
    submit idle --nodes=2 -n 1
    grep -q '1 of the 2 nodes asked for' said; ok $? "--slurm: an idle node"
    gives 64 'backslashes' "$launch" tiny.json --threads 1 --slurm --out 'a\b'; ok $? "--slurm: a folder that sbatch cannot name"
    step=(srun -N1 -n1 -c2 "$launch" tiny.json -n 2 --threads 1 --no-bind)
    gives 0 'inside step' "${step[@]}" --out step && finished step; ok $? "inside a step"
    gives 0 'inside step' "${step[@]}" --out step-mpirun --starter mpirun && finished step-mpirun; ok $? "inside a step, under mpirun"
    gives 64 'start bit-launch once' srun -n2 "$launch" tiny.json -n 2 --threads 1 --no-bind --out twice; ok $? "started by srun twice"
    gives 0 '1 of the 2 nodes of this job' salloc -N2 -n2 "$launch" tiny.json -n 1 --threads 1 --no-bind --out alone; ok $? "two nodes and one rank"
    gives 0 'SLURM_JOB_ID=4711 is left over' env SLURM_JOB_ID=4711 "$launch" tiny.json -n 2 --out gone && finished gone; ok $? "a job that Slurm does not know"
    for ((i = 0; i < 300; i++)); do
        [ -n "$(squeue -h -o %A)" ] || break
        sleep 0.2
    done
    for name in none-srun none-mpirun some 's run90%j' "s it's \"q\" \$HOME #x" 's ä€'; do
        cat "$name"/slurm-*.log >said 2>&1
        finished "$name" && grep -q 'exit code 0' said; ok $? "--slurm: $name"
    done
else
    skip "a real Slurm" "$(tail -n 1 lab.said 2>/dev/null)"
fi
exit $bad
