#include "run/embed.h"

#include <stdio.h>

#include "apply/embed.h"
#include "bit/log.h"
#include "bit/phase.h"
#include "run/options.h"
#include "run/signals.h"

static int load_and_run(struct bit_group *world, const struct options *o, struct trained *trained, struct bit_error *error)
{
    const struct trained_options how = {.overrides = o->overrides.value, .override_count = o->overrides.count};
    struct embed_result result;
    if (trained_load(o->embed_model, &how, world, trained, error))
        return -1;
    const struct embed_options embed = {.trained = trained, .data = o->embed_data, .out = o->embed_out, .group = world, .stop = signals_stop};
    bit_phase_enter(BIT_PHASE_EVALUATE);
    int verdict = embed_run(&embed, &result, error);
    if (verdict > 0)
        return bit_fail(error, BIT_EAGAIN, "stopped by %s; the same command goes on", *signals_name() ? signals_name() : "a signal");
    if (verdict == 0 && world->rank == 0)
        embed_print(&embed, &result);
    return verdict;
}

int embed(struct bit_group *world, const struct options *o, struct bit_error *error)
{
    struct trained trained = {0};
    if (load_and_run(world, o, &trained, error) && world->rank == 0)
        bit_log(error->code == BIT_EAGAIN ? BIT_LOG_INFO : BIT_LOG_ERROR, "%s", error->text);
    trained_free(&trained);
    fflush(stdout);
    return error->code;
}
