#include "bit/hash.h"

#include <stdio.h>
#include <string.h>
#include <xxhash.h>

#include "bit/memory.h"

struct bit_hasher { XXH3_state_t *state; };

static struct bit_hash from(XXH128_hash_t h)
{
    return (struct bit_hash){.high = h.high64, .low = h.low64};
}

struct bit_hash bit_hash_bytes(const void *data, size_t size)
{
    return from(XXH3_128bits(data, size));
}

void bit_hash_text(struct bit_hash hash, char text[BIT_HASH_TEXT])
{
    snprintf(text, BIT_HASH_TEXT, "%016llx%016llx", (unsigned long long)hash.high, (unsigned long long)hash.low);
}

int bit_hash_parse(const char *text, struct bit_hash *hash)
{
    uint64_t words[2] = {0, 0};
    for (int i = 0; i < 32; i++) {
        int c = text[i], digit = c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
        if (digit < 0)
            return -1;
        words[i / 16] = words[i / 16] << 4 | (uint64_t)digit;
    }
    if (text[32])
        return -1;
    *hash = (struct bit_hash){words[0], words[1]};
    return 0;
}

int bit_hash_equal(struct bit_hash a, struct bit_hash b)
{
    return a.high == b.high && a.low == b.low;
}

struct bit_hasher *bit_hasher_create(struct bit_error *error)
{
    struct bit_hasher *h = bit_allocate(1, sizeof *h, "a hash state", error);
    if (!h)
        return NULL;
    h->state = XXH3_createState();
    if (!h->state) {
        bit_fail(error, BIT_EENVIRONMENT, "out of memory: hash state");
        bit_free(h);
        return NULL;
    }
    XXH3_128bits_reset(h->state);
    return h;
}

void bit_hasher_add(struct bit_hasher *h, const void *data, size_t size)
{
    XXH3_128bits_update(h->state, data, size);
}

struct bit_hash bit_hasher_result(const struct bit_hasher *h)
{
    return from(XXH3_128bits_digest(h->state));
}

void bit_hasher_destroy(struct bit_hasher *h)
{
    if (!h)
        return;
    XXH3_freeState(h->state);
    bit_free(h);
}

int bit_hash_file(const char *path, struct bit_hash *hash, struct bit_error *error)
{
    enum { BLOCK = 1 << 20 };
    int result = -1;
    FILE *file = NULL;
    char *block = NULL;
    struct bit_hasher *h = bit_hasher_create(error);
    if (!h || !(block = bit_allocate(BLOCK, 1, "a read buffer", error)))
        goto out;
    file = fopen(path, "rbe");
    if (!file) {
        bit_fail_errno(error, BIT_ENOINPUT, "cannot open %s", path);
        goto out;
    }
    size_t got;
    while ((got = fread(block, 1, BLOCK, file)) > 0)
        bit_hasher_add(h, block, got);
    if (ferror(file)) {
        bit_fail_errno(error, BIT_EENVIRONMENT, "cannot read %s", path);
        goto out;
    }
    *hash = bit_hasher_result(h);
    result = 0;
out:
    if (file)
        fclose(file);
    bit_free(block);
    bit_hasher_destroy(h);
    return result;
}
