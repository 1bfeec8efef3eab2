#!/bin/sh
# The convolution tests on every instruction set that this processor has: BIT_ISA lowers the choice.
set -eu
tests=${top_builddir:?}/tests/compute/test_convolution
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT

for isa in generic avx2 avx512; do
    if ! BIT_ISA=$isa "$tests" float32 bfloat16 repeated_bits > "$scratch/out" 2>&1; then
        cat "$scratch/out"
        echo "FAIL: convolutions on $isa"
        exit 1
    fi
    echo "$isa: $(grep asserts "$scratch/out" | tr -s ' ')"
done
echo "PASS"
