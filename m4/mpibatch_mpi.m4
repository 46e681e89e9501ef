# MPIBATCH_LIB_MPI: the flags of MPI for the one file that includes mpi.h.
# Open MPI by pkg-config (ompi-c; never mpi-c, which is whatever the
# distribution's alternative points to), else from the compiler wrapper mpicc,
# else a $CC that is itself the wrapper.

AC_DEFUN([MPIBATCH_LIB_MPI],
  [AC_REQUIRE([PKG_PROG_PKG_CONFIG])
   AC_ARG_VAR([MPICC], [MPI compiler wrapper to ask for flags])
   mpibatch_mpi=no
   AS_IF([test -n "$MPICC"], [mpibatch_wrapper=$MPICC], [mpibatch_wrapper=mpicc])
   AS_IF([test -z "$MPICC" && $PKG_CONFIG --exists ompi-c],
     [MPI_CFLAGS=`$PKG_CONFIG --cflags ompi-c`
      MPI_LIBS=`$PKG_CONFIG --libs ompi-c`
      mpibatch_mpi=pkg-config],
    [$mpibatch_wrapper --showme:compile >/dev/null 2>&1],
     [MPI_CFLAGS=`$mpibatch_wrapper --showme:compile`
      MPI_LIBS=`$mpibatch_wrapper --showme:link`
      mpibatch_mpi=$mpibatch_wrapper],
    [$mpibatch_wrapper -compile_info >/dev/null 2>&1],
     [mpibatch_words=`$mpibatch_wrapper -link_info`
      for mpibatch_w in $mpibatch_words; do
        case $mpibatch_w in
          -I*) MPI_CFLAGS="$MPI_CFLAGS $mpibatch_w" ;;
          -L*|-l*|-Wl,*) MPI_LIBS="$MPI_LIBS $mpibatch_w" ;;
        esac
      done
      mpibatch_mpi=$mpibatch_wrapper])
   mpibatch_cppflags=$CPPFLAGS; mpibatch_libs=$LIBS
   CPPFLAGS="$CPPFLAGS $MPI_CFLAGS"; LIBS="$MPI_LIBS $LIBS"
   AC_MSG_CHECKING([for MPI 3.1])
   AC_LINK_IFELSE([AC_LANG_PROGRAM([[
#include <mpi.h>
#if MPI_VERSION < 3
#error too old
#endif]], [[return MPI_Init(0, 0);]])],
     [AC_MSG_RESULT([yes, $mpibatch_mpi])],
     [AC_MSG_RESULT([no])
      MPIBATCH_MISSING([Open MPI], [libopenmpi-dev openmpi-bin])])
   CPPFLAGS=$mpibatch_cppflags; LIBS=$mpibatch_libs
   AC_SUBST([MPI_CFLAGS])
   AC_SUBST([MPI_LIBS])
   AC_PATH_PROG([MPIRUN], [mpirun], [mpirun])])
