# Compiler options: C11, hidden visibility, no fused multiply-add behind our
# back (sweeps have the same values on all machines), and what --enable-* asks
# for.
#
#   --enable-werror            warnings end the build
#   --enable-sanitizer=LIST    -fsanitize=LIST, with frame pointers
#   --enable-fuzzing           build the fuzz targets for libFuzzer (clang)

AC_DEFUN([MPIBATCH_CFLAG],
  [AC_MSG_CHECKING([whether $CC accepts $1])
   mpibatch_cflags=$CFLAGS
   CFLAGS="$CFLAGS -Werror $1"
   AC_COMPILE_IFELSE([AC_LANG_PROGRAM([], [])],
     [AC_MSG_RESULT([yes]); MPIBATCH_CFLAGS="$MPIBATCH_CFLAGS $1"],
     [AC_MSG_RESULT([no])])
   CFLAGS=$mpibatch_cflags])

AC_DEFUN([MPIBATCH_COMPILER],
  [AC_ARG_ENABLE([werror],
     [AS_HELP_STRING([--enable-werror], [treat warnings as errors])])
   AC_ARG_ENABLE([sanitizer],
     [AS_HELP_STRING([--enable-sanitizer=LIST],
       [build with -fsanitize=LIST (default address,undefined)])])
   AC_ARG_ENABLE([fuzzing],
     [AS_HELP_STRING([--enable-fuzzing],
       [build the fuzz targets with libFuzzer (needs clang)])])
   for mpibatch_f in -std=gnu11 -fvisibility=hidden -Wall -Wextra \
       -Wstrict-prototypes -Wmissing-prototypes -Wshadow -Wvla \
       -Wpointer-arith -Wwrite-strings -Wformat=2 -Wundef -ffp-contract=off; do
     MPIBATCH_CFLAG([$mpibatch_f])
   done
   AS_IF([test "x$enable_werror" = xyes],
     [MPIBATCH_CFLAGS="$MPIBATCH_CFLAGS -Werror"])
   AS_CASE([$enable_sanitizer],
     [''|no], [mpibatch_sanitizer=],
     [yes], [mpibatch_sanitizer=address,undefined],
     [mpibatch_sanitizer=$enable_sanitizer])
   AS_IF([test -n "$mpibatch_sanitizer"],
     [MPIBATCH_CFLAGS="$MPIBATCH_CFLAGS -fsanitize=$mpibatch_sanitizer -fno-sanitize-recover=all -fno-omit-frame-pointer"
      AC_DEFINE([HAVE_SANITIZER], [1], [Define when built with a sanitizer.])])
   AS_IF([test "x$enable_fuzzing" = xyes],
     [MPIBATCH_CFLAGS="$MPIBATCH_CFLAGS -fsanitize=fuzzer-no-link"])
   AM_CONDITIONAL([FUZZING], [test "x$enable_fuzzing" = xyes])
   AM_CONDITIONAL([SANITIZER], [test -n "$mpibatch_sanitizer"])
   AC_SUBST([MPIBATCH_CFLAGS])])

# What we need of Linux and glibc; each is younger than some systems.
AC_DEFUN([MPIBATCH_LINUX],
  [AC_CHECK_FUNCS([close_range pidfd_open copy_file_range])
   AC_CHECK_HEADERS([linux/pidfd.h])
   AC_SEARCH_LIBS([pthread_create], [pthread], [],
     [AC_MSG_ERROR([no POSIX threads])])
   AC_SEARCH_LIBS([floor], [m])])
