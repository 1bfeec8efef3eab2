# shellcheck shell=bash
# For black-box scripts of bit: a scratch folder, and checks that print "ok N - what".
set -u
bit=$top_builddir/bit
scratch=$(mktemp -d) || exit 1
trap 'rm -rf "$scratch"' EXIT
cd "$scratch" || exit 1
number=0 bad=0

# verdict WHAT CODE: "ok" when CODE is 0
verdict() {
    number=$((number + 1))
    if [ "$2" = 0 ]; then echo "ok $number - $1"; else echo "not ok $number - $1"; bad=1; fi
}

# run CODE WHAT COMMAND...: the command must end with CODE; its output is in $scratch/out and $scratch/err
run() {
    local want=$1 what=$2
    shift 2
    "$@" >"$scratch/out" 2>"$scratch/err"
    local got=$?
    verdict "$what" $((got != want))
    [ $got = "$want" ] || { echo "  exit $got, expected $want: $*"; head -5 "$scratch/out" "$scratch/err"; }
}

# says FILE TEXT: FILE of the scratch folder holds the text
says() {
    grep -qF -- "$2" "$scratch/$1"
    local code=$?
    verdict "$1 says: $2" $code
    [ $code = 0 ] || head -20 "$scratch/$1"
}
