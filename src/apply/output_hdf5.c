/* An embedding as HDF5: a row an image of the index, in its order.
 *
 *     /features [N, channels] f32     /outputs [N, classes] f32       NaN for images that could not be used
 *     /top_class [N, 5] i32, /top_probability [N, 5] f32              -1 and NaN for those
 *     /path [N], /good [N] u8
 *     /label [N] i32 (the first), /labels [L] i32, /label_start [N + 1] u64: image i has labels[label_start[i] .. label_start[i + 1])
 *     /label_name [classes of the data], /class_name [classes of the network]
 */
#include <string.h>

#include "apply/output.h"
#include "bit/file.h"
#include "bit/memory.h"
#include "store/hdf5.h"

enum data_set { FEATURES, OUTPUTS, TOP_CLASS, TOP_PROBABILITY, PATHS, GOOD, SETS };

struct context { hid_t file, set[SETS], text; char *paths; };

static int failed(struct output *o, struct bit_error *error)
{
    return h5_fail(error, "write", o->path);
}

static hid_t make_set(struct context *c, const char *name, hid_t type, hsize_t rows, hsize_t columns)
{
    hsize_t extent[2] = {rows, columns};
    hid_t space = H5Screate_simple(columns ? 2 : 1, extent, NULL);
    hid_t set = space < 0 ? -1 : H5Dcreate2(c->file, name, type, space, H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT);
    if (space >= 0)
        H5Sclose(space);
    return set;
}

/* A whole data set at once. */
static int put(struct output *o, const char *name, hid_t type, hid_t memory, hsize_t rows, const void *data, struct bit_error *error)
{
    hid_t set = make_set(o->context, name, type, rows, 0);
    int result = set >= 0 && (rows == 0 || H5Dwrite(set, memory, H5S_ALL, H5S_ALL, H5P_DEFAULT, data) >= 0) ? 0 : failed(o, error);
    return h5_close(set, o->path, error) || result ? -1 : 0;
}

static int put_attributes(struct output *o, struct bit_error *error)
{
    const struct trained *t = o->trained;
    const hid_t file = ((struct context *)o->context)->file;
    char hash[BIT_HASH_TEXT], transform[128];
    bit_hash_text(t->hash, hash);
    trained_transform(t, transform, sizeof transform);
    return h5_attribute_text(file, "model", t->name) || h5_attribute_text(file, "weights_hash", hash) ||
           h5_attribute_text(file, "images", transform) || h5_attribute_u64(file, "size", (uint64_t)t->stream.image_size) ||
           h5_attribute_u64(file, "depth", (uint64_t)t->network.depth) || h5_attribute_u64(file, "width", (uint64_t)t->network.width) ||
           h5_attribute_text(file, "precision", t->options.precision == BIT_BFLOAT16 ? "bfloat16" : "float32") ||
           h5_attribute_text(file, "program", "bit " PACKAGE_VERSION) ? failed(o, error) : 0;
}

static int put_labels(struct output *o, struct bit_error *error)
{
    const uint64_t most = o->images * (uint64_t)bit_index_labels_most(o->index);
    int32_t *first = bit_allocate(o->images + 1, sizeof *first, "labels", error), *labels = bit_allocate(most + 1, sizeof *labels, "labels", error);
    uint64_t *starts = bit_allocate(o->images + 1, sizeof *starts, "labels", error);
    int result = -1;
    if (first && labels && starts) {
        for (uint64_t i = 0; i < o->images; i++) {
            const int32_t *from;
            int count = bit_index_labels(o->index, i, &from);
            first[i] = count ? from[0] : -1;
            memcpy(labels + starts[i], from, (size_t)count * sizeof *from);
            starts[i + 1] = starts[i] + (uint64_t)count;
        }
        result = put(o, "label", H5T_STD_I32LE, H5T_NATIVE_INT32, o->images, first, error) ||
                 put(o, "labels", H5T_STD_I32LE, H5T_NATIVE_INT32, starts[o->images], labels, error) ||
                 put(o, "label_start", H5T_STD_U64LE, H5T_NATIVE_UINT64, o->images + 1, starts, error) ? -1 : 0;
    }
    bit_free(first);
    bit_free(labels);
    bit_free(starts);
    return result;
}

static int put_names(struct output *o, struct bit_error *error)
{
    const hid_t text = ((struct context *)o->context)->text;
    const int count = bit_index_classes(o->index);
    const char **names = bit_allocate((size_t)count + 1, sizeof *names, "names of classes", error);
    if (!names)
        return -1;
    for (int i = 0; i < count; i++)
        names[i] = bit_index_class_name(o->index, i);
    int result = put(o, "label_name", text, text, (hsize_t)count, names, error) ||
                 put(o, "class_name", text, text, (hsize_t)o->classes, o->trained->classes, error) ? -1 : 0;
    bit_free(names);
    return result;
}

static int begin(struct output *o, struct bit_error *error)
{
    struct context *c = bit_allocate(1, sizeof *c, "an HDF5 file", error);
    const hsize_t rows = o->images;
    if (!c)
        return -1;
    o->context = c;
    c->text = -1;
    for (int i = 0; i < SETS; i++)
        c->set[i] = -1;
    if ((c->file = h5_create(o->path, error)) < 0)
        return -1;
    c->text = H5Tcopy(H5T_C_S1);
    if (c->text < 0 || H5Tset_size(c->text, H5T_VARIABLE) < 0 || H5Tset_cset(c->text, H5T_CSET_UTF8) < 0)
        return failed(o, error);
    c->set[FEATURES] = make_set(c, "features", H5T_IEEE_F32LE, rows, (hsize_t)o->channels);
    c->set[OUTPUTS] = make_set(c, "outputs", H5T_IEEE_F32LE, rows, (hsize_t)o->classes);
    c->set[TOP_CLASS] = make_set(c, "top_class", H5T_STD_I32LE, rows, (hsize_t)o->top);
    c->set[TOP_PROBABILITY] = make_set(c, "top_probability", H5T_IEEE_F32LE, rows, (hsize_t)o->top);
    c->set[PATHS] = make_set(c, "path", c->text, rows, 0);
    c->set[GOOD] = make_set(c, "good", H5T_STD_U8LE, rows, 0);
    for (int i = 0; i < SETS; i++)
        if (c->set[i] < 0)
            return failed(o, error);
    return put_attributes(o, error) || put_labels(o, error) || put_names(o, error) ? -1 : 0;
}

/* Rows of one data set. */
static int put_rows(struct output *o, enum data_set which, hid_t memory, const struct output_rows *r, int columns, const void *data,
                    struct bit_error *error)
{
    struct context *c = o->context;
    const hsize_t start[2] = {r->first, 0}, extent[2] = {(hsize_t)r->count, (hsize_t)columns};
    const int dimensions = columns ? 2 : 1;
    hid_t rows = H5Screate_simple(dimensions, extent, NULL), space = H5Dget_space(c->set[which]);
    int result = rows >= 0 && space >= 0 && H5Sselect_hyperslab(space, H5S_SELECT_SET, start, NULL, extent, NULL) >= 0 &&
                 H5Dwrite(c->set[which], memory, rows, space, H5P_DEFAULT, data) >= 0 ? 0 : failed(o, error);
    return h5_close(rows, o->path, error) || h5_close(space, o->path, error) || result ? -1 : 0;
}

static int put_paths(struct output *o, const struct output_rows *r, struct bit_error *error)
{
    struct context *c = o->context;
    const char *words[r->count];
    char *paths = bit_allocate((size_t)r->count, PATH_MAX, "paths", error);
    int result = paths ? 0 : -1;
    for (int i = 0; !result && i < r->count; i++) {
        words[i] = paths + (size_t)i * PATH_MAX;
        result = bit_index_image_path(o->index, r->first + (uint64_t)i, paths + (size_t)i * PATH_MAX, PATH_MAX, error);
    }
    if (!result)
        result = put_rows(o, PATHS, c->text, r, 0, words, error);
    bit_free(paths);
    return result;
}

static int write_rows(struct output *o, const struct output_rows *r, struct bit_error *error)
{
    return put_rows(o, FEATURES, H5T_NATIVE_FLOAT, r, o->channels, r->features, error) ||
           put_rows(o, OUTPUTS, H5T_NATIVE_FLOAT, r, o->classes, r->outputs, error) ||
           put_rows(o, TOP_CLASS, H5T_NATIVE_INT32, r, o->top, r->class, error) ||
           put_rows(o, TOP_PROBABILITY, H5T_NATIVE_FLOAT, r, o->top, r->probability, error) ||
           put_rows(o, GOOD, H5T_NATIVE_UINT8, r, 0, r->good, error) || put_paths(o, r, error) ? -1 : 0;
}

static int end(struct output *o, struct bit_error *error)
{
    struct context *c = o->context;
    if (!c)
        return 0;
    for (int i = 0; i < SETS; i++)
        h5_close(c->set[i], o->path, error);
    h5_close(c->text, o->path, error);
    h5_close(c->file, o->path, error);
    bit_free(c);
    return error->code || bit_file_sync(o->path, error) ? -1 : 0;
}

const struct output_operations output_hdf5 = {".h5", begin, write_rows, end};
