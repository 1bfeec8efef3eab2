# Two or four hosts with cables of their own (tests/lab/hosts): one dies, loses its power or its network, a cable is out for three
# seconds, a line is ten times slower, one is lost after the other. Started by bit-launch on the first host, which is to go on
# with what is left, or by mpirun.
# shellcheck shell=bash disable=SC2034,SC2154
hosts_short=4 hosts_long=60
hosts_accepted='a loss is found within the limit + 5 s, the run goes on by itself with what is left: N1-N3, N5, N6; harmless: no restart'
hosts_limit=6 # seconds, the watchdog's

# blink: a cable out for 3 s; off: no power; kill: its processes, all at once; cut: no network any more, but it lives on;
# first: the same to the host of mpirun; slow: a tenth of its line; later: off, then all but one or two of the others; freeze: stands
# still, and comes back when the run has gone on without it; lease: the same to the host of rank 0, whose lock stays for a while
hosts_faults=(blink off kill slow cut first later freeze lease)

lab() { "$top_srcdir/tests/lab/hosts" "$1" "$trial/lab" "${@:2}"; }

start_launch() { # HOSTS ARGUMENT...
    local count=$1
    shift
    invocation=$((invocation + 1))
    said=$trial/said-$invocation ended=$trial/ended-$invocation
    start_ranks[invocation]=$count
    mkdir -p "$trial/bin"
    : >>"$ended"
    ln -sf "$bit" "$trial/bin/bit"
    ln -sf "$bitrun" "$trial/bin/bitrun"
    BIT_BIN=$trial/bin TMPDIR=$trial/tmp lab run 1 "$top_srcdir/launcher/bit-launch" "$job" -n "1-$count" --no-bind \
        --host "$(lab list | tr , '\n' | sort ${reversed:+-r} | sed 's/$/:1/' | paste -sd ,)" --out "$run" "$@" >"$said" 2>&1 </dev/null &
    launcher=$!
    "$tools/ledger" "$run" "$notes" "$program" &
    ledger=$!
}
start_mpirun() { # HOSTS ARGUMENT...
    local list preloaded='' MPIRUN
    list=$(lab list)
    MPIRUN="$top_srcdir/tests/lab/hosts mpirun $trial/lab --host $list"
    start "$@"
}

commits() { grep -c '^commit' "$notes"; }
# 77: it had ended before.
wait_for_commits() { # NUMBER
    local i
    for ((i = 0; i < 2400; i++)); do
        [ "$(commits)" -lt "$1" ] || return 0
        kill -0 "$launcher" 2>/dev/null || { reason='the run had ended before the fault'; return 77; }
        sleep 0.05
    done
    fail "no commit $1: $(tail -n 1 "$said")"
}

strike() { # FAULT HOST
    case $1 in
        blink)
            lab cut "$2"
            sleep 3
            lab join "$2" ;;
        first) lab cut 1 ;;
        slow) lab rate "$2" 400mbit ;;
        later) lab off "$2" ;;
        lease) lab freeze "$2" ;;
        *) lab "$1" "$2" ;;
    esac
}

# After the first loss another one; at times the first host is back by then.
strike_again() {
    local host
    wait_for_commits $(($(commits) + 1)) || return
    draw 2
    [ "$drawn" = 0 ] || lab join "$lost"
    for ((host = 2; host <= count; host++)); do
        [ "$host" = "$lost" ] || lab off "$host"
    done
}

# The run has gone on elsewhere when the host comes back, or when the file server forgets it.
strike_back() { # FAULT
    local i
    if [ "$1" = lease ]; then
        for ((i = 0; i < 1200; i++)); do
            grep -q 'waiting up to .* for the file server' "$said" && break
            kill -0 "$launcher" 2>/dev/null || break
            sleep 0.1
        done
        [ $i -lt 1200 ] || fail 'nobody waited for the lock' || return
        sleep 4
        lab off "$lost"
    else
        wait_for_commits $(($(commits) + 1)) || return
        lab thaw "$lost"
    fi
}

# Open MPI's daemon on a host that was cut off, and had something to tell mpirun, ends when TCP gives up, after a quarter of an hour.
hosts_left() { # FAULT; 1: processes of the run are left
    local host i pids pid
    for ((i = 0; i < 300; i++)); do
        pids=''
        for ((host = 1; host <= count; host++)); do
            for pid in $(lab pids "$host"); do
                case $1:$(cat "/proc/$pid/comm" 2>/dev/null) in blink:?* | slow:?*) pids+="$pid " ;; *: | *:orted | *:prted) ;; *) pids+="$pid " ;; esac
            done
        done
        [ -n "$pids" ] || return 0
        sleep 0.1
    done
    # shellcheck disable=SC2086
    fail "N6: left: $(ps -o pid=,stat=,args= $pids | cut -c -100 | tr '\n' ';')"
}

judge_launch() { # FAULT COMMITTED
    local begins first late
    begins=$(grep -c 'resumed at step' "$said")
    case $1 in
        blink | slow) [ "$begins" = 0 ] || fail "was started again: $(grep -m 1 'is silent\|timed out\|starting again' "$said")" || return ;;
        later) [ "$begins" -ge 2 ] || fail "started again $begins times" || return ;;
        *) [ "$begins" -ge 1 ] || fail 'was not started again' || return ;;
    esac
    first=$(sed -n 's/.*resumed at step \([0-9]*\) of.*/\1/p' "$said" | head -n 1)
    [ "${first:-$2}" -ge "$2" ] || fail "N1: went on at step $first, committed was $2" || return
    late=$(sed -n 's/.*(process .* for \([0-9]*\)[0-9.]* s, the limit is.*/\1/p' "$said" | sort -n | tail -n 1)
    [ "${late:-0}" -lt $((hosts_limit + 5)) ] || [ "$1" = blink ] || [ "$1" = slow ] || fail "found after $late s" || return
    if [ "$1" = slow ]; then
        [ "$code" = 0 ] && [ "$("$bit" ckpt hash "$run" | tr '\n' ' ')" = "$(cat "$folder/hosts-slow.hash")" ] || fail "N3: exit code $code, or other bits" || return
        grep -q '"kind":"network"' "$run/metrics.jsonl" && grep -q 'network between the ranks is slow' "$run/log.txt" || fail 'was not reported' || return
    else
        check_end || return
    fi
    check_left && hosts_left "$1"
}

# mpirun alone: outcome.json has the reason in time. What mpirun waits for, which may be the host that is gone, is ended here.
judge_mpirun() { # FAULT
    local i committed
    for ((i = 0; i < (hosts_limit + 10) * 10; i++)); do
        [ "$(state_of "$run")" = running ] && kill -0 "$launcher" 2>/dev/null || break
        sleep 0.1
    done
    sleep 3
    orphaned=1
    for ((i = 1; i <= count; i++)); do lab off "$i"; done
    finish 20 || return
    # A host that dies under mpirun's eyes: it ends the ranks itself, with KILL.
    [ "$1" = kill ] || [ "$(value "$run/outcome.json" reason)" = '"late"' ] || fail "the outcome is $(value "$run/outcome.json" reason)" || return
    for ((i = 1; i <= count; i++)); do lab join "$i"; done
    check_state && check_standing || return
    committed=$(last_commit)
    start_mpirun "$count" && finish 200 && check_start "$committed" && check_end && check_left
}

slow_settings=(--set schedule.steps=44 --set evaluation.every_steps=0 --set checkpoint.every_steps=11)
make_slow_reference() {
    [ ! -e "$folder/hosts-slow.hash" ] || return 0
    start 1 "${slow_settings[@]}"
    finish 200 && [ "$code" = 0 ] || fail 'cannot make the reference' || return
    "$bit" ckpt hash "$run" | tr '\n' ' ' >"$folder/hosts-slow.hash"
    rm -rf "$run"
    : >"$notes"
}

trial_hosts() { # NUMBER
    local happens=${hosts_faults[($1 - 1) % ${#hosts_faults[@]}]} round=$((($1 - 1) / ${#hosts_faults[@]})) count=2 by=launch lost result
    [ $((round % 2)) = 0 ] && [ "$happens" != later ] || count=4
    [ $((round / 2 % 2)) = 0 ] || by=mpirun
    case $happens in first | later | slow | freeze | lease) by=launch ;; esac
    draw $((count - 1))
    lost=$((drawn + 2))
    [ "$happens" != first ] || lost=1
    # Daemons that lose their mpirun are to notice while the trial lasts; every third ssh meets a router's silence.
    export OMPI_MCA_oob_tcp_keepalive_time=6 OMPI_MCA_oob_tcp_keepalive_intvl=2 OMPI_MCA_oob_tcp_keepalive_probes=4 \
        PRTE_MCA_oob_tcp_keepalive_time=6 PRTE_MCA_oob_tcp_keepalive_intvl=2 PRTE_MCA_oob_tcp_keepalive_probes=4
    if [ $((round % 3)) = 2 ]; then export LAB_SSH_SECONDS=120; else export LAB_SSH_SECONDS=3; fi
    if [ "$happens" = slow ]; then make_slow_reference || return; fi
    "$top_srcdir/tests/lab/hosts" start "$trial/lab" $count 4gbit || { reason='no hosts here'; return 77; }
    trial_with_hosts "$happens" "$by"
    result=$?
    [ $result = 0 ] || reason="$happens of host $lost of $count, by $by: $reason"
    "$top_srcdir/tests/lab/hosts" stop "$trial/lab"
    unset OMPI_MCA_oob_tcp_keepalive_time OMPI_MCA_oob_tcp_keepalive_intvl OMPI_MCA_oob_tcp_keepalive_probes \
        PRTE_MCA_oob_tcp_keepalive_time PRTE_MCA_oob_tcp_keepalive_intvl PRTE_MCA_oob_tcp_keepalive_probes LAB_SSH_SECONDS
    return $result
}
trial_with_hosts() { # FAULT STARTER
    local limit=$hosts_limit arguments=() committed reversed=''
    if [ "$1" = lease ]; then reversed=yes lost=$count; fi
    case $1 in
        blink) limit=20 ;;
        slow) limit=20 arguments=("${slow_settings[@]}") ;;
        *) orphaned=1 ;;
    esac
    "start_$2" $count --set watchdog.step_seconds=$limit --set watchdog.data_seconds=$limit --set watchdog.checkpoint_seconds=$limit \
        ${arguments[@]+"${arguments[@]}"}
    wait_for_commits 1 || return
    draw $((reference_ms / 4 < 1500 ? reference_ms / 4 + 1 : 1500))
    sleep "$((drawn / 1000)).$((drawn % 1000 / 100))"
    kill -0 "$launcher" 2>/dev/null || { reason='the run had ended before the fault'; return 77; }
    committed=$(last_commit)
    strike "$1" "$lost"
    case $2:$1 in
        mpirun:blink) finish 200 && check_end && check_left && hosts_left "$1" ;;
        mpirun:*) judge_mpirun "$1" ;;
        *)
            case $1 in
                later) strike_again || return ;;
                freeze | lease) strike_back "$1" || return ;;
            esac
            finish 280 && judge_launch "$1" "$committed" ;;
    esac
}
