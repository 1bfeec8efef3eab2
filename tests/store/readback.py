"""Reads a generation with h5py, which knows nothing of our code, and compares every value with the formula of state.h.
usage: readback.py MODEL.H5 STEP"""
import sys

try:
    import h5py
    import numpy as np
except ImportError as missing:
    print(missing)
    sys.exit(77)

path, step = sys.argv[1], int(sys.argv[2])
wrong = 0


def expected(array, parameter, shape):
    k = np.arange(int(np.prod(shape)), dtype=np.uint32)
    x = (k * np.uint32(2654435761) + np.uint32(parameter * 40503 + array * 977 + step * 31)).astype(np.uint32)
    return (((x >> np.uint32(8)) & np.uint32(0xFFFFF)).astype(np.int64) - 0x80000).astype(np.float32).reshape(shape) / np.float32(1024)


names = ["root_block/standardized_conv2d/kernel", "block1/unit01/a/group_norm/gamma", "block1/unit01/a/group_norm/beta",
         "block1/unit01/a/standardized_conv2d/kernel", "block1/unit01/b/standardized_conv2d/kernel", "odd/two", "odd/three",
         "odd/one", "head/conv2d/kernel", "head/conv2d/bias", "block4/unit01/b/standardized_conv2d/kernel",
         "block4/unit02/b/standardized_conv2d/kernel"]
statistics = ["block1/unit01/a/batch_norm/mean", "block1/unit01/a/batch_norm/variance"]
shapes = {names[0]: (7, 7, 3, 8), names[4]: (3, 3, 13, 5), names[5]: (37, 11), names[6]: (5, 17, 19), names[11]: (3, 3, 64, 96)}

with h5py.File(path, "r") as f:
    found = []
    f.visititems(lambda name, item: found.append(name) if isinstance(item, h5py.Dataset) else None)
    wanted = ["classes"]
    for array, group, list_ in ((0, "parameters", names), (1, "momentum", names), (2, "statistics", statistics)):
        for i, name in enumerate(list_):
            wanted.append(f"{group}/resnet/{name}")
            data = f[wanted[-1]]
            wrong += data.dtype != np.float32 or (array < 2 and name in shapes and data.shape != shapes[name])
            wrong += int((data[...] != expected(array, i, data.shape)).sum())
    if sorted(found) != sorted(wanted):
        print("other data sets than expected:", set(found) ^ set(wanted))
        wrong += 1
    wrong += f.attrs["format"] != b"bit-checkpoint" and f.attrs["format"] != "bit-checkpoint"
    wrong += f.attrs["step"] != step or f.attrs["samples"] != 64 * step
    wrong += bytes(f["classes"][...]).decode() != "cat\ndog\n\u00e9t\u00e9\n"
print("wrong:", wrong)
sys.exit(1 if wrong else 0)
