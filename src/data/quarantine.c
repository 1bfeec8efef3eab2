#include "quarantine.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "bit/data.h"
#include "bit/hash.h"
#include "bit/memory.h"

/* Lines are known by 64 bits of the hash of "epoch<TAB>path", in an open hash table (0: free). */
struct bit_quarantine {
    int file;
    char *path;
    uint64_t *known;
    size_t capacity, count;
};

static int grow(struct bit_quarantine *q, struct bit_error *error)
{
    size_t capacity = q->capacity ? 2 * q->capacity : 256;
    uint64_t *known = bit_allocate(capacity, sizeof *known, "the list of bad images", error);
    if (!known)
        return -1;
    for (size_t i = 0; i < q->capacity; i++) {
        size_t at = q->known[i] & (capacity - 1);
        while (q->known[i] && known[at])
            at = (at + 1) & (capacity - 1);
        if (q->known[i])
            known[at] = q->known[i];
    }
    bit_free(q->known);
    q->known = known;
    q->capacity = capacity;
    return 0;
}

/* 1: new; 0: known already; -1: failed. */
static int remember(struct bit_quarantine *q, const char *key, size_t size, struct bit_error *error)
{
    uint64_t hash = bit_hash_bytes(key, size).low;
    hash += !hash;
    if (2 * q->count >= q->capacity && grow(q, error))
        return -1;
    size_t at = hash & (q->capacity - 1);
    while (q->known[at]) {
        if (q->known[at] == hash)
            return 0;
        at = (at + 1) & (q->capacity - 1);
    }
    q->known[at] = hash;
    q->count++;
    return 1;
}

/* The part of a line that makes it known: up to its second tab; 0 when it has none. */
static size_t key_size(const char *line, size_t size)
{
    const char *tab = memchr(line, '\t', size);
    const char *second = tab ? memchr(tab + 1, '\t', size - (size_t)(tab + 1 - line)) : NULL;
    return second ? (size_t)(second - line) : 0;
}

/* A last line without its end was torn by a kill or a full disk. What it was about is listed again when it is met again. */
static int read_known(struct bit_quarantine *q, struct bit_error *error)
{
    FILE *file = fopen(q->path, "re");
    char *line = NULL;
    size_t capacity = 0;
    off_t whole = 0;
    int result = 0;
    ssize_t size;
    if (!file)
        return bit_fail_errno(error, BIT_EENVIRONMENT, "cannot read %s", q->path);
    while (!result && (size = getline(&line, &capacity, file)) > 0) {
        size_t key = key_size(line, (size_t)size);
        if (line[size - 1] != '\n') {
            if (ftruncate(q->file, whole))
                result = bit_fail_errno(error, BIT_EENVIRONMENT, "cannot cut %s to its last whole line", q->path);
            break;
        }
        if (key && remember(q, line, key, error) < 0)
            result = -1;
        whole += size;
    }
    free(line);
    fclose(file);
    return result;
}

struct bit_quarantine *bit_quarantine_open(const char *path, struct bit_error *error)
{
    struct bit_quarantine *q = bit_allocate(1, sizeof *q, "the list of bad images", error);
    if (!q)
        return NULL;
    q->file = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0666);
    if (q->file < 0)
        bit_fail_errno(error, BIT_EENVIRONMENT, "cannot open %s", path);
    if (q->file < 0 || !(q->path = bit_copy_text(path, error)) || read_known(q, error)) {
        bit_quarantine_close(q);
        return NULL;
    }
    return q;
}

void bit_quarantine_close(struct bit_quarantine *q)
{
    if (!q)
        return;
    if (q->file >= 0)
        close(q->file);
    bit_free(q->path);
    bit_free(q->known);
    bit_free(q);
}

void bit_quarantine_line(struct bit_text *lines, const char *epoch, const char *path, const char *reason)
{
    char line[4 * PATH_MAX + 1024];
    size_t used = (size_t)snprintf(line, 32, "%s\t", epoch);
    used += bit_text_escape(line + used, 4 * PATH_MAX, path, "");
    line[used++] = '\t';
    bit_text_escape(line + used, 512, reason, "");
    bit_text_add(lines, "%s\n", line);
}

static int write_lines(struct bit_quarantine *q, const struct bit_text *lines, struct bit_error *error)
{
    ssize_t written;
    do
        written = write(q->file, lines->data, lines->size);
    while (written < 0 && errno == EINTR);
    if (written < 0)
        return bit_fail_errno(error, BIT_EENVIRONMENT, "cannot write %s", q->path);
    if ((size_t)written < lines->size)
        return bit_fail(error, BIT_EENVIRONMENT, "cannot write %s: only a part fitted", q->path);
    return 0;
}

int bit_quarantine_add(struct bit_quarantine *q, const char *lines, size_t size, struct bit_error *error)
{
    struct bit_text fresh = {0};
    int result = 0;
    for (const char *at = lines, *end = lines + size, *next; at < end && result >= 0; at = next) {
        const char *stop = memchr(at, '\n', (size_t)(end - at));
        next = stop ? stop + 1 : end;
        result = remember(q, at, key_size(at, (size_t)(next - at)), error);
        if (result == 1)
            bit_text_add(&fresh, "%.*s", (int)(next - at), at);
    }
    if (fresh.failed)
        result = bit_fail(error, BIT_EENVIRONMENT, "not enough memory for the list of bad images");
    else if (result >= 0)
        result = fresh.size ? write_lines(q, &fresh, error) : 0;
    bit_text_free(&fresh);
    return result < 0 ? -1 : 0;
}
