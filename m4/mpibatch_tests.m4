# What only the tests need: cmocka, and a Python that has xarray and the
# readers of HDF5 that users have. Without them the tests that need them are
# skipped and say so.

AC_DEFUN([MPIBATCH_LIB_CMOCKA],
  [AC_REQUIRE([PKG_PROG_PKG_CONFIG])
   PKG_CHECK_MODULES([CMOCKA], [cmocka], [mpibatch_cmocka=yes],
     [mpibatch_cmocka=no
      AC_MSG_WARN([no cmocka: "make check" leaves out the unit tests (install libcmocka-dev)])])
   AM_CONDITIONAL([HAVE_CMOCKA], [test $mpibatch_cmocka = yes])])

AC_DEFUN([MPIBATCH_PYTHON],
  [AC_ARG_VAR([PYTHON], [Python 3 with xarray, pandas, h5py for the tests])
   AC_MSG_CHECKING([for a Python with xarray, pandas, h5py])
   AS_IF([test -z "$PYTHON"], [
     PYTHON=:
     for mpibatch_p in python3 /usr/bin/python3; do
       AS_IF([test "$PYTHON" = : && $mpibatch_p -c 'import xarray, pandas, h5py, tables' >/dev/null 2>&1],
         [PYTHON=$mpibatch_p])
     done])
   AC_MSG_RESULT([$PYTHON])])
