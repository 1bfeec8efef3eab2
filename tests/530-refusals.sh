#!/bin/bash
# What is refused: before anything is created, with a documented exit code, told once.
. "$(dirname "$0")/lib.sh"
needs bitrun
job "$scratch/tiny.json" 4
mkdir "$scratch/work"
cd "$scratch/work" || exit 1
nothing_left() { [ -z "$(ls -A "$scratch/work")" ]; }

echo '{"model": {"depth": 51}, "bacth": 3, "data": {"train": "x"}} tail' > "$scratch/bad.json"
for ranks in 1 2; do
    fails 64 $ranks "$scratch/bad.json" && nothing_left
    ok $? "a malformed job on $ranks ranks: exit 64, nothing left behind"
    same "a malformed job on $ranks ranks: every problem is told once" "$(grep -c 'bad.json:1' "$scratch/said")" "$(sort -u "$scratch/said" | grep -c 'bad.json:1')"
done
# refused CODE RANKS PATTERN NAME ARGUMENT...: bitrun ARGUMENT... ends with CODE, says PATTERN and leaves nothing
refused() {
    fails "$1" "$2" "${@:5}" && nothing_left && grep -q -e "$3" "$scratch/said"
    ok $? "$4: exit $1"
}
tiny=$scratch/tiny.json
refused 66 2 none.json "a missing job" "$scratch/none.json"
refused 66 2 nowhere "missing images" "$tiny" --set "data.val=$scratch/nowhere"
refused 64 1 --evaluate "a misspelt option, with the right one" "$tiny" --evalute
refused 64 1 schedule.batch "a misspelt --set, with the right key" "$tiny" --set schedule.bach=3
refused 64 3 batch "a batch that 3 ranks cannot share" "$tiny" --out new
refused 66 1 . "--evaluate without a run" "$tiny" --evaluate
timeout -k 5 60 $MPIRUN -n 2 "$top_srcdir/tests/each-rank" "$bitrun" "$scratch/tiny.json" --out mixed // env BIT_ISA=generic "$bitrun" "$scratch/tiny.json" \
    --out mixed > "$scratch/said" 2>&1
code=$?
if grep -q 'on openblas (generic)' "$scratch/said"; then
    rm -rf mixed
    skip "ranks with different instruction sets: exit 64, naming them" "this machine has but one"
else
    [ $code = 64 ] && grep -q 'rank 1 .*generic' "$scratch/said" && nothing_left
    ok $? "ranks with different instruction sets: exit 64, naming them"
fi

# No file may be longer than 8 MB; a checkpoint's are. (MPICH's own shared memory has files of 4 MB.)
printf '#!/bin/bash\nulimit -f 8192\nexec "%s" "$@"\n' "$bitrun" > "$scratch/limited"
chmod +x "$scratch/limited"
bitrun=$scratch/limited fails 74 1 "$scratch/tiny.json" --set model.depth=14 --out short && grep -q 'File too large' "$scratch/said"
ok $? "a limit on the size of files: exit 74, not a signal"
rm -rf short

run 2 "$scratch/tiny.json" --out one
ok $? "a run to be refused over"
before=$(cat one/outcome.json)
fails 64 2 "$scratch/tiny.json" --out one --fresh
ok $? "--fresh does not overwrite a run"
same "a refused --fresh leaves the outcome alone" "$(cat one/outcome.json)" "$before"
fails 64 3 "$scratch/tiny.json" --out one --fresh --force && run 1 "$scratch/tiny.json" --out one
ok $? "--fresh --force for what cannot begin: the old run stands"
same "--fresh --force for what cannot begin: the old outcome stands" "$(grep -e weights_hash -e checkpoint_step -e '"step"' one/outcome.json)" "$(grep -e weights_hash -e checkpoint_step -e '"step"' <<<"$before")"
lines=$(wc -l <one/metrics.jsonl)
sed -i '2s/.*/?/' one/metrics.jsonl
mv one/checkpoints aside
fails 69 1 "$scratch/tiny.json" --out one && grep -q 'not mounted' "$scratch/said" && ! compgen -G 'one/checkpoints/step*' >/dev/null
ok $? "checkpoints that are not there: exit 69, not a run from step 0"
same "checkpoints that are not there: the outcome keeps the step it stood at" "$(value one/outcome.json checkpoint_step)" "$(value <(echo "$before") checkpoint_step)"
rm -r one/checkpoints && mv aside one/checkpoints
run 1 "$scratch/tiny.json" --out one
ok $? "checkpoints that are back: the run goes on"
same "a damaged line of metrics.jsonl costs no other" "$(wc -l <one/metrics.jsonl)" "$lines"
touch one/job.json.tmp.99 one/outcome.json.tmp.99 one/cache/index-0.bin.tmp.99
run 1 "$scratch/tiny.json" --out one --fresh --force --set seed=8
ok $? "--fresh --force overwrites a run"
[ -z "$(find one -name '*.tmp*')" ]
ok $? "--fresh takes away what killed writers left"
[ "$(hash one)" != "$(echo "$before" | sed -n 's/^ "weights_hash": \(.*\),$/\1/p')" ]
ok $? "--fresh trains anew"

# What no run wrote stays.
mkdir -p mixed/checkpoints/epoch1 mixed/elsewhere
echo theirs | tee mixed/checkpoints/epoch1/model.pt mixed/checkpoints/step-9 mixed/notes.txt > mixed/checkpoints/model.h5
fails 64 1 "$scratch/tiny.json" --out mixed --fresh
ok $? "--fresh does not begin where somebody's checkpoints are"
run 1 "$scratch/tiny.json" --out mixed --fresh --force && echo theirs > mixed/checkpoints/step-000000000003/notes.txt &&
    run 1 "$scratch/tiny.json" --out mixed --fresh --force
ok $? "--fresh --force begins beside somebody's checkpoints, twice"
same "--fresh: foreign files among checkpoints stay" "$(cd mixed && cat checkpoints/epoch1/model.pt checkpoints/step-9 notes.txt checkpoints/model.h5 \
    checkpoints/step-000000000003.kept/notes.txt | uniq -c | tr -d ' ')" 5theirs
same "--fresh: beside a foreign file nothing of the old run stays" "$(ls mixed/checkpoints/step-000000000003.kept)" notes.txt
rm -r mixed/metrics.jsonl && mkdir mixed/metrics.jsonl && touch mixed/metrics.jsonl/theirs
fails 74 1 "$scratch/tiny.json" --out mixed --fresh --force && [ -e mixed/metrics.jsonl/theirs ] && [ -e mixed/checkpoints/step-000000000003/model.h5 ]
ok $? "a folder by the name of our file: exit 74, and it stays"
mkdir linked "$scratch/disk" && ln -s "$scratch/disk" linked/checkpoints
run 1 "$scratch/tiny.json" --out linked && run 1 "$scratch/tiny.json" --out linked --fresh --force && [ -L linked/checkpoints ] &&
    [ -e "$scratch/disk/step-000000000003/model.h5" ]
ok $? "checkpoints by a link to another disk stay there"

# Two runs at once.
job "$scratch/long.json" 40000
$MPIRUN -n 1 "$bitrun" "$scratch/long.json" --out two > "$scratch/said-two" 2>&1 &
launcher=$!
wait_for 60 grep -q 'step 1/' "$scratch/said-two"
fails 74 1 "$scratch/long.json" --out two
ok $? "a second run in the same folder: exit 74"
grep -q "is using this folder" "$scratch/said" && [ -e two/lock ]
ok $? "a second run in the same folder: told who holds it"
fails 74 2 "$scratch/long.json" --out two --fresh --force
ok $? "a second run with --fresh --force: exit 74"
same "a second run is refused: the first one's outcome stands" "$(value two/outcome.json state)" '"running"'
kill -TERM "$(pgrep -f "^$bitrun .*--out two")"
wait $launcher
same "a second run is refused: the first one stops as asked" $? 75
exit $bad
