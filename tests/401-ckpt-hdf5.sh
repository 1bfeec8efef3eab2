#!/bin/bash
# Other programs read a checkpoint: h5py compares every value, h5dump finds a data set, from any folder, before and after
# the generation is moved.
. "$(dirname "$0")/lib.sh"
/usr/bin/python3 -c 'import h5py, numpy' 2>/dev/null || exit 77
ranks=$top_builddir/tests/store/store_ranks
read_back() { /usr/bin/python3 "$top_srcdir/tests/store/readback.py" "$@"; }

for n in 1 3 4; do
    $MPIRUN -n $n "$ranks" save "$scratch/$n" 50 3 2 >/dev/null 2>&1
    (cd / && read_back "$scratch/$n/step-000000000050/model.h5" 50)
    ok $? "h5py reads all of it, written at $n ranks"
done
mkdir "$scratch/else" "$scratch/decoy"
mv "$scratch/4/step-000000000050" "$scratch/else/moved"
for i in 0 1 2 3; do echo decoy >"$scratch/decoy/shard-000$i-of-0004.h5"; done
(cd "$scratch/decoy" && read_back ../else/moved/model.h5 50)
ok $? "moved, relative path, from a folder with files of the same names"
if command -v h5dump >/dev/null; then
    (cd "$scratch/decoy" && h5dump -d /momentum/resnet/odd/one ../else/moved/model.h5) | grep -q 'DATASPACE  SIMPLE { ( 1 ) / ( 1 ) }'
    ok $? "h5dump too"
    h5dump -H "$scratch/else/moved/shard-0002-of-0004.h5" | grep -q 'DATASET "weights"'
    ok $? "a shard is an HDF5 file"
fi
rm "$scratch/else/moved/shard-0001-of-0004.h5"
read_back "$scratch/else/moved/model.h5" 50 | grep -q "wrong: [1-9]"
ok $? "without a shard the values are wrong (NaN), not zeros"
exit $bad
