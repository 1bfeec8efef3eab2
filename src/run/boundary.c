/* The order in which things are due between two steps. One generation at a time: the one in the making is committed when all have written
 * it, or before anything else happens that would wait for it. */
#include "run/boundary.h"

#include <stddef.h>

/* The first row of which all facts hold decides. */
static const struct { unsigned all, none; enum event event; } rows[] = {
    {BOUNDARY_MAKING | BOUNDARY_WRITTEN, 0, EVENT_COMMIT},
    {BOUNDARY_MAKING | BOUNDARY_ASKED, 0, EVENT_COMMIT},
    {BOUNDARY_MAKING | BOUNDARY_STOPPING, 0, EVENT_COMMIT},
    {BOUNDARY_MAKING | BOUNDARY_EVALUATION, 0, EVENT_COMMIT},
    {BOUNDARY_MAKING | BOUNDARY_SAVE, 0, EVENT_COMMIT},
    {BOUNDARY_MAKING | BOUNDARY_DONE, 0, EVENT_COMMIT},
    {BOUNDARY_EVALUATION, BOUNDARY_STOPPING, EVENT_EVALUATE},
    {BOUNDARY_SAVE, 0, EVENT_SAVE},
    {BOUNDARY_STOPPING, 0, EVENT_STOP},
    {BOUNDARY_DONE, 0, EVENT_DONE},
    {0, 0, EVENT_STEP},
};

enum event boundary_event(unsigned facts)
{
    size_t row = 0;
    while ((facts & rows[row].all) != rows[row].all || (facts & rows[row].none))
        row++;
    return rows[row].event;
}
