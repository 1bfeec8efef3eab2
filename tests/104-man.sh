#!/bin/bash
# The man pages say what the programs do: bit-job(5) is what the table of keys gives, bit(1) has every command.
. "$(dirname "$0")/lib.sh"
needs cli

"$bit" help job --roff >job.5
cmp "$top_srcdir/man/bit-job.5" job.5
ok $? "man/bit-job.5 is the output of: bit help job --roff"
missing=0
for command in $("$bit" help | sed -n 's/^  \([a-z]*\) .*/\1/p'); do
    grep -q "bit $command" "$top_srcdir/man/bit.1" || { echo "  bit $command is not in bit.1"; missing=1; }
done
ok $missing "bit.1 has every command"
if command -v groff >/dev/null; then
    for page in bit.1 bit-job.5 bit-recovery.7 bit-keeper.8 bitd.8 bitd.conf.5; do
        groff -man -Tutf8 -ww -z "$top_srcdir/man/$page" 2>err
        ok "$(test ! -s err; echo $?)" "groff has nothing to say about $page"
        cat err
    done
fi
exit $bad
