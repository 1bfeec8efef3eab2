# The environment of every test (sourced by make, by tests/lib.sh and by the campaigns; plain sh): machines with few cores, containers,
# root: more ranks than cores must work, and idle ranks and threads must give way. top_srcdir is set. OMPI_MCA_ of
# mapping and binding is for Open MPI 4.1, PRTE_MCA_ for 5, whose mpirun is PRRTE's.
# shellcheck shell=sh
export OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1 OMPI_MCA_rmaps_base_oversubscribe=1 OMPI_MCA_mpi_yield_when_idle=1 \
    OMPI_MCA_hwloc_base_binding_policy=none PRTE_MCA_rmaps_default_mapping_policy=:oversubscribe \
    PRTE_MCA_hwloc_default_binding_policy=none OMP_WAIT_POLICY=passive LC_ALL=C
export ASAN_OPTIONS="allocator_may_return_null=1:${ASAN_OPTIONS:-}" UBSAN_OPTIONS="print_stacktrace=1:${UBSAN_OPTIONS:-}" \
    LSAN_OPTIONS="suppressions=${top_srcdir:?}/tests/lsan.supp:print_suppressions=0"
