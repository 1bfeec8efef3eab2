#include "apply/embedding.h"

#include <limits.h>
#include <math.h>
#include <string.h>
#include <unistd.h>

#include "bit/memory.h"
#include "store/hdf5.h"

struct reading { hid_t file; const char *path; struct embedding *to; struct bit_error *error; };

static int wrong(const struct reading *r, const char *set, const char *what)
{
    return bit_fail(r->error, BIT_EDATA, "%s: /%s: %s (expected a file that bit embed wrote)", r->path, set, what);
}

/* ---- HDF5 ---- */

/* The extent of a data set of `dimensions` dimensions. */
static int measure(const struct reading *r, hid_t set, const char *name, int dimensions, hsize_t extent[2])
{
    hid_t space = H5Dget_space(set);
    int result = -1;
    if (space < 0 || H5Sget_simple_extent_ndims(space) != dimensions || H5Sget_simple_extent_dims(space, extent, NULL) < 0)
        wrong(r, name, dimensions == 1 ? "is not a list" : "is not a table");
    else if (extent[0] > UINT32_MAX || (dimensions == 2 && (extent[1] < 1 || extent[1] > INT_MAX)))
        wrong(r, name, "has more rows or columns than can be");
    else
        result = 0;
    if (space >= 0)
        H5Sclose(space);
    return result;
}

/* All of a data set as numbers of type `memory`, of `size` bytes each. *data is freed with bit_free, also after a failure. */
static int read_set(const struct reading *r, const char *name, int dimensions, H5T_class_t class, hid_t memory, size_t size, hsize_t extent[2],
                    void **data)
{
    extent[0] = extent[1] = 0;
    hid_t set = H5Lexists(r->file, name, H5P_DEFAULT) > 0 ? H5Dopen2(r->file, name, H5P_DEFAULT) : -1;
    if (set < 0)
        return wrong(r, name, "is not there");
    hid_t type = H5Dget_type(set);
    int result = type >= 0 && H5Tget_class(type) == class ? measure(r, set, name, dimensions, extent) : wrong(r, name, "is of another type");
    if (!result && (*data = bit_allocate((size_t)extent[0] + 1, size * (dimensions == 2 ? (size_t)extent[1] : 1), "an embedding", r->error)) == NULL)
        result = -1;
    if (!result && extent[0] && H5Dread(set, memory, H5S_ALL, H5S_ALL, H5P_DEFAULT, *data) < 0)
        result = wrong(r, name, "cannot be read");
    if (type >= 0)
        H5Tclose(type);
    H5Dclose(set);
    return result;
}

/* A text attribute of a fixed size; "" when there is none. */
static char *read_attribute(const struct reading *r, const char *name)
{
    char *text = NULL;
    hid_t attribute = H5Aexists(r->file, name) > 0 ? H5Aopen(r->file, name, H5P_DEFAULT) : -1;
    hid_t type = attribute < 0 ? -1 : H5Aget_type(attribute);
    size_t size = type >= 0 && H5Tget_class(type) == H5T_STRING && H5Tis_variable_str(type) == 0 ? H5Tget_size(type) : 0;
    if (size > 0 && size < 1 << 16 && (text = bit_allocate(size + 1, 1, "an embedding", r->error)) && H5Aread(attribute, type, text) < 0)
        *text = 0;
    if (type >= 0)
        H5Tclose(type);
    if (attribute >= 0)
        H5Aclose(attribute);
    return text ? text : bit_copy_text("", r->error);
}

/* ---- classes ---- */

static int read_names(const struct reading *r)
{
    struct embedding *e = r->to;
    hsize_t extent[2];
    char **raw = NULL;
    hid_t text = H5Tcopy(H5T_C_S1);
    int result = H5Tset_size(text, H5T_VARIABLE) < 0 || H5Tset_cset(text, H5T_CSET_UTF8) < 0
                     ? h5_fail(r->error, "read", r->path)
                     : read_set(r, "label_name", 1, H5T_STRING, text, sizeof *raw, extent, (void **)&raw);
    if (!result && (extent[0] < 1 || extent[0] > 10000000))
        result = wrong(r, "label_name", "has no classes, or too many");
    if (!result && !(e->names = bit_allocate((size_t)extent[0], sizeof *e->names, "names of classes", r->error)))
        result = -1;
    for (hsize_t i = 0; !result && i < extent[0]; i++, e->classes++)
        if (!(e->names[i] = bit_copy_text(raw[i] ? raw[i] : "", r->error)))
            result = -1;
    for (hsize_t i = 0; raw && i < extent[0]; i++)
        H5free_memory(raw[i]);
    bit_free(raw);
    H5Tclose(text);
    return result;
}

/* Number of each class among those of `classes`. */
static int map_classes(const struct reading *r, const struct embedding *classes, int32_t *map)
{
    for (int i = 0; i < r->to->classes; i++) {
        map[i] = -1;
        for (int k = 0; k < classes->classes && map[i] < 0; k++) /* of classes in the same order the first look finds it */
            if (!strcmp(r->to->names[i], classes->names[(i + k) % classes->classes]))
                map[i] = (i + k) % classes->classes;
        if (map[i] < 0)
            return bit_fail(r->error, BIT_EDATA, "%s: class %s is not one of the training images", r->path, r->to->names[i]);
    }
    return 0;
}

/* ---- rows ---- */

static int read_labels(const struct reading *r, const struct embedding *classes)
{
    struct embedding *e = r->to;
    hsize_t starts[2], count[2];
    if (read_set(r, "label_start", 1, H5T_INTEGER, H5T_NATIVE_UINT64, sizeof *e->all_start, starts, (void **)&e->all_start) ||
        read_set(r, "labels", 1, H5T_INTEGER, H5T_NATIVE_INT32, sizeof *e->all_labels, count, (void **)&e->all_labels))
        return -1;
    if (starts[0] < 1 || e->all_start[0] != 0 || e->all_start[starts[0] - 1] != count[0])
        return wrong(r, "label_start", "does not match /labels");
    e->images = starts[0] - 1;
    for (uint64_t i = 0; i < e->images; i++)
        if (e->all_start[i] > e->all_start[i + 1])
            return wrong(r, "label_start", "does not ascend");
    for (hsize_t i = 0; i < count[0]; i++)
        if (e->all_labels[i] < 0 || e->all_labels[i] >= e->classes)
            return wrong(r, "labels", "has a label that is no class");
    int32_t *map = classes ? bit_allocate((size_t)e->classes, sizeof *map, "names of classes", r->error) : NULL;
    int result = classes && (!map || map_classes(r, classes, map)) ? -1 : 0;
    for (hsize_t i = 0; map && !result && i < count[0]; i++)
        e->all_labels[i] = map[e->all_labels[i]];
    bit_free(map);
    return result;
}

/* The rows of images that could be used move to the front. */
static int keep_good(const struct reading *r, const uint8_t *good, int channels)
{
    struct embedding *e = r->to;
    uint64_t kept = 0, labels = 0;
    for (uint64_t i = 0; i < e->images; i++) {
        const size_t count = (size_t)(e->all_start[i + 1] - e->all_start[i]);
        if (!good[i])
            continue;
        memmove(e->features + kept * (uint64_t)channels, e->features + i * (uint64_t)channels, (size_t)channels * sizeof *e->features);
        for (int c = 0; c < channels; c++)
            if (!isfinite(e->features[kept * (uint64_t)channels + (uint64_t)c]))
                return wrong(r, "features", "has numbers that are not finite");
        memcpy(e->labels + labels, e->all_labels + e->all_start[i], count * sizeof *e->labels);
        e->rows[kept++] = i;
        e->start[kept] = labels += count;
    }
    e->set = (struct bit_feature_set){kept, channels, 0, e->features, e->labels, e->start};
    return kept ? 0 : wrong(r, "good", "says that none of its images could be used");
}

static int read_rows(const struct reading *r)
{
    struct embedding *e = r->to;
    hsize_t extent[2], marks[2];
    uint8_t *good = NULL;
    int result = read_set(r, "features", 2, H5T_FLOAT, H5T_NATIVE_FLOAT, sizeof *e->features, extent, (void **)&e->features) ||
                 read_set(r, "good", 1, H5T_INTEGER, H5T_NATIVE_UINT8, 1, marks, (void **)&good);
    if (!result && (extent[0] != e->images || marks[0] != e->images))
        result = wrong(r, "features", "has not as many rows as there are images");
    if (!result) {
        e->rows = bit_allocate(e->images + 1, sizeof *e->rows, "an embedding", r->error);
        e->start = bit_allocate(e->images + 1, sizeof *e->start, "an embedding", r->error);
        e->labels = bit_allocate(e->all_start[e->images] + 1, sizeof *e->labels, "an embedding", r->error);
        result = e->rows && e->start && e->labels ? keep_good(r, good, (int)extent[1]) : -1;
    }
    bit_free(good);
    return result ? -1 : 0;
}

int embedding_read(const char *path, const struct embedding *classes, struct embedding *e, struct bit_error *error)
{
    struct reading r = {.path = path, .to = e, .error = error};
    *e = (struct embedding){0};
    h5_begin();
    if (access(path, R_OK))
        return bit_fail_errno(error, BIT_ENOINPUT, "cannot open %s", path);
    if ((r.file = H5Fopen(path, H5F_ACC_RDONLY, H5P_DEFAULT)) < 0)
        return bit_fail(error, BIT_EDATA, "%s is not an HDF5 file, or damaged (expected a file that bit embed wrote)", path);
    int result = (e->model = read_attribute(&r, "model")) && (e->weights = read_attribute(&r, "weights_hash")) &&
                         (e->transform = read_attribute(&r, "images")) && !read_names(&r) && !read_labels(&r, classes) && !read_rows(&r)
                     ? 0 : -1;
    H5Fclose(r.file);
    e->set.classes = classes ? classes->classes : e->classes;
    return result;
}

void embedding_free(struct embedding *e)
{
    for (int i = 0; i < e->classes; i++)
        bit_free(e->names[i]);
    bit_free(e->names);
    bit_free(e->model);
    bit_free(e->weights);
    bit_free(e->transform);
    bit_free(e->rows);
    bit_free(e->all_start);
    bit_free(e->start);
    bit_free(e->all_labels);
    bit_free(e->labels);
    bit_free(e->features);
    *e = (struct embedding){0};
}
