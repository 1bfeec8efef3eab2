/* store_ranks ACTION FOLDER ...: saves and loads a state of known values at any number of ranks, for the scripts.
 *   save FOLDER STEP [KEEP [LARGE [BUCKET]]]   prints "saved STEP WEIGHTS-HASH MOMENTUM-HASH"
 *   load FOLDER [LIMIT [LARGE [BUCKET]]]       prints "loaded STEP WEIGHTS-HASH MOMENTUM-HASH" after comparing every value,
 *                                              "nothing" when there is no generation; exits with the error's class
 *   differ FOLDER STEP                         the last rank's weights are off by one bit: must be refused
 *   spoil FOLDER STEP                          a bit of them flips while they are written */
#include <stdio.h>
#include <stdlib.h>

#include "bit/comm.h"
#include "bit/log.h"
#include "tests/store/state.h"

struct state { struct bit_group *world; struct bit_table *table, *statistics; struct bit_share share; struct bit_arrays arrays; };

static int state_create(struct state *s, int large, size_t bucket, struct bit_error *error)
{
    s->world = bit_comm_world();
    s->table = state_table(large);
    s->statistics = state_statistics();
    if (bit_share_create(s->table, bucket, s->world->rank, s->world->size, &s->share, error))
        return -1;
    s->arrays = (struct bit_arrays){.table = s->table, .share = &s->share, .statistics_table = s->statistics,
        .weights = bit_allocate(s->table->elements, 4, "weights", error),
        .momentum = bit_allocate(s->share.elements + 1, 4, "momentum", error),
        .statistics = bit_allocate(s->statistics->elements, 4, "statistics", error)};
    return s->arrays.weights && s->arrays.momentum && s->arrays.statistics ? 0 : -1;
}

static void state_destroy(struct state *s)
{
    bit_free(s->arrays.weights);
    bit_free(s->arrays.momentum);
    bit_free(s->arrays.statistics);
    bit_share_destroy(&s->share);
    bit_table_destroy(s->table);
    bit_table_destroy(s->statistics);
}

/* Packs (or, for `wrong`, compares) this rank's pieces of the momentum. */
static size_t momentum(struct state *s, uint64_t step, int pack)
{
    size_t wrong = 0;
    float *block = bit_allocate(s->table->elements, 4, "momentum", NULL), *mine = s->arrays.momentum;
    state_fill(s->table, STATE_MOMENTUM, step, block);
    for (size_t i = 0; i < s->share.count; mine += s->share.pieces[i++].count) {
        const struct bit_piece *p = &s->share.pieces[i];
        if (pack)
            memcpy(mine, block + p->offset, p->count * 4);
        else
            wrong += memcmp(mine, block + p->offset, p->count * 4) != 0;
    }
    bit_free(block);
    return wrong;
}

static void tell(const struct state *s, const char *what, const struct bit_checkpoint *c)
{
    char weights[BIT_HASH_TEXT], velocity[BIT_HASH_TEXT];
    bit_hash_text(c->weights_hash, weights);
    bit_hash_text(c->momentum_hash, velocity);
    if (s->world->rank == 0)
        printf("%s %llu %s %s\n", what, (unsigned long long)c->step, weights, velocity);
}

/* As bit_store_save, but for a bit of the last rank's part that flips behind prepare; of a single rank, in the momentum. */
static int save_spoilt(struct state *s, struct bit_store *store, struct bit_checkpoint *c, struct bit_error *error)
{
    struct bit_save *save = bit_store_prepare(store, c, &s->arrays, false, error);
    if (!save)
        return -1;
    const struct bit_parameter *last = &s->table->items[s->table->count - 1];
    ((uint32_t *)(s->world->size > 1 ? s->arrays.weights : s->arrays.momentum))[last->offset + last->count - 1] ^=
        s->world->rank == s->world->size - 1;
    bit_store_write(save);
    return bit_store_commit(store, save, error);
}

static int save(struct state *s, const char *action, const char *folder, uint64_t step, int keep, struct bit_error *error)
{
    struct bit_store *store = bit_store_open(folder, true, keep, s->world, error);
    if (!store)
        return -1;
    state_fill(s->table, STATE_WEIGHTS, step, s->arrays.weights);
    state_fill(s->statistics, STATE_STATISTICS, step, s->arrays.statistics);
    momentum(s, step, 1);
    if (!strcmp(action, "differ") && s->world->rank == s->world->size - 1)
        ((uint32_t *)s->arrays.weights)[5] ^= 1;
    struct bit_checkpoint c = state_checkpoint(step);
    int result = strcmp(action, "spoil") ? bit_store_save(store, &c, &s->arrays, error) : save_spoilt(s, store, &c, error);
    if (!result)
        tell(s, "saved", &c);
    bit_store_close(store);
    return result;
}

static int load(struct state *s, const char *folder, uint64_t limit, struct bit_error *error)
{
    struct bit_store *store = bit_store_open(folder, true, 0, s->world, error);
    if (!store)
        return -1;
    struct bit_checkpoint c = {0};
    int result = bit_store_load(store, state_checkpoint(0).model, limit, &c, &s->arrays, error);
    if (result == 0 && s->world->rank == 0)
        puts("nothing");
    if (result == 1) {
        size_t wrong = state_wrong(s->table, STATE_WEIGHTS, c.step, s->arrays.weights) + momentum(s, c.step, 0) +
                       state_wrong(s->statistics, STATE_STATISTICS, c.step, s->arrays.statistics);
        if (wrong)
            bit_fail(error, BIT_EINTERNAL, "step %llu: %zu values are wrong", (unsigned long long)c.step, wrong);
        result = bit_group_agree(s->world, error);
        if (!result)
            tell(s, "loaded", &c);
    }
    bit_checkpoint_free(&c);
    bit_store_close(store);
    return result < 0 ? -1 : 0;
}

int main(int argc, char **argv)
{
    struct bit_error error = {0};
    struct state s = {0};
    if (argc < 3 || bit_comm_init(&argc, &argv, &error)) {
        fprintf(stderr, "usage: store_ranks save|load|differ|spoil FOLDER ... %s\n", error.text);
        return BIT_EUSAGE;
    }
    bit_log_init("store_ranks", BIT_LOG_INFO);
    bit_log_rank(bit_comm_world()->rank, bit_comm_world()->size);
    uint64_t number = argc > 3 ? strtoull(argv[3], NULL, 10) : UINT64_MAX;
    int is_load = !strcmp(argv[1], "load"), at = is_load ? 4 : 5;
    int large = argc > at ? atoi(argv[at]) : 1;
    size_t bucket = argc > at + 1 ? (size_t)atol(argv[at + 1]) : 4096;
    if (!state_create(&s, large, bucket, &error)) {
        if (is_load)
            load(&s, argv[2], number, &error);
        else
            save(&s, argv[1], argv[2], number, argc > 4 ? atoi(argv[4]) : 3, &error);
    }
    if (error.code && s.world->rank == 0)
        fprintf(stderr, "store_ranks: %s\n", error.text);
    state_destroy(&s);
    bit_comm_fini();
    return error.code;
}
