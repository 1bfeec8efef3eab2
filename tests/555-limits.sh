#!/bin/bash
# Under limits of address space, threads and files that are too small a run ends with 74, the figure and the limit; never by a signal, and
# never not at all. Under a CPU quota it counts its threads by that.
. "$(dirname "$0")/lib.sh"
needs bitrun
if ldd "$bitrun" | grep -qE 'lib[at]san' || [ -n "${VALGRIND:-}" ] || grep -q vgpreload <<<"${LD_PRELOAD:-}"; then
    echo "sanitizers and valgrind need all addresses"
    exit 77
fi
job "$scratch/tiny.json" 2

# limited RANKS LIMIT-OF-ulimit... : the ranks alone are limited, mpirun is not ours
limited() {
    local ranks=$1 code
    shift
    rm -rf "$scratch/run"
    # shellcheck disable=SC2016
    timeout -k 5 120 $MPIRUN -n "$ranks" bash -c 'ulimit $1 && shift && exec "$@"' limited "$*" "$bitrun" "$scratch/tiny.json" \
        --out "$scratch/run" > "$scratch/said" 2>&1
    code=$?
    # The loader's own end; below it nothing of ours runs.
    [ $code != 127 ] || ! grep -q 'error while loading shared libraries' "$scratch/said" || code=loader
    echo "$code"
}

worked=0 refused=0
for ranks in 1 2; do
    for kilobytes in 100000 150000 200000 260000 300000 350000 450000 600000 800000 1500000; do
        code=$(limited $ranks -v $kilobytes)
        case $code in
            0) worked=$((worked + 1)) good=0 ;;
            74) grep -qE 'ulimit -v\) is .* takes about .* raise it to [0-9]+' "$scratch/said"; good=$? refused=$((refused + 1)) ;;
            loader) good=0 ;;
            *) good=1 ;;
        esac
        [ $good = 0 ] || sed 's/^/# /' "$scratch/said"
        ok $good "$ranks rank(s) within $kilobytes KB of address space: $code"
    done
done
[ $worked -ge 2 ] && [ $refused -ge 8 ]
ok $? "too little was refused ($refused), enough was enough ($worked)"

# The figure that is asked for is enough.
limited 1 -v 400000 > "$scratch/code"
need=$(sed -n 's/.* raise it to \([0-9]*\) .*/\1/p' "$scratch/said" | head -n 1)
[ "$(cat "$scratch/code")" = 74 ] && [ "$(limited 1 -v $((need + 1000)))" = 0 ]
ok $? "the figure that is asked for ($need KB) is enough"
[ "$(limited 1 -d 100000)" = 74 ] && grep -q 'ulimit -d' "$scratch/said"
ok $? "a limit of data is refused, too"
[ "$(limited 1 -n 30)" = 74 ] && grep -q 'ulimit -n' "$scratch/said"
ok $? "too few open files"

for kilobytes in 150000 200000 300000 400000; do
    for command in "plan $scratch/tiny.json" "check --data $scratch/tiny.json" "bench step --model R14x1 --size 32 --batch 8 --repeat 1"; do
        # shellcheck disable=SC2086
        (ulimit -v $kilobytes; timeout -k 5 120 "$top_builddir/bit" $command) > "$scratch/said" 2>&1
        code=$?
        [ $code = 0 ] || [ $code = 74 ] || { sed 's/^/# /' "$scratch/said"; false; }
        ok $? "bit ${command%% *} within $kilobytes KB: $code"
    done
done

# Threads that cannot be had. Root's are not limited: as somebody else.
if [ "$(id -u)" = 0 ] && command -v setpriv >/dev/null && [ "$MPI_KIND" = openmpi ] &&
    setpriv --reuid 64999 --regid 64999 --clear-groups test -x "$bitrun"; then
    chmod -R a+rX "$scratch"
    mkdir -m 777 "$scratch/threads"
    timeout -k 5 120 setpriv --reuid 64999 --regid 64999 --clear-groups bash -c 'ulimit -u 24; cd "$1" && HOME=$1 TMPDIR=$1 exec "$2" "$3" \
        --out "$1/run" --set threads=64' threads "$scratch/threads" "$bitrun" "$scratch/tiny.json" > "$scratch/said" 2>&1
    [ $? = 74 ] && grep -q 'cannot start 64 threads, only' "$scratch/said" && grep -q 'ulimit -u' "$scratch/said" &&
        [ "$(value "$scratch/threads/run/outcome.json" state)" = '"failed"' ]
    good=$?
    [ $good = 0 ] || sed 's/^/# /' "$scratch/said"
    ok $good "threads that cannot be had: 74, and the outcome says so"
else
    skip "threads that cannot be had: 74, and the outcome says so" "needs root and setpriv"
fi

# A quota of a real control group, where this machine lets us make one.
group=/sys/fs/cgroup/cpu/bit-test-$$
if mkdir "$group" 2>/dev/null && [ -w "$group/cpu.cfs_quota_us" ]; then
    echo 100000 > "$group/cpu.cfs_quota_us"
    (echo "$BASHPID" > "$group/cgroup.procs"; "$top_builddir/bit" limits --cores; "$top_builddir/bit" plan "$scratch/tiny.json" -n 1 \
        --set threads=0) > "$scratch/said" 2>/dev/null
    [ "$(head -n 1 "$scratch/said")" = 1 ] && grep -q 'work  *1 rank x 1 thread;' "$scratch/said"
    ok $? "a quota of one core: one thread"
    rmdir "$group"
else
    rmdir "$group" 2>/dev/null
    skip "a quota of one core: one thread" "no control group can be made here"
fi
# A rank killed for memory, in a real control group.
group=/sys/fs/cgroup/memory/bit-test-$$
if mkdir "$group" 2>/dev/null && [ -w "$group/memory.limit_in_bytes" ] && echo 60M > "$group/memory.limit_in_bytes"; then
    (echo "$BASHPID" > "$group/cgroup.procs"; BIT_BUILD=$top_builddir timeout -k 5 120 "$top_srcdir/launcher/bit-launch" "$scratch/tiny.json" -n 1 \
        --set model.width=2 --out "$scratch/killed") > "$scratch/said" 2>&1
    [ $? = 74 ] && grep -qE 'killed [0-9]+ process.* of this control group, whose limit is 62 MB. A rank of this job needs about [1-9][0-9]* MB' \
        "$scratch/said"
    good=$?
    [ $good = 0 ] || sed 's/^/# /' "$scratch/said"
    ok $good "a rank killed for memory: bit-launch says so, with the limit and the plan's figure"
    rmdir "$group"
else
    rmdir "$group" 2>/dev/null
    skip "a rank killed for memory: bit-launch says so, with the limit and the plan's figure" "no control group can be made here"
fi
exit $bad
