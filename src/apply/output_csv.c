/* An embedding as comma-separated values: path, label, five classes with probabilities, features, outputs; images that could not be used are left
 * out. Numbers have nine digits, which give every float32 back. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "apply/csv.h"
#include "apply/output.h"
#include "bit/text.h"

static int check(struct output *o, struct bit_error *error)
{
    return ferror((FILE *)o->context) ? bit_fail_errno(error, BIT_EENVIRONMENT, "cannot write %s", o->path) : 0;
}

static int begin(struct output *o, struct bit_error *error)
{
    struct bit_text t = {0};
    FILE *file = fopen(o->path, "we");
    if (!file)
        return bit_fail_errno(error, BIT_EENVIRONMENT, "cannot create %s", o->path);
    o->context = file;
    bit_text_add(&t, "path,label");
    for (int i = 1; i <= o->top; i++)
        bit_text_add(&t, ",class%d,probability%d", i, i);
    for (int c = 0; c < o->channels; c++)
        bit_text_add(&t, ",feature%d", c);
    for (int c = 0; c < o->classes; c++) {
        bit_text_add(&t, ",");
        csv_add(&t, o->trained->classes[c]);
    }
    if (t.failed)
        bit_fail(error, BIT_EENVIRONMENT, "out of memory: a line of %s", o->path);
    else
        fprintf(file, "%s\n", t.data);
    bit_text_free(&t);
    return error->code ? -1 : check(o, error);
}

static int write_image(struct output *o, const struct output_rows *r, int i, struct bit_text *t, struct bit_error *error)
{
    FILE *file = o->context;
    struct bit_text label = {0};
    char path[PATH_MAX];
    if (bit_index_image_path(o->index, r->first + (uint64_t)i, path, sizeof path, error))
        return -1;
    csv_label_names(&label, o->index, r->first + (uint64_t)i);
    t->size = 0;
    csv_add(t, path);
    bit_text_add(t, ",");
    csv_add(t, label.data ? label.data : "");
    t->failed |= label.failed;
    bit_text_free(&label);
    for (int k = 0; k < r->top; k++) {
        bit_text_add(t, ",");
        csv_add(t, o->trained->classes[r->class[i * r->top + k]]);
        bit_text_add(t, ",%.6g", (double)r->probability[i * r->top + k]);
    }
    if (t->failed)
        return bit_fail(error, BIT_EENVIRONMENT, "out of memory: a line of %s", o->path);
    fputs(t->data, file);
    for (int c = 0; c < o->channels; c++)
        fprintf(file, ",%.9g", (double)r->features[(size_t)i * (size_t)o->channels + (size_t)c]);
    for (int c = 0; c < o->classes; c++)
        fprintf(file, ",%.9g", (double)r->outputs[(size_t)i * (size_t)o->classes + (size_t)c]);
    fputc('\n', file);
    return 0;
}

static int write_rows(struct output *o, const struct output_rows *r, struct bit_error *error)
{
    struct bit_text t = {0};
    for (int i = 0; i < r->count && !error->code; i++)
        if (r->good[i])
            write_image(o, r, i, &t, error);
    bit_text_free(&t);
    return error->code ? -1 : check(o, error);
}

static int end(struct output *o, struct bit_error *error)
{
    FILE *file = o->context;
    if (!file)
        return 0;
    if (fflush(file) || fsync(fileno(file)))
        bit_fail_errno(error, BIT_EENVIRONMENT, "cannot write %s", o->path);
    if (fclose(file))
        bit_fail_errno(error, BIT_EENVIRONMENT, "cannot close %s", o->path);
    return error->code ? -1 : 0;
}

const struct output_operations output_csv = {".csv", begin, write_rows, end};
