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

int checksum_file(int file, const char *path, uint64_t bytes, struct bit_hash *sum, struct bit_error *error)
{
    size_t count = checksum_count(bytes);
    char *buffer = bit_allocate(CHECKSUM_BLOCK, 1, "a block to check", error);
    struct checksum_block *blocks = buffer ? bit_allocate(count + 1, sizeof *blocks, "checksums", error) : NULL;
    int result = blocks ? 0 : -1;
    for (size_t i = 0; !result && i < count; i++) {
        uint64_t at = (uint64_t)i * CHECKSUM_BLOCK;
        size_t size = bytes - at < CHECKSUM_BLOCK ? (size_t)(bytes - at) : CHECKSUM_BLOCK;
        if (file_read_at(file, buffer, size, at))
            result = errno ? bit_fail_errno(error, BIT_EENVIRONMENT, "cannot read %s", path)
                           : bit_fail(error, BIT_EDATA, "%s ends before its %llu bytes", path, (unsigned long long)bytes);
        else
            blocks[i] = checksum_of(buffer, size);
    }
    if (!result)
        *sum = checksum_fold(blocks, count);
    bit_free(blocks);
    bit_free(buffer);
    return result;
}
