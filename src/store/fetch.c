/* Reading a generation's files: each byte once, by one rank, verified and handed to all. No HDF5 here: the manifest says
 * where the values lie. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "bit/file.h"
#include "bit/memory.h"
#include "bit/wait.h"
#include "store/arrival.h"
#include "store/checksum.h"
#include "store/manifest.h"
#include "store/newest.h"
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
    struct arrival weights, momentum; /* a single rank: whole blocks, where they are wanted */
    char *gathered;                 /* ranks * slice; NULL: a single rank */
    size_t slice;
    struct head { struct checksum_block sum; int failed; } *heads; /* [ranks] */
};

/* One thread's descriptor and block. */
struct hand { int file; size_t open_file; char *buffer; };

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
    struct bit_wait wait = bit_wait_for(f->group->rank == 0 ? 0 : STORE_PATIENCE, 0.1);
    for (;;) {
        int file = open(path, O_RDONLY | O_CLOEXEC), reason = errno;
        if (file >= 0 || (reason != ENOENT && reason != ESTALE) || !bit_wait_more(&wait)) {
            errno = reason;
            return file;
        }
    }
}

/* What rank 0 sees and this rank does not is not damaged. */
static int fail_open(const struct fetch *f, const char *path, struct bit_error *error)
{
    if (errno == ENOENT && f->group->rank == 0)
        return bit_fail_errno(error, BIT_EDATA, "cannot open %s", path);
    if (errno == ENOENT)
        return bit_fail_errno(error, BIT_EENVIRONMENT, "cannot open %s on rank %d, while rank 0 sees it for %d s. Do all hosts have the "
                              "same file system there?", path, f->group->rank, STORE_PATIENCE);
    return bit_fail_errno(error, errno == EIO ? BIT_ENOINPUT : BIT_EENVIRONMENT, "cannot open %s", path);
}

static int read_block(const struct fetch *f, struct hand *hand, size_t file, uint64_t at, size_t size, char *to,
                      struct bit_error *error)
{
    char path[PATH_MAX];
    if (bit_path_join(path, sizeof path, f->path, file_at(f, file)->name, error))
        return -1;
    if (hand->file < 0 || hand->open_file != file) {
        if (hand->file >= 0)
            close(hand->file);
        hand->file = open_patiently(f, path);
        hand->open_file = file;
        if (hand->file < 0)
            return fail_open(f, path, error);
#ifdef POSIX_FADV_SEQUENTIAL
        posix_fadvise(hand->file, 0, 0, POSIX_FADV_SEQUENTIAL);
#endif
    }
    if (!file_read_at(hand->file, to, size, at))
        return 0;
    if (errno == 0)
        return bit_fail(error, BIT_EDATA, "%s ends before byte %llu", path, (unsigned long long)(at + size));
    /* A disk that cannot read its sectors may have lost this file alone; anything else may be better tomorrow. */
    return bit_fail_errno(error, errno == EIO ? BIT_ENOINPUT : BIT_EENVIRONMENT, "cannot read %s", path);
}

static int hand_open(struct hand *hand, struct bit_error *error)
{
    hand->file = -1;
    return (hand->buffer = bit_allocate(CHECKSUM_BLOCK, 1, "a block of a file", error)) ? 0 : -1;
}

static void hand_close(struct hand *hand)
{
    if (hand->file >= 0)
        close(hand->file);
    bit_free(hand->buffer);
}

/* What `bytes` of file contents at `at` and an array at `place` have in common: elements [*from, *until) of the block. The
 * array's element 0 is element `first` of it. Returns where in the file they begin; 0: nothing. */
static uint64_t overlap(uint64_t at, size_t bytes, uint64_t place, uint64_t count, uint64_t first, uint64_t *from,
                        uint64_t *until)
{
    uint64_t a = at > place ? at : place, end = place + count * sizeof(float), b = at + bytes < end ? at + bytes : end;
    *from = *until = 0;
    if (!place || a >= b)
        return 0;
    *from = first + (a - place) / sizeof(float);
    *until = first + (b - place) / sizeof(float);
    return a;
}

/* Copies what they have in common; `to` is element `base` of the block. */
static void deliver_array(const char *data, uint64_t at, size_t bytes, uint64_t place, uint64_t count, uint64_t first,
                          float *to, uint64_t base, uint64_t limit)
{
    uint64_t from, until, a = overlap(at, bytes, place, count, first, &from, &until);
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

static int start_arrivals(struct fetch *f, struct bit_error *error)
{
    const struct bit_arrays *a = f->arrays;
    return (a->weights && arrival_start(&f->weights, f->m->table, a->weights, error)) ||
           (a->momentum && !a->share && arrival_start(&f->momentum, f->m->table, a->momentum, error)) ? -1 : 0;
}

static int fetch_start(struct fetch *f, struct bit_error *error)
{
    size_t ranks = (size_t)f->group->size;
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
           (ranks == 1 ? start_arrivals(f, error) == 0
                       : (f->gathered = bit_allocate(ranks, f->slice, "blocks of files", error)) != NULL) ? 0 : -1;
}

static void fetch_free(struct fetch *f)
{
    bit_free(f->start);
    bit_free(f->sums);
    bit_free(f->heads);
    bit_free(f->gathered);
    arrival_free(&f->weights);
    arrival_free(&f->momentum);
}

/* Where a block may be read straight into an array: when all of it belongs there. NULL: nowhere. */
static char *direct(const struct fetch *f, size_t file, uint64_t at, size_t size)
{
    if (file == 0)
        return NULL;
    const struct shard_entry *s = &f->m->shard[file - 1];
    uint64_t bytes = s->count * sizeof(float);
    if (f->arrays->weights && s->weights_at && at >= s->weights_at && at + size <= s->weights_at + bytes)
        return (char *)(f->arrays->weights + s->first) + (at - s->weights_at);
    if (f->arrays->momentum && !f->arrays->share && s->momentum_at && at >= s->momentum_at &&
        at + size <= s->momentum_at + bytes)
        return (char *)(f->arrays->momentum + s->first) + (at - s->momentum_at);
    return NULL;
}

/* A block of a file is in place: parameters that are complete with it are hashed. */
static void arrive(struct fetch *f, size_t file, uint64_t at, size_t bytes)
{
    uint64_t from, until;
    if (file == 0)
        return;
    const struct shard_entry *s = &f->m->shard[file - 1];
    if (f->weights.each && overlap(at, bytes, s->weights_at, s->count, s->first, &from, &until))
        arrival_add(&f->weights, from, until);
    if (f->momentum.each && overlap(at, bytes, s->momentum_at, s->count, s->first, &from, &until))
        arrival_add(&f->momentum, from, until);
}

/* A single rank: its threads share the blocks. */
static void fetch_alone(struct fetch *f, bool *stop, struct bit_error *error)
{
#pragma omp parallel if (f->blocks > 16)
    {
        struct hand hand;
        struct bit_error own = {0};
        hand_open(&hand, &own);
#pragma omp for schedule(dynamic, 4) /* nearly in order, so that the disk reads ahead */
        for (size_t block = 0; block < f->blocks; block++) {
            size_t file, size;
            uint64_t at;
            if (own.code || !block_at(f, block, &file, &at, &size))
                continue;
            char *place = direct(f, file, at, size), *to = place ? place : hand.buffer;
            if (read_block(f, &hand, file, at, size, to, &own))
                continue;
            f->sums[block] = checksum_of(to, size);
            if (!place)
                deliver(f, file, to, at, size);
            arrive(f, file, at, size);
        }
        hand_close(&hand);
#pragma omp critical
        if (own.code) {
            *stop = true;
            bit_fail(error, own.code, "%s", own.text);
        }
    }
}

/* The contents of the blocks just read, from every rank to every rank. */
static int share_blocks(struct fetch *f, const struct hand *hand, size_t round, struct bit_error *error)
{
    size_t ranks = (size_t)f->group->size, file, size;
    uint64_t at;
    for (size_t done = 0; done < CHECKSUM_BLOCK; done += f->slice) {
        size_t part = CHECKSUM_BLOCK - done < f->slice ? CHECKSUM_BLOCK - done : f->slice;
        if (bit_group_gather(f->group, hand->buffer + done, part, f->gathered, error))
            return -1;
        for (size_t r = 0; r < ranks; r++)
            if (block_at(f, r * f->per_rank + round, &file, &at, &size) && done < size)
                deliver(f, file, f->gathered + r * part, at + done, size - done < part ? size - done : part);
    }
    return 0;
}

/* One block a rank. *stop: some rank could not read its block. -1: the group failed. */
static int fetch_round(struct fetch *f, struct hand *hand, size_t round, bool *stop, struct bit_error *own,
                       struct bit_error *error)
{
    size_t ranks = (size_t)f->group->size, file, size;
    uint64_t at;
    struct head head = {0};
    size_t mine = (size_t)f->group->rank * f->per_rank + round;
    if (block_at(f, mine, &file, &at, &size)) {
        head.failed = read_block(f, hand, file, at, size, hand->buffer, own) != 0;
        head.sum = checksum_of(hand->buffer, size);
    }
    if (bit_group_gather(f->group, &head, sizeof head, f->heads, error))
        return -1;
    for (size_t r = 0; r < ranks; r++) {
        f->sums[r * f->per_rank + round] = f->heads[r].sum;
        *stop |= f->heads[r].failed;
    }
    if (*stop || !(f->arrays->weights || f->arrays->momentum || f->arrays->statistics))
        return 0;
    return share_blocks(f, hand, round, error);
}

static int fetch_together(struct fetch *f, bool *stop, struct bit_error *own, struct bit_error *error)
{
    struct hand hand;
    hand_open(&hand, error);
    int result = bit_group_agree(f->group, error);
    for (size_t round = 0; !result && !*stop && round < f->per_rank; round++)
        result = fetch_round(f, &hand, round, stop, own, error);
    hand_close(&hand);
    return result;
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

/* `arrival`: hashed on the way, where it was. */
static int check_hash(const struct fetch *f, const struct bit_table *table, const float *block, const struct arrival *arrival,
                      struct bit_hash said, const char *what, struct bit_error *error)
{
    struct bit_hash hash;
    if (block && (!arrival || !arrival->each || arrival_hash(arrival, &hash)))
        hash = bit_table_hash(table, block);
    if (block && !bit_hash_equal(hash, said))
        return bit_fail(error, BIT_EDATA, "%s: the %s are not those the manifest names, though every checksum is right",
                        f->path, what);
    return 0;
}

/* Momentum that has come to the shares of several ranks. Collective. */
static int check_shares(const struct fetch *f, struct bit_error *error)
{
    const struct bit_arrays *a = f->arrays;
    struct bit_hash hash;
    if (f->group->size == 1 || !a->momentum || !a->share)
        return 0;
    if (momentum_collect(f->group, f->m->table, a->share, a->momentum, 0, 0, NULL, &hash, error))
        return -1;
    if (!bit_hash_equal(hash, f->m->checkpoint.momentum_hash))
        return bit_fail(error, BIT_EDATA, "%s: the momenta are not those the manifest names, though every checksum is right", f->path);
    return 0;
}

int generation_fetch(const char *path, const struct manifest *m, const struct bit_arrays *arrays,
                     struct bit_group *group, struct bit_error *error)
{
    struct bit_arrays wanted = *arrays;
    struct fetch f = {.path = path, .m = m, .arrays = &wanted, .group = group};
    struct bit_error own = {0};
    bool stop = false;
    if (group->size == 1 && share_is_whole(arrays))
        wanted.share = NULL;
    fetch_start(&f, error);
    int result = bit_group_agree(group, error);
    if (!result && group->size > 1)
        result = fetch_together(&f, &stop, &own, error);
    else if (!result)
        fetch_alone(&f, &stop, &own);
    if (!result) {
        const struct bit_checkpoint *c = &m->checkpoint;
        if (!stop && !check_sums(&f, &own) &&
            !check_hash(&f, m->table, wanted.weights, &f.weights, c->weights_hash, "weights", &own) &&
            (wanted.share ||
             !check_hash(&f, m->table, wanted.momentum, &f.momentum, c->momentum_hash, "momenta", &own)) &&
            m->statistics)
            check_hash(&f, m->statistics, wanted.statistics, NULL, c->statistics_hash, "statistics", &own);
        *error = own;
        result = bit_group_agree(group, error);
    }
    if (!result) {
        check_shares(&f, error);
        result = bit_group_agree(group, error);
    }
    fetch_free(&f);
    return result;
}
