#!/bin/bash
# bitd's jobs in a real Slurm (tests/lab/slurm): handed over, followed, paused, cancelled; while bitd or Slurm's controller is away; and what others do
# to them there.
. "$(dirname "$0")/lib.sh"
needs launch bitd
[ "$MPI_KIND" = openmpi ] || { echo "needs Open MPI"; exit 77; }
chmod 755 "$scratch" # munged's wish
lab=$top_srcdir/tests/lab/slurm
clean_up() {
    stop_bitd
    PATH=$PATH:/usr/sbin "$lab" stop "$scratch/lab" >/dev/null 2>&1
}
trap 'exit 130' INT TERM HUP
LAB_MESSAGE_TIMEOUT=10 PATH=$PATH:/usr/sbin "$lab" start "$scratch/lab" 2 8 >lab.said 2>&1
code=$?
[ $code != 77 ] || { tail -n 1 lab.said; exit 77; }
[ $code = 0 ]
ok $? "a real Slurm"
[ $code = 0 ] || exit 1
eval "$("$lab" env "$scratch/lab")"
pausable bin
export BIT_BIN=$scratch/bin BIT_TEST_FAULT=$slowly
small_job small.json '"seed": 7'
sed 's/"steps": 24/"steps": 9000/' small.json >long.json
# Answers of sbatch that get lost on their way: the submission itself is Slurm's own.
mkdir lossy
cat >lossy/sbatch <<'FILE'
#!/bin/bash
[ -e "${0%/*}/lose" ] || exec /usr/bin/sbatch "$@"
rm "${0%/*}/lose"
/usr/bin/sbatch "$@" >/dev/null
echo "sbatch: error: Batch job submission failed: Socket timed out on send/recv operation" >&2
exit 1
FILE
chmod +x lossy/sbatch
options=(--set path="$scratch/lossy:/usr/local/bin:/usr/bin:/bin" --set engine=slurm --set slurm_interval=10 --set slurm_lead=50
    --set "environment=$(compgen -e | grep '^OMPI_\|^PRTE_\|^PMIX_' | tr '\n' ' ')")
begin() { start_bitd "${options[@]}"; }
# slurm_number JOB: of its newest start; in_slurm JOB STATE: how squeue has it
slurm_number() { job "$1" slurm_id; }
in_slurm() { [ "$(squeue -h -t all -j "$(slurm_number "$1")" -o %T)" = "$2" ]; }
empty() { [ -z "$(squeue -h -o %A)" ]; }
# how many jobs Slurm has ever had for one of bitd's
copies() { squeue -h -t all -o %j | grep -c "^bit-[0-9a-f]*-$1\$"; }
begin
ok $? "bitd starts"

# ---- what cannot be ----
"$bit" submit small.json --sbatch '--wrap=ls' >said 2>&1
[ $? = 64 ] && grep -q 'not an option of sbatch that may be passed on' said
ok $? "an option of sbatch that is not in the list is refused"
"$bit" submit small.json --engine local --sbatch '--time=1' >said 2>&1
[ $? = 64 ] && grep -q 'only of jobs that Slurm is to run' said
ok $? "options of sbatch for a job on hosts of bitd's own are refused"
"$bit" submit small.json --engine condor >said 2>&1
[ $? = 64 ] && grep -q 'local or slurm was expected' said
ok $? "an engine that does not exist is refused"

# ---- from the submission to the end; the time limit of one job passes meanwhile ----
limited=$(submit long.json -n 2 --out "$scratch/limited" --sbatch '--time=1')
refused=$(submit small.json -n 2 --out "$scratch/refused" --sbatch '--partition=nowhere')
local=$(submit small.json -n 2 --out "$scratch/plain" --engine local)
whole=$(submit small.json -n 2 --out "$scratch/whole" --engine local --set schedule.steps=100)
first=$(submit small.json -n 2 --out "$scratch/first")
wait_for 30 stands "$first" running
ok $? "a job is handed to Slurm and runs there"
"$bit" hosts >said
grep -q '^Slurm .*answers; [1-9]' said
ok $? "bit hosts says that Slurm answers and how many jobs run there"
wait_for 90 finished first
wait_for 10 stands "$first" "done"
ok $? "its end is known within ten seconds"
[ "$(job "$first" attempts)" = 1 ] && [ "$(copies "$first")" = 1 ] && [ "$(job "$first" code)" = 0 ]
ok $? "it was handed over once"
"$bit" logs "$first" >said && grep -q 'bit: job [0-9]*, start 1 on' said && grep -q 'bitrun' said
ok $? "its log is there"
wait_for 60 stands "$local" "done"
ok $? "a job on a host of bitd's own runs beside it"
same "its weights are those of that one" "$(member first weights_hash)" "$(member plain weights_hash)"
is_refused() { job "$refused" why | grep -qi partition; }
wait_for 30 is_refused && [ "$(copies "$refused")" = 0 ] && { stands "$refused" backoff not-started || stands "$refused" held no-progress; }
ok $? "a submission that Slurm refuses is told with its reason, and tried again later"
"$bit" cancel "$refused" >said 2>&1
wait_for 30 stands "$refused" cancelled
ok $? "it can be cancelled"

# ---- wishes ----
one=$(submit small.json -n 2 --out "$scratch/wished" --set schedule.steps=100)
wait_for 90 reaches wished 4
wait_for 5 stands "$one" running
ok $? "that a job runs is known by the run's own word, before Slurm is asked again"
"$bit" checkpoint "$one" >said
ok $? "a running job can be asked for a checkpoint"
"$bit" pause "$one" >said
wait_for 60 stands "$one" held paused
ok $? "a job that is paused saves, stops and leaves Slurm"
[ "$(state wished)" = stopped ] && wait_for 30 in_slurm "$one" FAILED
ok $? "Slurm does not queue it again"
stop_bitd KILL
begin
stands "$one" held paused
ok $? "it stays paused when bitd is started anew"
"$bit" resume "$one" >said
waiting=$(submit small.json -n 2 --out "$scratch/waiting" --sbatch '--begin=now+1hour')
wait_for 30 in_slurm "$waiting" PENDING
wait_for 30 stands "$waiting" pending
ok $? "a job that waits in Slurm is pending"
is_explained() { "$bit" status "$waiting" | tee said | grep -q 'PENDING (BeginTime)'; }
wait_for 20 is_explained
ok $? "the reason is told"
"$bit" cancel "$waiting" >said
wait_for 30 stands "$waiting" cancelled && in_slurm "$waiting" CANCELLED
ok $? "it can be cancelled there"
wait_for 120 stands "$one" "done" && [ "$(job "$one" attempts)" = 2 ]
ok $? "a job that is resumed goes on to its end"
wait_for 120 stands "$whole" "done"
same "its weights are those of a run that was left alone" "$(member wished weights_hash)" "$(member whole weights_hash)"

# ---- bitd is away ----
away=$(submit small.json -n 2 --out "$scratch/away")
sleep "0.$((RANDOM % 9))"
stop_bitd KILL # in the midst of its submission, or soon after
begin
wait_for 90 finished away
wait_for 30 stands "$away" "done"
ok $? "a job whose submission bitd did not live to see runs to its end"
same "there was one of it in Slurm" "$(copies "$away")" 1
kept=$(submit small.json -n 2 --out "$scratch/kept")
wait_for 90 reaches kept 4
stop_bitd KILL
wait_for 90 finished kept
begin
wait_for 10 stands "$kept" "done"
ok $? "an end that came while bitd was away is known soon"
touch lossy/lose
lost=$(submit small.json -n 2 --out "$scratch/lost")
wait_for 90 finished lost
wait_for 30 stands "$lost" "done" && grep -q "job $lost: its submission may have failed" daemon.log
ok $? "a submission whose answer was lost is found by its name"
[ "$(copies "$lost")" = 1 ] && same "there was one of it in Slurm" "$(job "$lost" attempts)" 1

# ---- the time limit of the first job has passed by now ----
wait_for 90 grep -qs 'start 2 on' "$scratch/limited/slurm-$(slurm_number "$limited").log"
ok $? "a job that Slurm's time limit meets is queued again by its script"
wait_for 30 stands "$limited" running && [ "$(job "$limited" attempts)" = 1 ] && [ "$(copies "$limited")" = 1 ]
ok $? "and stays one job, here and there"
"$bit" cancel "$limited" >said
wait_for 40 stands "$limited" cancelled
ok $? "it can be cancelled, too"

# ---- Slurm's controller is away ----
unseen=$(submit small.json -n 2 --out "$scratch/unseen" --set schedule.steps=250)
wait_for 90 reaches unseen 4
wait_for 20 stands "$unseen" running
# Slurm's controller writes its state up to five seconds late: what it had not written when it is killed, it never knew.
is_saved() { [ "$scratch/lab/state/job_state" -nt "$scratch/unseen/job.json" ]; }
wait_for 6 is_saved
"$lab" kill-controller "$scratch/lab"
wait_for 90 grep -q 'Slurm does not answer' daemon.log
ok $? "that Slurm does not answer is noticed"
"$bit" status "$unseen" >said
grep -q 'state  *running' said && grep -q 'Slurm does not answer since' said
ok $? "its jobs stay as they are, and it is told since when"
later=$(submit small.json -n 2 --out "$scratch/later")
sleep 2
stands "$later" queued
ok $? "nothing is handed over to it meanwhile"
stop_bitd KILL
begin
sleep 3
stands "$unseen" running && [ "$(job "$unseen" attempts)" = 1 ]
ok $? "nor does a bitd that is started meanwhile take them for dead"
"$lab" start-controller "$scratch/lab"
wait_for 240 stands "$unseen" "done" && [ "$(job "$unseen" attempts)" = 1 ] && [ "$(copies "$unseen")" = 1 ]
ok $? "when it answers again all goes on"
wait_for 150 stands "$later" "done"
ok $? "and what waited is handed over"

# ---- what others do, and what happens to a node ----
mapfile -t nodes < <(sinfo -h -N -p main -o %N | sort -u)
taken=$(submit long.json -n 2 --out "$scratch/taken" --sbatch "--nodelist=${nodes[0]}")
crashed=$(submit long.json -n 2 --out "$scratch/crashed" --sbatch "--nodelist=${nodes[1]}")
wait_for 90 reaches taken 4
wait_for 90 reaches crashed 4
wait_for 20 stands "$crashed" running
scancel "$(slurm_number "$taken")"
"$lab" crash "$scratch/lab" "${nodes[1]}"
"$lab" boot "$scratch/lab" "${nodes[1]}"
step=$(member crashed checkpoint_step)
wait_for 59 stands "$taken" held operator
ok $? "a job that an operator cancels is held, within a minute"
stray=$(sbatch --parsable --job-name="$(squeue -h -t all -j "$(slurm_number "$taken")" -o %j)" --comment=99 --wrap 'sleep 600')
"$bit" resume "$taken" >said
is_gone() { [ "$(squeue -h -t all -j "$stray" -o %T)" = CANCELLED ]; }
wait_for 90 is_gone && wait_for 90 stands "$taken" running
ok $? "a job of the same name that nobody waits for is cancelled"
wait_for 150 reaches crashed $((step + 4))
ok $? "a job whose node is lost goes on"
wait_for 20 stands "$crashed" running
ok $? "and is seen to"

# ---- the end ----
"$bit" cancel "$taken" "$crashed" >said
wait_for 60 stands "$taken" cancelled && wait_for 60 stands "$crashed" cancelled
ok $? "running jobs can be cancelled"
# The script's word that it is over comes a moment before its end.
wait_for 30 empty
ok $? "and leave Slurm"
exit $bad
