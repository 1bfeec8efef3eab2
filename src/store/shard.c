#include "store/shard.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "bit/file.h"
#include "bit/phase.h"
#include "store/hdf5.h"
#include "store/points.h"

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "values are written as they lie in memory: little-endian");

/* An allocated, unfilled, contiguous data set; *at is its place in the file. */
static int place(hid_t file, const char *name, uint64_t count, uint64_t *at, const char *path, struct bit_error *error)
{
    hsize_t size = count;
    hid_t list = H5Pcreate(H5P_DATASET_CREATE), space = H5Screate_simple(1, &size, NULL), set = -1;
    haddr_t address;
    int result = -1;
    *at = 0;
    if (list < 0 || space < 0 || H5Pset_layout(list, H5D_CONTIGUOUS) < 0 ||
        H5Pset_alloc_time(list, H5D_ALLOC_TIME_EARLY) < 0 || H5Pset_fill_time(list, H5D_FILL_TIME_NEVER) < 0 ||
        (set = H5Dcreate2(file, name, H5T_IEEE_F32LE, space, H5P_DEFAULT, list, H5P_DEFAULT)) < 0) {
        h5_fail(error, "create a data set in", path);
    } else if (count && (address = H5Dget_offset(set)) == HADDR_UNDEF) {
        bit_fail(error, BIT_EINTERNAL, "%s: HDF5 did not place %s", path, name);
    } else {
        *at = count ? address : 0;
        result = 0;
    }
    if (h5_close(set, path, error) | h5_close(space, path, error) | h5_close(list, path, error))
        result = -1;
    return result;
}

static int create(const char *path, const struct shard_values *v, struct shard_entry *e, struct bit_error *error)
{
    hid_t file = h5_create(path, error);
    if (file < 0)
        return -1;
    int result = place(file, "/weights", v->count, &e->weights_at, path, error);
    if (!result && v->momentum)
        result = place(file, "/momentum", v->count, &e->momentum_at, path, error);
    if (!result && v->statistics)
        result = place(file, "/statistics", v->statistics_count, &e->statistics_at, path, error);
    if (!result && (h5_attribute_u64(file, "first", v->first) || h5_attribute_u64(file, "count", v->count) ||
                    h5_attribute_u64(file, "rank", v->rank) || h5_attribute_u64(file, "ranks", v->ranks) ||
                    h5_attribute_u64(file, "step", v->step)))
        result = h5_fail(error, "write attributes of", path);
    store_point(STORE_POINT_shard_created, (int)v->rank);
    return h5_close(file, path, error) ? -1 : result;
}

/* In portions: written, its checksum taken while it is still in the cache, and handed to the disk at once, so that the
 * disk works meanwhile. */
static int fill(int file, const char *path, const float *values, uint64_t count, uint64_t at, struct checksum *sum,
                struct bit_error *error)
{
    const char *from = (const char *)values;
    uint64_t end = at + count * sizeof *values, sent = at;
    while (at < end) {
        uint64_t next = (at / CHECKSUM_BLOCK + 1) * CHECKSUM_BLOCK;
        size_t size = (size_t)((next < end ? next : end) - at);
        if (file_write_at(file, from, size, at))
            return bit_fail_errno(error, BIT_EENVIRONMENT, "cannot write %s", path);
        checksum_add(sum, from, size, at);
        from += size;
        at += size;
        bit_phase_tick();
#ifdef SYNC_FILE_RANGE_WRITE
        if (at - sent >= 8 << 20 || at == end) {
            sync_file_range(file, (off_t)sent, (off_t)(at - sent), SYNC_FILE_RANGE_WRITE); /* a hint: fsync is what counts */
            sent = at;
        }
#endif
    }
    return 0;
}

static int file_bytes(int file, const char *path, uint64_t *bytes, struct bit_error *error)
{
    struct stat status;
    if (fstat(file, &status))
        return bit_fail_errno(error, BIT_EENVIRONMENT, "cannot stat %s", path);
    *bytes = (uint64_t)status.st_size;
    return 0;
}

/* A data set that HDF5 placed beyond the file's end would read as nothing. */
static int check_places(const struct shard_values *v, const struct shard_entry *e, const char *path,
                        struct bit_error *error)
{
    uint64_t bytes = v->count * sizeof(float), statistics = v->statistics_count * sizeof(float);
    if ((bytes && e->weights_at + bytes > e->file.bytes) ||
        (bytes && v->momentum && e->momentum_at + bytes > e->file.bytes) ||
        (v->statistics && e->statistics_at + statistics > e->file.bytes) ||
        (e->weights_at | e->momentum_at | e->statistics_at) % sizeof(float))
        return bit_fail(error, BIT_EINTERNAL, "%s: a data set is not where HDF5 says", path);
    return 0;
}

static int fill_all(int file, const char *path, const struct shard_values *v, const struct shard_entry *e,
                    struct checksum *sum, struct bit_error *error)
{
    if (fill(file, path, v->weights, v->count, e->weights_at, sum, error))
        return -1;
    store_point(STORE_POINT_shard_half, (int)v->rank);
    if ((v->momentum && fill(file, path, v->momentum, v->count, e->momentum_at, sum, error)) ||
        (v->statistics && fill(file, path, v->statistics, v->statistics_count, e->statistics_at, sum, error)))
        return -1;
    store_point(STORE_POINT_shard_written, (int)v->rank);
    return 0;
}

int shard_fill(struct shard_file *f, const char *folder, const struct shard_values *v, struct shard_entry *e,
               struct bit_error *error)
{
    *f = (struct shard_file){.file = -1};
    *e = (struct shard_entry){.first = v->first, .count = v->count};
    shard_name(v->rank, v->ranks, e->file.name);
    if (bit_path_join(f->path, sizeof f->path, folder, e->file.name, error) || create(f->path, v, e, error))
        return -1;
    store_point(STORE_POINT_shard_closed, (int)v->rank);
    f->file = open(f->path, O_RDWR | O_CLOEXEC);
    if (f->file < 0)
        return bit_fail_errno(error, BIT_EENVIRONMENT, "cannot open %s", f->path);
    return file_bytes(f->file, f->path, &e->file.bytes, error) || check_places(v, e, f->path, error) ||
        checksum_start(&f->sum, e->file.bytes, error) || fill_all(f->file, f->path, v, e, &f->sum, error) ? -1 : 0;
}

int shard_seal(struct shard_file *f, struct shard_entry *e, int result, struct bit_error *error)
{
    uint64_t after = 0;
    if (!result)
        result = checksum_finish(&f->sum, f->file, f->path, &e->file.checksum, error) ||
            file_bytes(f->file, f->path, &after, error) ? -1 : 0;
    if (!result && after != e->file.bytes)
        result = bit_fail(error, BIT_EINTERNAL, "%s grew while its values were written", f->path);
    if (!result && fsync(f->file))
        result = bit_fail_errno(error, BIT_EENVIRONMENT, "cannot fsync %s", f->path);
    if (f->file >= 0 && close(f->file) && !result)
        result = bit_fail_errno(error, BIT_EENVIRONMENT, "cannot close %s", f->path);
    checksum_free(&f->sum);
    return result;
}

int file_seal(const char *path, struct file_entry *entry, struct bit_error *error)
{
    struct checksum sum = {0};
    int file = open(path, O_RDONLY | O_CLOEXEC);
    if (file < 0)
        return bit_fail_errno(error, BIT_EENVIRONMENT, "cannot open %s", path);
    int result = file_bytes(file, path, &entry->bytes, error) || checksum_start(&sum, entry->bytes, error) ||
        checksum_finish(&sum, file, path, &entry->checksum, error) ? -1 : 0;
    if (!result && fsync(file))
        result = bit_fail_errno(error, BIT_EENVIRONMENT, "cannot fsync %s", path);
    if (close(file) && !result)
        result = bit_fail_errno(error, BIT_EENVIRONMENT, "cannot close %s", path);
    checksum_free(&sum);
    return result;
}
