# What bit needs from the system. Every check names the packages to install where it fails.

# BIT_MISSING(WHAT, DEBIAN PACKAGE, FEDORA PACKAGE)
AC_DEFUN([BIT_MISSING], [AC_MSG_ERROR([$1 not found. Install it:
    Debian, Ubuntu:  apt-get install $2
    Fedora, RHEL:    dnf install $3
  (./launcher/install-dependencies does that)])])

AC_DEFUN([AX_BIT_REQUIREMENTS], [
  # C11, threads, OpenMP
  AC_OPENMP
  AS_IF([test -z "$OPENMP_CFLAGS" && test "$ac_cv_prog_c_openmp" != "none needed"],
    [BIT_MISSING([OpenMP for $CC], [gcc (or libomp-dev for clang)], [gcc (or libomp-devel for clang)])])
  AC_SEARCH_LIBS([sqrt], [m])
  AC_SEARCH_LIBS([pthread_create], [pthread])

  m4_ifndef([PKG_PROG_PKG_CONFIG], [m4_fatal([pkg-config is missing: ./launcher/install-dependencies installs it])])
  PKG_PROG_PKG_CONFIG([0.28])
  AS_IF([test -z "$PKG_CONFIG"], [BIT_MISSING([pkg-config], [pkg-config], [pkgconf-pkg-config])])

  # HDF5, serial: Debian keeps it beside parallel ones under its own name
  PKG_CHECK_MODULES([HDF5], [hdf5-serial], [], [PKG_CHECK_MODULES([HDF5], [hdf5], [], [
    bit_save_LIBS=$LIBS; LIBS="-lhdf5 $LIBS"
    AC_CHECK_HEADER([hdf5.h], [], [BIT_MISSING([HDF5], [libhdf5-dev], [hdf5-devel])])
    AC_LINK_IFELSE([AC_LANG_CALL([], [H5open])], [HDF5_LIBS=-lhdf5],
      [BIT_MISSING([HDF5], [libhdf5-dev], [hdf5-devel])])
    LIBS=$bit_save_LIBS])])
  PKG_CHECK_MODULES([CJSON], [libcjson], [], [BIT_MISSING([cJSON], [libcjson-dev], [cjson-devel])])
  PKG_CHECK_MODULES([JPEG], [libjpeg], [], [BIT_MISSING([libjpeg-turbo], [libjpeg-dev], [libjpeg-turbo-devel])])
  PKG_CHECK_MODULES([PNG], [libpng >= 1.6 zlib], [], [BIT_MISSING([libpng 1.6 or later], [libpng-dev], [libpng-devel])])
  PKG_CHECK_MODULES([ZIP], [libzip >= 1.7], [], [BIT_MISSING([libzip 1.7 or later], [libzip-dev], [libzip-devel])])
  PKG_CHECK_MODULES([XXHASH], [libxxhash >= 0.8.0], [], [BIT_MISSING([xxHash 0.8 or later], [libxxhash-dev], [xxhash-devel])])
  PKG_CHECK_MODULES([OPENBLAS], [openblas], [], [BIT_MISSING([OpenBLAS], [libopenblas-dev], [openblas-devel])])
  bit_save_LIBS=$LIBS; LIBS="$OPENBLAS_LIBS $LIBS"
  AC_CHECK_FUNCS([openblas_set_num_threads openblas_get_corename])
  LIBS=$bit_save_LIBS
  PKG_CHECK_MODULES([CUNIT], [cunit], [have_cunit=yes], [BIT_MISSING([CUnit], [libcunit1-dev], [CUnit-devel])])

  # MPI: the flags of the wrapper, whatever MPI it belongs to
  AC_ARG_VAR([MPICC], [MPI compiler wrapper (default: mpicc)])
  AC_CHECK_PROGS([MPICC], [mpicc mpicc.openmpi mpicc.mpich])
  AS_IF([test -z "$MPICC"], [BIT_MISSING([an MPI library (mpicc)], [libopenmpi-dev openmpi-bin], [openmpi-devel])])
  AC_MSG_CHECKING([for the flags of $MPICC])
  AS_IF([MPI_CFLAGS=`$MPICC --showme:compile 2>/dev/null`],
    [MPI_LIBS=`$MPICC --showme:link`],
    [bit_show=`$MPICC -show 2>/dev/null`
     MPI_CFLAGS= MPI_LIBS=
     for bit_word in $bit_show; do
       AS_CASE([$bit_word], [-I*|-D*], [MPI_CFLAGS="$MPI_CFLAGS $bit_word"],
         [-L*|-l*|-Wl,-rpath*|-Wl,/*|-Wl,--enable-new-dtags], [MPI_LIBS="$MPI_LIBS $bit_word"])
     done])
  AC_MSG_RESULT([$MPI_CFLAGS $MPI_LIBS])
  bit_save_CPPFLAGS=$CPPFLAGS; bit_save_LIBS=$LIBS
  CPPFLAGS="$CPPFLAGS $MPI_CFLAGS"; LIBS="$MPI_LIBS $LIBS"
  AC_LINK_IFELSE([AC_LANG_PROGRAM([[#include <mpi.h>
#if MPI_VERSION < 3
#error MPI 3.1 is needed
#endif]], [[MPI_Win w; MPI_Win_allocate_shared(0, 1, MPI_INFO_NULL, MPI_COMM_WORLD, &w, &w)]])], [],
    [BIT_MISSING([an MPI 3 library that $MPICC can link], [libopenmpi-dev openmpi-bin], [openmpi-devel])])
  CPPFLAGS=$bit_save_CPPFLAGS; LIBS=$bit_save_LIBS
  AC_SUBST([MPI_CFLAGS]) AC_SUBST([MPI_LIBS])

  # The mpirun that belongs to this wrapper (mpicc.mpich -> mpirun.mpich), for the tests and the launcher
  AC_ARG_VAR([MPIRUN], [mpirun of the same MPI (default: named like MPICC)])
  AS_IF([test -z "$MPIRUN"], [MPIRUN=`AS_ECHO(["$MPICC"]) | sed 's/mpicc\([[^/]]*\)$/mpirun\1/'`])
  AC_MSG_CHECKING([which MPI $MPIRUN belongs to])
  AS_CASE([`$MPIRUN --version 2>/dev/null`], [*"Open MPI"*|*OpenRTE*|*PRRTE*], [MPI_KIND=openmpi],
    [*HYDRA*|*MPICH*|*Intel*], [MPI_KIND=mpich], [MPI_KIND=unknown])
  AC_MSG_RESULT([$MPI_KIND])
  AS_IF([test "$MPI_KIND" = unknown],
    [AC_MSG_WARN([$MPIRUN does not say what it is: tests that need several ranks are skipped])])
  AC_SUBST([MPI_KIND])

  # oneDNN, optional
  AC_ARG_WITH([onednn], [AS_HELP_STRING([--with-onednn=auto|yes|no], [the oneDNN backend (default: auto)])],
    [], [with_onednn=auto])
  have_onednn=no
  AS_IF([test "$with_onednn" != no], [
    bit_save_LIBS=$LIBS
    AC_CHECK_HEADER([oneapi/dnnl/dnnl.h], [AC_CHECK_LIB([dnnl], [dnnl_version], [have_onednn=yes])])
    LIBS=$bit_save_LIBS
    AS_IF([test "$have_onednn" = no && test "$with_onednn" = yes],
      [BIT_MISSING([oneDNN (asked for with --with-onednn=yes)], [libdnnl-dev], [onednn-devel])])])
  AS_IF([test "$have_onednn" = yes],
    [AC_DEFINE([HAVE_ONEDNN], [1], [oneDNN is there]) ONEDNN_LIBS=-ldnnl])
  AC_SUBST([ONEDNN_LIBS])
  AM_CONDITIONAL([ONEDNN], [test "$have_onednn" = yes])

  # bitd and its clients: SQLite keeps the queue, libmicrohttpd serves, libcurl asks
  AC_ARG_ENABLE([daemon], [AS_HELP_STRING([--disable-daemon], [build without bitd and the commands of bit that ask it])])
  AS_IF([test "$enable_daemon" != no], [
    PKG_CHECK_MODULES([SQLITE], [sqlite3 >= 3.37], [],
      [BIT_MISSING([SQLite 3.37 or later (or configure with --disable-daemon)], [libsqlite3-dev], [sqlite-devel])])
    PKG_CHECK_MODULES([MICROHTTPD], [libmicrohttpd >= 0.9.71], [],
      [BIT_MISSING([libmicrohttpd 0.9.71 or later (or configure with --disable-daemon)], [libmicrohttpd-dev], [libmicrohttpd-devel])])
    PKG_CHECK_MODULES([CURL], [libcurl >= 7.40], [],
      [BIT_MISSING([libcurl 7.40 or later (or configure with --disable-daemon)], [libcurl4-openssl-dev], [libcurl-devel])])
    AC_DEFINE([HAVE_DAEMON], [1], [bitd is built])])
  AM_CONDITIONAL([DAEMON], [test "$enable_daemon" != no])

  # Where other programs look for files of ours
  AC_ARG_WITH([bash-completion-dir], [AS_HELP_STRING([--with-bash-completion-dir=DIR|no],
    [completion for bash (default: DATADIR/bash-completion/completions)])],
    [], [with_bash_completion_dir='${datadir}/bash-completion/completions'])
  AC_SUBST([bash_completion_dir], [$with_bash_completion_dir])
  AC_ARG_WITH([systemd-system-dir], [AS_HELP_STRING([--with-systemd-system-dir=DIR|no],
    [units of the system (default: PREFIX/lib/systemd/system)])],
    [], [with_systemd_system_dir='${prefix}/lib/systemd/system'])
  AC_SUBST([systemd_system_dir], [$with_systemd_system_dir])
  AC_ARG_WITH([systemd-user-dir], [AS_HELP_STRING([--with-systemd-user-dir=DIR|no],
    [units of users (default: PREFIX/lib/systemd/user)])], [], [with_systemd_user_dir='${prefix}/lib/systemd/user'])
  AC_SUBST([systemd_user_dir], [$with_systemd_user_dir])

  # Warnings and sanitizers
  BIT_CFLAGS="-std=gnu11 -Wall -Wextra -fno-math-errno -fno-trapping-math"
  # gcc takes MPICH's MPI_STATUSES_IGNORE for an array that MPI writes to.
  AS_IF([test "$MPI_KIND" = mpich && test "$GCC" = yes],
    [AS_CASE([`$CC --version 2>/dev/null`], [*clang*], [], [BIT_CFLAGS="$BIT_CFLAGS -Wno-stringop-overflow"])])
  AC_ARG_ENABLE([werror], [AS_HELP_STRING([--enable-werror], [treat warnings as errors])])
  AS_IF([test "$enable_werror" = yes], [BIT_CFLAGS="$BIT_CFLAGS -Werror"])
  AC_ARG_ENABLE([sanitizers], [AS_HELP_STRING([--enable-sanitizers], [build with ASan and UBSan])])
  AS_IF([test "$enable_sanitizers" = yes],
    [BIT_CFLAGS="$BIT_CFLAGS -fsanitize=address,undefined -fno-sanitize-recover=undefined -fno-omit-frame-pointer"
     # What is looked for with -u, and why, says src/base/unload.c.
     BIT_LDFLAGS="-fsanitize=address,undefined -Wl,-u,bit_libraries_stay"])
  AM_CONDITIONAL([SANITIZERS], [test "$enable_sanitizers" = yes])
  AC_SUBST([BIT_CFLAGS]) AC_SUBST([BIT_LDFLAGS])

  # Flags of the hot kernels: vectorise as -O3 would, also in a build with -O2 (clang does not know the second)
  KERNEL_CFLAGS=
  for bit_flag in -ftree-vectorize -fvect-cost-model=dynamic; do
    AC_MSG_CHECKING([whether $CC knows $bit_flag])
    bit_save_CFLAGS=$CFLAGS; CFLAGS="$CFLAGS -Werror $bit_flag"
    AC_COMPILE_IFELSE([AC_LANG_PROGRAM([], [])], [KERNEL_CFLAGS="$KERNEL_CFLAGS $bit_flag" bit_result=yes], [bit_result=no])
    CFLAGS=$bit_save_CFLAGS
    AC_MSG_RESULT([$bit_result])
  done
  AC_SUBST([KERNEL_CFLAGS])
  AM_CONDITIONAL([X86_64], [test "$host_cpu" = x86_64])
])

AC_DEFUN([AX_BIT_SUMMARY], [
  AC_MSG_NOTICE([ready: CC $CC, MPI $MPICC ($MPI_KIND, $MPIRUN), oneDNN $have_onednn, daemon ${enable_daemon:-yes}; now run make])
])
