/* bit bench checkpoint: weights and momentum of a network saved and loaded by one process, in turn with a plain file of as
 * many bytes: write and fsync, and read. Before every reading the files are dropped from the page cache, as after a restart. */
#include <math.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "bit/clock.h"
#include "bit/file.h"
#include "bit/memory.h"
#include "bit/model.h"
#include "bit/random.h"
#include "bit/store.h"
#include "bench/bench.h"

enum { PART = 8 << 20 /* bytes a call of the plain file */ };

/* What is timed, in the order in which a round does it. */
enum { PLAIN_WRITE, SAVE, STALL, PLAIN_READ, LOAD, PLAIN_CACHED, LOAD_CACHED, KINDS };

struct bench {
    struct bit_table *table;
    float *weights, *momentum;
    char folder[4096], plain[4200], checkpoints[4200];
    uint64_t bytes, file_bytes; /* of the plain file, of a generation */
    double *seconds[KINDS];     /* [repeat] */
};

/* ---- the plain file ---- */

static int fail(const struct bench *b, const char *what, struct bit_error *error)
{
    return bit_fail_errno(error, BIT_EENVIRONMENT, "cannot %s %s", what, b->plain);
}

static int plain_write(const struct bench *b, struct bit_error *error)
{
    int file = open(b->plain, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666), result = file < 0 ? fail(b, "create", error) : 0;
    for (int array = 0; array < 2 && !result; array++) {
        const char *from = (const char *)(array ? b->momentum : b->weights);
        for (uint64_t at = 0; at < b->bytes / 2 && !result;) {
            ssize_t n = write(file, from + at, b->bytes / 2 - at < PART ? b->bytes / 2 - at : PART);
            if (n < 0 && errno != EINTR)
                result = fail(b, "write", error);
            at += n > 0 ? (uint64_t)n : 0;
        }
    }
    if (!result && fsync(file))
        result = fail(b, "fsync", error);
    if (file >= 0)
        close(file);
    return result;
}

static int plain_read(const struct bench *b, struct bit_error *error)
{
    int file = open(b->plain, O_RDONLY | O_CLOEXEC), result = file < 0 ? fail(b, "open", error) : 0;
    for (int array = 0; array < 2 && !result; array++) {
        char *to = (char *)(array ? b->momentum : b->weights);
        for (uint64_t at = 0; at < b->bytes / 2 && !result;) {
            ssize_t n = read(file, to + at, b->bytes / 2 - at < PART ? b->bytes / 2 - at : PART);
            if (n == 0 || (n < 0 && errno != EINTR))
                result = fail(b, "read", error);
            at += n > 0 ? (uint64_t)n : 0;
        }
    }
    if (file >= 0)
        close(file);
    return result;
}

static void drop(const char *path)
{
    int file = open(path, O_RDONLY | O_CLOEXEC);
    if (file < 0)
        return;
    posix_fadvise(file, 0, 0, POSIX_FADV_DONTNEED);
    close(file);
}

/* ---- the checkpoint ---- */

static int save(struct bench *b, uint64_t step, double *seconds, double *stall, struct bit_error *error)
{
    const struct bit_arrays arrays = {.table = b->table, .weights = b->weights, .momentum = b->momentum};
    struct bit_checkpoint checkpoint = {.step = step, .samples = step, .job = "{}", .model = "{}", .classes = "",
                                        .data_fingerprint = ""};
    struct bit_store *store = bit_store_open(b->checkpoints, true, 0, bit_group_self(), error);
    if (!store)
        return -1;
    double start = bit_clock_seconds();
    int result = bit_store_save(store, &checkpoint, &arrays, error);
    *seconds = bit_clock_seconds() - start;
    /* How long training stands still when the rest is done beside it. */
    checkpoint.step++;
    start = bit_clock_seconds();
    struct bit_save *beside = result ? NULL : bit_store_prepare(store, &checkpoint, &arrays, true, error);
    *stall = bit_clock_seconds() - start;
    if (beside) {
        bit_store_write(beside);
        result = bit_store_commit(store, beside, error);
    }
    bit_store_close(store);
    return beside ? result : -1;
}

/* The newest generation's files. */
static int drop_generation(struct bench *b, uint64_t step, struct bit_error *error)
{
    static const char *const names[] = {"manifest.json", "model.h5", "shard-0000-of-0001.h5"};
    b->file_bytes = 0;
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        char path[5000];
        uint64_t bytes;
        snprintf(path, sizeof path, "%s/step-%012llu/%s", b->checkpoints, (unsigned long long)step, names[i]);
        drop(path);
        if (bit_file_size(path, &bytes, error))
            return -1;
        b->file_bytes += bytes;
    }
    return 0;
}

static int load(struct bench *b, double *seconds, struct bit_error *error)
{
    struct bit_checkpoint checkpoint = {0};
    struct bit_arrays arrays = {.table = b->table, .weights = b->weights, .momentum = b->momentum};
    double start = bit_clock_seconds();
    struct bit_store *store = bit_store_open(b->checkpoints, false, 0, bit_group_self(), error);
    int found = store ? bit_store_load(store, "{}", UINT64_MAX, &checkpoint, &arrays, error) : -1;
    *seconds = bit_clock_seconds() - start;
    bit_checkpoint_free(&checkpoint);
    bit_store_close(store);
    if (!found)
        bit_fail(error, BIT_EENVIRONMENT, "%s: the checkpoint is gone", b->checkpoints);
    return found == 1 ? 0 : -1;
}

/* ---- rounds ---- */

static int timed(int (*act)(const struct bench *, struct bit_error *), const struct bench *b, double *seconds,
                 struct bit_error *error)
{
    double start = bit_clock_seconds();
    int result = act(b, error);
    *seconds = bit_clock_seconds() - start;
    return result;
}

static int measure_round(struct bench *b, int i, struct bit_error *error)
{
    uint64_t step = 1 + 2 * (uint64_t)i;
    if (timed(plain_write, b, &b->seconds[PLAIN_WRITE][i], error) ||
        save(b, step, &b->seconds[SAVE][i], &b->seconds[STALL][i], error) || drop_generation(b, step + 1, error))
        return -1;
    drop(b->plain);
    if (timed(plain_read, b, &b->seconds[PLAIN_READ][i], error) || load(b, &b->seconds[LOAD][i], error) ||
        timed(plain_read, b, &b->seconds[PLAIN_CACHED][i], error) || load(b, &b->seconds[LOAD_CACHED][i], error))
        return -1;
    if (bit_folder_remove(b->checkpoints, error)) /* retention is not what is compared here */
        return -1;
    return unlink(b->plain) ? fail(b, "remove", error) : 0;
}

static int prepare(struct bench *b, const struct bench_options *o, struct bit_error *error)
{
    struct bit_classify head;
    bit_classify_init(&head, o->classes, BIT_SOFTMAX, NAN);
    const struct bit_model_options options = {
        .depth = o->depth, .width = o->width, .head = &head.head, .norm = BIT_GROUP_NORM,
        .weight_standardization = true, .image_size = o->size, .micro_batch = 1, .micro_batches = 1,
        .precision = BIT_FLOAT32, .backend = o->backend};
    struct bit_random random;
    *b = (struct bench){0};
    if (bit_path_join(b->folder, sizeof b->folder, o->folder, "bit-bench-XXXXXX", error))
        return -1;
    if (!mkdtemp(b->folder)) {
        b->folder[0] = 0;
        return bit_fail_errno(error, BIT_EENVIRONMENT, "cannot create a folder in %s", o->folder);
    }
    snprintf(b->plain, sizeof b->plain, "%s/plain", b->folder);
    snprintf(b->checkpoints, sizeof b->checkpoints, "%s/checkpoints", b->folder);
    if (!(b->table = bit_model_make_table(&options, error)))
        return -1;
    b->bytes = 2 * (uint64_t)b->table->elements * sizeof(float);
    for (int i = 0; i < KINDS; i++)
        if (!(b->seconds[i] = bit_allocate((size_t)o->repeat, sizeof **b->seconds, "times", error)))
            return -1;
    if (!(b->weights = bit_allocate(b->table->elements, sizeof *b->weights, "weights", error)) ||
        !(b->momentum = bit_allocate(b->table->elements, sizeof *b->momentum, "momentum", error)))
        return -1;
    bit_random_init(&random, 1, BIT_PURPOSE_TEST, 0, 0);
    for (size_t i = 0; i < b->table->count; i++) /* gaps stay zero */
        for (size_t k = 0; k < b->table->items[i].count; k++) {
            uint32_t bits = bit_random_u32(&random);
            b->weights[b->table->items[i].offset + k] = (float)(bits * 0x1p-32);
            b->momentum[b->table->items[i].offset + k] = (float)((bits ^ 0x5bd1e995u) * 0x1p-31);
        }
    return 0;
}

static void clear(struct bench *b)
{
    struct bit_error ignored = {0};
    if (b->folder[0])
        bit_folder_remove(b->folder, &ignored);
    for (int i = 0; i < KINDS; i++)
        bit_free(b->seconds[i]);
    bit_free(b->weights);
    bit_free(b->momentum);
    bit_table_destroy(b->table);
}

/* ---- report ---- */

/* Median over the rounds of how much of the plain file's speed is reached. */
static double ratio(const struct bench *b, int plain, int ours, int repeat, double *room)
{
    for (int i = 0; i < repeat; i++)
        room[i] = b->seconds[plain][i] / b->seconds[ours][i];
    return bit_median(room, (size_t)repeat);
}

static int print(const struct bench *b, const struct bench_options *o, struct bit_error *error)
{
    static const int pairs[][2] = {{PLAIN_WRITE, SAVE}, {PLAIN_READ, LOAD}, {PLAIN_CACHED, LOAD_CACHED}};
    static const char *const names[][2] = {{"save", "write"}, {"load", "read"}, {"load_cached", "read_cached"}};
    static const char *const texts[] = {"save (written, committed, on disk)", "load and verify", "load and verify, from the page cache"};
    static const char *const plains[] = {"write + fsync", "read", "read"};
    double rate[KINDS], part[3], gigabytes = (double)b->bytes * 1e-9, memory = (double)bit_memory_resident_peak() * 1e-9;
    double *room = bit_allocate((size_t)o->repeat, sizeof *room, "times", error);
    if (!room)
        return -1;
    for (int k = 0; k < 3; k++)
        part[k] = ratio(b, pairs[k][0], pairs[k][1], o->repeat, room);
    for (int k = 0; k < KINDS; k++) {
        memcpy(room, b->seconds[k], (size_t)o->repeat * sizeof *room);
        rate[k] = gigabytes / bit_median(room, (size_t)o->repeat);
    }
    bit_free(room);
    if (o->json) {
        printf("{\"kind\": \"checkpoint\", \"model\": \"R%dx%d\", \"classes\": %d, \"bytes\": %llu, \"file_bytes\": %llu, "
               "\"threads\": %d, \"rounds\": %d,\n \"prepare_seconds\": %.6g", o->depth, o->width, o->classes,
               (unsigned long long)b->bytes, (unsigned long long)b->file_bytes, o->threads, o->repeat, gigabytes / rate[STALL]);
        for (int k = 0; k < 3; k++)
            printf(",\n \"%s_gbs\": %.6g, \"plain_%s_gbs\": %.6g, \"%s_ratio\": %.4g", names[k][0], rate[pairs[k][1]],
                   names[k][1], rate[pairs[k][0]], names[k][0], part[k]);
        printf(",\n \"peak_memory_gb\": %.6g}\n", memory);
        return 0;
    }
    printf("checkpoint of R%dx%d with %d classes: %.1f MB of weights and momentum, 1 rank, %d thread%s, %d rounds in %s\n",
           o->depth, o->width, o->classes, gigabytes * 1e3, o->threads, o->threads == 1 ? "" : "s", o->repeat, o->folder);
    for (int k = 0; k < 3; k++)
        printf("%-37s %.3f GB/s; ceiling: plain %s of as many bytes %.3f GB/s; reached %.2f of it\n", texts[k],
               rate[pairs[k][1]], plains[k], rate[pairs[k][0]], part[k]);
    printf("training stands still for %.1f ms when the rest is written beside it\n", 1e3 * gigabytes / rate[STALL]);
    printf("GB/s: %.3f\n", rate[SAVE]);
    printf("peak memory: %.2f GB\n", memory);
    return 0;
}

int bench_checkpoint(const struct bench_options *o)
{
    struct bit_error error = {0};
    struct bench bench;
    int result = prepare(&bench, o, &error);
    for (int i = 0; i < o->repeat && !result; i++)
        result = measure_round(&bench, i, &error);
    if (!result)
        print(&bench, o, &error);
    clear(&bench);
    return error.code ? bit_cli_error(&error) : BIT_OK;
}
