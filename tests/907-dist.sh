#!/bin/bash
# make dist holds every file of the repository (a tree without git is one already).
. "$(dirname "$0")/lib.sh"
cd "$top_srcdir" || exit 1
if ! git rev-parse --is-inside-work-tree >/dev/null 2>&1 || [ "$(git rev-parse --show-toplevel)" != "$(pwd -P)" ]; then
    echo "not a git checkout"
    exit 77
fi
clean_up() { chmod -R u+w "$scratch"; }
unset MAKEFLAGS MFLAGS MAKELEVEL
make -s -C "$top_builddir" distdir distdir="$scratch/dist" >"$scratch/log" 2>&1 || { cat "$scratch/log"; exit 1; }
missing=$(git ls-files | grep -v '^\.gitignore$' | while read -r file; do [ -e "$scratch/dist/$file" ] || echo "$file"; done)
[ -z "$missing" ]
ok $? "make dist holds every file of the repository"
# shellcheck disable=SC2086
[ -z "$missing" ] || printf '    %s\n' $missing
exit $bad
