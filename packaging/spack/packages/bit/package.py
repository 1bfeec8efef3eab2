# Spack: "spack repo add packaging/spack", then "spack install bit" beside a source archive made by "make dist"
# (packaging/README).

import os

from spack.package import *


class Bit(AutotoolsPackage):
    """Pre-trains Big Transfer (BiT) image networks on CPU clusters with MPI, oneDNN or OpenBLAS,
    and sharded HDF5 checkpoints; the same bits on any power of two of ranks."""

    # The authors have no home page yet: the archive is looked for where spack is started.
    homepage = f"file://{os.getcwd()}"
    url = f"file://{os.getcwd()}/bit-0.1.0.tar.xz"

    # An archive of one's own has no checksum that could stand here: spack install --no-checksum.
    version("0.1.0")

    variant("onednn", default=True, description="Build the oneDNN backend")

    depends_on("c", type="build")
    depends_on("pkgconfig", type="build")

    depends_on("cjson")
    depends_on("cunit")
    depends_on("curl")
    depends_on("hdf5~mpi")
    depends_on("libjpeg-turbo")
    depends_on("libmicrohttpd@0.9.71:")
    depends_on("libpng@1.6:")
    depends_on("libzip@1.7:")
    depends_on("mpi@3:")
    depends_on("onednn", when="+onednn")
    depends_on("openblas")
    depends_on("sqlite@3.37:")
    depends_on("xxhash@0.8:")

    def configure_args(self):
        mpi = self.spec["mpi"].prefix.bin
        return [f"MPICC={mpi.mpicc}", f"MPIRUN={mpi.mpirun}", *self.with_or_without("onednn")]
