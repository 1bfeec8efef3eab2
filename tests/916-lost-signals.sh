#!/bin/bash
# A signal that comes while bash reads a $(...) is not lost: to a trap of the launcher's kind, and to bit-launch in each of its phases; nor is one
# that the batch script of --slurm gets while it, or its bit-launch, begins.
. "$(dirname "$0")/lib.sh"
needs launch
small_job small.json '"seed": 7'

# The signal is there when the second $(...) is read, every time.
cat >traps <<'END'
. "$1/launcher/lib/signals.sh"
asked=0
ask() { asked=$((asked + 1)); }
catch ask TERM
main() {
    local a b
    a=$(kill -TERM $$; sleep 0.1)b$(echo c)
    echo "$asked $a"
    a=$(kill -TERM $$; sleep 0.1; echo one) b=$(echo two)
    echo "$asked $a $b"
    read -r a < <(kill -TERM $$; sleep 0.1; echo three; echo "$(echo four)" >/dev/null)
    echo "$asked $a"
    kill -TERM $$
    echo "$asked"
}
main
END
same "traps run, in commands with several \$(...), too" "$(bash traps "$top_srcdir" 2>&1 | tr '\n' ' ')" "1 bc 2 one two 3 three 4 "

# A program in front of the real one sends the signal once, at the call that `when` matches, while bit-launch waits for its output.
mkdir front
in_front() { # PROGRAM REAL PATTERN
    cat >"front/$1" <<END
#!/bin/bash
if [ -e "$scratch/armed" ] && [[ " \$* " == $3 ]] && rm "$scratch/armed" 2>/dev/null; then
    kill -TERM "\$(cat "$scratch/launcher")"
    sleep 0.1
fi
exec "$2" "\$@"
END
    chmod +x "front/$1"
}
# launches RUN: with what is in front, to its end
launches() {
    : >armed
    bash -c 'echo $$ >launcher; exec "$@"' - "$launch" small.json --set schedule.steps=2000 --out "$scratch/$1" >said 2>&1 </dev/null
    code=$?
    [ ! -e armed ] || { echo "# the signal was not sent"; return 1; }
}
in_front grep "$(command -v grep)" "*'\"name\"'*"
PATH=$scratch/front:$PATH launches planned
[ $code = 75 ] && grep -q 'stopped before the run began' said && [ ! -e planned ]
ok $? "TERM while the job's values are read: 75, and nothing was begun"
rm front/grep
ln -s "$BIT_BIN/bitrun" front/bitrun
in_front bit "$BIT_BIN/bit" "*' --mark '*"
BIT_BIN=$scratch/front launches marked
[ $code = 75 ] && [ "$(state marked)" != finished ]
ok $? "TERM just before mpirun is started: 75"

# ---- the batch script, with a bit-launch and a squeue of this test's own in their places ----
mkdir batch slurm
printf '#!/bin/bash\necho 30:00\n' >slurm/squeue
printf '#!/bin/bash\nexit 1\n' >slurm/scontrol
chmod +x slurm/*
"$launch" small.json -n 2 --threads 1 --out "$scratch/batch" --slurm --dry-run 2>/dev/null | sed "s|^launch=.*|launch=(bash '$scratch/starter')|" >script
# in_batch: its exit code and the code in its record
in_batch() {
    rm -f batch/slurm-5.*
    PATH=$scratch/slurm:$PATH SLURM_JOB_ID=5 SLURM_JOB_NODELIST=here timeout -k 1 60 bash "${1:-script}" >said 2>&1
    echo "$? $(sed -n 's/.*"code":\([0-9]*\).*/\1/p' batch/slurm-5.end 2>/dev/null)"
}
echo "trap 'exit 75' TERM; while :; do sleep 0.1; done" >starter
sed '/^exported=/i kill -USR2 $$' script >hurried
same "USR2 to a batch script that has only just begun stops it for good" "$(in_batch hurried)" '75 75'
echo 'kill -USR2 $PPID; sleep 30' >starter
same "USR2 before bit-launch can hear it: nothing has begun, 75" "$(in_batch)" '75 75'
# What is sent to a process before its trap stands may get lost altogether.
cat >starter <<'END'
trap : TERM
kill -USR2 $PPID
sleep 1
trap 'exit 75' TERM
while :; do sleep 0.1; done
END
same "a TERM that bit-launch has not heard is sent again" "$(in_batch)" '75 75'
echo 'kill -USR1 $PPID; sleep 1; exit 0' >starter
same "a wish for a checkpoint before bit-launch can hear it ends nothing" "$(in_batch)" '0 0'
exit $bad
