# For the black-box tests of bit and of other commands (tests/lib.sh: needs cli).
# shellcheck shell=bash
# expect CODE NAME COMMAND...: the command must end with CODE; its output is in $scratch/out and $scratch/err
expect() {
    local want=$1 name=$2 got
    shift 2
    "$@" >"$scratch/out" 2>"$scratch/err"
    got=$?
    [ $got = "$want" ] || { echo "# exit $got, expected $want: $*"; head -5 "$scratch/out" "$scratch/err"; }
    ok $((got != want)) "$name"
}
# says FILE TEXT: FILE of the scratch folder holds the text
says() {
    grep -qF -- "$2" "$scratch/$1"
    local code=$?
    [ $code = 0 ] || head -20 "$scratch/$1"
    ok $code "$1 says: $2"
}
# refused CODE NAME COMMAND...: it ends with CODE and a reason, which is in $scratch/err
refused() {
    local want=$1 name=$2 got
    shift 2
    "$@" >"$scratch/out" 2>"$scratch/err"
    got=$?
    [ $got = "$want" ] || { echo "# exit $got, expected $want: $*"; head -5 "$scratch/err"; }
    [ $got = "$want" ] && [ -s "$scratch/err" ]
    ok $? "$name"
}
