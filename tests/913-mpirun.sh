#!/bin/bash
# What differs between the mpirun programs is found from what they say of themselves, as they said it, and from the one at hand.
. "$(dirname "$0")/lib.sh"
# shellcheck source=launcher/lib/mpi.sh
. "$top_srcdir/launcher/lib/mpi.sh"

says() { # STARTER TEXT
    [ "$(mpi_starter "$2")" = "$1" ]
    ok $? "$1: $(head -n 1 <<<"$2")"
}
says orte $'mpirun (Open MPI) 4.1.4\n\nReport bugs to http://www.open-mpi.org/community/help/'
says orte $'mpirun (Open MPI) 2.1.1\n\nReport bugs to http://www.open-mpi.org/community/help/'
says orte 'mpiexec (OpenRTE) 4.0.3'
says prrte $'mpirun (Open MPI) 5.0.7\n\nReport bugs to https://www.open-mpi.org/community/help/'
says prrte 'mpirun (Open MPI) 10.0.0'
says prrte $'prterun (PRRTE) 3.0.8\n\nReport bugs to https://github.com/openpmix/prrte/'
says hydra $'HYDRA build details:\n    Version:                                 4.0.2\n    Release Date:                            Thu Apr  7 12:34:45 CDT 2022'
says hydra $'Intel(R) MPI Library for Linux* OS, Version 2021.9 Build 20230307'
says unknown 'slurmstepd'
says unknown ''

# The one at hand belongs to the MPI that configure found, takes the options that bit-launch gives it, and a short run ends well.
mpi_identify "$MPIRUN"
[ "$kind" = "$MPI_KIND" ] && [ "$mpi_starter" != unknown ]
ok $? "the mpirun at hand is known: $mpi_starter of $kind"
case $mpi_starter in
    orte) options=(--quiet --bind-to none --oversubscribe) ;;
    prrte) options=(--bind-to none --oversubscribe) ;;
    *) options=(-bind-to none) ;;
esac
said=$(timeout -k 5 60 $MPIRUN -n 3 "${options[@]}" sh -c 'echo here' 2>&1)
[ "$said" = $'here\nhere\nhere' ]
ok $? "it starts three processes without a word of its own"

# What a killed mpirun leaves is where it is looked for.
if [ "$kind" = openmpi ]; then
    export TMPDIR=$scratch
    $MPIRUN -n 1 "${options[@]}" sleep 60 >/dev/null 2>&1 &
    pid=$!
    found=no
    for ((i = 0; i < 300; i++)); do
        for folder in $(mpi_session_folders $pid); do [ ! -d "$folder" ] || found=yes; done
        [ $found = no ] || break
        sleep 0.1
    done
    pkill -KILL -P $pid
    kill -KILL $pid
    wait $pid 2>/dev/null
    [ $found = yes ]
    ok $? "its session folder is where bit-launch cleans up"
fi
exit $bad
