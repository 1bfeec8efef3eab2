#!/bin/sh
# The convolution tests on the instruction sets below this processor's: BIT_ISA lowers the choice. With its own they are a test
# by themselves.
set -eu
tests=${top_builddir:?}/tests/compute/test_convolution
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT

own=$("$tests" --isa)
for isa in generic avx2 avx512; do
    [ $isa != "$own" ] || break
    if ! BIT_ISA=$isa "$tests" float32 bfloat16 repeated_bits > "$scratch/out" 2>&1; then
        cat "$scratch/out"
        echo "FAIL: convolutions on $isa"
        exit 1
    fi
    echo "$isa: $(grep asserts "$scratch/out" | tr -s ' ')"
done
echo "PASS"
