#!/bin/bash
# shellcheck disable=SC2317 # functions that ok calls
# The compute, model and golden tests once at each instruction-set level of this machine, by BIT_ISA; the machine's own is left out, the
# tests by themselves run on that. OpenBLAS's kernels go with it: test programs do not restart themselves for that.
set -u
compute=${top_builddir:?}/tests/compute model=$top_builddir/tests/model
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
n=0 failed=0
ok() { # NAME COMMAND...
    what=$1
    shift
    n=$((n + 1))
    if "$@" >"$scratch/out" 2>&1; then
        echo "ok $n - $what"
    else
        failed=1
        echo "not ok $n - $what"
        sed 's/^/# /' "$scratch/out"
    fi
}
golden() { # CASE OPTIONS...
    case=$1
    shift
    "$top_builddir/tests/golden_step" "${top_srcdir:?}/tests/golden/$case.json" --threads 2 "$@"
}
both_precisions() { golden r14x1-softmax --steps 2 && golden r14x1-softmax --steps 1 --precision bfloat16; }
# All at one level: BIT_ISA and OPENBLAS_CORETYPE are set.
level() {
    ok "$BIT_ISA is the level that is used" test "$("$compute/test_convolution" --isa)" = "$BIT_ISA"
    if [ "$BIT_ISA" = avx512_bf16 ]; then # differs from the one below by oneDNN's products of bfloat16 only
        ok "$BIT_ISA: convolutions" "$compute/test_convolution" all_bits bfloat16 repeated_bits
        ok "$BIT_ISA: golden steps, float32 and bfloat16" both_precisions
        return
    fi
    ok "$BIT_ISA: convolutions" "$compute/test_convolution" float32 all_bits bfloat16 repeated_bits images_are_independent pack_scaled
    ok "$BIT_ISA: products" "$compute/test_backend"
    ok "$BIT_ISA: norms and pools" "$model/test_norm"
    ok "$BIT_ISA: networks" "$model/test_network"
    ok "$BIT_ISA: golden steps, float32 and bfloat16" both_precisions
    ok "$BIT_ISA: golden steps, openblas" golden r14x1-odd --steps 2 --backend openblas
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
    "$@" >"$scratch/said" 2>&1
    [ $? = "$code" ] && grep -q "$text" "$scratch/said"
}
ok "a wrong name is refused by bit" refused 64 'BIT_ISA=avx9 .* there are .*' env BIT_ISA=avx9 "$top_builddir/bit" version
ok "and by bitrun" refused 64 'BIT_ISA=avx9 ' env BIT_ISA=avx9 "$top_builddir/bitrun" --version
ok "an empty one counts as none" env BIT_ISA= "$top_builddir/bit" version
if [ "$own" != amx ] && [ "$own" != neon ]; then
    ok "more than the machine has is refused" refused 74 "no more than $own" env BIT_ISA=amx "$top_builddir/bit" version
fi
exit $failed
