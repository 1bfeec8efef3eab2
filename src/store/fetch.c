/* Reading a generation's files: each byte once, by one rank, verified and handed to all. No HDF5 here: the manifest says
 * where the values lie. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "bit/file.h"
#include "bit/memory.h"
#include "store/checksum.h"
#include "store/manifest.h"
#include "store/store.h"

enum { GATHER_BYTES = 64 << 20, SLICE_LEAST = 1 << 14 };

/* All blocks of all files in one row: file 0 is the master, file i + 1 is shard i. */
struct fetch {
    const char *path;
    const struct manifest *m;
    const struct bit_arrays *arrays;
    struct bit_group *group;
    size_t files, blocks, per_rank;
    size_t *start;                  /* [files + 1]: first block of each file */
    struct checksum_block *sums;    /* [per_rank * ranks] */
    char *buffer;                   /* one block */
    char *gathered;                 /* ranks * slice; NULL: a single rank */
    size_t slice;
    struct head { struct checksum_block sum; int failed; } *heads; /* [ranks] */
    int file;                       /* descriptor of the file being read */
    size_t open_file;
};

static const struct file_entry *file_at(const struct fetch *f, size_t file)
{
    return file ? &f->m->shard[file - 1].file : &f->m->master;
}

/* File, place and size of a block; false behind the last one. */
static bool block_at(const struct fetch *f, size_t block, size_t *file, uint64_t *at, size_t *size)
{
    if (block >= f->blocks)
        return false;
    size_t low = 0, high = f->files;
    while (high - low > 1) {
        size_t middle = (low + high) / 2;
        if (f->start[middle] <= block)
            low = middle;
        else
            high = middle;
    }
    while (f->start[low + 1] <= block)
        low++; /* files without a block */
    *file = low;
    *at = (uint64_t)(block - f->start[low]) * CHECKSUM_BLOCK;
    uint64_t left = file_at(f, low)->bytes - *at;
    *size = left < CHECKSUM_BLOCK ? (size_t)left : CHECKSUM_BLOCK;
    return true;
}

/* Rank 0 has seen every file; a network file system may show it to others a little later. */
static int open_patiently(const struct fetch *f, const char *path)
{
    int file, tries = f->group->rank == 0 ? 1 : 200;
    while ((file = open(path, O_RDONLY | O_CLOEXEC)) < 0 && errno == ENOENT && --tries)
        nanosleep(&(struct timespec){.tv_nsec = 100000000}, NULL);
    return file;
}

static int read_block(struct fetch *f, size_t file, uint64_t at, size_t size, struct bit_error *error)
{
    char path[PATH_MAX];
    if (bit_path_join(path, sizeof path, f->path, file_at(f, file)->name, error))
        return -1;
    if (f->file < 0 || f->open_file != file) {
        if (f->file >= 0)
            close(f->file);
        f->file = open_patiently(f, path);
        f->open_file = file;
        if (f->file < 0)
            return bit_fail_errno(error, errno == ENOENT ? BIT_EDATA : BIT_EENVIRONMENT, "cannot open %s", path);
#ifdef POSIX_FADV_SEQUENTIAL
        posix_fadvise(f->file, 0, 0, POSIX_FADV_SEQUENTIAL);
#endif
    }
    if (!file_read_at(f->file, f->buffer, size, at))
        return 0;
    if (errno == 0)
        return bit_fail(error, BIT_EDATA, "%s ends before byte %llu", path, (unsigned long long)(at + size));
    /* A disk that cannot read its sectors has damaged the file; anything else may be better tomorrow. */
    return bit_fail_errno(error, errno == EIO ? BIT_EDATA : BIT_EENVIRONMENT, "cannot read %s", path);
}

/* Copies what `bytes` of file contents at `at` and an array at `place` have in common. The array's element 0 is element
 * `first` of the block; `to` is element `base` of it. */
static void deliver_array(const char *data, uint64_t at, size_t bytes, uint64_t place, uint64_t count, uint64_t first,
                          float *to, uint64_t base, uint64_t limit)
{
    uint64_t a = at > place ? at : place, end = place + count * sizeof(float), b = at + bytes < end ? at + bytes : end;
    if (!place || a >= b)
        return;
    uint64_t from = first + (a - place) / sizeof(float), until = first + (b - place) / sizeof(float);
    uint64_t low = from > base ? from : base, high = until < base + limit ? until : base + limit;
    if (low < high)
        memcpy(to + (low - base), data + (a - at) + (low - from) * sizeof(float), (high - low) * sizeof(float));
}

/* Momentum goes to the pieces of this rank's share. */
static void deliver_momentum(const struct fetch *f, const struct shard_entry *s, const char *data, uint64_t at,
                             size_t bytes)
{
    const struct bit_arrays *a = f->arrays;
    if (!a->share) {
        deliver_array(data, at, bytes, s->momentum_at, s->count, s->first, a->momentum, 0, a->table->elements);
        return;
    }
    float *to = a->momentum;
    uint64_t end = s->momentum_at + s->count * sizeof(float);
    if (!s->momentum_at || at >= end || at + bytes <= s->momentum_at)
        return;
    uint64_t low = s->first + (at > s->momentum_at ? (at - s->momentum_at) / sizeof(float) : 0);
    uint64_t high = low + bytes / sizeof(float) + 1;
    for (size_t i = 0; i < a->share->count; i++) {
        const struct bit_piece *p = &a->share->pieces[i];
        if (p->offset >= high)
            break;
        if (p->offset + p->count > low)
            deliver_array(data, at, bytes, s->momentum_at, s->count, s->first, to, p->offset, p->count);
        to += p->count;
    }
}

static void deliver(const struct fetch *f, size_t file, const char *data, uint64_t at, size_t bytes)
{
    const struct bit_arrays *a = f->arrays;
    if (file == 0)
        return;
    const struct shard_entry *s = &f->m->shard[file - 1];
    if (a->weights)
        deliver_array(data, at, bytes, s->weights_at, s->count, s->first, a->weights, 0, f->m->table->elements);
    if (a->momentum)
        deliver_momentum(f, s, data, at, bytes);
    if (a->statistics && f->m->statistics)
        deliver_array(data, at, bytes, s->statistics_at, f->m->statistics->elements, 0, a->statistics, 0,
                      f->m->statistics->elements);
}

static int fetch_start(struct fetch *f, struct bit_error *error)
{
    size_t ranks = (size_t)f->group->size;
    f->file = -1;
    f->files = f->m->shards + 1;
    f->slice = GATHER_BYTES / ranks;
    f->slice = f->slice > CHECKSUM_BLOCK ? CHECKSUM_BLOCK : f->slice < SLICE_LEAST ? SLICE_LEAST : f->slice & ~(size_t)4095;
    if (!(f->start = bit_allocate(f->files + 1, sizeof *f->start, "the list of files", error)))
        return -1;
    for (size_t i = 0; i < f->files; i++)
        f->start[i + 1] = f->start[i] + checksum_count(file_at(f, i)->bytes);
    f->blocks = f->start[f->files];
    f->per_rank = (f->blocks + ranks - 1) / ranks;
    return (f->sums = bit_allocate(f->per_rank * ranks + 1, sizeof *f->sums, "checksums", error)) &&
           (f->heads = bit_allocate(ranks, sizeof *f->heads, "checksums", error)) &&
           (f->buffer = bit_allocate(CHECKSUM_BLOCK, 1, "a block of a file", error)) &&
           (ranks == 1 || (f->gathered = bit_allocate(ranks, f->slice, "blocks of files", error))) ? 0 : -1;
}

static void fetch_free(struct fetch *f)
{
    if (f->file >= 0)
        close(f->file);
    bit_free(f->start);
    bit_free(f->sums);
    bit_free(f->heads);
    bit_free(f->buffer);
    bit_free(f->gathered);
}

/* The contents of the blocks just read, from every rank to every rank. */
static int share_blocks(struct fetch *f, size_t round, struct bit_error *error)
{
    size_t ranks = (size_t)f->group->size, file, size;
    uint64_t at;
    if (ranks == 1) {
        if (block_at(f, round, &file, &at, &size))
            deliver(f, file, f->buffer, at, size);
        return 0;
    }
    for (size_t done = 0; done < CHECKSUM_BLOCK; done += f->slice) {
        size_t part = CHECKSUM_BLOCK - done < f->slice ? CHECKSUM_BLOCK - done : f->slice;
        if (bit_group_gather(f->group, f->buffer + done, part, f->gathered, error))
            return -1;
        for (size_t r = 0; r < ranks; r++)
            if (block_at(f, r * f->per_rank + round, &file, &at, &size) && done < size)
                deliver(f, file, f->gathered + r * part, at + done, size - done < part ? size - done : part);
    }
    return 0;
}

/* One block a rank. *stop: some rank could not read its block. -1: the group failed. */
static int fetch_round(struct fetch *f, size_t round, bool *stop, struct bit_error *own, struct bit_error *error)
{
    size_t ranks = (size_t)f->group->size, file, size;
    uint64_t at;
    struct head head = {0};
    size_t mine = (size_t)f->group->rank * f->per_rank + round;
    if (block_at(f, mine, &file, &at, &size)) {
        head.failed = read_block(f, file, at, size, own) != 0;
        head.sum = checksum_of(f->buffer, size);
    }
    if (bit_group_gather(f->group, &head, sizeof head, f->heads, error))
        return -1;
    for (size_t r = 0; r < ranks; r++) {
        f->sums[r * f->per_rank + round] = f->heads[r].sum;
        *stop |= f->heads[r].failed;
    }
    if (*stop || !(f->arrays->weights || f->arrays->momentum || f->arrays->statistics))
        return 0;
    return share_blocks(f, round, error);
}

static int check_sums(const struct fetch *f, struct bit_error *error)
{
    for (size_t i = 0; i < f->files; i++) {
        const struct file_entry *e = file_at(f, i);
        if (!bit_hash_equal(checksum_fold(f->sums + f->start[i], f->start[i + 1] - f->start[i]), e->checksum))
            return bit_fail(error, BIT_EDATA, "%s/%s: its checksum is wrong", f->path, e->name);
    }
    return 0;
}

static int check_hash(const struct fetch *f, const struct bit_table *table, const float *block, struct bit_hash said,
                      const char *what, struct bit_error *error)
{
    if (block && !bit_hash_equal(bit_table_hash(table, block), said))
        return bit_fail(error, BIT_EDATA, "%s: the %s are not those the manifest names, though every checksum is right",
                        f->path, what);
    return 0;
}

int generation_fetch(const char *path, const struct manifest *m, const struct bit_arrays *arrays,
                     struct bit_group *group, struct bit_error *error)
{
    struct fetch f = {.path = path, .m = m, .arrays = arrays, .group = group};
    struct bit_error own = {0};
    bool stop = false;
    fetch_start(&f, error);
    int result = bit_group_agree(group, error);
    for (size_t round = 0; !result && !stop && round < f.per_rank; round++)
        result = fetch_round(&f, round, &stop, &own, error);
    if (!result) {
        const struct bit_checkpoint *c = &m->checkpoint;
        if (!stop && !check_sums(&f, &own) &&
            !check_hash(&f, m->table, arrays->weights, c->weights_hash, "weights", &own) &&
            (arrays->share || !check_hash(&f, m->table, arrays->momentum, c->momentum_hash, "momenta", &own)) &&
            m->statistics)
            check_hash(&f, m->statistics, arrays->statistics, c->statistics_hash, "statistics", &own);
        *error = own;
        result = bit_group_agree(group, error);
    }
    fetch_free(&f);
    return result;
}
