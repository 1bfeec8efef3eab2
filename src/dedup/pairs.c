/* Every upstream picture against every test: hashes of 64 bits first, as fast as memory allows; the few near ones by 256 bits. */
#include <stdlib.h>
#include <string.h>

#include "bit/hamming.h"
#include "bit/memory.h"
#include "dedup/parts.h"

struct content { struct bit_hash hash; uint32_t test; };

struct dedup_tests {
    int turns;
    size_t count, looked;     /* all; those that are compared by hash */
    size_t capacity;
    uint64_t *hashes;         /* [turn][capacity] of those */
    struct bit_look *looks;   /* [capacity][turn] */
    uint32_t *numbers;        /* [capacity]: which test that is */
    struct content *contents; /* [contents_count], sorted when sealed */
    size_t contents_count;
};

struct dedup_tests *dedup_tests_create(uint64_t images, int turns, struct bit_error *error)
{
    struct dedup_tests *t = NULL;
    if (images > UINT32_MAX) {
        bit_fail(error, BIT_EUSAGE, "%llu test images: at most %u", (unsigned long long)images, UINT32_MAX);
        return NULL;
    }
    size_t count = (size_t)images + !images;
    if (!(t = bit_allocate(1, sizeof *t, "the tests' hashes", error)))
        return NULL;
    t->turns = turns;
    t->capacity = count;
    if (!(t->hashes = bit_allocate(count * (size_t)turns, sizeof *t->hashes, "the tests' hashes", error)) ||
        !(t->looks = bit_allocate(count * (size_t)turns, sizeof *t->looks, "the tests' hashes", error)) ||
        !(t->numbers = bit_allocate(count, sizeof *t->numbers, "the tests' numbers", error)) ||
        !(t->contents = bit_allocate(count, sizeof *t->contents, "the tests' contents", error))) {
        dedup_tests_destroy(t);
        return NULL;
    }
    return t;
}

void dedup_tests_destroy(struct dedup_tests *t)
{
    if (!t)
        return;
    bit_free(t->hashes);
    bit_free(t->looks);
    bit_free(t->numbers);
    bit_free(t->contents);
    bit_free(t);
}

void dedup_tests_add(struct dedup_tests *t, const unsigned char *records, size_t count, int quality)
{
    for (size_t i = 0; i < count; i++, records += dedup_record_size(t->turns), t->count++) {
        const struct dedup_record *record = (const void *)records;
        if (record->bad)
            continue;
        t->contents[t->contents_count++] = (struct content){record->content, (uint32_t)t->count};
        if (record->quality < quality)
            continue;
        for (int turn = 0; turn < t->turns; turn++)
            t->hashes[(size_t)turn * t->capacity + t->looked] = record->looks[turn].hash;
        memcpy(t->looks + t->looked * (size_t)t->turns, record->looks, (size_t)t->turns * sizeof *t->looks);
        t->numbers[t->looked++] = (uint32_t)t->count;
    }
}

static int compare_contents(const void *a, const void *b)
{
    const struct content *x = a, *y = b;
    if (x->hash.high != y->hash.high)
        return x->hash.high < y->hash.high ? -1 : 1;
    if (x->hash.low != y->hash.low)
        return x->hash.low < y->hash.low ? -1 : 1;
    return x->test < y->test ? -1 : x->test > y->test;
}

void dedup_tests_seal(struct dedup_tests *t)
{
    qsort(t->contents, t->contents_count, sizeof *t->contents, compare_contents);
}

int dedup_pairs_add(struct dedup_pairs *pairs, const struct dedup_pair *more, size_t count, struct bit_error *error)
{
    if (pairs->count + count > pairs->capacity) {
        size_t capacity = 2 * (pairs->count + count) + 256;
        struct dedup_pair *list = bit_allocate(capacity, sizeof *list, "pairs", error);
        if (!list)
            return -1;
        if (pairs->count)
            memcpy(list, pairs->list, pairs->count * sizeof *list);
        bit_free(pairs->list);
        pairs->list = list;
        pairs->capacity = capacity;
    }
    if (count)
        memcpy(pairs->list + pairs->count, more, count * sizeof *more);
    pairs->count += count;
    return 0;
}

/* ---- files of the same bytes ---- */

static int match_contents(const struct dedup_tests *t, const struct dedup_record *record, uint64_t upstream, struct dedup_pairs *pairs,
                          struct bit_error *error)
{
    size_t low = 0, high = t->contents_count;
    struct content wanted = {.hash = record->content};
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (compare_contents(&t->contents[middle], &wanted) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    for (; low < t->contents_count && bit_hash_equal(t->contents[low].hash, record->content); low++) {
        struct dedup_pair pair = {.upstream = upstream, .test = t->contents[low].test, .same_file = 1};
        if (dedup_pairs_add(pairs, &pair, 1, error))
            return -1;
    }
    return 0;
}

/* ---- pictures that look alike ---- */

/* Upstream pictures that one thread compares at a time. */
enum { PART = 128 };
struct part { uint64_t hashes[PART]; const struct dedup_record *records[PART]; uint64_t numbers[PART]; size_t count; };

static int add_near(const struct dedup_tests *t, const struct bit_dedup_options *o, const struct part *part, int turn, const struct bit_near *found,
                    size_t count, struct dedup_pairs *pairs, struct bit_error *error)
{
    for (size_t i = 0; i < count; i++) {
        const struct bit_look *mine = &part->records[found[i].a]->looks[0], *theirs = &t->looks[found[i].b * (size_t)t->turns + (size_t)turn];
        int wide = bit_look_distance(mine, theirs);
        struct dedup_pair pair = {.upstream = part->numbers[found[i].a], .test = t->numbers[found[i].b], .wide = (uint16_t)wide,
                                  .bits = (uint8_t)bit_hamming(mine->hash, theirs->hash), .turn = (uint8_t)turn};
        if (wide <= o->wide_bits && dedup_pairs_add(pairs, &pair, 1, error))
            return -1;
    }
    return 0;
}

/* Room for what is near is made when it is needed: mostly there is next to nothing. */
static int match_part(const struct dedup_tests *t, const struct bit_dedup_options *o, const struct part *part, struct dedup_pairs *pairs,
                      struct bit_error *error)
{
    size_t room = 1024;
    struct bit_near *found = bit_allocate(room, sizeof *found, "near pairs", error);
    int result = found ? 0 : -1;
    for (int turn = 0; turn < t->turns && !result; turn++) {
        const uint64_t *hashes = t->hashes + (size_t)turn * t->capacity;
        size_t got = bit_hamming_near(part->hashes, part->count, hashes, t->looked, o->bits, found, room);
        if (got > room) {
            bit_free(found);
            room = got;
            if (!(found = bit_allocate(room, sizeof *found, "near pairs", error)))
                return -1;
            bit_hamming_near(part->hashes, part->count, hashes, t->looked, o->bits, found, room);
        }
        result = add_near(t, o, part, turn, found, got, pairs, error);
    }
    bit_free(found);
    return result;
}

static int match_records(const struct dedup_tests *t, const struct bit_dedup_options *o, const unsigned char *records, size_t count, uint64_t first,
                         struct dedup_pairs *pairs, double *compared, struct bit_error *error)
{
    struct part part = {.count = 0};
    for (size_t i = 0; i < count; i++) {
        const struct dedup_record *record = (const void *)(records + i * dedup_record_size(1));
        if (record->bad)
            continue;
        if (match_contents(t, record, first + i, pairs, error))
            return -1;
        if (record->quality < o->quality)
            continue;
        part.hashes[part.count] = record->looks[0].hash;
        part.records[part.count] = record;
        part.numbers[part.count++] = first + i;
    }
    *compared += (double)part.count * (double)t->looked * t->turns;
    return match_part(t, o, &part, pairs, error);
}

/* The same file before the same picture, then fewer bits, then fewer turns. */
static int compare_pairs(const void *a, const void *b)
{
    const struct dedup_pair *x = a, *y = b;
    if (x->upstream != y->upstream)
        return x->upstream < y->upstream ? -1 : 1;
    if (x->test != y->test)
        return x->test < y->test ? -1 : 1;
    if (x->same_file != y->same_file)
        return x->same_file ? -1 : 1;
    return x->wide != y->wide ? (x->wide < y->wide ? -1 : 1) : (int)x->turn - (int)y->turn;
}

/* The best of each upstream and test; from `from` on. */
static void sort_pairs(struct dedup_pairs *pairs, size_t from)
{
    size_t out = from;
    if (pairs->count > from)
        qsort(pairs->list + from, pairs->count - from, sizeof *pairs->list, compare_pairs);
    for (size_t i = from; i < pairs->count; i++)
        if (i == from || pairs->list[i].upstream != pairs->list[out - 1].upstream || pairs->list[i].test != pairs->list[out - 1].test)
            pairs->list[out++] = pairs->list[i];
    pairs->count = out;
}

int dedup_tests_match(const struct dedup_tests *t, const struct bit_dedup_options *o, const unsigned char *records, size_t count, uint64_t first,
                      struct dedup_pairs *pairs, double *compared, struct bit_error *error)
{
    size_t before = pairs->count, size = dedup_record_size(1);
    double sum = 0;
#pragma omp parallel for schedule(dynamic) num_threads(o->threads) reduction(+ : sum)
    for (size_t from = 0; from < count; from += PART) {
        struct dedup_pairs own = {0};
        struct bit_error failed = {0};
        if (match_records(t, o, records + from * size, count - from < PART ? count - from : PART, first + from, &own, &sum, &failed)) {
#pragma omp critical(dedup_match)
            bit_fail(error, failed.code, "%s", failed.text);
        }
#pragma omp critical(dedup_match)
        if (!error->code)
            dedup_pairs_add(pairs, own.list, own.count, error);
        bit_free(own.list);
    }
    *compared += sum;
    sort_pairs(pairs, before);
    if (!error->code && pairs->count > o->most_pairs)
        return bit_fail(error, BIT_EDATA, "more than %llu candidates (--most-pairs) by picture %llu of upstream: are the sets the same, or the "
                        "pictures flat? Raise --quality, or lower --bits and --wide-bits", (unsigned long long)o->most_pairs,
                        (unsigned long long)(first + count));
    return error->code ? -1 : 0;
}
