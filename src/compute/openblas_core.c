/* OpenBLAS before 0.3.22 takes an Emerald Rapids or any later processor for a Prescott, at a tenth of the speed; and BIT_ISA, which chooses
 * our kernels, chooses OpenBLAS's, too. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "compute/isa.h"
#include "compute/openblas.h"
#include "compute/start.h"

#if defined HAVE_OPENBLAS_GET_CORENAME && defined __x86_64__

/* The kernels of processors without AVX2; on one with AVX2 they are a mistake. */
static bool slow_kernels(void)
{
    static const char *const old[] = {"Prescott", "Core2", "Penryn", "Dunnington", "Atom", "Nehalem", "Sandybridge",
                                      "Athlon", "Opteron", "Opteron_SSE3", "Barcelona", "Bobcat", "Bulldozer", "generic"};
    const char *core = openblas_get_corename();
    for (size_t i = 0; i < sizeof old / sizeof *old; i++)
        if (!strcasecmp(core, old[i]))
            return true;
    return false;
}

void bit_openblas_choose(char **argv)
{
    static const char *const cores[] = {[BIT_ISA_GENERIC] = "Prescott", [BIT_ISA_AVX2] = "Haswell", [BIT_ISA_AVX512] = "SkylakeX"};
    enum bit_isa isa = bit_isa();
    bool other = bit_level_wanted() ? strcasecmp(openblas_get_corename(), cores[isa]) != 0 : isa != BIT_ISA_GENERIC && slow_kernels();
    if (!other || bit_start_traced(environ) || getenv("OPENBLAS_CORETYPE"))
        return;
    /* Set even where execv fails: then the program just runs with what it has, and its children do better. */
    if (!setenv("OPENBLAS_CORETYPE", cores[isa], 1))
        bit_start_again(argv, environ);
}

#else

void bit_openblas_choose(char **argv)
{
    (void)argv;
}

#endif

void bit_compute_describe(char *buffer, size_t size)
{
#ifdef HAVE_OPENBLAS_GET_CORENAME
    const char *core = openblas_get_corename();
#else
    const char *core = "of unknown kernels";
#endif
    snprintf(buffer, size, "%s, OpenBLAS %s", bit_compute_isa(), core);
}
