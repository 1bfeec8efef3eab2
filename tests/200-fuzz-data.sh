# Some thousands of damaged index caches and image files; under sanitizers this finds what plain runs do not.
ok=0
for target in fuzz_index fuzz_jpeg; do
    runs=20000
    [ $target = fuzz_index ] || runs=3000
    if output=$("$top_builddir/tests/fuzz/$target" $runs 2>&1); then
        echo "ok - $target: $output"
    else
        echo "not ok - $target"
        echo "$output"
        ok=1
    fi
done
exit $ok
