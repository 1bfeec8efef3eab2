#!/bin/bash
# make install: programs, manual, jobs and pictures land where they can find each other, and go away again.
. "$(dirname "$0")/lib.sh"
unset MAKEFLAGS MFLAGS MAKELEVEL
cd "$top_builddir" || exit 1
make -s install DESTDIR="$scratch" prefix=/opt/bit >"$scratch/log" 2>&1
ok $? "make install" || cat "$scratch/log"
root=$scratch/opt/bit
for program in bit bitrun bit-launch; do
    [ -x "$root/bin/$program" ]
    ok $? "$program is installed"
done
for page in man1/bit.1 man1/bitrun.1 man1/bit-launch.1 man5/bit-job.5 man5/bit-checkpoint.5 \
    man7/bit-recovery.7; do
    [ -s "$root/share/man/$page" ]
    ok $? "the manual has $page"
done
if [ -x bit-keeper ]; then
    [ -x "$root/bin/bit-keeper" ] && [ -s "$root/share/man/man8/bit-keeper.8" ]
    ok $? "bit-keeper and its manual are installed"
fi
for name in bit bitrun bit-launch; do
    grep -q '^complete .*-F _bit bit bitrun bit-launch' "$root/share/bash-completion/completions/$name"
    ok $? "completion of $name is installed"
done
for place in system user; do
    grep -q '^ExecStart=.*/bin/bit-launch ' "$root/lib/systemd/$place/bit-job@.service"
    ok $? "the $place's unit is installed"
done
if [ -x bitd ]; then
    grep -q '^ExecStart=.*/bin/bitd$' "$root/lib/systemd/user/bitd.service" && "$root/bin/bitd" --version | grep -q '^bitd '
    ok $? "bitd and its unit are installed"
    grep -q '^ExecStart=.*/bin/bitd --set ' "$root/lib/systemd/system/bitd@.service"
    ok $? "a group's unit is installed"
fi
[ "$(find "$root/share/bit/data/digits" -name '*.jpg' | wc -l)" = 1797 ]
ok $? "the pictures are installed"
"$root/bin/bit" check --data "$root/share/bit/jobs/demo.json"
ok $? "the installed demo finds its pictures"
(cd "$scratch" && unset BIT_BIN && "$root/bin/bit-launch" "$root/share/bit/jobs/demo.json" -n 2 --dry-run) | grep -q "$root/bin/bitrun"
ok $? "the installed launcher starts the installed bitrun"
make -s uninstall DESTDIR="$scratch" prefix=/opt/bit >>"$scratch/log" 2>&1
[ -z "$(find "$root" -type f -o -type l)" ]
ok $? "make uninstall leaves no file"
exit $bad
