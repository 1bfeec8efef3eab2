#!/bin/bash
# bit check: verdicts, texts and exit codes over the folders of valid and invalid jobs and over the command line.
. "$(dirname "$0")/lib.sh"
needs cli

sets_of() { # the overrides beside a job file
    sets=()
    [ ! -f "$1.set" ] || while IFS= read -r line; do sets+=(--set "$line"); done <"$1.set"
}

wrong=0 files=0
for file in "$top_srcdir"/tests/job/invalid/*.json; do
    base=${file%.json}
    cp "$file" job.json
    sets_of "$base"
    "$bit" check "${sets[@]}" job.json >out 2>err
    code=$?
    # Each line: job.json:LINE:COLUMN: KEY: TEXT; the expected lines have no file name.
    sed -E 's/^job\.json:([0-9]+:)/\1/; s/^job\.json: //' err >lines
    if [ $code != 64 ] || [ -s out ] || ! cmp -s lines "$base.expect"; then
        echo "  $file: exit $code"; diff lines "$base.expect"
        wrong=$((wrong + 1))
    fi
    files=$((files + 1))
done
ok $((wrong != 0 || files < 40)) "$files invalid jobs are rejected with the expected lines"

wrong=0 files=0
for file in "$top_srcdir"/tests/job/valid/*.json; do
    cp "$file" job.json
    sets_of "${file%.json}"
    if ! "$bit" check --print "${sets[@]}" job.json >out 2>err || [ -s err ]; then
        echo "  $file"; cat err
        wrong=$((wrong + 1))
    fi
    # The canonical form is a valid job and its own canonical form.
    cp out again.json
    "$bit" check --print again.json >out2 && cmp -s out out2 || wrong=$((wrong + 1))
    files=$((files + 1))
done
ok $((wrong != 0 || files < 10)) "$files valid jobs are accepted, and canonical forms are stable"

if command -v python3 >/dev/null; then
    python3 - "$scratch/out" <<'PYTHON'
import json, sys
job = json.load(open(sys.argv[1]))
sys.exit(not (job["data"]["train"] and job["schedule"]["batch"] and list(job)[0] == "name"))
PYTHON
    ok $? "another JSON reader understands the canonical form"
fi

echo '{"data": {"train": "x"}}' >fine.json
expect 64 "one bad file among good ones" "$bit" check fine.json "$top_srcdir/tests/job/invalid/null.json" fine.json
says out "fine.json: ok"
expect 66 "a missing file" "$bit" check nowhere.json
says err "nowhere.json"
expect 66 "a folder" "$bit" check .
head -c 2000000 /dev/zero | tr '\0' ' ' >large.json
expect 64 "a file of 2 MB" "$bit" check large.json
says err "too large"
expect 64 "no file" "$bit" check
expect 64 "an unknown option" "$bit" check --bogus fine.json
expect 64 "--set without a value" "$bit" check fine.json --set
expect 0 "a file whose name starts with a dash" bash -c "cp fine.json ./-x.json && '$bit' check --set name=x -- -x.json"
expect 0 "help" "$bit" check --help
expect 64 "an unknown command" "$bit" chek
says err "did you mean check?"
expect 64 "no command" "$bit"
expect 0 "bit help" "$bit" help
expect 0 "bit version" "$bit" version
expect 0 "bit help job" "$bit" help job
says out "schedule.base_rate (0.03)"
if [ -c /dev/full ]; then
    "$bit" help job >/dev/full 2>err
    ok $(($? != 74)) "a full disk is not success"
fi

# With --data the images count.
mkdir -p images/train/{a,b} images/val/{a,b} images/odd/c
for class in a b; do
    echo x >images/train/$class/1.jpg; echo x >images/train/$class/2.JPEG; echo x >images/val/$class/3.jpg
done
echo x >images/odd/c/1.jpg
echo '{"data": {"train": "images/train", "val": "images/val"}}' >data.json
expect 0 "images are counted" "$bit" check --data data.json
says out "4 images, 2 classes"
expect 64 "too few outputs for the classes" "$bit" check --data data.json --set model.classes=1 --set loss=sigmoid
expect 65 "a validation class that training has not" "$bit" check --data data.json --set data.val=images/odd
expect 66 "images that are not there" "$bit" check --data data.json --set data.train=images/nowhere
printf 'train/a/1.jpg\ta\ntrain/b/1.jpg\ta,b\n' >images/list.tsv
expect 65 "two labels and softmax" "$bit" check --data data.json --set data.train=images/list.tsv --set data.val=
says err "2 labels"
"$bit" check --data data.json --set data.train=images/nowhere --set data.val=images/list.tsv >out 2>err
! grep -q "2 labels" err; ok $? "several right labels of a validation image are no error where training images are missing"
says out "data.val     2 images, 2 classes"
# Nothing is left out or believed without a word.
echo x >images/train/a/3.webp; mkdir images/train/b/@eaDir; echo x >images/train/b/@eaDir/4.jpg; echo x >images/train/b/5.Jpe
expect 0 "other files beside the images" "$bit" check --data data.json
says out "5 images, 2 classes"
says err "2 other files left out, e.g. a/3.webp (WebP, a picture of a kind that is not read yet: convert it to PNG or JPEG), b/@eaDir (a folder that a system keeps"
list_says() { # CODE TEXT-OF-LIST EXPECTED: bit check --data of such a list
    printf '%b' "$2" >images/list.tsv
    expect "$1" "a list: $3" "$bit" check --data data.json --set data.train=images/list.tsv --set data.val=
    says err "$3"
}
list_says 66 'train/a/0.jpg\ta\ntrain/b/0.jpg\tb\n' "list.tsv:1: $PWD/images/train/a/0.jpg: No such file or directory; none of the 2 images"
list_says 66 'train/a/1.jpg\ta\n\ntrain/b/0.jpg\tb\n' "data.train: 1 of the 2 images looked at are not there; the first: $PWD/images/list.tsv:3: "
list_says 66 'a/1.jpg\ta\n' "none of the 1 images looked at is there: paths are relative to the list's own folder"
list_says 66 'images/train/a/1.jpg\ta\n' "; it is there below $PWD: put the list there"
list_says 65 'path\tclass\ntrain/a/1.jpg\ta\n' "list.tsv:1: a header"
list_says 0 '\0357\0273\0277train/a/1.jpg \t a\r\ntrain/b/1.jpg\ta \r\n' ""
says out "2 images, 1 classes"
printf 'train/a/1.jpg\ta\ntrain/b/1.jpg\ta,b\n' >images/list.tsv
expect 0 "two labels and sigmoid" "$bit" check --data data.json --set data.train=images/list.tsv --set data.val= --set loss=sigmoid
exit $bad
