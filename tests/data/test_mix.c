/* Subsets of an index, and mixed images. */
#include "tests/unit.h"

#include <math.h>
#include <stdio.h>
#include <unistd.h>

#include "bit/bfloat16.h"
#include "bit/data.h"
#include "bit/file.h"
#include "bit/memory.h"
#include "tests/data/kinds.h"

/* Class k of 4 has 3 + 4 k images. */
enum { SIZE = 12, NUMBERS = SIZE * SIZE * 3, CLASSES = 4, IMAGES = 36, BATCH = 8, STEPS = 5 };
static char root[64];
static struct bit_index *set;

static void fill(void)
{
    char path[256];
    for (int k = 0; k < CLASSES; k++)
        for (int i = 0; i < 3 + 4 * k; i++) {
            struct picture p = {.width = 20 + i, .height = 24, .colour = YCC420, .seed = (unsigned)(100 * k + i)};
            struct bytes b = picture_make(&p);
            snprintf(path, sizeof path, "%s/c%d", root, k);
            bit_folder_create(path, NULL);
            snprintf(path, sizeof path, "%s/c%d/%02d.jpg", root, k, i);
            picture_write(path, b.data, b.size);
            free(b.data);
        }
}

/* ---- subsets ---- */

static bool has(const struct bit_subset *s, uint64_t image)
{
    for (uint64_t i = 0; i < s->count; i++)
        if (s->images[i] == image)
            return true;
    return false;
}

/* As many of each class as asked for or there are, in ascending order; those of fewer are among those of more. */
static void test_subset(void)
{
    struct bit_error error = {0};
    struct bit_subset *less = NULL;
    for (int per_class = 1; per_class <= 20; per_class++) {
        struct bit_subset *s = bit_subset_create(set, per_class, 7, &error);
        int found[CLASSES] = {0};
        REQUIRE(s);
        for (uint64_t i = 0; i < s->count; i++) {
            const int32_t *labels;
            REQUIRE(s->images[i] < IMAGES && (!i || s->images[i] > s->images[i - 1]));
            CHECK(bit_index_labels(set, s->images[i], &labels) == 1);
            found[labels[0]]++;
        }
        for (int k = 0; k < CLASSES; k++)
            CHECK(found[k] == (per_class < 3 + 4 * k ? per_class : 3 + 4 * k));
        for (uint64_t i = 0; less && i < less->count; i++)
            CHECK(has(s, less->images[i]));
        bit_subset_destroy(less);
        less = s;
    }
    CHECK(less && less->count == IMAGES);
    bit_subset_destroy(less);
}

/* Seeds draw differently: over 40 of them each image of the largest class is drawn, and about equally often. */
static void test_subset_seeds(void)
{
    struct bit_error error = {0};
    int drawn[IMAGES] = {0};
    for (uint64_t seed = 0; seed < 400; seed++) {
        struct bit_subset *s = bit_subset_create(set, 3, seed, &error);
        REQUIRE(s);
        for (uint64_t i = 0; i < s->count; i++)
            drawn[s->images[i]]++;
        bit_subset_destroy(s);
    }
    for (int i = IMAGES - 15; i < IMAGES; i++) /* expected 80, standard deviation 8 */
        CHECK(drawn[i] > 45 && drawn[i] < 115);
}


/* ---- shares ---- */

/* Beta(alpha, alpha) has mean 1/2 and variance 1 / (4 (2 alpha + 1)). */
static void test_shares(void)
{
    static const double alphas[] = {0.05, 0.1, 0.4, 1, 3};
    enum { DRAWS = 20000 };
    for (size_t a = 0; a < sizeof alphas / sizeof *alphas; a++) {
        double sum = 0, squares = 0;
        for (uint64_t step = 0; step < DRAWS; step++) {
            double share = bit_mix_share(alphas[a], 5, step);
            CHECK(share >= 0 && share <= 1 && share * 65536 == nearbyint(share * 65536));
            CHECK(share == bit_mix_share(alphas[a], 5, step));
            sum += share, squares += (share - 0.5) * (share - 0.5);
        }
        double variance = 1 / (4 * (2 * alphas[a] + 1));
        CHECK(fabs(sum / DRAWS - 0.5) < 5 * sqrt(variance / DRAWS));
        CHECK(fabs(squares / DRAWS - variance) < 5 * variance / sqrt(DRAWS));
    }
    /* Uniform for alpha 1: an eighth lies below an eighth. */
    int low = 0;
    for (uint64_t step = 0; step < DRAWS; step++)
        low += bit_mix_share(1, 6, step) < 0.125;
    CHECK(abs(low - DRAWS / 8) < 5 * 47);
    CHECK(bit_mix_share(1, 6, 1) != bit_mix_share(1, 7, 1));
}

/* ---- streams ---- */

static struct bit_stream_options options(void)
{
    return (struct bit_stream_options){.index = set, .seed = 9, .training = true, .image_size = SIZE, .resize = SIZE + 4,
        .crop = BIT_CROP_SQUASH, .mirror = true, .batch = BATCH, .micro_batch = 2, .ranks = 1, .loaders = 2, .prefetch = 3,
        .file_limit = 1 << 20, .pixel_limit = 1000000, .scan_limit = 100};
}

struct shown { uint64_t image; int labels; int32_t label[2]; float weight[2]; float pixels[NUMBERS]; };

static void show(const struct bit_stream_options *o, const struct bit_batch *b, int i, struct shown *to)
{
    *to = (struct shown){.image = b->samples[i], .labels = b->targets.label_start[i + 1] - b->targets.label_start[i]};
    for (int k = 0; k < to->labels && k < 2; k++) {
        to->label[k] = b->targets.labels[b->targets.label_start[i] + k];
        to->weight[k] = b->targets.weights ? b->targets.weights[b->targets.label_start[i] + k] : 1;
    }
    for (int n = 0; n < NUMBERS; n++)
        to->pixels[n] = o->precision == BIT_FLOAT32 ? ((float *)b->pixels)[i * NUMBERS + n]
                                                    : bit_bfloat16_to_float(((uint16_t *)b->pixels)[i * NUMBERS + n]);
}

static bool collect(struct bit_stream_options o, int ranks, struct shown *all)
{
    struct bit_error error = {0};
    int share = o.batch / o.micro_batch / ranks;
    for (o.rank = 0, o.ranks = ranks; o.rank < ranks; o.rank++) {
        struct bit_stream *s = bit_stream_create(&o, &error);
        for (int n = 0; s && n < STEPS * share; n++) {
            struct bit_batch *b;
            if (bit_stream_next(s, &b, &error) != 1)
                return bit_stream_destroy(s), false;
            for (int i = 0; i < b->images; i++)
                show(&o, b, i, &all[(int)b->step * o.batch + (o.rank * share + b->micro) * o.micro_batch + i]);
            bit_stream_release(s, b);
        }
        bit_stream_destroy(s);
        if (!s)
            return false;
    }
    return true;
}

/* Image j of a mixed batch is share times its own pixels and the rest those of image B - 1 - j, labels likewise; on any number of
 * ranks, and whatever the micro-batch. */
static void check_mixing(enum bit_type precision)
{
    static struct shown plain[STEPS * BATCH], mixed[STEPS * BATCH], again[STEPS * BATCH];
    struct bit_stream_options o = options();
    double bound = precision == BIT_FLOAT32 ? 1e-6 : 1.0 / 128;
    bool moved = false;
    o.precision = precision;
    REQUIRE(collect(o, 1, plain));
    o.mixup = 0.8;
    REQUIRE(collect(o, 1, mixed));
    for (int j = 0; j < STEPS * BATCH; j++) {
        int step = j / BATCH, partner = step * BATCH + BATCH - 1 - j % BATCH;
        double share = bit_mix_share(0.8, o.seed, (uint64_t)step);
        CHECK(mixed[j].image == plain[j].image && plain[j].labels == 1 && mixed[j].labels == (share < 1 ? 2 : 1));
        CHECK(mixed[j].label[0] == plain[j].label[0] && mixed[j].weight[0] == (float)share);
        CHECK(share == 1 || (mixed[j].label[1] == plain[partner].label[0] && mixed[j].weight[1] == (float)(1 - share)));
        double worst = 0;
        for (int n = 0; n < NUMBERS; n++)
            worst = fmax(worst, fabs((double)mixed[j].pixels[n] - share * (double)plain[j].pixels[n] -
                                     (1 - share) * (double)plain[partner].pixels[n]));
        CHECK(worst <= bound);
        moved |= memcmp(mixed[j].pixels, plain[j].pixels, sizeof plain[j].pixels) != 0;
    }
    CHECK(moved);
    for (int ranks = 2; ranks <= 4; ranks *= 2)
        CHECK(collect(o, ranks, again) && !memcmp(again, mixed, sizeof mixed));
    o.micro_batch = 1, o.loaders = 5;
    CHECK(collect(o, 1, again) && !memcmp(again, mixed, sizeof mixed));
    o.micro_batch = 8;
    CHECK(collect(o, 1, again) && !memcmp(again, mixed, sizeof mixed));
}

static void test_mixing(void) { check_mixing(BIT_FLOAT32); }
static void test_mixing_bfloat16(void) { check_mixing(BIT_BFLOAT16); }

/* A stream over a subset shows its images only, each once an epoch. */
static void test_subset_stream(void)
{
    static struct shown seen[STEPS * BATCH];
    struct bit_error error = {0};
    struct bit_stream_options o = options();
    struct bit_subset *s = bit_subset_create(set, 2, 3, &error);
    int times[IMAGES] = {0};
    REQUIRE(s && s->count == BATCH);
    o.subset = s;
    CHECK(collect(o, 2, seen));
    for (int i = 0; i < STEPS * BATCH; i++)
        times[seen[i].image]++;
    for (uint64_t i = 0; i < IMAGES; i++)
        CHECK(times[i] == (has(s, i) ? STEPS : 0));
    bit_subset_destroy(s);
}

int main(int argc, char **argv)
{
    static const struct unit_test tests[] = {
        {"subset", test_subset}, {"subset, seeds", test_subset_seeds}, {"subset, stream", test_subset_stream},
        {"shares", test_shares}, {"mixing", test_mixing}, {"mixing, bfloat16", test_mixing_bfloat16},
    };
    struct bit_error error = {0};
    snprintf(root, sizeof root, "%s/mix-XXXXXX", getenv("TMPDIR") ? getenv("TMPDIR") : "/tmp");
    if (!mkdtemp(root))
        return 2;
    fill();
    set = bit_index_open(root, NULL, NULL, bit_group_self(), &error);
    if (!set)
        return fprintf(stderr, "%s\n", error.text), 2;
    int result = unit_main("data/mix", tests, sizeof tests / sizeof *tests, argc, argv);
    bit_index_close(set);
    bit_folder_remove(root, NULL);
    return result;
}
