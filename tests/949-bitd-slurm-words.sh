#!/bin/bash
# What bitd makes of what Slurm's commands say, also of what a lab cannot bring about: the commands are scripts of this test's own, so that no Slurm is
# needed. 942-bitd-slurm has the same daemon with a real one.
. "$(dirname "$0")/lib.sh"
needs launch bitd
clean_up() { stop_bitd; }
trap 'exit 130' INT TERM HUP
small_job small.json '"seed": 7'
mkdir fake jobs

# ---- a Slurm of files: jobs/N holds STATE|COMMENT|NAME|NODE COUNT|NODES|REASON, jobs/N.script the batch script ----
cat >fake/sbatch <<'END'
#!/bin/bash
exec 9>"$SLURM_FAKE/lock"; flock 9
n=$(($(cat "$SLURM_FAKE/number" 2>/dev/null || echo 0) + 1))
echo $n >"$SLURM_FAKE/number"
value() { sed -n "s/^#SBATCH --$1=//p" "${@: -1}" | tail -n 1; }
cp "${@: -1}" "$SLURM_FAKE/$n.script"
echo "PENDING|$(value comment "${@: -1}")|$(value job-name "${@: -1}")|1||Priority" >"$SLURM_FAKE/$n"
echo "Submitted batch job $n"
END
cat >fake/squeue <<'END'
#!/bin/bash
[ ! -e "$SLURM_FAKE/silent" ] || { echo "slurm_load_jobs error: Unable to contact slurm controller (connect failure)" >&2; exit 1; }
for f in "$SLURM_FAKE"/[0-9]*; do
    case ${f##*/} in *.*) ;; *) [ ! -e "$f" ] || echo "${f##*/}|$(cat "$f")" ;; esac
done
END
# The first words to jobs/N.deaf are lost on their way, without a sign.
cat >fake/scancel <<'END'
#!/bin/bash
n=${@: -1} f=$SLURM_FAKE/${@: -1}
echo "$*" >>"$SLURM_FAKE/scancel.log"
[ ! -e "$SLURM_FAKE/silent" ] || { echo "scancel: error: Unable to contact slurm controller (connect failure)" >&2; exit 1; }
[ -e "$f" ] || exit 1
IFS='|' read -r state rest <"$f"
case "$*:$state" in
    *--signal=USR1*) exit 0 ;;
    *--state=PENDING*:PENDING) state=CANCELLED ;;
    *--state=PENDING*) exit 0 ;;
    *--signal=USR2*:RUNNING)
        left=$(cat "$f.deaf" 2>/dev/null || echo 0)
        if [ "$left" -gt 0 ]; then echo $((left - 1)) >"$f.deaf"; exit 0; fi
        out=$(sed -n 's/^#SBATCH --output=\(.*\)\/slurm-%j.log/\1/p' "$f.script")
        echo '{"v":1,"code":75,"gave_up":false,"by_slurm":false,"start":1,"time":1}' >"$out/slurm-$n.end"
        state=FAILED ;;
    *--signal=USR2*) exit 0 ;;
    *) state=CANCELLED ;;
esac
echo "$state|$rest" >"$f"
END
cat >fake/sacct <<'END'
#!/bin/bash
echo "$*" >>"$SLURM_FAKE/sacct.log"
for word; do case $word in --jobs=*) n=${word#*=} ;; esac; done
[ -e "$SLURM_FAKE/$n.accounted" ] || { echo "Slurm accounting storage is disabled" >&2; exit 1; }
cat "$SLURM_FAKE/$n.accounted"
END
chmod +x fake/*
export SLURM_FAKE=$scratch/jobs
begin() { start_bitd --set path="$scratch/fake:/usr/local/bin:/usr/bin:/bin" --set engine=slurm --set slurm_interval=5 --set environment=SLURM_FAKE; }
# as ID STATE [REASON [COUNT [NODES]]]: how squeue shows the newest job of Slurm's for one of bitd's
number() { job "$1" slurm_id; }
as() {
    local n
    n=$(number "$1")
    IFS='|' read -r _ comment name _ <"jobs/$n"
    echo "$2|$comment|$name|${4:-1}|${5:-n1}|${3:-None}" >"jobs/$n.part" && mv "jobs/$n.part" "jobs/$n"
}
hand() { submit small.json -n 4 --out "$scratch/$1"; }
tried() { [ "$(job "$1" attempts)" = "$2" ] && [ "$(number "$1")" -gt 0 ] 2>/dev/null; }
says() { job "$1" why | grep -q -- "$2"; }
begin
ok $? "bitd starts"

# ---- many at once: as many as may be on their way do not keep the others back ----
rows=(preempted timeout deadline node boot memory tight operator admin failed fresh vanished forgotten deaf quiet again)
for row in "${rows[@]}"; do declare "$row=$(hand "$row")"; done
all_pending() { for row in "${rows[@]}"; do stands "${!row}" pending || return; done; }
wait_for 60 all_pending
ok $? "sixteen jobs are handed over, a few at a time"
# shellcheck disable=SC2154
{
for row in "${rows[@]}"; do [ "$row" = fresh ] || as "${!row}" RUNNING None 2 'n[1-2]'; done
as "$fresh" PENDING JobHeldAdmin
as "$failed" PENDING 'launch failed requeued held'
wait_for 15 stands "$preempted" running
ok $? "they run"
"$bit" status "$preempted" --json >said
grep -q '"slurm_id":[0-9]*,"slurm":{"state":"RUNNING","reason":"","nodes":"n\[1-2\]","most_ranks_a_node":null,"seen":[0-9.]*,"silent":null}' said
ok $? "the interface has Slurm's number, state, nodes and when it was seen"

# ---- words of Slurm's that are an end, or the like ----
as "$preempted" PREEMPTED
as "$timeout" TIMEOUT
as "$deadline" DEADLINE
as "$node" NODE_FAIL
as "$boot" BOOT_FAIL
as "$memory" OUT_OF_MEMORY None 2 'n[1-2]'
as "$tight" OUT_OF_MEMORY None 4 'n[1-4]'
as "$operator" CANCELLED
as "$admin" PENDING JobHeldAdmin
rm "jobs/$(number "$vanished")" "jobs/$(number "$forgotten")"
echo "$(sed -n 's/^#SBATCH --job-name=//p' "jobs/$(number "$vanished").script")|CANCELLED by 0" >"jobs/$(number "$vanished").accounted"
for n in "$deaf" "$again"; do echo 2 >"jobs/$(number "$n").deaf"; done
told=$SECONDS
"$bit" pause "$deaf" >said
wait_for 20 stands "$deaf" held paused && [ "$(grep -c "USR2 $(number "$deaf")" jobs/scancel.log)" -ge 3 ]
ok $? "a wish that is lost twice on its way is told again, and heard"
[ $((SECONDS - told)) -le 15 ]
ok $? "within seconds"
wait_for 30 tried "$preempted" 2 && [ "$(job "$preempted" starts_without_progress)" = 0 ]
ok $? "PREEMPTED: handed over again, which costs nothing"
for row in timeout deadline node boot; do
    wait_for 30 tried "${!row}" 2 && [ "$(job "${!row}" starts_without_progress)" = 1 ]
    ok $? "$row: handed over again, from the budget"
done
wait_for 30 tried "$memory" 2 && grep -qx '#SBATCH --ntasks-per-node=1' "jobs/$(number "$memory").script" && [ "$(job "$memory" most_ranks_a_node)" = 1 ]
ok $? "OUT_OF_MEMORY: once more with half as many ranks a node"
wait_for 30 stands "$tight" held memory && says "$tight" 'OUT_OF_MEMORY; .*a rank needs about [0-9]* MB (bit plan)'
ok $? "OUT_OF_MEMORY with one rank a node: held, with the memory that bit plan gives"
wait_for 30 stands "$operator" held operator && says "$operator" CANCELLED
ok $? "CANCELLED by somebody else: held"
wait_for 30 stands "$admin" held operator && says "$admin" JobHeldAdmin && wait_for 5 grep -q '^CANCELLED' "jobs/$(number "$admin")"
ok $? "a job that has run and is held by an administrator: held, with Slurm's reason"
wait_for 30 stands "$failed" held operator && says "$failed" 'launch failed requeued held'
ok $? "a start that failed in Slurm's prolog: held, with Slurm's reason"
stands "$fresh" pending
ok $? "a job that an administrator holds before its first start waits"
wait_for 30 stands "$vanished" held operator && grep -q -- "--starttime=20..-..-..T..:..:.. --jobs=$(number "$vanished") " jobs/sacct.log
ok $? "sacct is asked of a job that squeue has forgotten, since its start, and believed"
wait_for 30 tried "$forgotten" 2 && grep -q -- "--jobs=" jobs/sacct.log
ok $? "without accounting it is handed over again"
as "$memory" RUNNING None 4 'n[1-4]'
wait_for 15 stands "$memory" running
as "$memory" OUT_OF_MEMORY None 4 'n[1-4]'

# ---- wishes while Slurm, or bitd, is away ----
touch jobs/silent
is_noticed() { [ "$(job "$quiet" silent)" != null ]; }
wait_for 20 is_noticed
ok $? "that Slurm does not answer is noticed, and told of each job"
"$bit" pause "$quiet" >said
"$bit" pause "$again" >said
stop_bitd KILL
begin
[ "$(job "$quiet" state)" = stopping ] && "$bit" status "$quiet" | grep -q 'job [0-9]*'
ok $? "a wish outlives bitd"
rm jobs/silent
wait_for 20 stands "$quiet" held paused
ok $? "it is told when Slurm answers again"
wait_for 30 stands "$again" held paused
ok $? "by a bitd that was started meanwhile, too, and until it is heard"
wait_for 30 stands "$memory" held memory && [ "$(job "$memory" attempts)" = 2 ] && says "$memory" 'bit plan'
ok $? "OUT_OF_MEMORY once more: held"
}
exit $bad
