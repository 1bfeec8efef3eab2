# Some thousands of damaged jobs, index caches, lists and image files; under sanitizers this finds what plain runs do not.
status=0 number=0
for target in fuzz_job fuzz_index fuzz_list fuzz_jpeg; do
    number=$((number + 1)) runs=20000
    case $target in fuzz_jpeg | fuzz_list) runs=3000 ;; esac
    if output=$("$top_builddir/tests/fuzz/$target" "$top_srcdir/tests/fuzz/corpus/${target#fuzz_}"/* 2>&1 &&
        "$top_builddir/tests/fuzz/$target" $runs 2>&1); then
        echo "ok $number - $target: $output"
    else
        echo "not ok $number - $target"
        echo "$output"
        status=1
    fi
done
exit $status
