/* Telling what the memory guard found, on whichever rank, to all ranks. */
#include "train/trainer.h"

void bit_harm_describe(const struct bit_trainer *t, int rank, const struct bit_harm *harm, struct bit_error *what)
{
    if (harm->kind == BIT_HARM_COPY)
        bit_fail(what, BIT_EENVIRONMENT, "rank %d (host %s) holds other weights than the ranks that own them have written: its "
                 "memory or network changed them; look at that host", rank, t->hosts[rank]);
    else if (harm->parameter >= t->table->count)
        bit_fail(what, BIT_EINTERNAL, "rank %d (host %s) tells of parameter %u, there are %zu: the ranks do not agree on what they "
                 "exchange", rank, t->hosts[rank], harm->parameter, t->table->count);
    else
        bit_fail(what, BIT_EENVIRONMENT, "rank %d (host %s): the %s of %s changed in memory since the last update wrote it: a bit "
                 "flipped, or something else wrote there; look at that host", rank, t->hosts[rank],
                 harm->kind == BIT_HARM_MOMENTUM ? "momentum" : "weights", t->table->items[harm->parameter].name);
}

int bit_trainer_check_memory(struct bit_trainer *t, struct bit_error *harm, struct bit_error *error)
{
    struct bit_group *world = t->options.world;
    struct bit_harm mine, all[world->size];
    bit_error_clear(harm);
    bit_guard_check(t->guard, t->weights, t->velocity, &mine);
    if (bit_group_gather(world, &mine, sizeof mine, all, error))
        return -1;
    /* When what a rank owns has changed before it was sent, all the others have wrong copies: that rank is named. */
    for (int copies = 0; copies < 2; copies++)
        for (int r = 0; r < world->size && !harm->code; r++)
            if (all[r].kind != BIT_HARM_NONE && (all[r].kind == BIT_HARM_COPY) == copies)
                bit_harm_describe(t, r, &all[r], harm);
    return 0;
}
