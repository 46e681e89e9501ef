# The Spack recipe of mpibatch. With the release's tarball in the current folder:
#
#     spack repo add packaging/spack
#     spack install --no-checksum mpibatch
#
# Developers: spack dev-build -d . mpibatch@VERSION, in a clone.
import os

from spack.package import *

try:  # Spack 1.0 and later keep the build systems in the builtin repository
    from spack_repo.builtin.build_systems.autotools import AutotoolsPackage
except ImportError:
    pass


class Mpibatch(AutotoolsPackage):
    """mpibatch runs many independent programs, such as all points of a
    parameter sweep, inside one MPI job or Slurm allocation, and gives their
    results as one HDF5 file, the sweep as an N-dimensional array."""

    homepage = "https://mpibatch.example.org"
    url = "file://{0}/mpibatch-0.1.0.tar.xz".format(os.getcwd())
    manual_download = True

    license("Apache-2.0")

    version("0.1.0")

    depends_on("c", type="build")
    depends_on("pkgconfig", type="build")
    # for a clone; a release has its configure
    depends_on("autoconf", type="build")
    depends_on("automake@1.16:", type="build")

    # configure.ac says what each is for
    depends_on("mpi")
    depends_on("hwloc@2.1:")
    depends_on("hdf5+hl~mpi")
    depends_on("libyaml@0.2.1:")
    depends_on("pcre2@10.30:")
    depends_on("jansson@2.11:")
    depends_on("croaring")
    depends_on("nettle@3.1:")
    depends_on("xxhash@0.8.0:")
    depends_on("libarchive@3.3.3:")
    depends_on("zlib")
    depends_on("curl@7.61.0:")
    depends_on("cmocka", type="test")

    conflicts("platform=darwin", msg="mpibatch needs Linux")
    conflicts("platform=windows", msg="mpibatch needs Linux")

    def configure_args(self):
        return ["MPICC={0}".format(self.spec["mpi"].mpicc)]
