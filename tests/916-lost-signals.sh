#!/bin/bash
# A signal that comes while bash reads a $(...) is not lost: to a trap of the launcher's kind, and to bit-launch in each of its phases.
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
exit $bad
