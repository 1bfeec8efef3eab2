/* What comes next between two steps: rows, and all sets of facts against the same rules said as formulas. */
#include "run/boundary.h"

#include <stdbool.h>

#include "../unit.h"

enum { M = BOUNDARY_MAKING, W = BOUNDARY_WRITTEN, A = BOUNDARY_ASKED, P = BOUNDARY_STOPPING, E = BOUNDARY_EVALUATION, S = BOUNDARY_SAVE, D = BOUNDARY_DONE };

static void rows(void)
{
    static const struct { unsigned facts; enum event event; } expected[] = {
        {W, EVENT_STEP},              /* nothing is due */
        {M, EVENT_STEP},              /* a generation is being written beside the steps */
        {M | W, EVENT_COMMIT},        /* it is written */
        {M | A, EVENT_COMMIT},        /* somebody waits for it */
        {M | S, EVENT_COMMIT},        /* the next one is due */
        {M | E, EVENT_COMMIT},        /* an evaluation comes after it */
        {M | D, EVENT_COMMIT},        /* the end, too */
        {W | S, EVENT_SAVE},
        {W | E, EVENT_EVALUATE},
        {W | E | D, EVENT_EVALUATE},  /* the last evaluation comes before the end */
        {W | S | D, EVENT_SAVE},      /* and so does the last checkpoint */
        {W | D, EVENT_DONE},
        {W | P | S, EVENT_SAVE},      /* a stop saves first, */
        {W | P, EVENT_STOP},
        {W | P | E, EVENT_STOP},      /* and leaves the evaluation to the next start, */
        {W | P | E | S, EVENT_SAVE},
        {W | P | E | D, EVENT_STOP},  /* at the end, too */
    };
    for (size_t i = 0; i < sizeof expected / sizeof *expected; i++) {
        if (boundary_event(expected[i].facts) != expected[i].event)
            fprintf(stderr, "\nrow %zu: event %d\n", i, boundary_event(expected[i].facts));
        CHECK(boundary_event(expected[i].facts) == expected[i].event);
    }
}

static void all_sets(void)
{
    for (unsigned f = 0; f < 1u << BOUNDARY_FACTS; f++) {
        bool evaluate = (f & E) && !(f & P);
        enum event event = (f & M) && (f & (W | A | P | E | S | D)) ? EVENT_COMMIT
                           : evaluate ? EVENT_EVALUATE : f & S ? EVENT_SAVE : f & P ? EVENT_STOP : f & D ? EVENT_DONE : EVENT_STEP;
        CHECK(boundary_event(f) == event);
    }
}

int main(int argc, char **argv)
{
    static const struct unit_test tests[] = {{"rows", rows}, {"all sets", all_sets}};
    return unit_main("boundary", tests, sizeof tests / sizeof *tests, argc, argv);
}
