#include "bit/group.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "bit/memory.h"
#include "bit/phase.h"

static int self_broadcast(struct bit_group *g, void *data, size_t bytes, int root, struct bit_error *error)
{
    (void)g, (void)data, (void)bytes, (void)root, (void)error;
    return 0;
}

static int self_gather(struct bit_group *g, const void *mine, size_t bytes, void *all, struct bit_error *error)
{
    (void)g, (void)error;
    if (bytes)
        memmove(all, mine, bytes);
    return 0;
}

struct bit_group *bit_group_self(void)
{
    static const struct bit_group_operations operations = {self_broadcast, self_gather};
    static struct bit_group self = {.rank = 0, .size = 1, .node_rank = 0, .node_size = 1, .operations = &operations};
    return &self;
}

int bit_group_broadcast(struct bit_group *g, void *data, size_t bytes, int root, struct bit_error *error)
{
    bit_phase_wait();
    int result = g->operations->broadcast(g, data, bytes, root, error);
    bit_phase_go();
    return result;
}

int bit_group_gather(struct bit_group *g, const void *mine, size_t bytes, void *all, struct bit_error *error)
{
    bit_phase_wait();
    int result = g->operations->gather(g, mine, bytes, all, error);
    bit_phase_go();
    return result;
}

int bit_group_barrier(struct bit_group *g, struct bit_error *error)
{
    char mine = 0, all[g->size];
    return bit_group_gather(g, &mine, 1, all, error);
}

int bit_group_agree(struct bit_group *g, struct bit_error *error)
{
    int code = error->code, codes[g->size];
    struct bit_error lost = {0};
    if (bit_group_gather(g, &code, sizeof code, codes, &lost)) {
        *error = lost;
        return -1;
    }
    int rank = 0;
    while (rank < g->size && codes[rank] == BIT_OK)
        rank++;
    if (rank == g->size)
        return 0;
    struct bit_error first = *error;
    if (bit_group_broadcast(g, &first, sizeof first, rank, &lost)) {
        *error = lost;
        return -1;
    }
    *error = first;
    if (g->size > 1 && strncmp(error->text, "rank ", 5))
        bit_fail_at(error, "rank %d", rank);
    return -1;
}

int bit_group_sum(struct bit_group *g, double *values, size_t count, struct bit_error *error)
{
    double few[256], *all = few;
    size_t ranks = (size_t)g->size;
    bool many = ranks * count > sizeof few / sizeof *few;
    if (ranks == 1)
        return error->code == BIT_OK ? 0 : -1;
    /* A rank without memory must not leave the others waiting in the gather. */
    if (many)
        all = bit_allocate(ranks * count, sizeof *all, "a sum over ranks", error);
    if (bit_group_agree(g, error)) {
        if (many)
            bit_free(all);
        return -1;
    }
    int result = bit_group_gather(g, values, count * sizeof *values, all, error);
    if (!result) {
        for (size_t distance = 1; distance < ranks; distance *= 2)
            for (size_t r = 0; r + distance < ranks; r += 2 * distance)
                for (size_t i = 0; i < count; i++)
                    all[r * count + i] += all[(r + distance) * count + i];
        memcpy(values, all, count * sizeof *values);
    }
    if (many)
        bit_free(all);
    return result;
}
