/* The master file: every parameter as a virtual data set over the shards. */
#include <limits.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "bit/file.h"
#include "store/hdf5.h"
#include "store/points.h"
#include "store/shard.h"

/* One parameter's creation list while its ranges are mapped. */
struct mapping {
    hid_t list, space;      /* virtual: the parameter's shape */
    const struct bit_parameter *parameter;
    const char *file, *set; /* source */
    uint64_t source_count;  /* elements of the source data set */
};

/* A box of the parameter is `count` elements of the source from `at`. */
static int map_box(struct mapping *m, const hsize_t *start, const hsize_t *size, uint64_t at, uint64_t count)
{
    hsize_t whole = m->source_count, from = at, length = count;
    hid_t source = H5Screate_simple(1, &whole, NULL);
    int result = source < 0 ||
        H5Sselect_hyperslab(source, H5S_SELECT_SET, &from, NULL, &length, NULL) < 0 ||
        H5Sselect_hyperslab(m->space, H5S_SELECT_SET, start, NULL, size, NULL) < 0 ||
        H5Pset_virtual(m->list, m->space, m->file, m->set, source) < 0 ? -1 : 0;
    if (source >= 0 && H5Sclose(source) < 0)
        result = -1;
    return result;
}

/* Elements [a, b) of a row-major array are at most 2n - 1 boxes: greedily, from a on, the largest box of whole rows of
 * some dimension that starts there and ends by b. `at`: where element a lies in the source. */
static int map_range(struct mapping *m, uint64_t a, uint64_t b, uint64_t at)
{
    const struct bit_parameter *p = m->parameter;
    int n = p->dimensions;
    while (a < b) {
        uint64_t unit = 1; /* elements below one index of dimension d */
        int d = n - 1;
        while (d > 0 && a % (unit * p->shape[d]) == 0 && b - a >= unit * p->shape[d])
            unit *= p->shape[d--];
        uint64_t index = a / unit % p->shape[d], rows = (b - a) / unit;
        if (rows > p->shape[d] - index)
            rows = p->shape[d] - index;
        hsize_t start[4] = {0}, size[4];
        uint64_t rest = a / unit;
        for (int i = n - 1; i >= 0; i--) {
            size[i] = i > d ? p->shape[i] : i == d ? rows : 1;
            if (i <= d) {
                start[i] = rest % p->shape[i];
                rest /= p->shape[i];
            }
        }
        if (map_box(m, start, size, at, rows * unit))
            return -1;
        a += rows * unit;
        at += rows * unit;
    }
    return 0;
}

/* `m`: whose shards hold the array; `shards` 1 for statistics, which lie whole in the first. */
static int map_parameter(struct mapping *map, const struct manifest *m, size_t shards, uint64_t elements)
{
    const struct bit_parameter *p = map->parameter;
    for (size_t i = 0; i < shards; i++) {
        uint64_t first, count, begin = p->offset, end = p->offset + p->count;
        char name[STORE_FILE_NAME];
        shard_range(elements, i, shards, &first, &count);
        begin = begin > first ? begin : first;
        end = end < first + count ? end : first + count;
        if (begin >= end)
            continue;
        shard_name(i, m->shards, name);
        map->file = name;
        map->source_count = count;
        if (map_range(map, begin - p->offset, end - p->offset, begin - first))
            return -1;
    }
    return 0;
}

static int add_parameter(hid_t file, hid_t links, const char *group, const char *set, const struct manifest *m,
                         size_t shards, uint64_t elements, const struct bit_parameter *p)
{
    char name[BIT_PARAMETER_NAME + 32];
    hsize_t shape[4];
    const float nan = NAN;
    for (int d = 0; d < p->dimensions; d++)
        shape[d] = p->shape[d];
    snprintf(name, sizeof name, "/%s/%s", group, p->name);
    struct mapping map = {.list = H5Pcreate(H5P_DATASET_CREATE), .space = H5Screate_simple(p->dimensions, shape, NULL),
                          .parameter = p, .set = set};
    hid_t data = -1, type = H5T_NATIVE_FLOAT;
    int result = -1;
    if (map.list >= 0 && map.space >= 0 && H5Pset_fill_value(map.list, type, &nan) >= 0 &&
        !map_parameter(&map, m, shards, elements) && H5Sselect_all(map.space) >= 0 &&
        (data = H5Dcreate2(file, name, H5T_IEEE_F32LE, map.space, links, map.list, H5P_DEFAULT)) >= 0)
        result = 0;
    if (data >= 0 && H5Dclose(data) < 0)
        result = -1;
    if (map.space >= 0)
        H5Sclose(map.space);
    if (map.list >= 0)
        H5Pclose(map.list);
    return result;
}

static int add_table(hid_t file, hid_t links, const char *group, const char *set, const struct manifest *m,
                     const struct bit_table *table, size_t shards)
{
    for (size_t i = 0; i < table->count; i++)
        if (add_parameter(file, links, group, set, m, shards, table->elements, &table->items[i]))
            return -1;
    return 0;
}

static int add_classes(hid_t file, const char *classes)
{
    hsize_t size = strlen(classes);
    hid_t space = H5Screate_simple(1, &size, NULL), data = -1;
    int result = -1;
    if (space >= 0 &&
        (data = H5Dcreate2(file, "classes", H5T_STD_U8LE, space, H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT)) >= 0 &&
        (size == 0 || H5Dwrite(data, H5T_NATIVE_UINT8, H5S_ALL, H5S_ALL, H5P_DEFAULT, classes) >= 0))
        result = 0;
    if (data >= 0 && H5Dclose(data) < 0)
        result = -1;
    if (space >= 0)
        H5Sclose(space);
    return result;
}

/* The format bounds allow attributes beyond 64 kB: jobs may be long. */
static int add_attributes(hid_t file, const struct bit_checkpoint *c)
{
    return h5_attribute_text(file, "format", "bit-checkpoint") || h5_attribute_u64(file, "version", MANIFEST_VERSION) ||
           h5_attribute_u64(file, "step", c->step) || h5_attribute_u64(file, "samples", c->samples) ||
           h5_attribute_double(file, "epoch", c->epoch) || h5_attribute_text(file, "job", c->job) ||
           h5_attribute_text(file, "model", c->model) ? -1 : 0;
}

static int fill(hid_t file, const struct manifest *m, const char *path, struct bit_error *error)
{
    hid_t links = H5Pcreate(H5P_LINK_CREATE);
    int result = -1;
    if (links < 0 || H5Pset_create_intermediate_group(links, 1) < 0 || add_attributes(file, &m->checkpoint) ||
        add_classes(file, m->checkpoint.classes) ||
        add_table(file, links, "parameters", "/weights", m, m->table, m->shards) ||
        (m->has_momentum && add_table(file, links, "momentum", "/momentum", m, m->table, m->shards)) ||
        (m->statistics && add_table(file, links, "statistics", "/statistics", m, m->statistics, 1)))
        h5_fail(error, "write", path);
    else
        result = 0;
    if (links >= 0)
        H5Pclose(links);
    return result;
}

int master_write(const char *folder, const struct manifest *m, struct file_entry *entry, struct bit_error *error)
{
    char path[PATH_MAX];
    *entry = (struct file_entry){.name = MASTER_NAME};
    if (bit_path_join(path, sizeof path, folder, MASTER_NAME, error))
        return -1;
    hid_t hdf5 = h5_create(path, error);
    if (hdf5 < 0)
        return -1;
    int result = fill(hdf5, m, path, error);
    store_point(STORE_POINT_master_created, 0);
    if (h5_close(hdf5, path, error) || result)
        return -1;
    store_point(STORE_POINT_master_closed, 0);
    result = file_seal(path, entry, error);
    store_point(STORE_POINT_master_synced, 0);
    return result;
}
