/* The table of few-shot results: a regression on each draw of few images a class, nearest neighbours among all. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "bit/data.h"
#include "bit/json.h"
#include "bit/memory.h"
#include "bit/phase.h"
#include "bit/probe.h"

void bit_few_init(struct bit_few_options *options)
{
    *options = (struct bit_few_options){.shots = 4, .seeds = 3, .neighbours = 4, .shot = {1, 5, 10, 25}, .seed = {0, 1, 2},
                                        .neighbour = {10, 20, 100, 200}, .l2 = BIT_RIDGE_L2};
}

static int class_in_pool(const void *context, uint64_t image)
{
    const struct bit_few_pool *pool = context;
    return pool->label_start[image] < pool->label_start[image + 1] ? (int)pool->labels[pool->label_start[image]] : -1;
}

static int draw(const struct bit_few_options *o, const struct bit_few_pool *pool, int shots, uint64_t seed, struct bit_draw *d, struct bit_error *error)
{
    if (o->drawing == BIT_FEW_NUMPY)
        return bit_draw_few(pool->count, pool->classes, pool->label_start, pool->labels, shots, seed, d, error);
    const struct bit_classes from = {pool->count, pool->classes, class_in_pool, pool};
    struct bit_subset *subset = bit_subset_draw(&from, shots, seed, error);
    if (!subset)
        return -1;
    *d = (struct bit_draw){subset->count, subset->images};
    subset->images = NULL;
    bit_subset_destroy(subset);
    return 0;
}

static int most_shots(const struct bit_few_options *o)
{
    int most = 0;
    for (int i = 0; i < o->shots; i++)
        most = o->shot[i] > most ? o->shot[i] : most;
    return most;
}

int bit_few_images(const struct bit_few_options *o, const struct bit_few_pool *pool, uint64_t **images, uint64_t *found,
                   struct bit_error *error)
{
    char *taken = bit_allocate(pool->count + 1, 1, "drawn images", error);
    int result = taken ? 0 : -1;
    *images = NULL;
    *found = 0;
    for (int s = 0; !result && o->shots && s < o->seeds; s++) {
        struct bit_draw d;
        result = draw(o, pool, most_shots(o), o->seed[s], &d, error); /* draws are nested */
        for (uint64_t i = 0; !result && i < d.count; i++) {
            *found += !taken[d.images[i]];
            taken[d.images[i]] = 1;
        }
        if (!result)
            bit_free(d.images);
    }
    if (!result && !(*images = bit_allocate(*found + 1, sizeof **images, "drawn images", error)))
        result = -1;
    for (uint64_t i = 0, at = 0; !result && i < pool->count; i++)
        if (taken[i])
            (*images)[at++] = i;
    bit_free(taken);
    return result;
}

static int ascending(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return (x > y) - (x < y);
}

/* Images become rows, in place; those without a row are dropped. */
static void find_rows(const struct bit_few_pool *pool, uint64_t rows, struct bit_draw *d)
{
    uint64_t kept = 0;
    for (uint64_t i = 0; pool->rows && i < d->count; i++) {
        const uint64_t *row = bsearch(&d->images[i], pool->rows, rows, sizeof *pool->rows, ascending);
        if (row)
            d->images[kept++] = (uint64_t)(row - pool->rows);
    }
    if (pool->rows)
        d->count = kept;
}

static int measure_draw(const struct bit_few_options *o, const struct bit_few_pool *pool, const struct bit_feature_set *train,
                        const struct bit_feature_set *test, int s, struct bit_few_row *row, struct bit_error *error)
{
    struct bit_draw d;
    struct bit_ridge ridge;
    if (draw(o, pool, row->shots, o->seed[s], &d, error))
        return -1;
    find_rows(pool, train->count, &d);
    row->train[s] = d.count;
    int result = bit_ridge_fit(train, d.images, d.count, o->l2, &ridge, error);
    bit_free(d.images);
    if (result)
        return -1;
    result = bit_ridge_score(&ridge, test, &row->right[s], error);
    bit_ridge_free(&ridge);
    return result;
}

static double share(uint64_t part, uint64_t all)
{
    return all ? (double)part / (double)all : 0;
}

static void sum_up(struct bit_few_row *row, int seeds, uint64_t images)
{
    uint64_t sorted[BIT_FEW_SEEDS];
    memcpy(sorted, row->right, (size_t)seeds * sizeof *sorted);
    qsort(sorted, (size_t)seeds, sizeof *sorted, ascending);
    row->least = share(sorted[0], images);
    row->most = share(sorted[seeds - 1], images);
    row->median = (share(sorted[(seeds - 1) / 2], images) + share(sorted[seeds / 2], images)) / 2;
}

int bit_few_measure(const struct bit_few_options *o, const struct bit_few_pool *pool, const struct bit_feature_set *train,
                    const struct bit_feature_set *test, struct bit_few_result *result, struct bit_error *error)
{
    *result = (struct bit_few_result){.test_images = test->count};
    for (int i = 0; i < o->shots; i++) {
        struct bit_few_row *row = &result->row[i];
        row->shots = o->shot[i];
        for (int s = 0; s < o->seeds; s++, bit_phase_tick())
            if (measure_draw(o, pool, train, test, s, row, error))
                return -1;
        sum_up(row, o->seeds, test->count);
    }
    if (!o->neighbours)
        return 0;
    return bit_neighbours_score(train, test, o->neighbour, o->neighbours, BIT_NEIGHBOUR_TEMPERATURE, result->neighbour_right, error);
}

/* ---- telling ---- */

void bit_few_print(const struct bit_few_options *o, const struct bit_few_result *r, FILE *stream)
{
    if (o->shots)
        fprintf(stream, "%8s %8s %8s %8s   by seed\n", "a class", "median", "least", "most");
    for (int i = 0; i < o->shots; i++) {
        const struct bit_few_row *row = &r->row[i];
        fprintf(stream, "%8d %6.2f %% %6.2f %% %6.2f %%  ", row->shots, 100 * row->median, 100 * row->least, 100 * row->most);
        for (int s = 0; s < o->seeds; s++)
            fprintf(stream, " %llu: %.2f", (unsigned long long)o->seed[s], 100 * share(row->right[s], r->test_images));
        fprintf(stream, "\n");
    }
    for (int i = 0; i < o->neighbours; i++)
        fprintf(stream, "%s%8d nearest %6.2f %%\n", i || !o->shots ? "" : "\n", o->neighbour[i],
                100 * share(r->neighbour_right[i], r->test_images));
}

void bit_few_json(const struct bit_few_options *o, const struct bit_few_result *r, struct bit_text *t)
{
    bit_text_add(t, "\"test_images\": %llu, \"l2\": ", (unsigned long long)r->test_images);
    bit_json_add_number(t, o->l2, 17);
    bit_text_add(t, ", \"draw\": \"%s\", \"probe\": [", o->drawing == BIT_FEW_JOB ? "job" : "numpy");
    for (int i = 0; i < o->shots; i++) {
        const struct bit_few_row *row = &r->row[i];
        bit_text_add(t, "%s{\"shots\": %d, \"median\": %.17g, \"least\": %.17g, \"most\": %.17g, \"seeds\": [", i ? ", " : "", row->shots,
                     row->median, row->least, row->most);
        for (int s = 0; s < o->seeds; s++)
            bit_text_add(t, "%s{\"seed\": %llu, \"train_images\": %llu, \"right\": %llu, \"accuracy\": %.17g}", s ? ", " : "",
                         (unsigned long long)o->seed[s], (unsigned long long)row->train[s], (unsigned long long)row->right[s],
                         share(row->right[s], r->test_images));
        bit_text_add(t, "]}");
    }
    bit_text_add(t, "], \"neighbours\": [");
    for (int i = 0; i < o->neighbours; i++)
        bit_text_add(t, "%s{\"k\": %d, \"right\": %llu, \"accuracy\": %.17g}", i ? ", " : "", o->neighbour[i],
                     (unsigned long long)r->neighbour_right[i], share(r->neighbour_right[i], r->test_images));
    bit_text_add(t, "]");
}
