# CRoaring, which Spack's own repository may lack.
from spack.package import *

try:  # Spack 1.0 and later keep the build systems in the builtin repository
    from spack_repo.builtin.build_systems.cmake import CMakePackage
except ImportError:
    pass


class Croaring(CMakePackage):
    """Roaring bitmaps in C: compressed sets of integers."""

    homepage = "https://roaringbitmap.org"
    url = "https://github.com/RoaringBitmap/CRoaring/archive/refs/tags/v4.3.9.tar.gz"

    license("Apache-2.0 OR MIT")

    version("4.3.9", sha256="7e3150f21a5e064d302610828b575524b51c5626520b7533b4fd6aea623175c9")

    depends_on("c", type="build")
    depends_on("cxx", type="build")
    depends_on("cmake@3.16:", type="build")

    def cmake_args(self):
        return ["-DBUILD_SHARED_LIBS=ON", "-DENABLE_ROARING_TESTS=OFF"]
