#include "store/checksum.h"

#include <errno.h>
#include <unistd.h>

#include "bit/memory.h"
#include "store/manifest.h"

struct checksum_block checksum_of(const void *data, size_t size)
{
    struct bit_hash hash = bit_hash_bytes(data, size);
    struct checksum_block block;
    for (int i = 0; i < 8; i++) {
        block.bytes[i] = (unsigned char)(hash.high >> (56 - 8 * i));
        block.bytes[8 + i] = (unsigned char)(hash.low >> (56 - 8 * i));
    }
    return block;
}

struct bit_hash checksum_fold(const struct checksum_block *blocks, size_t count)
{
    return bit_hash_bytes(blocks, count * sizeof *blocks);
}

size_t checksum_count(uint64_t bytes)
{
    return (size_t)((bytes + CHECKSUM_BLOCK - 1) / CHECKSUM_BLOCK);
}

int file_read_at(int file, void *data, size_t size, uint64_t at)
{
    char *to = data;
    while (size) {
        ssize_t n = pread(file, to, size, (off_t)at);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0) {
            errno = n ? errno : 0;
            return -1;
        }
        to += n, at += (uint64_t)n, size -= (size_t)n;
    }
    return 0;
}

int file_write_at(int file, const void *data, size_t size, uint64_t at)
{
    const char *from = data;
    while (size) {
        ssize_t n = pwrite(file, from, size, (off_t)at);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return -1;
        from += n, at += (uint64_t)n, size -= (size_t)n;
    }
    return 0;
}

int checksum_start(struct checksum *sum, uint64_t bytes, struct bit_error *error)
{
    *sum = (struct checksum){.bytes = bytes, .count = checksum_count(bytes)};
    sum->blocks = bit_allocate(sum->count + 1, sizeof *sum->blocks, "checksums", error);
    if (sum->blocks)
        sum->known = bit_allocate(sum->count + 1, 1, "checksums", error);
    if (sum->known)
        return 0;
    checksum_free(sum);
    return -1;
}

void checksum_free(struct checksum *sum)
{
    bit_free(sum->blocks);
    bit_free(sum->known);
    *sum = (struct checksum){0};
}

void checksum_add(struct checksum *sum, const void *data, size_t size, uint64_t at)
{
    size_t block = checksum_count(at);
    for (; (uint64_t)(block + 1) * CHECKSUM_BLOCK <= at + size && block < sum->count; block++) {
        sum->blocks[block] = checksum_of((const char *)data + ((uint64_t)block * CHECKSUM_BLOCK - at), CHECKSUM_BLOCK);
        sum->known[block] = 1;
    }
}

int checksum_finish(struct checksum *sum, int file, const char *path, struct bit_hash *hash, struct bit_error *error)
{
    char *buffer = bit_allocate(CHECKSUM_BLOCK, 1, "a block to check", error);
    int result = buffer ? 0 : -1;
    for (size_t i = 0; !result && i < sum->count; i++) {
        uint64_t at = (uint64_t)i * CHECKSUM_BLOCK;
        size_t size = sum->bytes - at < CHECKSUM_BLOCK ? (size_t)(sum->bytes - at) : CHECKSUM_BLOCK;
        if (sum->known[i])
            continue;
        if (file_read_at(file, buffer, size, at))
            result = errno ? bit_fail_errno(error, BIT_EENVIRONMENT, "cannot read %s", path)
                           : bit_fail(error, BIT_EENVIRONMENT, "%s ends before its %llu bytes", path,
                                      (unsigned long long)sum->bytes);
        else
            sum->blocks[i] = checksum_of(buffer, size);
    }
    if (!result)
        *hash = checksum_fold(sum->blocks, sum->count);
    bit_free(buffer);
    return result;
}
