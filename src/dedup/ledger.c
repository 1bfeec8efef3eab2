#include "dedup/ledger.h"

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "bit/memory.h"

enum { BLOCK_LIMIT = 256 << 20 };

/* The file begins with one of these without data; its `sum` is the key. Numbers are the machine's: the file is for where it was made. */
struct head { char magic[8]; uint64_t number, size; struct bit_hash sum; };
static const char magic[8] = "bitlook1";

struct bit_ledger {
    int file;
    char *path;
    uint64_t number; /* of the next block */
    off_t end;       /* of the last whole block */
    void *data;
    size_t capacity;
};

static int fail(const struct bit_ledger *l, const char *doing, struct bit_error *error)
{
    return bit_fail_errno(error, BIT_EENVIRONMENT, "cannot %s %s", doing, l->path);
}

/* Bytes read, fewer at the end of the file; -1. */
static ssize_t read_at(const struct bit_ledger *l, void *to, size_t size, off_t at, struct bit_error *error)
{
    size_t done = 0;
    while (done < size) {
        ssize_t got = pread(l->file, (char *)to + done, size - done, at + (off_t)done);
        if (got < 0 && errno != EINTR)
            return fail(l, "read", error);
        if (got == 0)
            break;
        done += got > 0 ? (size_t)got : 0;
    }
    return (ssize_t)done;
}

static int write_at(const struct bit_ledger *l, const void *from, size_t size, off_t at, struct bit_error *error)
{
    size_t done = 0;
    while (done < size) {
        ssize_t put = pwrite(l->file, (const char *)from + done, size - done, at + (off_t)done);
        if (put < 0 && errno != EINTR)
            return fail(l, "write", error);
        done += put > 0 ? (size_t)put : 0;
    }
    return 0;
}

/* Keeps the blocks of a ledger with this key, otherwise begins a new one. */
static int begin(struct bit_ledger *l, struct bit_hash key, struct bit_error *error)
{
    struct head head, mine = {.sum = key};
    memcpy(mine.magic, magic, sizeof magic);
    l->end = sizeof head;
    ssize_t got = read_at(l, &head, sizeof head, 0, error);
    if (got < 0)
        return -1;
    if (got == (ssize_t)sizeof head && !memcmp(&head, &mine, sizeof head))
        return 0;
    if (ftruncate(l->file, 0))
        return fail(l, "empty", error);
    return write_at(l, &mine, sizeof mine, 0, error);
}

struct bit_ledger *bit_ledger_open(const char *path, struct bit_hash key, struct bit_error *error)
{
    struct bit_ledger *l = bit_allocate(1, sizeof *l, "a ledger", error);
    if (!l)
        return NULL;
    l->file = -1;
    if (!(l->path = bit_copy_text(path, error)))
        goto failed;
    l->file = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0666);
    if (l->file < 0) {
        fail(l, "open", error);
        goto failed;
    }
    if (flock(l->file, LOCK_EX | LOCK_NB) && errno == EWOULDBLOCK) {
        bit_fail(error, BIT_EENVIRONMENT, "%s is in use: another bit dedup works in its folder", path);
        goto failed;
    }
    if (!begin(l, key, error))
        return l;
failed:
    bit_ledger_close(l);
    return NULL;
}

void bit_ledger_close(struct bit_ledger *l)
{
    if (!l)
        return;
    if (l->file >= 0)
        close(l->file);
    bit_free(l->path);
    bit_free(l->data);
    bit_free(l);
}

static struct bit_hash sum_of(const void *data, size_t size, uint64_t number)
{
    struct bit_hash sum = bit_hash_bytes(data, size);
    sum.low ^= number;
    return sum;
}

/* 1: a whole block of *size bytes lies at the end of what is known. */
static int read_block(struct bit_ledger *l, size_t *size, struct bit_error *error)
{
    struct head head;
    ssize_t got = read_at(l, &head, sizeof head, l->end, error);
    if (got < (ssize_t)sizeof head || memcmp(head.magic, magic, sizeof magic) || head.number != l->number || head.size > BLOCK_LIMIT)
        return got < 0 ? -1 : 0;
    *size = (size_t)head.size;
    if (*size + 1 > l->capacity) {
        bit_free(l->data);
        l->data = bit_allocate(*size + 1, 1, "a block of a ledger", error);
        l->capacity = l->data ? *size + 1 : 0;
        if (!l->data)
            return -1;
    }
    got = read_at(l, l->data, *size, l->end + (off_t)sizeof head, error);
    return got < 0 ? -1 : got == (ssize_t)*size && bit_hash_equal(head.sum, sum_of(l->data, *size, l->number));
}

int bit_ledger_next(struct bit_ledger *l, const void **data, size_t *size, struct bit_error *error)
{
    int result = read_block(l, size, error);
    if (result == 1) {
        l->end += (off_t)sizeof(struct head) + (off_t)*size;
        l->number++;
        *data = l->data;
    } else if (result == 0 && ftruncate(l->file, l->end)) {
        return fail(l, "cut", error);
    }
    return result;
}

int bit_ledger_add(struct bit_ledger *l, const void *data, size_t size, struct bit_error *error)
{
    struct head head = {.number = l->number, .size = size, .sum = sum_of(data, size, l->number)};
    memcpy(head.magic, magic, sizeof magic);
    if (write_at(l, data, size, l->end + (off_t)sizeof head, error) || write_at(l, &head, sizeof head, l->end, error))
        return -1;
    l->end += (off_t)sizeof head + (off_t)size;
    l->number++;
    return 0;
}
