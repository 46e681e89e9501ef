# Libraries, and one clear line for each that is missing.
#
# MPIBATCH_LIB(NAME, MODULE, HEADER, LIB, FUNCTION, DEBIAN-PACKAGE)
#   Finds a library by pkg-config, else by header and -lLIB, and sets
#   NAME_CFLAGS and NAME_LIBS. All missing libraries are collected, so that a
#   user sees them at once; MPIBATCH_LIBS_REPORT ends configure if there are any.

AC_DEFUN([MPIBATCH_MISSING],
  [mpibatch_missing="$mpibatch_missing
  $1: install $2"
   mpibatch_packages="$mpibatch_packages $2"])

AC_DEFUN([MPIBATCH_LIB],
  [AC_REQUIRE([PKG_PROG_PKG_CONFIG])
   PKG_CHECK_MODULES([$1], [$2], [mpibatch_found=yes], [
     mpibatch_found=no
     AC_CHECK_HEADER([$3], [
       AC_CHECK_LIB([$4], [$5], [
         mpibatch_found=yes
         AC_SUBST([$1_CFLAGS], [""])
         AC_SUBST([$1_LIBS], ["-l$4"])])])])
   AS_IF([test $mpibatch_found = no], [MPIBATCH_MISSING([$4], [$6])])])

AC_DEFUN([MPIBATCH_LIBS_REPORT],
  [AS_IF([test -n "$mpibatch_missing"],
    [AC_MSG_ERROR([what mpibatch needs is missing:$mpibatch_missing
On Debian and Ubuntu: apt-get install$mpibatch_packages])])])

# MPIBATCH_LIB_HDF5: serial HDF5 with its high-level library. Debian keeps it
# in a folder of its own, beside the parallel ones: hdf5-serial.pc knows it;
# elsewhere it is hdf5.pc, or plain -lhdf5.
AC_DEFUN([MPIBATCH_LIB_HDF5],
  [AC_REQUIRE([PKG_PROG_PKG_CONFIG])
   mpibatch_hdf5=no
   for mpibatch_m in hdf5-serial hdf5; do
     AS_IF([test $mpibatch_hdf5 = no && $PKG_CONFIG --exists $mpibatch_m], [
       HDF5_CFLAGS=`$PKG_CONFIG --cflags $mpibatch_m`
       HDF5_LIBS=`$PKG_CONFIG --libs $mpibatch_m`
       mpibatch_hdf5=$mpibatch_m])
   done
   AS_IF([test $mpibatch_hdf5 = no], [HDF5_LIBS="-lhdf5"])
   HDF5_LIBS=`echo "$HDF5_LIBS" | sed 's/-lhdf5\( \|$\)/-lhdf5_hl -lhdf5\1/'`
   mpibatch_cppflags=$CPPFLAGS; mpibatch_libs=$LIBS
   CPPFLAGS="$CPPFLAGS $HDF5_CFLAGS"; LIBS="$HDF5_LIBS $LIBS"
   AC_MSG_CHECKING([for serial HDF5 with its high-level library])
   AC_LINK_IFELSE([AC_LANG_PROGRAM([[
#include <hdf5.h>
#include <hdf5_hl.h>
#ifdef H5_HAVE_PARALLEL
#error parallel HDF5
#endif]], [[return H5DSis_scale(0) + H5open();]])],
     [AC_MSG_RESULT([yes, $mpibatch_hdf5])],
     [AC_MSG_RESULT([no])
      MPIBATCH_MISSING([serial HDF5 with hdf5_hl], [libhdf5-dev])])
   CPPFLAGS=$mpibatch_cppflags; LIBS=$mpibatch_libs
   AC_SUBST([HDF5_CFLAGS])
   AC_SUBST([HDF5_LIBS])])
