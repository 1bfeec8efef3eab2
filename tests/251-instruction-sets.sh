#!/bin/bash
# shellcheck disable=SC2317 # functions that ok calls
# The compute, model and golden tests once at each instruction-set level of this machine, by BIT_ISA; the machine's own is left out, the
# tests by themselves run on that. OpenBLAS's kernels go with it: test programs do not restart themselves for that.
. "$(dirname "$0")/lib.sh"
compute=$top_builddir/tests/compute model=$top_builddir/tests/model
passes() { # NAME COMMAND...
    local name=$1
    shift
    "$@" >"$scratch/said" 2>&1
    ok $? "$name"
}
golden() { # CASE OPTIONS...
    case=$1
    shift
    "$top_builddir/tests/golden/golden_step" "$top_srcdir/tests/golden/$case.json" --threads 2 "$@"
}
both_precisions() { golden r14x1-softmax --steps 2 && golden r14x1-softmax --steps 1 --precision bfloat16; }
# All at one level: BIT_ISA and OPENBLAS_CORETYPE are set.
level() {
    passes "$BIT_ISA is the level that is used" test "$("$compute/test_convolution" --isa)" = "$BIT_ISA"
    if [ "$BIT_ISA" = avx512_bf16 ]; then # differs from the one below by oneDNN's products of bfloat16 only
        passes "$BIT_ISA: convolutions" "$compute/test_convolution" all_bits bfloat16 repeated_bits
        passes "$BIT_ISA: golden steps, float32 and bfloat16" both_precisions
        return
    fi
    passes "$BIT_ISA: convolutions" "$compute/test_convolution" float32 all_bits bfloat16 repeated_bits images_are_independent pack_scaled
    passes "$BIT_ISA: products" "$compute/test_backend"
    passes "$BIT_ISA: pairs of hashes" "$compute/test_hamming"
    passes "$BIT_ISA: norms and pools" "$model/test_norm"
    passes "$BIT_ISA: networks" "$model/test_network"
    passes "$BIT_ISA: golden steps, float32 and bfloat16" both_precisions
    passes "$BIT_ISA: golden steps, openblas" golden r14x1-odd --steps 2 --backend openblas
}
own=$(env -u BIT_ISA "$compute/test_convolution" --isa)
for isa in generic avx2 avx512 avx512_bf16 amx; do
    { [ "$own" != $isa ] && [ "$own" != neon ]; } || break
    case $isa in generic) core=Prescott ;; avx2) core=Haswell ;; *) core=SkylakeX ;; esac
    export BIT_ISA=$isa OPENBLAS_CORETYPE=$core
    level
done
unset BIT_ISA OPENBLAS_CORETYPE

# Names that are none, and levels that the machine lacks.
refused() { # CODE TEXT COMMAND...
    code=$1 text=$2
    shift 2
    "$@" >"$scratch/reason" 2>&1
    [ $? = "$code" ] && grep -q "$text" "$scratch/reason"
}
passes "a wrong name in BIT_ISA is refused by bit" refused 64 'BIT_ISA=avx9 .* there are .*' env BIT_ISA=avx9 "$top_builddir/bit" version
passes "a wrong name in BIT_ISA is refused by bitrun" refused 64 'BIT_ISA=avx9 ' env BIT_ISA=avx9 "$top_builddir/bitrun" --version
passes "an empty BIT_ISA counts as none" env BIT_ISA= "$top_builddir/bit" version
if [ "$own" != amx ] && [ "$own" != neon ]; then
    passes "a BIT_ISA beyond what the machine has is refused" refused 74 "no more than $own" env BIT_ISA=amx "$top_builddir/bit" version
fi
exit $bad
