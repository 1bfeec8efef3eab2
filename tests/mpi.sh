# Sourced by scripts that start ranks. mpi SECONDS RANKS PROGRAM...: as $MPIRUN -n RANKS PROGRAM, killed after SECONDS.
# Open MPI 4.1's mpirun can deadlock at its own end, when all ranks have left (PMIx_server_finalize joins a thread that waits
# for a lock; TERM does not end it): so a run that timed out is repeated once. One that hangs of itself hangs again.
# shellcheck shell=bash
mpi() {
    local output status
    output=$(mktemp) || return
    for _ in 1 2; do
        timeout -k 5 "$1" $MPIRUN -n "$2" "${@:3}" > "$output"
        status=$?
        [ $status -eq 124 ] || [ $status -eq 137 ] || break
        echo "# timed out: $2 ranks of ${*:3}" >&2
    done
    cat "$output"
    rm -f "$output"
    return $status
}
