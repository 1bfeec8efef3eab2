/* A few images of each class, drawn as numpy draws them. The generator: M. O'Neill's PCG XSL RR 128/64 with numpy's seeding
 * (numpy/random/bit_generator.pyx), its numbers below a bound (masked bits, drawn until they fit) and its shuffle (Fisher and Yates, from
 * the end). */
#include <string.h>

#include "bit/memory.h"
#include "bit/probe.h"

/* ---- seeding: numpy's SeedSequence ---- */

enum { POOL = 4, WORDS = 8 };

static uint32_t hash_mix(uint32_t value, uint32_t *constant)
{
    value ^= *constant;
    *constant *= 0x931e8875u;
    value *= *constant;
    return value ^ value >> 16;
}

static uint32_t mix(uint32_t x, uint32_t y)
{
    uint32_t result = 0xca01f9ddu * x - 0x4973f715u * y;
    return result ^ result >> 16;
}

/* Eight words from a seed, which is entropy of one word or two. */
static void spread_seed(uint64_t seed, uint32_t words[WORDS])
{
    uint32_t pool[POOL] = {(uint32_t)seed, (uint32_t)(seed >> 32)}, constant = 0x43b0d7e5u;
    for (int i = 0; i < POOL; i++)
        pool[i] = hash_mix(pool[i], &constant);
    for (int from = 0; from < POOL; from++)
        for (int to = 0; to < POOL; to++)
            if (from != to)
                pool[to] = mix(pool[to], hash_mix(pool[from], &constant));
    constant = 0x8b51f9ddu;
    for (int i = 0; i < WORDS; i++) {
        uint32_t word = pool[i % POOL] ^ constant;
        constant *= 0x58f38dedu;
        word *= constant;
        words[i] = word ^ word >> 16;
    }
}

/* ---- PCG64 ---- */

__extension__ typedef unsigned __int128 wide;

static wide join(const uint64_t parts[2])
{
    return (wide)parts[0] << 64 | parts[1];
}

static void advance(struct bit_numpy_random *random)
{
    const wide multiplier = (wide)2549297995355413924u << 64 | 4865540595714422341u;
    wide state = join(random->state) * multiplier + join(random->increment);
    random->state[0] = (uint64_t)(state >> 64);
    random->state[1] = (uint64_t)state;
}

void bit_numpy_seed(struct bit_numpy_random *random, uint64_t seed)
{
    uint32_t words[WORDS];
    uint64_t parts[4];
    spread_seed(seed, words);
    for (int i = 0; i < 4; i++)
        parts[i] = words[2 * i] | (uint64_t)words[2 * i + 1] << 32;
    *random = (struct bit_numpy_random){.increment = {parts[2] << 1 | parts[3] >> 63, parts[3] << 1 | 1}};
    advance(random);
    wide state = join(random->state) + join(parts);
    random->state[0] = (uint64_t)(state >> 64);
    random->state[1] = (uint64_t)state;
    advance(random);
}

uint64_t bit_numpy_u64(struct bit_numpy_random *random)
{
    advance(random);
    uint64_t bits = random->state[0] ^ random->state[1];
    unsigned turn = (unsigned)(random->state[0] >> 58);
    return bits >> turn | bits << (-turn & 63);
}

/* Low half first; the high one is kept for the next call. */
static uint32_t next_u32(struct bit_numpy_random *random)
{
    if (random->has_half) {
        random->has_half = 0;
        return random->half;
    }
    uint64_t bits = bit_numpy_u64(random);
    random->half = (uint32_t)(bits >> 32);
    random->has_half = 1;
    return (uint32_t)bits;
}

/* From 0 to `most`, which is more than 0: as many bits as `most` has, drawn until they are no more than it. */
static uint64_t up_to(struct bit_numpy_random *random, uint64_t most)
{
    uint64_t mask = most, value;
    for (int bits = 1; bits < 64; bits *= 2)
        mask |= mask >> bits;
    do
        value = (most > UINT32_MAX ? bit_numpy_u64(random) : next_u32(random)) & mask;
    while (value > most);
    return value;
}

void bit_numpy_permute(struct bit_numpy_random *random, uint64_t *items, uint64_t count)
{
    for (uint64_t i = count; i-- > 1;) {
        uint64_t j = up_to(random, i), kept = items[i];
        items[i] = items[j];
        items[j] = kept;
    }
}

/* ---- drawing ---- */

/* The images of each class, one after another: those of class c from start[c] on. */
struct members { uint64_t *start, *images; };

static int sort_by_class(uint64_t count, int classes, const uint64_t *label_start, const int32_t *labels, struct members *m,
                         struct bit_error *error)
{
    m->start = bit_allocate((size_t)classes + 2, sizeof *m->start, "images of classes", error);
    m->images = bit_allocate(count + 1, sizeof *m->images, "images of classes", error);
    if (!m->start || !m->images)
        return -1;
    uint64_t *end = m->start + 1; /* counts, then where the next image of a class goes, then where the class ends */
    for (uint64_t i = 0; i < count; i++)
        if (label_start[i] < label_start[i + 1])
            end[labels[label_start[i]] + 1]++;
    for (int c = 0; c < classes; c++)
        end[c + 1] += end[c];
    for (uint64_t i = 0; i < count; i++)
        if (label_start[i] < label_start[i + 1])
            m->images[end[labels[label_start[i]]]++] = i;
    return 0;
}

int bit_draw_few(uint64_t count, int classes, const uint64_t *label_start, const int32_t *labels, int shots, uint64_t seed,
                 struct bit_draw *draw, struct bit_error *error)
{
    struct members m = {0};
    struct bit_numpy_random random;
    int result = sort_by_class(count, classes, label_start, labels, &m, error);
    bit_numpy_seed(&random, seed);
    draw->count = 0;
    draw->images = m.images; /* what is drawn moves to the front, past what has been permuted */
    for (int c = 0; !result && c < classes; c++) {
        uint64_t from = m.start[c], size = m.start[c + 1] - from, taken = size < (uint64_t)shots ? size : (uint64_t)shots;
        bit_numpy_permute(&random, m.images + from, size);
        memmove(m.images + draw->count, m.images + from, taken * sizeof *m.images);
        draw->count += taken;
    }
    bit_free(m.start);
    if (!result && !draw->count)
        result = bit_fail(error, BIT_EDATA, "no image has a label: expected images of each class to draw from");
    if (result) {
        bit_free(m.images);
        draw->images = NULL;
    }
    return result;
}
