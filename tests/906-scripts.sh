#!/bin/bash
# The scripts themselves: clean under shellcheck, and the ones of the README refuse what they do not know.
. "$(dirname "$0")/lib.sh"
cd "$top_srcdir" || exit 1
scripts=$(grep -lE '^#!/bin/(ba)?sh' launcher/* experiments/* experiments/data/* docker/* .ci/run tests/* tests/faults/* tests/lab/* tests/slurm/* tests/speed/* packaging/* 2>/dev/null)
for script in $scripts; do
    [ -x "$script" ] || case $script in tests/*.sh) ;; *) false ;; esac
    ok $? "$script has its run bit"
done
if command -v shellcheck >/dev/null; then
    for script in launcher/* launcher/lib/* docker/start .ci/run tests/run tests/variant tests/valgrind tests/bare packaging/build-deb packaging/check tests/lab/slurm tests/speed/compare \
        experiments/run experiments/data/install.sh tests/lib.sh tests/environment.sh tests/lib/*.sh tests/[0-9]*.sh tests/faults/campaign tests/faults/*.sh tests/slurm/*; do
        # What tests/lib.sh and its parts set is not seen where they are used, and the other way round.
        case $script in
            *.mk | launcher/lib) continue ;;
            tests/[0-9]* | tests/lib/*) options=(-P SCRIPTDIR -e SC2154 -e SC2034) ;;
            *) options=() ;;
        esac
        shellcheck -x -S warning "${options[@]}" "$script"
        ok $? "shellcheck $script"
    done
else
    skip "shellcheck" "it is not installed"
fi
# As .editorconfig says.
ours=$(git ls-files '*.c' '*.h' '*.sh' '*.mk' '*.md' '*.ac' '*.am' launcher tests/run 2>/dev/null)
if [ -n "$ours" ]; then
    # shellcheck disable=SC2086
    ! grep -nP '[ \t\r]+$' $ours
    ok $? "no line of ours ends in blanks"
    # shellcheck disable=SC2046
    ! grep -nP '^ *\t' $(git ls-files '*.c' '*.h' '*.sh')
    ok $? "C and scripts are indented by blanks"
    # shellcheck disable=SC2086
    [ -z "$(for file in $ours; do tail -c 1 "$file"; done | tr -d '\n')" ]
    ok $? "every file of ours ends with a newline"
fi
for script in quickstart check; do
    launcher/$script --no-such-option >/dev/null 2>&1
    [ $? = 64 ]
    ok $? "$script refuses an unknown option"
    launcher/$script --help | grep -q usage
    ok $? "$script --help"
done
tests/speed/compare no-such-case >/dev/null 2>&1
[ $? = 64 ]
ok $? "speed/compare refuses an unknown case"
launcher/install-dependencies --no-such-option >/dev/null 2>&1
[ $? = 64 ]
ok $? "install-dependencies refuses an unknown option"
# What this build was made with is there, so that nothing has to be installed.
launcher/install-dependencies --print
ok $? "install-dependencies finds everything that the build needed"
# A PATH with nothing of it: everything is listed, nothing installed.
PATH=$scratch/nowhere /bin/sh launcher/install-dependencies --print >/dev/null 2>&1
[ $? = 1 ]
ok $? "install-dependencies --print lists what is missing"
exit $bad
