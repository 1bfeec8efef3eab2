# TERM, INT, USR1 or USR2 to mpirun, TERM twice, TERM to every process: USR1 saves and goes on, the others lose nothing committed.
# shellcheck shell=bash disable=SC2034,SC2154
signals_short=20 signals_long=200
signals_accepted='USR1: a commit at an agreed step; the others N1'

trial_signals() { # NUMBER
    local kind committed length
    [ "$MPI_KIND" = openmpi ] || { reason="$MPI_KIND forwards other signals"; return 77; }
    take_time
    pick term twice int usr1 usr1 usr2 every
    kind=$drawn
    # USR1 ends a process that has not begun to listen for it: that one only from the first commit on.
    draw $((length / 4))
    fault=(commit 1 "$drawn")
    if [ $(($1 % 2)) = 0 ] && [ $kind != usr1 ] && [ $kind != usr2 ]; then
        draw "$length"
        fault=(start 0 "$drawn")
    fi
    case $kind in
        term) fault+=(15 mpirun:LAUNCHER) ;;
        twice) draw 1500; orphaned=1 fault+=(15 mpirun:LAUNCHER $((drawn + 1))) ;;
        int) fault+=(2 mpirun:LAUNCHER) ;;
        usr1) fault+=(10 mpirun:LAUNCHER) ;;
        usr2) fault+=(12 mpirun:LAUNCHER) ;;
        every) fault+=(15 every:LAUNCHER) ;;
    esac
    go 90 4 || return
    grep -q '^fault' "$notes" || { reason='the run had ended before the fault'; return 77; }
    starts[1]=0
    check_state && check_standing || return
    committed=$(last_commit)
    if [ $kind = usr1 ]; then
        # After the signal there is a commit; the run went on to its end.
        [ "$code" = 0 ] && awk '/^fault/ { asked = 1 } /^commit/ && asked { found = 1 } END { exit !found }' "$notes" ||
            fail "USR1: no commit after it, exit code $code" || return
    else
        # The second TERM and mpirun's own haste may leave no time for a last generation; a request that was answered says so.
        [ $kind != usr2 ] || [ "$code" = 75 ] || [ "$code" = 0 ] || fail "USR2: exit code $code" || return
        [ "$(state_of "$run")" != stopped ] || [ "$(value "$run/outcome.json" step)" = "$committed" ] ||
            fail "$kind: stopped at step $(value "$run/outcome.json" step), committed was $committed" || return
        go 90 4 || return
        check_start "$committed" || return
    fi
    check_end && check_images && check_left && check_ends
}
