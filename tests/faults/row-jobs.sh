# Malformed jobs: every key x missing, wrong type, its limits and beyond, NaN and huge numbers (a trial a key, by what `bit help
# job` documents of it), then some 300 damaged texts (ten a trial). `bit check` and bitrun agree; nothing is left behind.
# shellcheck shell=bash disable=SC2034,SC2154
jobs_accepted='documented verdict, no trace left'

# "KEY<TAB>TYPE", a line a key.
mapfile -t job_keys < <("$top_builddir/bit" help job | awk '
    /^  [a-z_.]+ \(/ { key = $1; getline; type = $0; while (type !~ /\.$/) { getline; type = type $0 }
        gsub(/ +/, " ", type); print key "\t" type }')
jobs_short=$((${#job_keys[@]} + 30)) jobs_long=$jobs_short

# verdict CODE SAY FILE: bit check ends with CODE (0 or 64), bitrun with the same (or 66, the images not being there), and
# nothing is left. SAY: a text that the refusal names.
verdict() {
    local code=$1 said=$2 file=$3 checked ran tries
    mkdir -p "$trial/work"
    (cd "$trial/work" && timeout 20 "$bit" check "$file" >"$trial/checked" 2>&1)
    checked=$?
    (cd "$trial/work" && TMPDIR=$trial/tmp timeout 30 "$bitrun" "$file" >"$trial/ran" 2>&1 </dev/null)
    ran=$?
    [ "$code" != any ] || code=$checked
    case $checked in 0 | 64) ;; *) fail "bit check ends with $checked: $(head -c 300 "$file")" || return ;; esac
    [ $checked = "$code" ] || fail "bit check ends with $checked, documented is $code: $(head -c 300 "$file")" || return
    [ $ran = $((checked ? 64 : 66)) ] || fail "bitrun ends with $ran, bit check with $checked: $(head -c 300 "$file")" || return
    [ -z "$said" ] || grep -qF -- "$said" "$trial/checked" || fail "$said is not named: $(head -n 1 "$trial/checked")" || return
    [ $checked = 0 ] || [ -s "$trial/ran" ] || fail "bitrun refuses without a word: $(head -c 300 "$file")" || return
    [ -z "$(find "$trial/work" -mindepth 1)" ] || fail "left behind: $(find "$trial/work" -mindepth 1 | head -n 1)" || return
    # Without mpirun Open MPI starts a daemon beside bitrun, which clears away after it.
    for ((tries = 0; tries < 200; tries++)); do
        [ -n "$(find "$trial/tmp" -mindepth 1 2>/dev/null)" ] || return 0
        sleep 0.02
    done
    # Open MPI 5 leaves empty folders of a bitrun without mpirun.
    find "$trial/tmp" -depth -path '*/ompi.*' -type d -empty -delete
    [ -n "$(find "$trial/tmp" -mindepth 1 2>/dev/null)" ] || return 0
    fail "left behind: $(find "$trial/tmp" -mindepth 1 | head -n 1)"
}

# write_job KEY VALUE: a job that has KEY with this text, and what it needs besides.
write_job() {
    local section=${1%.*} name=${1#*.} train='"train": "nowhere"'
    [ "$1" != data.train ] || train=''
    case $1 in
        data.*) echo "{\"data\": {$train${train:+, }\"$name\": $2}}" ;;
        *.*) echo "{\"data\": {$train}, \"$section\": {\"$name\": $2}}" ;;
        *) echo "{\"data\": {$train}, \"$name\": $2}" ;;
    esac >"$trial/job.json"
}
# A value outside what is documented: refused, the key named; one inside: nothing is said of its range.
refused() { write_job "$1" "$2"; verdict 64 "$1" "$trial/job.json"; }
accepted() {
    write_job "$1" "$2"
    verdict any '' "$trial/job.json" || return
    ! grep -qE "[: ]$1: expected .* found" "$trial/checked" || fail "$1: $2 is refused: $(head -n 1 "$trial/checked")"
}

try_key() { # KEY TYPE
    local wrong value least most
    for wrong in NaN Infinity 1e999 '[[]]' '{"a": 1}' '"\u0000"'; do
        refused "$1" "$wrong" || return
    done
    case $2 in
        *'a whole number'* | *' a number'*) set -- "$1" "$2" '"1"' true 1e300 -1e300 '[1]' ;;
        *'a list'*) set -- "$1" "$2" 1 true '"1"' '[3, 2]' '["1"]' '[null]' '[-1]' ;;
        *'true or false'*) set -- "$1" "$2" 1 0 '"true"' '[]' ;;
        *'one of'* | *'"pretrain"'*) set -- "$1" "$2" 1 '""' '"no such word"' true '[]' ;;
        *) set -- "$1" "$2" 1 true '[]' ;;
    esac
    for value in "${@:3}"; do
        refused "$1" "$value" || return
    done
    case $2 in
        *'or null'*) accepted "$1" null || return ;;
        *) refused "$1" null || return ;;
    esac
    case $2 in
        *'one of'*[0-9]*,*)
            ! [[ $2 =~ 'one of '([0-9, ]+) ]] || for value in ${BASH_REMATCH[1]//,/ }; do accepted "$1" "$value" || return; done ;;
    esac
    [[ $2 != *list* ]] || return 0
    if [[ $2 =~ from\ (-?[0-9.]+)\ to\ ([0-9.]*[0-9]) ]]; then
        least=${BASH_REMATCH[1]} most=${BASH_REMATCH[2]}
        accepted "$1" "$least" && accepted "$1" "$most" && refused "$1" "$(bc <<<"$least - 1")" && refused "$1" "$(bc <<<"$most + 1")" || return
        [[ $2 != *'whole number'* ]] || refused "$1" "$least.5"
    elif [[ $2 =~ above\ (-?[0-9.]+),\ at\ most\ ([0-9.]*[0-9]) ]]; then
        least=${BASH_REMATCH[1]} most=${BASH_REMATCH[2]}
        accepted "$1" "$most" && refused "$1" "$least" && refused "$1" "-1" && refused "$1" "$(bc <<<"$most + 1")"
    fi
}

# A valid or invalid job of the tests, damaged.
try_text() {
    local files file size at
    files=("$top_srcdir"/tests/job/invalid/*.json "$top_srcdir"/tests/job/valid/*.json "$top_srcdir"/jobs/*.json)
    draw ${#files[@]}
    file=$trial/job.json
    cp "${files[drawn]}" "$file" && chmod u+w "$file"
    size=$(stat -c %s "$file")
    draw $((size + 1))
    at=$drawn
    draw 14
    case $drawn in
        0) ;;
        1) truncate -s "$at" "$file" ;;
        2) printf '}' >>"$file" ;;
        3) printf '\0' >>"$file" ;;
        4) { head -c "$at" "$file"; printf ','; tail -c +$((at + 1)) "$file"; } >"$file.new" ;;
        5) { head -c "$at" "$file"; printf '\xff\xfe'; tail -c +$((at + 1)) "$file"; } >"$file.new" ;;
        6) { head -c "$at" "$file"; head -c 70000 /dev/zero | tr '\0' '['; tail -c +$((at + 1)) "$file"; } >"$file.new" ;;
        7) { head -c "$at" "$file"; tail -c +$((at + 2)) "$file"; } >"$file.new" ;;
        8) { printf '\xef\xbb\xbf'; cat "$file"; } >"$file.new" ;;
        9) sed 's/:/: NaN,/' "$file" >"$file.new" ;;
        10) sed 's/[0-9][0-9]*/1e999/' "$file" >"$file.new" ;;
        11) sed 's/{/{\/* comment *\/ /' "$file" >"$file.new" ;;
        12) { head -c "$at" "$file"; printf '\001'; tail -c +$((at + 1)) "$file"; } >"$file.new" ;;
        *) flip_bit "$file" ;;
    esac
    [ ! -f "$file.new" ] || mv "$file.new" "$file"
    # Images of the example jobs must not be there by chance.
    sed -i 's|"train": "[^"]*"|"train": "nowhere"|' "$file"
    verdict any '' "$file"
}

trial_jobs() { # NUMBER
    local i
    if [ "$1" -le ${#job_keys[@]} ]; then
        try_key "${job_keys[$1 - 1]%%$'\t'*}" "${job_keys[$1 - 1]#*$'\t'}"
        return
    fi
    for ((i = 0; i < 10; i++)); do
        try_text || return
    done
}
