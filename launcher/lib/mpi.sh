# bit-launch: what differs between the mpirun programs (sourced; also by tests/913-mpirun.sh).
# shellcheck shell=bash disable=SC2034,SC2154

# What starts the ranks, by what the mpirun at hand says of itself, not by its name:
#   orte   Open MPI up to 4: --quiet, session folder ompi.HOST.UID/pid.PID, daemons orted, settings OMPI_MCA_*
#   prrte  Open MPI from 5 on: no --quiet, session folder prterun.HOST.PID.UID, daemons prted, settings of mapping, binding and
#          daemons PRTE_MCA_*
#   hydra  MPICH, Intel MPI
mpi_starter() { # TEXT OF mpirun --version
    local version
    case $1 in
        *HYDRA* | *MPICH* | *Intel*) echo hydra ;;
        *PRRTE* | *prterun*) echo prrte ;;
        *OpenRTE* | *"Open MPI"*)
            version=$(grep -oE '[0-9]+\.[0-9]+' <<<"$1" | head -n 1)
            if [ "${version%%.*}" -ge 5 ] 2>/dev/null; then echo prrte; else echo orte; fi ;;
        *) echo unknown ;;
    esac
}

# The MPI that an mpirun belongs to: openmpi, mpich or unknown; and $mpi_starter.
mpi_starter=unknown
mpi_identify() { # MPIRUN
    # shellcheck disable=SC2086
    mpi_starter=$(mpi_starter "$($1 --version 2>/dev/null)")
    case $mpi_starter in
        orte | prrte) kind=openmpi ;;
        hydra) kind=mpich ;;
        *) kind=unknown ;;
    esac
}

# Where mpirun PID keeps what it shares with its daemons and ranks; it stays when mpirun is killed.
mpi_session_folders() { # PID
    local top=${TMPDIR:-/tmp} host
    host=$(hostname)
    case $mpi_starter in
        orte) echo "$top/ompi.$host.$(id -u)/pid.$1" ;;
        prrte) printf '%s\n' "$top/prterun.$host.$1.$(id -u)" "$top/prte.$host.$1.$(id -u)" ;;
    esac
}
