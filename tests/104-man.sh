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
if [ -x "$top_builddir/bitd" ]; then
    # Keys of bitd.conf, as bitd's own list of them has them, and the commands that ask it.
    missing=0
    for key in $(sed -n '/static const char \*const names\[\]/,/};/p' "$top_srcdir/src/daemon/config.c" | grep -o '"[a-z_]*"' | tr -d '"'); do
        grep -Eq "^\.BR? .*\b$key\b" "$top_srcdir/man/bitd.conf.5" || { echo "  $key is not in bitd.conf.5"; missing=1; }
    done
    ok $missing "bitd.conf.5 has every key"
    missing=0
    for command in submit rerun status logs queue hosts pause resume cancel checkpoint priority page; do
        "$bit" $command --help >said 2>&1 && grep -q "bit $command\b" "$top_srcdir/man/bitd.8" || { echo "  bit $command is not in bitd.8"; missing=1; }
    done
    ok $missing "bitd.8 names every command that asks it"
    missing=0
    for option in $("$top_builddir/bitd" --help | grep -o '^ *--[a-z-]*'); do
        grep -q "^\.\(BI\|B\) ${option//-/\\\\-}" "$top_srcdir/man/bitd.8" || { echo "  $option is not in bitd.8"; missing=1; }
    done
    ok $missing "and every option of bitd"
fi
if command -v groff >/dev/null; then
    for page in bit.1 bit-job.5 bit-recovery.7 bit-keeper.8 bitd.8 bitd.conf.5; do
        groff -man -Tutf8 -ww -z "$top_srcdir/man/$page" 2>err
        ok "$(test ! -s err; echo $?)" "groff has nothing to say about $page"
        cat err
    done
fi
exit $bad
