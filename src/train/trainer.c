#include "train/trainer.h"

#include <stdio.h>
#include <string.h>

#include "bit/host.h"
#include "bit/memory.h"
#include "bit/text.h"

static int check_options(const struct bit_trainer_options *o, struct bit_error *error)
{
    if (o->step.batch < 1 || o->step.micro_batch < 1 || o->step.batch % (o->step.micro_batch * o->world->size))
        return bit_fail(error, BIT_EUSAGE, "a batch of %d images cannot be shared by %d ranks in micro-batches of %d: make "
                        "schedule.batch a multiple of %d", o->step.batch, o->world->size, o->step.micro_batch,
                        o->step.micro_batch * o->world->size);
    if (!bit_model_head(o->model))
        return bit_fail(error, BIT_EINTERNAL, "bit_trainer_create: a model without a head has no loss");
    if (o->step.image_size < 1)
        return bit_fail(error, BIT_EINTERNAL, "bit_trainer_create: an image size of %d", o->step.image_size);
    return 0;
}

static int allocate(struct bit_trainer *t, struct bit_error *error)
{
    const struct bit_trainer_options *o = &t->options;
    const struct bit_table *statistics = bit_model_statistics_table(o->model);
    int leaves = t->together ? 1 : t->micro_batches;
    size_t images = (size_t)o->step.micro_batch * (size_t)(t->together ? t->micro_batches : 1), share = bit_reducer_share(t->reducer)->elements;

    if (!(t->gradient = bit_gradient_create(t->table, leaves, error)) ||
        !(t->weights = bit_allocate(t->table->elements, sizeof(float), "weights", error)) ||
        !(t->velocity = bit_allocate(share, sizeof(float), "momentum", error)) ||
        !(t->losses = bit_allocate(images, sizeof(double), "losses", error)) ||
        !(t->sums = bit_allocate((size_t)leaves, sizeof(double), "losses", error)) ||
        !(t->verdicts = bit_allocate((size_t)o->world->size, bit_step_verdict_bytes(), "the step's agreement", error)) ||
        !(t->endings = bit_allocate((size_t)o->world->size, bit_step_ending_bytes(), "the step's agreement", error)) ||
        !(t->hosts = bit_allocate((size_t)o->world->size, sizeof *t->hosts, "the ranks' hosts", error)) ||
        !(t->guard = bit_guard_create(t->table, bit_reducer_share(t->reducer), error)))
        return -1;
    if (o->step.start_decay > 0 && !(t->start = bit_allocate(share, sizeof(float), "the weights of the start", error)))
        return -1;
    if (statistics && !(t->statistics = bit_allocate(statistics->elements, sizeof(float), "batch statistics", error)))
        return -1;
    return t->together && t->micro_batches > 1 ? bit_collector_init(&t->collector, o, t->micro_batches, error) : 0;
}

struct bit_trainer *bit_trainer_create(const struct bit_trainer_options *options, struct bit_error *error)
{
    const struct bit_table *table = bit_model_table(options->model);
    struct bit_trainer *t = NULL;
    if (!check_options(options, error) && (t = bit_allocate(1, sizeof *t, "the trainer", error))) {
        t->options = *options;
        t->table = table;
        t->micro_batches = options->step.batch / (options->step.micro_batch * options->world->size);
        t->together = bit_model_statistics_table(options->model) != NULL;
    }
    if (bit_group_agree(options->world, error) ||
        !(t->reducer = bit_reducer_create(options->world, table, NULL, error)))
        goto bad;
    char host[BIT_HOST];
    allocate(t, error);
    bit_host_name(host, sizeof host);
    if (bit_group_agree(options->world, error) || bit_group_gather(options->world, host, sizeof host, t->hosts, error))
        goto bad;
    return t;
bad:
    bit_trainer_destroy(t);
    return NULL;
}

void bit_trainer_destroy(struct bit_trainer *t)
{
    if (!t)
        return;
    bit_reducer_destroy(t->reducer);
    bit_gradient_destroy(t->gradient);
    bit_free(t->weights);
    bit_free(t->velocity);
    bit_free(t->start);
    bit_free(t->losses);
    bit_free(t->sums);
    bit_free(t->verdicts);
    bit_free(t->endings);
    bit_free(t->hosts);
    bit_guard_destroy(t->guard);
    bit_free(t->statistics);
    bit_collector_free(&t->collector);
    bit_free(t);
}

float *bit_trainer_weights(struct bit_trainer *t)
{
    return t->weights;
}

float *bit_trainer_velocity(struct bit_trainer *t)
{
    return t->velocity;
}

const struct bit_share *bit_trainer_share(const struct bit_trainer *t)
{
    return bit_reducer_share(t->reducer);
}

void bit_trainer_set_start(struct bit_trainer *t, const float *weights)
{
    const struct bit_share *share = bit_reducer_share(t->reducer);
    for (size_t i = 0, at = 0; t->start && i < share->count; at += share->pieces[i++].count)
        memcpy(t->start + at, weights + share->pieces[i].offset, share->pieces[i].count * sizeof *weights);
}

int bit_trainer_weights_changed(struct bit_trainer *t, struct bit_error *error)
{
    bit_model_set_weights(t->options.model, t->weights, error);
    if (t->options.step.guarded)
        bit_guard_note(t->guard, t->weights, t->velocity);
    return bit_group_agree(t->options.world, error);
}

/* ---- replicas ---- */

struct fingerprint { struct bit_hash weights, statistics; };

static bool same(const struct fingerprint *a, const struct fingerprint *b)
{
    return bit_hash_equal(a->weights, b->weights) && bit_hash_equal(a->statistics, b->statistics);
}

/* The rank whose fingerprint most ranks share (the lowest such rank); *votes: how many. */
static int majority(const struct fingerprint *all, int ranks, int *votes)
{
    int best = 0;
    *votes = 0;
    for (int r = 0; r < ranks; r++) {
        int count = 0;
        for (int q = 0; q < ranks; q++)
            count += same(&all[r], &all[q]);
        if (count > *votes) {
            *votes = count;
            best = r;
        }
    }
    return best;
}

static int name_minority(const struct fingerprint *all, int ranks, struct bit_error *error)
{
    int votes, best = majority(all, ranks, &votes);
    struct bit_text list = {0};
    if (votes == ranks)
        return 0;
    for (int r = 0; r < ranks; r++) {
        char hex[BIT_HASH_TEXT];
        if (same(&all[r], &all[best]))
            continue;
        bit_hash_text(all[r].weights, hex);
        bit_text_add(&list, "%s%d (%.8s)", list.size ? ", " : "", r, hex);
    }
    char hex[BIT_HASH_TEXT];
    bit_hash_text(all[best].weights, hex);
    if (2 * votes > ranks)
        bit_fail(error, BIT_EINTERNAL, "the weights of rank %s differ from those of the other %d ranks (%.8s): memory or "
                 "network of that machine may be faulty; start the job again to go on from its last checkpoint",
                 list.data ? list.data : "?", votes, hex);
    else
        bit_fail(error, BIT_EINTERNAL, "the ranks' weights differ and no majority agrees: rank %d has (%.8s), rank %s; a "
                 "machine's memory or network may be faulty; start the job again to go on from its last checkpoint",
                 best, hex, list.data ? list.data : "?");
    bit_text_free(&list);
    return -1;
}

int bit_trainer_check_replicas(struct bit_trainer *t, struct bit_hash *hash, struct bit_error *harm, struct bit_error *error)
{
    struct bit_group *world = t->options.world;
    if (bit_trainer_check_memory(t, harm, error))
        return -1;
    if (harm->code)
        return 0;
    const struct bit_table *statistics = bit_model_statistics_table(t->options.model);
    struct fingerprint mine = {.weights = bit_table_hash(t->table, t->weights)}, all[world->size];
    if (statistics)
        mine.statistics = bit_table_hash(statistics, bit_model_statistics(t->options.model));
    if (hash)
        *hash = mine.weights;
    if (bit_group_gather(world, &mine, sizeof mine, all, error))
        return -1;
    return name_minority(all, world->size, error);
}
