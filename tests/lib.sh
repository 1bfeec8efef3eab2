# What every script test begins with:
#
#     . "$(dirname "$0")/lib.sh"
#     needs bitrun                 # a part of this library: tests/lib/PART.sh
#
# It finds the build, sets the environment, makes a scratch folder ($scratch, the current folder from here on, removed at the end) and
# has the functions that judge: each prints "ok N - NAME" or "not ok N - NAME", which tests/run counts. The script ends by: exit $bad.
# A script runs by make, by tests/run, or by itself:
#
#     tests/530-refusals.sh [--only NAME]
#
# in a build folder, beside build/, or with BUILD=FOLDER; with the programs as they are there. --only judges one check, by its number
# or its name (a pattern like 'a missing*', too), and stops there; what stands before it in the script runs unjudged, for the
# check may need it.
# shellcheck shell=bash
set -u

usage() {
    echo "usage: [BUILD=FOLDER] $0 [--only NAME-OR-NUMBER]"
    echo "--only judges one check, by number, name or pattern, and ends there; the lines of the script before it run, too."
}
only='' number=0 bad=0 judged=no
while [ $# -gt 0 ]; do
    case $1 in
        --only=*) only=${1#*=} ;;
        --only)
            [ $# -gt 1 ] || { usage >&2; exit 64; }
            only=$2
            shift ;;
        --help) usage; exit 0 ;;
        *) usage >&2; exit 64 ;;
    esac
    shift
done

# ---- the build ----
if [ -z "${top_builddir:-}" ]; then
    top_srcdir=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd) || exit 1
    for folder in ${BUILD:+"$BUILD"} ${BUILD-. "$top_srcdir/build"}; do
        [ ! -f "$folder/config.status" ] || { top_builddir=$(cd "$folder" && pwd); break; }
    done
    [ -n "${top_builddir:-}" ] || {
        echo "$0: no build in ${BUILD:-the current folder or $top_srcdir/build}: configure and make there, or give BUILD=FOLDER" >&2
        exit 64
    }
    export top_srcdir top_builddir
    [ -x "$top_builddir/tests/store/store_ranks" ] ||
        echo "$0: the programs of tests are not built in $top_builddir: make -C $top_builddir check TESTS=" >&2
    # shellcheck source=tests/environment.sh
    . "$top_srcdir/tests/environment.sh"
fi
: "${top_srcdir:?}"
: "${MPIRUN=$(sed -n 's/^MPIRUN = //p' "$top_builddir/Makefile")}" "${MPI_KIND=$(sed -n 's/^MPI_KIND = //p' "$top_builddir/Makefile")}"
export MPIRUN MPI_KIND
# shellcheck disable=SC2034
bit=$top_builddir/bit

# ---- the scratch folder, and the end ----
scratch=$(mktemp -d) || exit 1
cd "$scratch" || exit 1
# A script that has more to undo defines clean_up.
finish() {
    local code=$? left
    trap - EXIT
    ! declare -F clean_up >/dev/null || clean_up
    left=$(jobs -p)
    # shellcheck disable=SC2086
    [ -z "$left" ] || kill $left 2>/dev/null
    if [ -s "$scratch/.unknown" ]; then
        echo "not ok $((number + 1)) - every command of this script is there"
        sed 's/^/    /' "$scratch/.unknown"
        code=1
    elif [ -n "$only" ] && [ $judged = no ] && [ $code != 77 ]; then
        echo "$0: no check by the name '$only' was met; there were $number" >&2
        code=64
    fi
    rm -rf "$scratch"
    exit $code
}
trap finish EXIT
# A function that is gone, or misspelt, must not pass for a check that is not there.
command_not_found_handle() {
    echo "$1: command not found" | tee -a "$scratch/.unknown" >&2
    return 127
}

# ---- judging ----
# chosen NAME: counts a check, and whether it is to be judged
chosen() {
    number=$((number + 1))
    # shellcheck disable=SC2053
    [ -z "$only" ] || [ "$only" = "$number" ] || [ "$only" = "$1" ] || [[ $1 == $only ]] || return 1
    judged=yes
}
# What takes longer than a second is told after its check: where a script waits.
lap() {
    local now=${EPOCHREALTIME/[.,]/}
    now=$((now / 100000))
    [ $((now - lap)) -le 10 ] || echo "# $(((now - lap) / 10)).$(((now - lap) % 10)) s"
    lap=$now
}
lap=${EPOCHREALTIME/[.,]/} lap=$((lap / 100000))
# ok RESULT NAME: passed when RESULT is 0
ok() {
    chosen "$2" || return 0
    if [ "$1" = 0 ]; then
        echo "ok $number - $2"
    else
        echo "not ok $number - $2"
        bad=1
        # What the last program said, where a script keeps it there.
        if [ -s "$scratch/said" ]; then tail -n 20 "$scratch/said" | sed 's/^/    /'; fi
    fi
    lap
    [ -z "$only" ] || exit $bad
}
# same NAME A B: two texts are equal, and not empty
same() {
    [ -n "$2" ] && [ "$2" = "$3" ] || { [ -n "$only" ] && [ "$only" != "$1" ]; } || echo "# '$2' is not '$3'"
    [ -n "$2" ] && [ "$2" = "$3" ]
    ok $? "$1"
}
skip() { # NAME WHY
    chosen "$1" || return 0
    echo "ok $number - $1 # SKIP $2"
    [ -z "$only" ] || exit 77
}

# ---- waiting and starting ----
# wait_for SECONDS COMMAND...: until it succeeds
wait_for() {
    local tries=$(($1 * 20))
    shift
    while [ $tries -gt 0 ]; do
        "$@" 2>/dev/null && return 0
        sleep 0.05
        tries=$((tries - 1))
    done
    return 1
}
# mpi_once SECONDS RANKS PROGRAM...: as $MPIRUN -n RANKS PROGRAM, killed after SECONDS; $timed_out says whether it was.
# Open MPI 4.1's mpirun can deadlock at its own end, when all ranks have left (PMIx_server_finalize joins a thread that waits for a
# lock; TERM does not end it): so a run that timed out may have worked.
mpi_once() {
    local code
    timeout -k 5 "$1" $MPIRUN -n "$2" "${@:3}"
    code=$?
    timed_out=no
    [ $code != 124 ] && [ $code != 137 ] || { timed_out=yes; echo "# timed out: $2 ranks of ${*:3}" >&2; }
    return $code
}
# mpi SECONDS RANKS PROGRAM...: repeated once when it timed out, for programs that may be; one that hangs of itself hangs again
mpi() {
    local code
    mpi_once "$@" >"$scratch/.mpi"
    code=$?
    if [ $timed_out = yes ]; then
        mpi_once "$@" >"$scratch/.mpi"
        code=$?
    fi
    cat "$scratch/.mpi"
    [ $code = 0 ] || echo "# exit code $code of $2 ranks of ${*:3}" >&2
    return $code
}

# ---- parts ----
needs() {
    local part
    for part; do
        # shellcheck disable=SC1090
        . "$top_srcdir/tests/lib/$part.sh"
    done
}
needs record
