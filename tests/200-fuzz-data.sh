#!/bin/bash
# Some thousands of damaged jobs, index caches, lists, COCO files and image files; under sanitizers this finds what plain runs do not.
. "$(dirname "$0")/lib.sh"
for target in fuzz_job fuzz_index fuzz_list fuzz_coco fuzz_jpeg fuzz_png; do
    runs=20000
    case $target in fuzz_jpeg | fuzz_png | fuzz_list | fuzz_coco) runs=3000 ;; esac
    { "$top_builddir/tests/fuzz/$target" "$top_srcdir/tests/fuzz/corpus/${target#fuzz_}"/* && "$top_builddir/tests/fuzz/$target" $runs; } >said 2>&1
    ok $? "$target bears its corpus and $runs damaged copies"
    sed 's/^/# /' said
done
exit $bad
