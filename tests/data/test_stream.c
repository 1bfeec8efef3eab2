#include "tests/unit.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "bit/data.h"
#include "bit/file.h"
#include "bit/hash.h"
#include "bit/log.h"
#include "bit/memory.h"
#include "tests/data/kinds.h"

/* A folder of small images: 5 classes, `good` images, and some bad ones among them. */
enum { SIZE = 16, GOOD_IMAGES = 37, BAD_IMAGES = 4 };
static char root[64];
static struct bit_index *clean, *dirty, *hopeless;

static void fill(const char *set, int good, int bad)
{
    char path[256];
    for (int i = 0; i < good + bad; i++) {
        struct picture p = {.width = 20 + i % 7, .height = 24 + i % 5, .colour = i % 2 ? YCC420 : GREY, .seed = (unsigned)i};
        struct bytes b = picture_make(&p);
        snprintf(path, sizeof path, "%s/%s/c%d", root, set, i % 5);
        bit_folder_create(path, NULL);
        snprintf(path, sizeof path, "%s/%s/c%d/%03d.jpg", root, set, i % 5, i);
        /* the bad ones lie among the others; halves and empty files in turn */
        int is_bad = bad && i % ((good + bad) / bad) == 0 && i / ((good + bad) / bad) < bad;
        picture_write(path, b.data, !is_bad ? b.size : i % 20 ? b.size / 2 : 0);
        free(b.data);
    }
}

static struct bit_index *open_set(const char *set)
{
    struct bit_error error = {0};
    char path[256];
    snprintf(path, sizeof path, "%s/%s", root, set);
    struct bit_index *index = bit_index_open(path, NULL, NULL, bit_group_self(), &error);
    if (!index)
        fprintf(stderr, "%s\n", error.text), exit(2);
    return index;
}

static struct bit_stream_options options(const struct bit_index *index)
{
    return (struct bit_stream_options){.index = index, .seed = 9, .training = true, .image_size = SIZE, .resize = SIZE + 4,
        .area_min = 0.05, .area_max = 1, .aspect_min = 0.75, .aspect_max = 4.0 / 3, .crop_attempts = 100,
        .mirror = true, .batch = 16, .micro_batch = 2, .ranks = 1, .loaders = 2, .prefetch = 3,
        .file_limit = 1 << 20, .pixel_limit = 1000000, .scan_limit = 100};
}

static struct bit_quarantine *listing; /* gets the lines about bad images */

struct seen { uint64_t sample; int32_t label; struct bit_hash hash; };

/* The images of `steps` steps from `from` on, in the order of the global stream, as `ranks` ranks see them. */
static int collect(struct bit_stream_options o, int ranks, uint64_t from, int steps, struct seen *seen)
{
    struct bit_error error = {0};
    size_t bytes = SIZE * SIZE * 3 * bit_type_size(o.precision);
    int good = 1;
    for (o.rank = 0, o.ranks = ranks; o.rank < ranks; o.rank++) {
        int all = o.batch / o.micro_batch, first = o.rank * all / ranks, share = (o.rank + 1) * all / ranks - first;
        struct bit_stream *s = bit_stream_create(&o, &error);
        if (!s)
            return 0;
        if (from)
            good &= bit_stream_seek(s, from, &error) == 0;
        for (int i = 0; i < steps * share; i++) {
            struct bit_batch *b;
            if (bit_stream_next(s, &b, &error) != 1) {
                printf("    %s\n", error.text);
                bit_stream_destroy(s);
                return 0;
            }
            good &= b->step == from + (uint64_t)(i / share) && b->micro == i % share && b->images == o.micro_batch;
            for (int k = 0; k < b->images; k++) {
                int place = i / share * o.batch + (first + b->micro) * o.micro_batch + k;
                good &= b->targets.label_start[k] == k && b->targets.label_start[k + 1] == k + 1;
                seen[place] = (struct seen){b->samples[k], b->targets.labels[k],
                                            bit_hash_bytes((char *)b->pixels + (size_t)k * bytes, bytes)};
            }
            bit_stream_release(s, b);
        }
        if (listing)
            good &= bit_quarantine_add(listing, bit_stream_bad(s)->data, bit_stream_bad(s)->size, &error) == 0;
        bit_stream_destroy(s);
    }
    return good;
}

static int same(const struct seen *a, const struct seen *b, int count)
{
    for (int i = 0; i < count; i++)
        if (a[i].sample != b[i].sample || a[i].label != b[i].label || !bit_hash_equal(a[i].hash, b[i].hash))
            return 0;
    return 1;
}

/* Ranks, loaders, prefetching and micro-batches change nothing; nor does where one starts. */
static void compare_ways(const struct bit_index *index)
{
    static struct seen want[12 * 16], got[12 * 16];
    struct bit_stream_options o = options(index);
    REQUIRE(collect(o, 1, 0, 12, want));
    for (int ranks = 2; ranks <= 8; ranks += ranks == 2 ? 1 : 5) {
        CHECK(collect(o, ranks, 0, 12, got) && same(want, got, 12 * 16));
        memset(got, 0, sizeof got);
    }
    for (o.loaders = 1; o.loaders <= 9; o.loaders += 4) {
        o.prefetch = 2 + o.loaders % 4;
        CHECK(collect(o, 2, 0, 12, got) && same(want, got, 12 * 16));
    }
    for (o.micro_batch = 1; o.micro_batch <= 16; o.micro_batch *= 4)
        CHECK(collect(o, 1, 0, 12, got) && same(want, got, 12 * 16));
    o = options(index);
    CHECK(collect(o, 2, 7, 5, got) && same(want + 7 * 16, got, 5 * 16));
    o.seed++;
    CHECK(collect(o, 1, 0, 12, got) && !same(want, got, 12 * 16));
    o.seed--;
    o.precision = BIT_BFLOAT16;
    CHECK(collect(o, 1, 0, 12, got) && got[5].sample == want[5].sample && !same(want, got, 1));
}

static void test_any_way_the_same(void) { compare_ways(clean); }
static void test_any_way_the_same_with_bad_images(void) { compare_ways(dirty); }

/* 37 images in batches of 16: batches straddle epochs, and still each image comes once an epoch, over all ranks. */
static void test_each_image_once_an_epoch(void)
{
    enum { STEPS = 37, TOTAL = STEPS * 16 };
    static struct seen seen[TOTAL];
    struct bit_stream_options o = options(clean);
    REQUIRE(collect(o, 4, 0, STEPS, seen));
    int changed = 0;
    for (int e = 0; e < TOTAL / GOOD_IMAGES; e++) {
        int times[GOOD_IMAGES] = {0}, once = 1;
        for (int i = 0; i < GOOD_IMAGES; i++) {
            const struct seen *s = &seen[e * GOOD_IMAGES + i];
            REQUIRE(s->sample < GOOD_IMAGES);
            times[s->sample]++;
            changed += e > 0 && s->sample != seen[(e - 1) * GOOD_IMAGES + i].sample;
        }
        for (int i = 0; i < GOOD_IMAGES; i++)
            once &= times[i] == 1;
        CHECK(once);
    }
    CHECK(changed > 15 * GOOD_IMAGES * 8 / 10);
}

/* The stream hands out what the decoder makes of an image, and its class's label. */
static void test_equals_decoder(void)
{
    static struct seen seen[3 * 16];
    static float pixels[SIZE * SIZE * 3];
    struct bit_error error = {0};
    struct bit_stream_options o = options(clean);
    REQUIRE(collect(o, 2, 0, 3, seen));
    struct bit_decoder *d = bit_decoder_create(&o, &error);
    REQUIRE(d != NULL);
    for (int i = 0; i < 3 * 16; i++) {
        char path[256];
        const int32_t *labels;
        uint64_t epoch = (uint64_t)i / GOOD_IMAGES;
        CHECK(seen[i].sample == bit_order_at(o.seed, epoch, (uint64_t)i % GOOD_IMAGES, GOOD_IMAGES));
        bit_index_image_path(clean, seen[i].sample, path, sizeof path, &error);
        CHECK(bit_decoder_run_file(d, path, epoch, seen[i].sample, pixels, &error) == 0);
        CHECK(bit_hash_equal(seen[i].hash, bit_hash_bytes(pixels, sizeof pixels)));
        CHECK(bit_index_labels(clean, seen[i].sample, &labels) == 1 && *labels == seen[i].label);
        const char *class = strrchr(path, '/') - 1;
        CHECK(*class - '0' == seen[i].label);
    }
    bit_decoder_destroy(d);
}

/* Every validation image once at any number of ranks; the last micro-batch is short and its rest zero. */
static void evaluate(const struct bit_index *index, int ranks, int *times, int *batches, struct bit_stream_counts *sum)
{
    struct bit_error error = {0};
    struct bit_stream_options o = options(index);
    o.training = false;
    o.micro_batch = 4;
    o.batch = 0;
    o.ranks = ranks;
    for (o.rank = 0; o.rank < ranks; o.rank++) {
        struct bit_stream *s = bit_stream_create(&o, &error);
        REQUIRE(s != NULL);
        struct bit_batch *b;
        struct bit_stream_counts counts;
        int result, micro = 0;
        for (int pass = 0; pass < 2; pass++) {
            while ((result = bit_stream_next(s, &b, &error)) == 1) {
                const float *rest = (float *)b->pixels + b->images * SIZE * SIZE * 3;
                int zero = 1;
                CHECK(b->micro == micro++);
                for (int i = 0; i < b->images; i++)
                    times[b->samples[i]]++;
                for (int i = 0; i < (4 - b->images) * SIZE * SIZE * 3; i++)
                    zero &= rest[i] == 0;
                CHECK(zero && b->targets.label_start[b->images] == b->images);
                ++*batches;
                bit_stream_release(s, b);
            }
            CHECK(result == 0 && bit_stream_next(s, &b, &error) == 0);
            micro = 0;
            CHECK(bit_stream_seek(s, 0, &error) == 0);
        }
        bit_stream_count(s, &counts);
        sum->decoded += counts.decoded;
        sum->bad += counts.bad;
        bit_stream_destroy(s);
    }
}

static void test_evaluation(void)
{
    for (int ranks = 1; ranks <= 13; ranks += ranks < 3 ? 1 : 5) {
        int times[GOOD_IMAGES] = {0}, batches = 0, twice = 1;
        struct bit_stream_counts sum = {0};
        evaluate(clean, ranks, times, &batches, &sum);
        for (int i = 0; i < GOOD_IMAGES; i++)
            twice &= times[i] == 2; /* two passes */
        CHECK(twice && batches == 2 * 10 && sum.decoded == 2 * GOOD_IMAGES && sum.bad == 0);
    }
    int times[GOOD_IMAGES + BAD_IMAGES] = {0}, batches = 0, missing = 0;
    struct bit_stream_counts sum = {0};
    evaluate(dirty, 2, times, &batches, &sum);
    for (int i = 0; i < GOOD_IMAGES + BAD_IMAGES; i++)
        missing += times[i] == 0;
    CHECK(missing == BAD_IMAGES && sum.bad == 2 * BAD_IMAGES && batches == 2 * 11);
}

/* Real files: the digits that come with the project. */
static void test_digits(void)
{
    struct bit_error error = {0};
    const char *source = getenv("top_srcdir");
    char path[4096];
    int count = 0, classes[10] = {0};
    snprintf(path, sizeof path, "%s/data/digits/val", source ? source : ".");
    if (!bit_file_exists(path))
        return;
    struct bit_index *index = bit_index_open(path, NULL, NULL, bit_group_self(), &error);
    REQUIRE(index != NULL);
    struct bit_stream_options o = options(index);
    o.training = false;
    struct bit_stream *s = bit_stream_create(&o, &error);
    struct bit_batch *b;
    REQUIRE(s != NULL);
    while (bit_stream_next(s, &b, &error) == 1) {
        for (int i = 0; i < b->images; i++, count++)
            classes[b->targets.labels[i]]++;
        bit_stream_release(s, b);
    }
    CHECK(error.code == BIT_OK && (uint64_t)count == bit_index_images(index) && bit_index_classes(index) == 10);
    for (int i = 0; i < 10; i++)
        CHECK(classes[i] > 20);
    bit_stream_destroy(s);
    bit_index_close(index);
}

/* ---- bad images ---- */

static int count_lines(const char *path, const char *with)
{
    char line[1024];
    int count = 0;
    FILE *file = fopen(path, "r");
    while (file && fgets(line, sizeof line, file))
        count += strstr(line, with) != NULL;
    if (file)
        fclose(file);
    return count;
}

static void test_quarantine(void)
{
    enum { STEPS = 41 }; /* 16 epochs of 41 images */
    static struct seen seen[STEPS * 16];
    char path[256];
    struct bit_error error = {0};
    struct bit_stream_options o = options(dirty);
    snprintf(path, sizeof path, "%s/quarantine.tsv", root);
    REQUIRE((listing = bit_quarantine_open(path, &error)));
    REQUIRE(collect(o, 2, 0, STEPS, seen));
    bit_quarantine_close(listing);
    CHECK(count_lines(path, "\t") == BAD_IMAGES * 16);
    CHECK(count_lines(path, "0\t/") == BAD_IMAGES * 2 && count_lines(path, "15\t/") == BAD_IMAGES);
    CHECK(count_lines(path, "\tempty file\n") == BAD_IMAGES / 2 * 16);
    /* As a resumed run would: no line twice; a torn one (here the last) anew, on a line of its own. */
    uint64_t size;
    REQUIRE(!bit_file_size(path, &size, &error) && !truncate(path, (off_t)size - 3));
    REQUIRE((listing = bit_quarantine_open(path, &error)));
    CHECK(count_lines(path, "\t") == BAD_IMAGES * 16 - 1);
    REQUIRE(collect(o, 1, 10, STEPS - 10, seen));
    bit_quarantine_close(listing);
    listing = NULL;
    CHECK(count_lines(path, "\t") == BAD_IMAGES * 16 && count_lines(path, "\tempty file\n") == BAD_IMAGES / 2 * 16);
    unlink(path);
    snprintf(path, sizeof path, "%s/nowhere/folder/quarantine.tsv", root);
    CHECK(!bit_quarantine_open(path, &error) && error.code == BIT_EENVIRONMENT);
}

static void test_all_bad(void)
{
    struct bit_error error = {0};
    struct bit_stream_options o = options(hopeless);
    struct bit_batch *b;
    struct bit_stream *s = bit_stream_create(&o, &error);
    REQUIRE(s != NULL);
    CHECK(bit_stream_next(s, &b, &error) == -1 && error.code == BIT_EDATA && strstr(error.text, "substitute"));
    bit_stream_destroy(s);
}

/* ---- storage that goes away ---- */

/* In place of the C library's: opening images fails as on a file server that has lost them. */
static atomic_int lost;
int open(const char *path, int flags, ...)
{
    va_list arguments;
    va_start(arguments, flags);
    mode_t mode = flags & O_CREAT ? va_arg(arguments, mode_t) : 0;
    va_end(arguments);
    if (atomic_load(&lost) && strstr(path, ".jpg")) {
        errno = atomic_load(&lost);
        return -1;
    }
    return (int)syscall(SYS_openat, AT_FDCWD, path, flags, mode);
}

enum { AWAY_STEPS = 5 };
static char away_from[256], away_to[256];

static void *put_back(void *nothing)
{
    usleep(300000);
    atomic_store(&lost, 0);
    rename(away_to, away_from);
    return nothing;
}

/* The stream's images while `path` (or, "": every open) is away; it comes back soon, or never. */
static int collect_without(const char *path, int number, double patience, bool comes_back, struct seen *seen, struct bit_error *error)
{
    struct bit_stream_options o = options(clean);
    struct bit_batch *b;
    pthread_t thread;
    int result = 1;
    o.patience = patience;
    struct bit_stream *s = bit_stream_create(&o, error);
    snprintf(away_from, sizeof away_from, "%s/clean%s", root, path);
    snprintf(away_to, sizeof away_to, "%s/away", root);
    if (number)
        atomic_store(&lost, number);
    else
        rename(away_from, away_to);
    if (comes_back)
        pthread_create(&thread, NULL, put_back, NULL);
    for (int i = 0; i < AWAY_STEPS * 8 && (result = bit_stream_next(s, &b, error)) == 1; i++) {
        for (int k = 0; k < b->images; k++)
            seen[i * 2 + k] = (struct seen){b->samples[k], b->targets.labels[k], bit_hash_bytes((char *)b->pixels + k * 3072, 3072)};
        bit_stream_release(s, b);
    }
    struct bit_stream_counts counts;
    bit_stream_count(s, &counts);
    bit_stream_destroy(s);
    if (comes_back)
        pthread_join(thread, NULL);
    else
        put_back(NULL);
    return result == 1 && counts.bad > 0 ? 2 : result;
}

/* 1: the images are there as ever; 2: some were replaced; -1: failed. */
static void test_storage_away(void)
{
    static struct seen want[AWAY_STEPS * 16], got[AWAY_STEPS * 16];
    static const struct { const char *path; int number; } cases[] = {{"/c2", 0}, {"", 0}, {"", ESTALE}, {"", EIO}};
    REQUIRE(collect(options(clean), 1, 0, AWAY_STEPS, want));
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct bit_error error = {0};
        memset(got, 0, sizeof got);
        CHECK(collect_without(cases[i].path, cases[i].number, 20, true, got, &error) == 1);
        CHECK(same(want, got, AWAY_STEPS * 16));
        CHECK(collect_without(cases[i].path, cases[i].number, 0.1, false, got, &error) == -1);
        CHECK(error.code == BIT_EENVIRONMENT);
    }
    struct bit_error error = {0};
    CHECK(collect_without("/c2/007.jpg", 0, 20, false, got, &error) == 2); /* alone, it is a bad image */
    CHECK(collect_without("", EACCES, 0.1, false, got, &error) == -1 && error.code == BIT_EENVIRONMENT); /* nothing can be opened */
}

/* ---- life ---- */

static void test_destroy_and_seek_any_time(void)
{
    struct bit_error error = {0};
    struct bit_stream_options o = options(clean);
    struct bit_batch *b, *held;
    size_t used = bit_memory_used();
    for (int i = 0; i < 60; i++) {
        o.loaders = 1 + i % 5;
        o.prefetch = 2 + i % 3;
        struct bit_stream *s = bit_stream_create(&o, &error);
        REQUIRE(s != NULL);
        if (i % 4 == 1)
            usleep(3000); /* until the loaders are blocked by a full ring */
        if (i % 4 > 1) {
            REQUIRE(bit_stream_next(s, &held, &error) == 1);
            CHECK(bit_stream_seek(s, (uint64_t)i * 1000000, &error) == 0);
            REQUIRE(bit_stream_next(s, &b, &error) == 1);
            CHECK(b->step == (uint64_t)i * 1000000 && b->micro == 0 && held->step == 0);
            bit_stream_release(s, held);
            bit_stream_release(s, b);
        }
        bit_stream_destroy(s);
    }
    CHECK(bit_memory_used() == used);
}

/* Given back in any order; holding everything is an error, not a hang. */
static void test_held_batches(void)
{
    struct bit_error error = {0};
    struct bit_stream_options o = options(clean);
    struct bit_batch *held[4], *b;
    struct bit_stream *s = bit_stream_create(&o, &error);
    REQUIRE(s != NULL);
    for (int i = 0; i < 4; i++)
        REQUIRE(bit_stream_next(s, &held[i], &error) == 1);
    CHECK(bit_stream_next(s, &b, &error) == -1 && error.code == BIT_EINTERNAL);
    bit_error_clear(&error);
    bit_stream_release(s, held[2]);
    for (int i = 4; i < 12; i++) {
        REQUIRE(bit_stream_next(s, &b, &error) == 1);
        CHECK(b->step == (uint64_t)i / 8 && b->micro == i % 8 && ((uintptr_t)b->pixels & 63) == 0);
        bit_stream_release(s, b);
    }
    bit_stream_destroy(s);
}

static void test_bad_options(void)
{
    struct bit_error error = {0};
    struct bit_stream_options good = options(clean), o = good;
    o.batch = 15;
    CHECK(!bit_stream_create(&o, &error) && error.code == BIT_EUSAGE);
    bit_error_clear(&error);
    o = good, o.ranks = 9;
    CHECK(!bit_stream_create(&o, &error) && error.code == BIT_EUSAGE);
    bit_error_clear(&error);
    o = good, o.loaders = 0;
    CHECK(!bit_stream_create(&o, &error) && error.code == BIT_EUSAGE);
}

static void test_lack_of_memory(void)
{
    struct bit_stream_options o = options(clean);
    size_t used = bit_memory_used();
    int failures = 0;
    for (size_t n = 1; n < 80; n++) {
        struct bit_error error = {0};
        struct bit_batch *b;
        bit_memory_fail_at(n);
        struct bit_stream *s = bit_stream_create(&o, &error);
        int result = s ? bit_stream_next(s, &b, &error) : -1;
        bit_memory_fail_at(0);
        CHECK(result == 1 || error.code == BIT_EENVIRONMENT);
        failures += result != 1;
        bit_stream_destroy(s);
    }
    CHECK(failures > 30 && bit_memory_used() == used);
}

int main(int argc, char **argv)
{
    static const struct unit_test tests[] = {
        {"any way the same", test_any_way_the_same},
        {"any way the same with bad images", test_any_way_the_same_with_bad_images},
        {"each image once an epoch", test_each_image_once_an_epoch}, {"equals decoder", test_equals_decoder},
        {"evaluation", test_evaluation}, {"digits", test_digits}, {"quarantine", test_quarantine},
        {"all bad", test_all_bad}, {"storage away", test_storage_away}, {"destroy and seek any time", test_destroy_and_seek_any_time},
        {"held batches", test_held_batches}, {"bad options", test_bad_options}, {"lack of memory", test_lack_of_memory},
    };
    bit_log_init("test_stream", BIT_LOG_ERROR);
    strcpy(root, "/tmp/bit-stream-XXXXXX");
    if (!mkdtemp(root))
        return 2;
    fill("clean", GOOD_IMAGES, 0);
    fill("dirty", GOOD_IMAGES, BAD_IMAGES);
    fill("hopeless", 0, 20);
    clean = open_set("clean"), dirty = open_set("dirty"), hopeless = open_set("hopeless");
    int result = unit_main("data/stream", tests, sizeof tests / sizeof *tests, argc, argv);
    bit_index_close(clean), bit_index_close(dirty), bit_index_close(hopeless);
    bit_folder_remove(root, NULL);
    return result;
}
