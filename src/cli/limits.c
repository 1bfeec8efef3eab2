/* bit limits: what this process may use, as bitrun will count it. bit-launch asks here, so that the rules exist once. */
#include <math.h>
#include <stddef.h>
#include <stdio.h>

#include "bit/cores.h"
#include "bit/memory.h"
#include "bit/text.h"
#include "cli/cli.h"

struct options { bool cores, kills; };

#define AT(member) .at = offsetof(struct options, member)
static const struct bit_option known[] = {
    {"--cores", NULL, "the number of cores alone: those it may run on, within the CPU quota of its control group", BIT_OPTION_FLAG, AT(cores)},
    {"--kills", NULL, "processes that the kernel has killed for want of memory: in the control group, on the machine, and the\n"
     "group's limit in bytes (0: none), on one line", BIT_OPTION_FLAG, AT(kills)},
};
const struct bit_usage bit_limits_usage = {"bit limits", "", "Says what this process may use here: cores, CPU quota, memory.", known,
                                           sizeof known / sizeof *known, .least = 0, .most = 0};

static int print_kills(void)
{
    struct bit_memory_kills kills;
    bit_memory_kills("", &kills);
    printf("%llu %llu %llu\n", (unsigned long long)kills.group, (unsigned long long)kills.machine,
           kills.limit == UINT64_MAX ? 0ULL : (unsigned long long)kills.limit);
    return BIT_OK;
}

static int print_all(void)
{
    double quota = bit_cores_quota("");
    struct bit_memory_kills kills;
    uint64_t available = bit_memory_available("");
    char text[32];
    printf("cores             %d\n", bit_cores_usable());
    if (isfinite(quota))
        printf("CPU quota         %.3g cores\n", quota);
    else
        printf("CPU quota         none\n");
    bit_text_bytes((double)available, text, sizeof text);
    printf("memory available  %s\n", available == UINT64_MAX ? "unknown" : text);
    bit_memory_kills("", &kills);
    bit_text_bytes((double)kills.limit, text, sizeof text);
    printf("memory limit      %s\n", kills.limit == UINT64_MAX ? "none" : text);
    printf("killed for memory %llu in this control group, %llu on this machine\n", (unsigned long long)kills.group,
           (unsigned long long)kills.machine);
    return BIT_OK;
}

int bit_cli_limits(int argc, char **argv)
{
    struct options options = {0};
    struct bit_operands operands;
    int code;
    if (!bit_cli_parse(&bit_limits_usage, argc, argv, &options, &operands, &code))
        return code;
    if (options.cores && options.kills)
        return bit_cli_usage(&bit_limits_usage, "one option at a time");
    if (options.cores)
        return printf("%d\n", bit_cores_usable()), BIT_OK;
    return options.kills ? print_kills() : print_all();
}
