#include "exchange/write.h"

#include <math.h>
#include <string.h>
#include <unistd.h>

#include "bit/file.h"
#include "bit/memory.h"

/* ---- files ---- */

int output_name(struct output *o, const char *path, struct bit_error *error)
{
    *o = (struct output){.path = path};
    int used = snprintf(o->temporary, sizeof o->temporary, "%s.tmp.%ld", path, (long)getpid());
    if (used < 0 || (size_t)used >= sizeof o->temporary)
        return bit_fail(error, BIT_EUSAGE, "path too long: %s", path);
    if (bit_file_exists(path))
        return bit_fail(error, BIT_EUSAGE, "%s is there already: remove it, or name another", path);
    return 0;
}

int output_open(struct output *o, const char *path, struct bit_error *error)
{
    if (output_name(o, path, error))
        return -1;
    o->stream = fopen(o->temporary, "wbe");
    return o->stream ? 0 : bit_fail_errno(error, BIT_EENVIRONMENT, "cannot create %s", o->temporary);
}

int output_write(struct output *o, const void *data, size_t size, struct bit_error *error)
{
    return size && fwrite(data, size, 1, o->stream) != 1 ? bit_fail_errno(error, BIT_EENVIRONMENT, "cannot write %s", o->temporary) : 0;
}

void output_abandon(struct output *o)
{
    if (o->stream)
        fclose(o->stream);
    o->stream = NULL;
    if (o->temporary[0])
        unlink(o->temporary);
}

int output_close(struct output *o, struct bit_error *error)
{
    int bad = o->stream && (fflush(o->stream) || fsync(fileno(o->stream)));
    if (bad)
        bit_fail_errno(error, BIT_EENVIRONMENT, "cannot write %s", o->temporary);
    if (o->stream && fclose(o->stream) && !bad)
        bad = bit_fail_errno(error, BIT_EENVIRONMENT, "cannot close %s", o->temporary);
    o->stream = NULL;
    return bad ? -1 : 0;
}

int output_commit(struct output *o, struct bit_error *error)
{
    char folder[PATH_MAX];
    const char *slash = strrchr(o->path, '/');
    if (output_close(o, error) || bit_file_sync(o->temporary, error))
        return -1;
    if (rename(o->temporary, o->path))
        return bit_fail_errno(error, BIT_EENVIRONMENT, "cannot rename %s to %s", o->temporary, o->path);
    snprintf(folder, sizeof folder, "%.*s", slash ? (int)(slash - o->path) + (slash == o->path) : 1, slash ? o->path : ".");
    o->temporary[0] = 0;
    return bit_file_sync(folder, error);
}

/* ---- numbers ---- */

/* (w - mean) / sqrt(variance + 1e-10) over everything but the outputs, as the network does it; sums in double. */
static void standardise(float *w, size_t rows, size_t outputs)
{
    for (size_t o = 0; o < outputs; o++) {
        double mean = 0, variance = 0;
        for (size_t r = 0; r < rows; r++)
            mean += (double)w[r * outputs + o];
        mean /= (double)rows;
        for (size_t r = 0; r < rows; r++) {
            double d = (double)w[r * outputs + o] - mean;
            variance += d * d;
        }
        double inverse = 1 / sqrt(variance / (double)rows + 1e-10);
        for (size_t r = 0; r < rows; r++)
            w[r * outputs + o] = (float)(((double)w[r * outputs + o] - mean) * inverse);
    }
}

int view_make(struct view *view, const struct bit_weights_export *e, size_t i, enum layout layout, bool standardized,
              struct bit_error *error)
{
    const struct bit_parameter *p = &e->table->items[i];
    const float *from = e->weights + p->offset;
    struct names_place place;
    *view = (struct view){.values = from};
    if (export_place(e, i, &place, error))
        return -1;
    const bool standard = standardized && place.what == 'k' && place.part != NAMES_HEAD;
    const size_t outputs = p->shape[p->dimensions - 1], rows = p->count / outputs, inputs = p->dimensions == 4 ? p->shape[2] : 1;
    const bool turn = layout == LAYOUT_OIHW && p->dimensions == 4;
    if (!standard && !turn)
        return 0;
    float *copy = NULL;
    if (standard) {
        if (!(copy = bit_allocate(p->count, sizeof *copy, "a standardised kernel", error)))
            return -1;
        memcpy(copy, from, p->count * sizeof *copy);
        standardise(copy, rows, outputs);
        from = copy;
    }
    if (turn) {
        float *turned = bit_allocate(p->count, sizeof *turned, "a kernel", error);
        for (size_t r = 0; r < rows && turned; r++) {
            const size_t place_in = r / inputs, input = r % inputs, area = rows / inputs;
            for (size_t o = 0; o < outputs; o++)
                turned[(o * inputs + input) * area + place_in] = from[r * outputs + o];
        }
        bit_free(copy);
        copy = turned;
    }
    view->values = view->own = copy;
    return copy ? 0 : -1;
}

int export_check(const struct bit_weights_export *e, const char *path, struct bit_error *error)
{
    if (!e->weight_standardization)
        return bit_fail(error, BIT_EUSAGE, "%s: whoever reads this format standardises the kernels, which this network does not "
                        "(model.weight_standardization is false): write .onnx", path);
    return 0;
}

int export_place(const struct bit_weights_export *e, size_t i, struct names_place *place, struct bit_error *error)
{
    const char *name = e->table->items[i].name;
    return names_parse(name, place) ? bit_fail(error, BIT_EUSAGE, "parameter %s has no place in this format", name) : 0;
}
