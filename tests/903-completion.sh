#!/bin/bash
# Completion offers what the programs' help texts say, and nothing for words that they do not know.
. "$(dirname "$0")/lib.sh"
# The three programs beside each other, as where they are installed.
mkdir bin lib
ln -s "$top_builddir/bit" "$top_builddir/bitrun" "$top_srcdir/launcher/bit-launch" bin/
PATH=$scratch/bin:$PATH
# shellcheck source=packaging/completion/bit
. "$top_srcdir/packaging/completion/bit"

# tab LINE: what is offered at the end of LINE, in $offered, a line each; readline would break it at "=".
COMP_WORDBREAKS=$' \t\n"\'><=;|&(:'
tab() {
    # shellcheck disable=SC2034
    COMP_LINE=$1 COMP_POINT=${#1}
    COMPREPLY=()
    _bit "${1%% *}" 2>>said
    offered=$(printf '%s\n' "${COMPREPLY[@]}")
}
offers() { # LINE WORD...: all of them
    local line=$1 word missing=0
    shift
    tab "$line"
    for word; do grep -qxF -e "$word" <<<"$offered" || { echo "    '$line' does not offer $word"; missing=1; }; done
    ok $missing "'$line' offers $# words"
}
only() { # LINE TEXT: exactly this
    tab "$1"
    [ "$offered" = "$2" ]
    ok $? "'$1' is completed by '${2//$'\n'/ }'" || echo "    offered: $offered"
}

# Each option that begins a line of a help text, by another way than the completion takes.
listed() { "$@" --help | awk '$1 ~ /^-/ { for (i = 1; i <= NF && $i ~ /^-/; i++) { sub(/,$/, "", $i); sub(/=.*/, "", $i); print $i } }' | sort -u; }
for program in bitrun bit-launch; do
    mapfile -t options < <(listed $program)
    [ ${#options[@]} -ge 10 ]
    ok $? "$program --help lists options (${#options[@]})"
    offers "$program -" "${options[@]}"
done
mapfile -t commands < <(bit help | awk '/^  [a-z]/ { print $1 }')
[ ${#commands[@]} -ge 7 ]
ok $? "bit help lists commands (${#commands[@]})"
offers "bit " "${commands[@]}"
for command in "${commands[@]}"; do
    mapfile -t options < <(listed bit "$command" 2>/dev/null)
    [ ${#options[@]} = 0 ] || offers "bit $command -" "${options[@]}"
done

# The option tables know the words of some values.
offers "bit bench --precision " float32 bfloat16
only "bit bench step --backend op" openblas
only "bit pla" plan
only "bit help jo" job
only "bit ckpt ver" verify
only "bit bench red" reduce
only "bit ckpt imp" import
offers "bit help " job plan
# Every key of a job, and the words that a key may be.
mapfile -t keys < <(bit help job --roff 2>/dev/null | grep -oE '^\.B [a-z0-9_.]+' | cut -d' ' -f2 | sort -u)
if [ ${#keys[@]} -lt 20 ]; then mapfile -t keys < <(bit help job | awk '/^  [a-z][a-z_.]* \(/ { print $1 }'); fi
[ ${#keys[@]} -ge 20 ]
ok $? "bit help job lists keys (${#keys[@]})"
offers "bitrun a.json --set " "${keys[@]/%/=}"
only "bit-launch a.json --set precision=b" bfloat16
only "bit check --set los" loss=
offers "bitrun a.json --backend " auto onednn openblas reference
offers "bit-launch a.json --starter " auto mpirun srun
COMP_WORDBREAKS=${COMP_WORDBREAKS//=/}
only "bit-launch a.json --set precision=b" precision=bfloat16
only "bitrun --no-such" ''
only "no-such-program -" ''
mkdir jobs
touch jobs/one.json jobs/two.txt
only "bit-launch jobs/" jobs/one.json
only "$scratch/bin/bit ckp" ckpt

# Through readline itself: the words that follow from TAB, in an interactive bash on a terminal of its own.
if command -v script >/dev/null; then
    printf '. %q\nbit-launch --dry\t\nexit\n' "$top_srcdir/packaging/completion/bit" >keys
    TERM=dumb script -qec 'bash --norc --noprofile -i' /dev/null <keys >terminal 2>&1
    grep -q -e '--dry-run' terminal
    ok $? "TAB in an interactive bash" || cat terminal
else
    skip "TAB in an interactive bash" "script is not installed"
fi
exit $bad
