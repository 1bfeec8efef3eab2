# SIGKILL of one rank, of all, or of mpirun; at any moment, or (every other trial) while a checkpoint is written.
# shellcheck shell=bash disable=SC2034,SC2154
kill_short=20 kill_long=1000
kill_accepted='N1-N7'

trial_kill() { # NUMBER
    local victim committed length
    take_time
    pick rank rank all mpirun
    victim=$drawn
    case $victim in
        rank) draw 4; victim=rank:$drawn ;;
        mpirun) victim=mpirun:LAUNCHER orphaned=1 ;;
    esac
    if [ $(($1 % 2)) = 0 ]; then
        draw 4
        local save=$((drawn + 1))
        draw $((save_ms * 3 / 2))
        fault=(begin "$save" "$drawn" 9 "$victim")
    else
        draw "$length"
        fault=(start 0 "$drawn" 9 "$victim")
    fi
    go 90 4 || return
    grep -q '^fault' "$notes" || { reason='the run had ended before the fault'; return 77; }
    starts[1]=0
    check_state && check_standing || return
    committed=$(last_commit)
    go 90 4 || return
    check_start "$committed" && check_end && check_images && check_state && check_left && check_ends
}
