#include "bit/memory.h"

#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "bit/text.h"

/* The size stands in front of the block so that bit_free can count. */
struct header { size_t bytes; };
enum { HUGE_FROM = 4 << 20, HUGE_PAGE = 2 << 20 };

static atomic_size_t used, peak;
static atomic_long fail_in = -1; /* -1: environment not read yet; 0: off */

static int should_fail(void)
{
    long left = atomic_load(&fail_in);
    if (left < 0) {
        const char *text = getenv("BIT_TEST_FAIL_ALLOCATION");
        left = text ? strtol(text, NULL, 10) : 0;
        left = left > 0 ? left : 0;
        atomic_store(&fail_in, left);
    }
    /* Stops at 0: below it would mean "not read yet" again. */
    while (left > 0 && !atomic_compare_exchange_weak(&fail_in, &left, left - 1))
        continue;
    return left == 1;
}

void bit_memory_fail_at(size_t n)
{
    atomic_store(&fail_in, (long)n);
}

void *bit_allocate(size_t count, size_t size, const char *what, struct bit_error *error)
{
    size_t bytes, total;
    int huge;
    char *raw = NULL;
    char text[32];

    if (__builtin_mul_overflow(count, size, &bytes) || bytes > SIZE_MAX / 2) {
        bit_fail(error, BIT_EENVIRONMENT, "out of memory: %s would need more than this machine can address", what);
        return NULL;
    }
    huge = bytes >= HUGE_FROM;
    size_t alignment = huge ? HUGE_PAGE : BIT_ALIGNMENT;
    total = (bytes + BIT_ALIGNMENT + alignment - 1) / alignment * alignment;
    if (!should_fail())
        raw = aligned_alloc(alignment, total);
    if (!raw) {
        bit_text_bytes((double)bytes, text, sizeof text);
        bit_fail(error, BIT_EENVIRONMENT, "out of memory: cannot get %s for %s", text, what);
        return NULL;
    }
#ifdef MADV_HUGEPAGE
    if (huge)
        madvise(raw, total, MADV_HUGEPAGE);
#endif
    memset(raw, 0, total);
    ((struct header *)raw)->bytes = bytes;
    size_t now = atomic_fetch_add(&used, bytes) + bytes, before = atomic_load(&peak);
    while (now > before && !atomic_compare_exchange_weak(&peak, &before, now))
        continue;
    return raw + BIT_ALIGNMENT;
}

void bit_free(void *memory)
{
    if (!memory)
        return;
    char *raw = (char *)memory - BIT_ALIGNMENT;
    atomic_fetch_sub(&used, ((struct header *)raw)->bytes);
    free(raw);
}

char *bit_copy_text(const char *text, struct bit_error *error)
{
    size_t size = strlen(text) + 1;
    char *copy = bit_allocate(size, 1, "text", error);
    return copy ? memcpy(copy, text, size) : NULL;
}

size_t bit_memory_used(void)
{
    return atomic_load(&used);
}

size_t bit_memory_peak(void)
{
    return atomic_load(&peak);
}

size_t bit_memory_resident_peak(void)
{
    FILE *file = fopen("/proc/self/status", "re");
    char line[256];
    unsigned long kilobytes = 0;
    if (!file)
        return 0;
    while (fgets(line, sizeof line, file))
        if (sscanf(line, "VmHWM: %lu kB", &kilobytes) == 1)
            break;
    fclose(file);
    return (size_t)kilobytes * 1024;
}
