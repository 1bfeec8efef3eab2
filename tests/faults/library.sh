# The fault campaign's common part (sourced by campaign): randomness from seeds, runs and their ends, and N1 to N7.
# shellcheck shell=bash disable=SC2034,SC2154
# A trial has: $trial (its folder), $run (the run's folder in it), $notes (the ledger), $invocation (starts so far),
# $reason (why it failed). A check that fails sets $reason and returns 1.

steps=12 batch=16 micro=4 images=70
documented=" 0 64 65 66 69 70 74 75 76 "

# ---- randomness ----

# draw N: a number below N into $drawn; the sequence depends on $state only.
draw() {
    state=$(((state * 6364136223846793005 + 1442695040888963407) & 0x7FFFFFFFFFFFFFFF))
    drawn=$(((state >> 20) % $1))
}
# pick WORD...: one of them into $drawn
pick() {
    draw $#
    shift "$drawn"
    drawn=$1
}
seconds_now() { now=${EPOCHREALTIME/[.,]/}; now=$((now / 1000)); } # milliseconds, in fact, into $now

# ---- files ----

# shellcheck source=tests/lib/record.sh
. "$top_srcdir/tests/lib/record.sh"
state_of() { member "$1" state; }
generations() { find "$1/checkpoints" -mindepth 1 -maxdepth 1 -regex '.*/step-[0-9]*' 2>/dev/null | sort; }
generation() { printf '%s/checkpoints/step-%012d' "$1" "$2"; }
# A run copied without its arrays being written anew: shards are never changed in place, everything else is copied.
copy_run() {
    cp -al "$1" "$2" || return
    find "$2" -type f ! -name '*.h5' -exec sh -c 'for f; do cp -p "$f" "$f.copy" && mv "$f.copy" "$f"; done' sh {} +
}

# ---- runs ----

prepare_trial() { # ROW NUMBER
    trial=$folder/trial-$1-$2
    rm -rf "$trial"
    mkdir -p "$trial/tmp" || return
    run=$trial/run notes=$trial/notes invocation=0 reason='' program=$bitrun hung=0 fault=() settings=() starts=() orphaned=0 ever_hung=0
    job=$folder/job.json
    : >"$notes"
    shm_before=$(ls -A /dev/shm)
}

# For rows that meet a run at a moment within it: a small network would be through before, so its steps pause. $length: milliseconds
# that a run lasts, of a small one a part: on a machine whose load varies most of them last so long.
take_time() { # [SECONDS]
    length=$reference_ms
    [ "${FAULT_DEPTH:-14}" -lt 14 ] || return 0
    program=$tools/bitrun_points settings=("BIT_TEST_FAULT=update=pause:${1:-0.1}") length=$(((reference_ms + 100 * steps) * 3 / 4))
}

# start RANKS ARGUMENT...: in the background, with the ledger beside it; $fault is what the ledger is to do, $settings
# holds NAME=VALUE for the ranks' environment.
start() {
    local ranks=$1
    shift
    invocation=$((invocation + 1)) hung=0
    said=$trial/said-$invocation ended=$trial/ended-$invocation reads=$trial/reads-$invocation
    mkdir -p "$reads"
    start_ranks[invocation]=$ranks
    local preload=()
    [ -z "$preloaded" ] || preload=(FAULT_PRELOAD="$preloaded" FAULT_READS="$reads" FAULT_IMAGES="$folder/data/train/")
    # shellcheck disable=SC2086
    env TMPDIR="$trial/tmp" BIT_START_SECONDS=45 "${preload[@]}" "${settings[@]}" \
        $MPIRUN -n "$ranks" "$tools/rank" "$ended" "$program" "$job" --out "$run" "$@" >"$said" 2>&1 </dev/null &
    launcher=$!
    # "LAUNCHER" in a victim is mpirun's process.
    "$tools/ledger" "$run" "$notes" "$program" "${fault[@]/LAUNCHER/$launcher}" &
    ledger=$!
    fault=()
}

processes() { pgrep -f -- "--out $run( |\$)"; }

# finish SECONDS: waits for mpirun and every process of the run; $code is mpirun's, or the outcome's when mpirun hung at
# its own end, which Open MPI 4.1 does now and then (see mpi_once in tests/lib.sh). 1: something was still there.
finish() {
    local limit late=0 gone
    seconds_now
    limit=$((now + $1 * 1000))
    while kill -0 "$launcher" 2>/dev/null; do
        sleep 0.05
        seconds_now
        gone=$(wc -l 2>/dev/null <"$ended" || echo 0)
        if [ "$gone" = "${start_ranks[invocation]}" ]; then
            late=$((late + 1))
            if [ $late -gt 200 ]; then
                hung=1 ever_hung=1
                kill -KILL "$launcher"
                wait "$launcher" 2>/dev/null
                code=$(value "$run/outcome.json" exit_code)
                break
            fi
        fi
        if [ "$now" -gt "$limit" ]; then
            reason="hangs: $(tail -n 1 "$said")"
            # shellcheck disable=SC2046
            kill -KILL "$launcher" $(processes) 2>/dev/null
            wait "$launcher" 2>/dev/null
            stop_ledger
            return 1
        fi
    done
    if [ $hung = 0 ]; then
        wait "$launcher" 2>/dev/null
        code=$?
    fi
    limit=$((now + 15000))
    while processes >/dev/null; do
        sleep 0.05
        seconds_now
        if [ "$now" -gt $limit ]; then
            reason="N6: processes left: $(processes | tr '\n' ' ')"
            # shellcheck disable=SC2046
            kill -KILL $(processes)
            stop_ledger
            return 1
        fi
    done
    stop_ledger
}
stop_ledger() {
    sleep 0.03
    kill "$ledger"
    wait "$ledger" 2>/dev/null
    return 0
}

# ends_typed WHAT WORDS: all ranks ended with 0, or all with 74 and the WORDS; $codes is "exit 0" or "exit 74".
ends_typed() {
    codes=$(awk '{ print $3, $4 }' "$ended" | sort -u)
    case $codes in
        "exit 0") ;;
        "exit 74") grep -q "$2" "$said" || fail "$1: exit 74, but not '$2'" ;;
        *) fail "$1: ended with $(tr '\n' ',' <<<"$codes") $(grep '^bitrun: ' "$said" | tail -n 1)" ;;
    esac
}

# go SECONDS RANKS ARGUMENT...: start and finish
go() {
    local limit=$1
    shift
    start "$@"
    finish "$limit"
}

fail() {
    [ -n "$reason" ] || reason=$1
    return 1
}

# ---- what must hold ----

# N1, N2 before a restart: the newest whole generation is the ledger's last commit, with the hashes of then and of the
# uninterrupted run, of which HASHES may name some steps only.
check_standing() { # [HASHES]
    local last step weights momentum samples wanted now_weights now_momentum
    last=$(grep '^commit' "$notes" | tail -n 1)
    [ -n "$last" ] || return 0
    read -r _ _ step weights momentum samples <<<"$last"
    [ "$samples" = $((step * batch)) ] || fail "N2: $samples images at step $step" || return
    wanted=$(grep "^$step " "${1:-$folder/reference.hashes}") || wanted=${1:+$step $weights $momentum}
    [ "$wanted" = "$step $weights $momentum" ] || fail "N2: step $step was committed as $weights $momentum, uninterrupted it is $wanted" || return
    "$bit" ckpt hash "$run" >"$trial/hash" 2>&1 || fail "N2: bit ckpt hash: $(tail -n 1 "$trial/hash")" || return
    now_weights=$(sed -n 's/^weights //p' "$trial/hash") now_momentum=$(sed -n 's/^momentum //p' "$trial/hash")
    [ "$now_weights $now_momentum" = "$weights $momentum" ] ||
        fail "N2: the newest generation is $now_weights $now_momentum, step $step was committed as $weights $momentum"
}

# The step at which the invocation that just ended started, and N1.
check_start() { # STEP-AT-LEAST
    local at
    at=$(sed -n 's/.*resumed at step \([0-9]*\) of.*/\1/p' "$said" | tail -n 1)
    starts[invocation]=${at:-0}
    [ "${at:-0}" -ge "$1" ] || fail "N1: went on at step ${at:-0}, committed was $1"
}
last_commit() { grep '^commit' "$notes" | tail -n 1 | awk '{ print $3 } END { if (!NR) print 0 }'; }

# N3: the end equals the uninterrupted run's.
check_end() { # FILE-WITH-LOSSES HASHES
    local hash
    [ "$code" = 0 ] || fail "the run ended with exit code $code: $(grep -v '^-*$' "$said" | tail -n 1)" || return
    [ "$(state_of "$run")" = finished ] || fail "N5: exit code 0, state $(state_of "$run")" || return
    losses "$run" >"$trial/losses"
    cmp -s "$trial/losses" "${1:-$folder/reference.losses}" ||
        fail "N3: $(diff "$trial/losses" "${1:-$folder/reference.losses}" | grep -c '^[<>]') lines of losses differ" || return
    hash=$("$bit" ckpt hash "$run" 2>&1 | tr '\n' ' ')
    [ "$hash" = "$(cat "${2:-$folder/reference.hash}")" ] || fail "N3: ends with $hash"
}

# N4: what the ranks opened, cut to the steps that count, names each image once an epoch, in the uninterrupted run's order.
check_images() { # [FILE-WITH-IMAGES]
    local known=${1:-$folder/reference.images}
    local k j next r file ranks share start
    [ -n "$preloaded" ] || return 0
    for ((k = 1; k <= invocation; k++)); do
        start=${starts[k]:-0}
        # What a later start did again does not count, and it need not be the next one.
        next=$steps
        for ((j = k + 1; j <= invocation; j++)); do [ "${starts[j]:-0}" -ge "$next" ] || next=${starts[j]:-0}; done
        ranks=${start_ranks[k]} share=$((batch / ranks))
        for ((r = 0; r < ranks && next > start; r++)); do
            file=$(find "$trial/reads-$k" -name "$r-*")
            awk -v from="$start" -v to="$next" -v share=$share -v batch=$batch -v rank=$r '
                NR <= (to - from) * share {
                    i = NR - 1
                    print (from + int(i / share)) * batch + rank * share + i % share, $0
                }' "$file"
        done
    done | sort -n >"$trial/images"
    judge_images "$trial/images" || return
    [ ! -f "$known" ] || cmp -s "$trial/images" "$known" ||
        fail "N4: the images of some step are not the uninterrupted run's"
}
judge_images() {
    local verdict
    verdict=$(awk -v all=$((steps * batch)) -v images=$images '
        $1 != NR - 1 { print "place " NR - 1 " of the stream is missing or double"; exit }
        { epoch = int($1 / images); if (seen[epoch, $2]++) { print $2 " twice in epoch " epoch; exit } count[epoch]++ }
        END { if (NR != all) print NR " of " all " images" }' "$1" | head -n 1)
    [ -z "$verdict" ] || fail "N4: $verdict"
}

# N5 after any end.
check_state() {
    local now
    now=$(state_of "$run")
    if [ ! -e "$run/outcome.json" ]; then return 0; fi
    [ "$(tail -c 3 "$run/outcome.json" | tr -d '\n')" = "}" ] || fail "N5: outcome.json is torn" || return
    case $now in
        running | finished | stopped | failed) ;;
        *) fail "N5: the state is '$now'" ;;
    esac
}

# N6 at the very end.
check_left() {
    local left
    left=$(find "$run" \( -name '.tmp-*' -o -name '.old-*' -o -name '.replaced-*' -o -name '*.tmp*' \) -print -quit)
    [ -z "$left" ] && { [ ! -e "$run/lock" ] || left=lock; }
    [ -z "$left" ] || fail "N6: left: $left" || return
    # What Open MPI itself leaves when its mpirun is killed outright is not ours; it is taken away here and counted.
    if [ $orphaned = 1 ] || [ $ever_hung = 1 ]; then
        find "$trial/tmp" -mindepth 1 -maxdepth 1 \( -name 'ompi.*' -o -name 'prte*' \) -exec rm -rf {} +
        [ "$alone" = 0 ] || rm -f /dev/shm/vader_segment.* /dev/shm/sm_segment.*
    fi
    left=$(find "$trial/tmp" -mindepth 1 | head -n 1)
    [ -z "$left" ] || fail "N6: left in the temporary folder: $left" || return
    [ "$alone" = 0 ] && return 0
    # LLVM's OpenMP, in builds by clang, leaves a name of its own when its process is killed.
    left=$(comm -13 <(echo "$shm_before") <(ls -A /dev/shm) | grep -v '^__KMP_REGISTERED_LIB_' | head -n 1)
    [ -z "$left" ] || fail "N6: left in /dev/shm: $left"
}

# N7: ranks ended with documented codes, or by KILL and TERM, which only we and mpirun send. Open MPI ends ranks whose mpirun
# is gone with 195.
check_ends() {
    local rank pid how number
    while read -r rank pid how number _; do
        case $how:$number in
            signal:9 | signal:15) ;;
            # Open MPI's own ends of a rank without mpirun: within MPI_Init, and later.
            exit:1 | exit:195) [ $orphaned = 1 ] || fail "N7: rank $rank ended with $number, mpirun's loss" || return ;;
            exit:*) case "$documented" in *" $number "*) ;; *) fail "N7: rank $rank ended with $number" || return ;; esac ;;
            *) fail "N7: rank $rank ended by signal $number" || return ;;
        esac
    done < <(cat "$trial"/ended-* 2>/dev/null)
    ! grep -qE 'Segmentation fault|Bus error|Assertion .* failed|Floating point exception|stack smashing|double free' "$trial"/said-* ||
        fail "N7: $(grep -hE 'Segmentation|Bus error|Assertion|Floating|smashing|double free' "$trial"/said-* | head -n 1)"
}
