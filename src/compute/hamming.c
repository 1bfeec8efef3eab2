#include "compute/hamming_kernels.h"


bool hamming_can_count(void)
{
#ifdef __x86_64__
    return bit_isa() == BIT_ISA_AVX512 && __builtin_cpu_supports("avx512vpopcntdq");
#else
    return false;
#endif
}

struct search { const uint64_t *a, *b; int most; struct bit_near *found; size_t room, count; };

/* All pairs of some of each, one by one. */
static void look(struct search *s, size_t a_from, size_t a_end, size_t b_from, size_t b_end)
{
    for (size_t j = b_from; j < b_end; j++)
        for (size_t i = a_from; i < a_end; i++) {
            if (bit_hamming(s->a[i], s->b[j]) > s->most)
                continue;
            if (s->count < s->room)
                s->found[s->count] = (struct bit_near){(uint32_t)i, (uint32_t)j};
            s->count++;
        }
}

size_t hamming_near(const struct hamming_kernels *kernels, bool counting, const uint64_t *a, size_t a_count, const uint64_t *b, size_t b_count,
                    int most, struct bit_near *found, size_t room)
{
    size_t (*next)(const uint64_t *, const uint64_t *, size_t, size_t, int) = counting ? kernels->next_counting : kernels->next;
    size_t a_whole = a_count - a_count % HAMMING_A, b_whole = b_count - b_count % HAMMING_B;
    struct search s = {a, b, most, found, room, 0};
    for (size_t i = 0; i < a_whole; i += HAMMING_A)
        for (size_t j = 0; (j = next(a + i, b, j, b_whole, most)) < b_whole; j += HAMMING_B)
            look(&s, i, i + HAMMING_A, j, j + HAMMING_B);
    look(&s, 0, a_whole, b_whole, b_count);
    look(&s, a_whole, a_count, 0, b_count);
    return s.count;
}

/* Parts of b that stay in the first-level cache while all of a passes. */
size_t bit_hamming_near(const uint64_t *a, size_t a_count, const uint64_t *b, size_t b_count, int most, struct bit_near *found, size_t room)
{
    enum { PART = 2048 };
    const struct hamming_kernels *kernels = BIT_PICK(hamming_kernels);
    size_t count = 0;
    for (size_t from = 0; from < b_count; from += PART) {
        size_t part = b_count - from < PART ? b_count - from : PART, left = count < room ? room - count : 0;
        size_t got = hamming_near(kernels, hamming_can_count(), a, a_count, b + from, part, most, found + (left ? count : 0), left);
        for (size_t i = 0; i < got && i < left; i++)
            found[count + i].b += (uint32_t)from;
        count += got;
    }
    return count;
}
