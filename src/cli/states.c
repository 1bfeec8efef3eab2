/* bit help states: the words of bit status. */
#include <stdio.h>

#include "cli/cli.h"
#include "daemon/next.h"

void bit_cli_help_states(void)
{
    printf("States of a job:\n");
    for (int s = 0; s < DAEMON_STATES; s++)
        printf("  %-20s %s\n", daemon_state_name((enum daemon_state)s), daemon_state_meaning((enum daemon_state)s));
    printf("\nCauses, why it is there:\n");
    for (int c = CAUSE_NONE + 1; c < DAEMON_CAUSES; c++)
        printf("  %-20s %s\n", daemon_cause_name((enum daemon_cause)c), daemon_cause_meaning((enum daemon_cause)c));
}
