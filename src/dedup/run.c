#include <math.h>
#include <omp.h>
#include <stdio.h>
#include <string.h>

#include "bit/clock.h"
#include "bit/file.h"
#include "bit/log.h"
#include "bit/memory.h"
#include "dedup/parts.h"

enum { VERDICTS = 256 /* pairs whose pixels are compared between two notes */ };

struct run {
    const struct bit_dedup_options *options;
    struct bit_dedup_report *report;
    struct dedup_readers *readers;
    struct dedup_set *sets;
    struct dedup_tests *tests;
    struct dedup_pairs pairs;
    struct dedup_verdict *verdicts;
    struct bit_ledger *pairs_ledger, *verdicts_ledger;
    double told;
};

/* ---- sets ---- */

static int open_sets(struct run *r, struct bit_error *error)
{
    const struct bit_dedup_options *o = r->options;
    uint64_t images = 0;
    for (int i = 0; i < r->report->set_count; i++) {
        char name[32];
        const char *path = i ? o->tests[i - 1] : o->upstream;
        snprintf(name, sizeof name, "looks-%d", i);
        if (dedup_set_open(&r->sets[i], path, i ? o->turns : 1, name, o, error))
            return -1;
        r->report->sets[i].path = path;
        r->report->sets[i].images = bit_index_images(r->sets[i].index);
        images += i ? r->report->sets[i].images : 0;
    }
    r->tests = dedup_tests_create(images, o->turns, error);
    return r->tests ? 0 : -1;
}

static void tell(struct run *r, int i)
{
    double now = bit_clock_seconds();
    if (now - r->told < 10)
        return;
    r->told = now;
    bit_log(BIT_LOG_INFO, "%s: looked at %llu of %llu pictures", r->report->sets[i].path, (unsigned long long)r->sets[i].next,
            (unsigned long long)r->report->sets[i].images);
}

/* The next records of set i, counted. */
static int next_block(struct run *r, int i, const unsigned char **records, size_t *count, struct bit_error *error)
{
    struct bit_dedup_set *report = &r->report->sets[i];
    double start = bit_clock_seconds();
    if (dedup_set_block(&r->sets[i], r->readers, records, count, error))
        return -1;
    r->report->look_seconds += bit_clock_seconds() - start;
    r->report->known += r->sets[i].known ? *count : 0;
    for (size_t k = 0; k < *count; k++) {
        const struct dedup_record *record = (const void *)(*records + k * dedup_record_size(r->sets[i].turns));
        report->bad += record->bad;
        report->flat += !record->bad && record->quality < r->options->quality;
    }
    tell(r, i);
    return 0;
}

static int read_tests(struct run *r, struct bit_error *error)
{
    const unsigned char *records;
    size_t count = 1;
    for (int i = 1; i < r->report->set_count; i++)
        for (count = 1; count;) {
            if (next_block(r, i, &records, &count, error))
                return -1;
            dedup_tests_add(r->tests, records, count, r->options->quality);
        }
    dedup_tests_seal(r->tests);
    return 0;
}

/* ---- pairs ---- */

static struct bit_hash pairs_key(const struct run *r)
{
    const struct bit_dedup_options *o = r->options;
    struct bit_text text = {0};
    for (int i = 0; i < r->report->set_count; i++) {
        char key[BIT_HASH_TEXT];
        bit_hash_text(r->sets[i].key, key);
        bit_text_add(&text, "%s ", key);
    }
    bit_text_add(&text, "%d %d %d %d", o->bits, o->wide_bits, o->turns, o->quality);
    struct bit_hash key = text.failed ? (struct bit_hash){0} : bit_hash_bytes(text.data, text.size);
    bit_text_free(&text);
    return key;
}

static struct bit_ledger *open_ledger(const struct run *r, const char *name, struct bit_hash key, struct bit_error *error)
{
    char path[PATH_MAX];
    return bit_path_join(path, sizeof path, r->options->folder, name, error) ? NULL : bit_ledger_open(path, key, error);
}

static int match_block(struct run *r, const unsigned char *records, size_t count, uint64_t first, struct bit_error *error)
{
    size_t before = r->pairs.count;
    double start = bit_clock_seconds();
    if (dedup_tests_match(r->tests, r->options, records, count, first, &r->pairs, &r->report->compared, error))
        return -1;
    r->report->match_seconds += bit_clock_seconds() - start;
    return bit_ledger_add(r->pairs_ledger, r->pairs.list + before, (r->pairs.count - before) * sizeof *r->pairs.list, error);
}

/* A block of pairs for each block of upstream pictures. */
static int find_pairs(struct run *r, struct bit_error *error)
{
    const unsigned char *records;
    const void *known;
    size_t count, size;
    int there = 1;
    if (!(r->pairs_ledger = open_ledger(r, "pairs", pairs_key(r), error)))
        return -1;
    for (;;) {
        uint64_t first = r->sets[0].next;
        if (next_block(r, 0, &records, &count, error))
            return -1;
        if (!count)
            return 0;
        if (there)
            there = bit_ledger_next(r->pairs_ledger, &known, &size, error);
        if (there < 0 || (there ? dedup_pairs_add(&r->pairs, known, size / sizeof *r->pairs.list, error)
                                : match_block(r, records, count, first, error)))
            return -1;
    }
}

/* ---- verdicts ---- */

int dedup_find_test(const struct dedup_results *r, uint32_t test, uint64_t *image)
{
    uint64_t left = test;
    int i = 1;
    for (; i < r->report->set_count - 1 && left >= r->report->sets[i].images; i++)
        left -= r->report->sets[i].images;
    *image = left;
    return i;
}

static struct dedup_results results_of(const struct run *r)
{
    return (struct dedup_results){r->options, r->sets, &r->pairs, r->verdicts, r->report};
}

static int judge(struct run *r, const struct dedup_pair *pair, struct dedup_verdict *verdict, struct bit_error *error)
{
    /* The same pixels, but for what is written otherwise. */
    static const double same = 0.5;
    struct dedup_results results = results_of(r);
    char path[PATH_MAX];
    const float *pixels[2];
    struct bit_hash content[2];
    uint64_t image;
    int set = dedup_find_test(&results, pair->test, &image);
    *verdict = (struct dedup_verdict){.cosine = NAN, .kind = DEDUP_SAME_FILE};
    if (pair->same_file)
        return 0;
    for (int i = 0; i < 2; i++) {
        if (bit_index_image_path(r->sets[i ? set : 0].index, i ? image : pair->upstream, path, sizeof path, error))
            return -1;
        /* It could be read before. */
        if (dedup_read(r->readers, omp_get_thread_num(), i, path, &pixels[i], &content[i], error) != DEDUP_READ) {
            error->code = BIT_EENVIRONMENT;
            return bit_fail_at(error, "%s", path);
        }
    }
    verdict->difference = (float)bit_look_difference(pixels[0], pixels[1], pair->turn);
    double most = bit_look_most(pixels[1], r->options->difference, r->options->share);
    verdict->kind = bit_hash_equal(content[0], content[1]) ? DEDUP_SAME_FILE
                    : verdict->difference <= same          ? DEDUP_SAME_PICTURE
                    : verdict->difference <= most          ? DEDUP_NEAR
                                                           : DEDUP_NONE;
    return 0;
}

/* The near ones of a block: their numbers and paths. */
static size_t list_near(const struct run *r, size_t from, size_t count, size_t *numbers, struct bit_dedup_near *near, struct bit_error *error)
{
    const struct dedup_results results = results_of(r);
    char path[PATH_MAX];
    size_t found = 0;
    for (size_t i = from; i < from + count && !error->code; i++) {
        const struct dedup_pair *pair = &r->pairs.list[i];
        uint64_t image;
        if (r->verdicts[i].kind != DEDUP_NEAR)
            continue;
        int set = dedup_find_test(&results, pair->test, &image);
        near[found] = (struct bit_dedup_near){.turn = pair->turn};
        numbers[found] = i;
        for (int side = 0; side < 2 && !error->code; side++)
            if (!bit_index_image_path(r->sets[side ? set : 0].index, side ? image : pair->upstream, path, sizeof path, error))
                near[found].paths[side] = bit_copy_text(path, error);
        found++;
    }
    return found;
}

/* Asks the network about a block's near ones. */
static int confirm_block(struct run *r, size_t from, size_t count, struct bit_error *error)
{
    const struct bit_dedup_network *network = r->options->network;
    struct bit_dedup_near near[VERDICTS];
    size_t numbers[VERDICTS], found = list_near(r, from, count, numbers, near, error);
    float cosines[VERDICTS];
    int result = error->code ? -1 : found ? network->compare(network->context, near, found, cosines, error) : 0;
    for (size_t i = 0; i < found; i++) {
        struct dedup_verdict *verdict = &r->verdicts[numbers[i]];
        verdict->cosine = result ? NAN : cosines[i];
        verdict->told_apart = !((double)verdict->cosine >= network->cosine);
        if (verdict->told_apart)
            verdict->kind = DEDUP_NONE;
        bit_free(near[i].paths[0]);
        bit_free(near[i].paths[1]);
    }
    return result;
}

static int judge_block(struct run *r, size_t from, size_t count, struct bit_error *error)
{
#pragma omp parallel for schedule(dynamic) num_threads(r->options->threads)
    for (size_t i = from; i < from + count; i++) {
        struct bit_error own = {0};
        if (judge(r, &r->pairs.list[i], &r->verdicts[i], &own)) {
#pragma omp critical(dedup_judge)
            bit_fail(error, own.code, "%s", own.text);
        }
    }
    if (!error->code && r->options->network)
        confirm_block(r, from, count, error);
    return error->code ? -1 : bit_ledger_add(r->verdicts_ledger, r->verdicts + from, count * sizeof *r->verdicts, error);
}

static struct bit_hash verdicts_key(const struct run *r)
{
    const struct bit_dedup_options *o = r->options;
    char pairs[BIT_HASH_TEXT], network[BIT_HASH_TEXT], text[3 * BIT_HASH_TEXT + 128];
    bit_hash_text(bit_hash_bytes(r->pairs.list, r->pairs.count * sizeof *r->pairs.list), pairs);
    bit_hash_text(o->network ? o->network->hash : (struct bit_hash){0}, network);
    snprintf(text, sizeof text, "%s %.17g %.17g %s %.17g", pairs, o->difference, o->share, network, o->network ? o->network->cosine : 0);
    return bit_hash_bytes(text, strlen(text));
}

static int judge_pairs(struct run *r, struct bit_error *error)
{
    const void *known;
    size_t size, count;
    int there = 1;
    if (!(r->verdicts = bit_allocate(r->pairs.count + 1, sizeof *r->verdicts, "verdicts", error)) ||
        !(r->verdicts_ledger = open_ledger(r, "verdicts", verdicts_key(r), error)))
        return -1;
    for (size_t from = 0; from < r->pairs.count; from += count) {
        count = r->pairs.count - from < VERDICTS ? r->pairs.count - from : VERDICTS;
        if (there)
            there = bit_ledger_next(r->verdicts_ledger, &known, &size, error);
        if (there > 0 && size == count * sizeof *r->verdicts)
            memcpy(r->verdicts + from, known, size);
        else if (there || judge_block(r, from, count, error))
            return error->code ? -1 : bit_fail(error, BIT_EDATA, "%s/verdicts does not belong to its pairs: remove it", r->options->folder);
    }
    return 0;
}

static void count_verdicts(const struct run *r)
{
    uint64_t counts[4] = {0};
    for (size_t i = 0; i < r->pairs.count; i++) {
        counts[r->verdicts[i].kind & 3]++;
        r->report->told_apart += r->verdicts[i].told_apart;
    }
    r->report->candidates = r->pairs.count;
    r->report->same_files = counts[DEDUP_SAME_FILE];
    r->report->same_pictures = counts[DEDUP_SAME_PICTURE];
    r->report->near = counts[DEDUP_NEAR];
}

/* ---- the whole ---- */

static int run_all(struct run *r, struct bit_error *error)
{
    if (open_sets(r, error) || read_tests(r, error) || find_pairs(r, error) || judge_pairs(r, error))
        return -1;
    count_verdicts(r);
    struct dedup_results results = results_of(r);
    return dedup_write_lists(&results, error);
}

int bit_dedup_run(const struct bit_dedup_options *options, struct bit_dedup_report *report, struct bit_error *error)
{
    struct run r = {.options = options, .report = report, .told = bit_clock_seconds()};
    double start = bit_clock_seconds();
    size_t count = (size_t)options->test_count + 1;
    *report = (struct bit_dedup_report){.set_count = (int)count};
    int result = -1;
    if (!bit_folder_create(options->folder, error) && (report->sets = bit_allocate(count, sizeof *report->sets, "sets", error)) &&
        (r.sets = bit_allocate(count, sizeof *r.sets, "sets", error)) && (r.readers = dedup_readers_create(options, error)))
        result = run_all(&r, error);
    report->seconds = bit_clock_seconds() - start;
    if (!result) {
        struct dedup_results results = results_of(&r);
        result = dedup_write_report(&results, error);
    }
    for (size_t i = 0; r.sets && i < count; i++)
        dedup_set_close(&r.sets[i]);
    bit_ledger_close(r.pairs_ledger);
    bit_ledger_close(r.verdicts_ledger);
    dedup_tests_destroy(r.tests);
    dedup_readers_destroy(r.readers);
    bit_free(r.pairs.list);
    bit_free(r.verdicts);
    bit_free(r.sets);
    return result;
}

void bit_dedup_free(struct bit_dedup_report *report)
{
    bit_free(report->sets);
    report->sets = NULL;
}
