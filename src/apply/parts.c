#include "apply/parts.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "bit/file.h"
#include "bit/hash.h"
#include "bit/memory.h"

enum { MAGIC = 0x62697470, FILES = 1 << 20 };

struct part_head { uint32_t magic, good; uint64_t number, hash[2]; };

struct part { struct part_shape shape; int file; char path[PATH_MAX], *record; };

struct parts { struct part_shape shape; char folder[PATH_MAX]; int file, number; char *record; };

/* ---- records ---- */

size_t part_bytes(const struct part_shape *s, int good)
{
    return (size_t)good * (sizeof(uint64_t) + ((size_t)s->channels + (size_t)s->outputs) * sizeof(float));
}

static size_t most_bytes(const struct part_shape *s)
{
    return sizeof(struct part_head) + part_bytes(s, s->micro_batch);
}

/* Of the numbers and what the head says of them. */
static void hash_record(struct part_head *head, const char *numbers, size_t size)
{
    struct bit_hash hash = bit_hash_bytes(numbers, size);
    head->hash[0] = hash.high ^ head->number;
    head->hash[1] = hash.low ^ head->good;
}

static char *pack(char *to, const void *from, size_t size)
{
    if (size)
        memcpy(to, from, size);
    return to + size;
}

/* Bytes read; fewer than `size` at the end of the file; -1. */
static ssize_t read_all(int file, char *data, size_t size, uint64_t offset)
{
    size_t got = 0;
    while (got < size) {
        ssize_t n = pread(file, data + got, size - got, (off_t)(offset + got));
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return -1;
        if (n == 0)
            break;
        got += (size_t)n;
    }
    return (ssize_t)got;
}

/* ---- appending ---- */

static int part_path(char *path, const char *folder, int rank, struct bit_error *error)
{
    char name[32];
    snprintf(name, sizeof name, "part-%06d", rank);
    return bit_path_join(path, PATH_MAX, folder, name, error);
}

struct part *part_open(const char *folder, int rank, const struct part_shape *shape, struct bit_error *error)
{
    struct part *p = bit_allocate(1, sizeof *p, "a part of the embedding", error);
    if (!p)
        return NULL;
    p->shape = *shape;
    p->file = -1;
    p->record = bit_allocate(most_bytes(shape), 1, "a part of the embedding", error);
    if (p->record && part_path(p->path, folder, rank, error) == 0) {
        p->file = open(p->path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0666);
        if (p->file < 0)
            bit_fail_errno(error, BIT_EENVIRONMENT, "cannot create %s", p->path);
    }
    if (p->file >= 0)
        return p;
    bit_free(p->record);
    bit_free(p);
    return NULL;
}

int part_append(struct part *p, uint64_t number, const struct part_rows *rows, struct bit_error *error)
{
    const size_t good = (size_t)rows->good, size = part_bytes(&p->shape, rows->good);
    struct part_head head = {.magic = MAGIC, .good = (uint32_t)rows->good, .number = number};
    char *numbers = p->record + sizeof head, *at = numbers;
    at = pack(at, rows->images, good * sizeof *rows->images);
    at = pack(at, rows->features, good * (size_t)p->shape.channels * sizeof *rows->features);
    pack(at, rows->outputs, good * (size_t)p->shape.outputs * sizeof *rows->outputs);
    hash_record(&head, numbers, size);
    memcpy(p->record, &head, sizeof head);
    return bit_file_write_all(p->file, p->record, sizeof head + size) ? bit_fail_errno(error, BIT_EENVIRONMENT, "cannot write %s", p->path) : 0;
}

int part_close(struct part *p, struct bit_error *error)
{
    int result = 0;
    if (!p)
        return 0;
    if (close(p->file))
        result = bit_fail_errno(error, BIT_EENVIRONMENT, "cannot close %s", p->path);
    bit_free(p->record);
    bit_free(p);
    return result;
}

/* ---- scanning ---- */

/* 1: a whole record; 0: the end, or nothing of use from here on; -1. */
static int scan_record(int file, const char *path, const struct part_shape *s, uint64_t offset, char *record, struct part_head *head,
                       struct bit_error *error)
{
    struct part_head right;
    ssize_t got = read_all(file, (char *)head, sizeof *head, offset);
    if (got == sizeof *head && head->magic == MAGIC && head->number < s->batches && head->good <= (uint32_t)s->micro_batch) {
        size_t size = part_bytes(s, (int)head->good);
        got = read_all(file, record, size, offset + sizeof *head);
        if (got >= 0 && (size_t)got == size) {
            right = *head;
            hash_record(&right, record, size);
            return !memcmp(right.hash, head->hash, sizeof right.hash);
        }
    }
    return got < 0 ? bit_fail_errno(error, BIT_EENVIRONMENT, "cannot read %s", path) : 0;
}

static int scan_part(const char *folder, int number, const struct part_shape *s, char *record, struct part_place *places,
                     struct bit_error *error)
{
    char path[PATH_MAX];
    struct part_head head;
    struct stat status;
    uint64_t offset = 0;
    if (part_path(path, folder, number, error))
        return -1;
    int file = open(path, O_RDWR | O_CLOEXEC), found;
    if (file < 0)
        return bit_fail_errno(error, BIT_EENVIRONMENT, "cannot open %s", path);
    while ((found = scan_record(file, path, s, offset, record, &head, error)) > 0) {
        places[head.number] = (struct part_place){.file = number, .good = head.good, .offset = offset};
        offset += sizeof head + part_bytes(s, (int)head.good);
    }
    if (!found && (fstat(file, &status) || ((uint64_t)status.st_size > offset && ftruncate(file, (off_t)offset))))
        found = bit_fail_errno(error, BIT_EENVIRONMENT, "cannot cut off what is torn of %s", path);
    close(file);
    return found;
}

int parts_scan(const char *folder, const struct part_shape *s, struct part_place *places, struct bit_error *error)
{
    char *record = bit_allocate(most_bytes(s), 1, "a part of the embedding", error);
    DIR *d = record ? opendir(folder) : NULL;
    int result = d ? 0 : record ? bit_fail_errno(error, BIT_EENVIRONMENT, "cannot open %s", folder) : -1;
    for (uint64_t i = 0; i < s->batches; i++)
        places[i] = (struct part_place){.file = -1};
    for (struct dirent *e; !result && (e = readdir(d));) {
        char *end;
        if (strncmp(e->d_name, "part-", 5))
            continue;
        long number = strtol(e->d_name + 5, &end, 10);
        if (*end == 0 && end != e->d_name + 5 && number >= 0 && number < FILES)
            result = scan_part(folder, (int)number, s, record, places, error);
    }
    if (d)
        closedir(d);
    bit_free(record);
    return result;
}

/* ---- reading ---- */

struct parts *parts_open(const char *folder, const struct part_shape *shape, struct bit_error *error)
{
    struct parts *p = bit_allocate(1, sizeof *p, "parts of the embedding", error);
    if (!p)
        return NULL;
    p->shape = *shape;
    p->file = p->number = -1;
    snprintf(p->folder, sizeof p->folder, "%s", folder);
    p->record = bit_allocate(most_bytes(shape), 1, "parts of the embedding", error);
    if (p->record)
        return p;
    bit_free(p);
    return NULL;
}

static int turn_to(struct parts *p, int number, struct bit_error *error)
{
    char path[PATH_MAX];
    if (p->number == number)
        return 0;
    if (p->file >= 0)
        close(p->file);
    p->file = p->number = -1;
    if (part_path(path, p->folder, number, error))
        return -1;
    p->file = open(path, O_RDONLY | O_CLOEXEC);
    if (p->file < 0)
        return bit_fail_errno(error, BIT_EENVIRONMENT, "cannot open %s", path);
    p->number = number;
    return 0;
}

int parts_read(struct parts *p, const struct part_place *place, struct part_rows *rows, struct bit_error *error)
{
    const struct part_shape *s = &p->shape;
    const size_t good = place->good;
    struct part_head head;
    if (turn_to(p, place->file, error))
        return -1;
    if (scan_record(p->file, p->folder, s, place->offset, p->record, &head, error) <= 0 || head.good != place->good)
        return bit_fail(error, BIT_EENVIRONMENT, "%s/part-%06d has changed while it was read", p->folder, place->file);
    const char *at = p->record;
    rows->good = (int)place->good;
    memcpy(rows->images, at, good * sizeof *rows->images);
    at += good * sizeof *rows->images;
    memcpy(rows->features, at, good * (size_t)s->channels * sizeof *rows->features);
    at += good * (size_t)s->channels * sizeof *rows->features;
    memcpy(rows->outputs, at, good * (size_t)s->outputs * sizeof *rows->outputs);
    return 0;
}

void parts_close(struct parts *p)
{
    if (!p)
        return;
    if (p->file >= 0)
        close(p->file);
    bit_free(p->record);
    bit_free(p);
}
