#!/bin/bash
# tests/lib.sh itself: what passes, fails, is skipped or not there, one check alone, and a script that runs without make.
. "$(dirname "$0")/lib.sh"
mkdir tests
ln -s "$top_srcdir/tests/lib.sh" "$top_srcdir/tests/environment.sh" "$top_srcdir/tests/lib" tests/
cat >tests/sample.sh <<'END'
. "$(dirname "$0")/lib.sh"
clean_up() { echo "clean up"; }
ok 0 "first [one]"
same "second" a b
skip "third" "no such thing"
touch later
ok 0 "fourth"
[ -z "${MISSPELT:-}" ] || okay 0 "fifth"
exit $bad
END
sample() { # CODE LINE-OF-OUTPUT ARGUMENT...: the sample ends with CODE and prints the line
    bash tests/sample.sh "${@:3}" >said 2>&1
    [ $? = "$1" ] && grep -qxF -- "$2" said && { [ "$1" = 64 ] || grep -qx "clean up" said; }
}
sample 1 "not ok 2 - second"
ok $? "a failed check ends the script with 1"
grep -qx "# 'a' is not 'b'" said && grep -qx 'ok 3 - third # SKIP no such thing' said && grep -qx 'ok 4 - fourth' said
ok $? "the other checks are judged and told"
sample 0 "ok 1 - first [one]" --only 'first [one]' && [ "$(grep -c '^ok\|^not' said)" = 1 ]
ok $? "--only NAME judges that check, and ends with 0 when it passes"
sample 1 "not ok 2 - second" --only 2 && ! grep -q first said
ok $? "--only NUMBER judges that check, and ends with 1 when it fails"
sample 0 "ok 4 - fourth" --only='fo*'
ok $? "--only PATTERN leaves what failed before it out of the exit code"
sample 77 "ok 3 - third # SKIP no such thing" --only third
ok $? "--only of a check that is skipped ends with 77"
bash tests/sample.sh --only tenth >said 2>&1
[ $? = 64 ] && grep -q "no check by the name 'tenth'" said
ok $? "--only with a name that no check has ends with 64"
sample 64 "usage: [BUILD=FOLDER] tests/sample.sh [--only NAME-OR-NUMBER]" --olny 2
ok $? "an unknown option is refused"
MISSPELT=yes sample 1 "    okay: command not found"
ok $? "a command that is not there fails the script"
(cd / && env -u top_srcdir -u top_builddir -u MPIRUN -u MPI_KIND BUILD="$top_builddir" bash "$top_srcdir/tests/104-man.sh" >"$scratch/said" 2>&1)
ok $? "a script runs without make, with BUILD=FOLDER"
(cd / && env -u top_srcdir -u top_builddir BUILD="$scratch" bash "$top_srcdir/tests/104-man.sh" >"$scratch/said" 2>&1)
[ $? = 64 ] && grep -q 'configure and make there' said
ok $? "a folder that is no build is refused with what to do"
exit $bad
