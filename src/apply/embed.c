#include "apply/embed.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "apply/output.h"
#include "apply/parts.h"
#include "apply/ranking.h"
#include "bit/clock.h"
#include "bit/features.h"
#include "bit/file.h"
#include "bit/log.h"
#include "bit/memory.h"
#include "bit/record.h"
#include "bit/text.h"

enum { TELL_SECONDS = 30, ABOUT_LIMIT = 1 << 20 };

struct work {
    const struct embed_options *o;
    const struct output_operations *kind;
    struct bit_index *index;
    struct part_shape shape;
    uint64_t images;
    char folder[PATH_MAX];       /* OUT.parts */
    struct bit_lock *lock;       /* rank 0 */
    struct part_place *places;   /* rank 0 */
    uint64_t *left;              /* micro-batches that are to be done, ascending */
    uint64_t left_count;
    struct part *part;
    struct bit_stream *stream;
    double told;
};

const struct output_operations *output_find(const char *path, struct bit_error *error)
{
    static const struct output_operations *const kinds[] = {&output_hdf5, &output_csv};
    const size_t length = strlen(path);
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        size_t ending = strlen(kinds[i]->ending);
        if (length > ending && !strcmp(path + length - ending, kinds[i]->ending))
            return kinds[i];
    }
    bit_fail(error, BIT_EUSAGE, "%s: expected a name that ends in .h5 or .csv", path);
    return NULL;
}

/* ---- what is done already ---- */

/* All that decides the numbers, but for the machine. */
static char *describe(const struct work *w, struct bit_error *error)
{
    const struct trained *t = w->o->trained;
    char hash[BIT_HASH_TEXT], classes[33], images[33];
    struct bit_text text = {0};
    bit_hash_text(t->hash, hash);
    bit_index_fingerprint(w->index, classes, images);
    bit_text_add(&text, "{\"format\": 1, \"weights\": \"%s\", \"images\": \"%s\", \"classes\": \"%s\", \"count\": %llu, \"size\": %d, \"resize\": %d, "
                 "\"squash\": %s, \"stretch\": %s, \"precision\": %d, \"micro_batch\": %d, \"channels\": %d, \"outputs\": %d}\n", hash, images, classes,
                 (unsigned long long)w->images, t->stream.image_size, t->stream.resize, t->stream.squash ? "true" : "false", t->stream.stretch ? "true" : "false",
                 (int)t->options.precision, w->shape.micro_batch, w->shape.channels, w->shape.outputs);
    if (text.failed)
        bit_fail(error, BIT_EENVIRONMENT, "out of memory");
    return text.data;
}

static int compare_about(const struct work *w, struct bit_error *error)
{
    char path[PATH_MAX], *mine = describe(w, error), *theirs = NULL;
    size_t size;
    if (mine && !bit_path_join(path, sizeof path, w->folder, "about.json", error)) {
        if (!bit_file_exists(path))
            bit_file_write(path, mine, strlen(mine), error);
        else if (!bit_file_read(path, ABOUT_LIMIT, &theirs, &size, error) && strcmp(mine, theirs))
            bit_fail(error, BIT_EUSAGE, "%s holds parts of another embedding (other weights, images or options): give the former command to "
                     "finish that one, or remove the folder", w->folder);
    }
    bit_free(mine);
    bit_free(theirs);
    return error->code ? -1 : 0;
}

/* Rank 0. */
static int claim(struct work *w, struct bit_error *error)
{
    char path[PATH_MAX];
    int used = snprintf(w->folder, sizeof w->folder, "%s.parts", w->o->out);
    if (used < 0 || (size_t)used >= sizeof w->folder)
        return bit_fail(error, BIT_EUSAGE, "path too long: %s", w->o->out);
    if (bit_file_exists(w->o->out))
        return bit_fail(error, BIT_EUSAGE, "%s is there already: remove it, or name another file", w->o->out);
    if (mkdir(w->folder, 0777) && errno != EEXIST) /* not its parents: they would be a typing error's */
        return bit_fail_errno(error, BIT_EENVIRONMENT, "cannot create %s", w->folder);
    if (bit_path_join(path, sizeof path, w->folder, "lock", error))
        return -1;
    w->lock = bit_lock_take(path, error);
    if (!w->lock || compare_about(w, error))
        return -1;
    w->places = bit_allocate(w->shape.batches, sizeof *w->places, "places of parts", error);
    return w->places ? parts_scan(w->folder, &w->shape, w->places, error) : -1;
}

/* What is left to be done, known to all. */
static int share_left(struct work *w, struct bit_error *error)
{
    struct bit_group *g = w->o->group;
    uint64_t count = 0;
    w->left = bit_allocate(w->shape.batches + 1, sizeof *w->left, "micro-batches to do", error);
    if (bit_group_agree(g, error))
        return -1;
    for (uint64_t i = 0; g->rank == 0 && i < w->shape.batches; i++)
        if (w->places[i].file < 0)
            w->left[count++] = i;
    if (bit_group_broadcast(g, w->folder, sizeof w->folder, 0, error) || bit_group_broadcast(g, &count, sizeof count, 0, error) ||
        bit_group_broadcast(g, w->left, count * sizeof *w->left, 0, error))
        return -1;
    w->left_count = count;
    return 0;
}

/* ---- extracting ---- */

/* The images of the micro-batches that are left; only the very last one may be short. */
static struct bit_subset *subset_of(const struct work *w, struct bit_error *error)
{
    struct bit_subset *s = bit_allocate(1, sizeof *s, "images to do", error);
    const uint64_t micro = (uint64_t)w->shape.micro_batch;
    if (!s)
        return NULL;
    s->images = bit_allocate(w->left_count * micro + 1, sizeof *s->images, "images to do", error);
    if (!s->images) {
        bit_free(s);
        return NULL;
    }
    for (uint64_t i = 0; i < w->left_count; i++)
        for (uint64_t image = w->left[i] * micro; image < (w->left[i] + 1) * micro && image < w->images; image++)
            s->images[s->count++] = image;
    return s;
}

static void tell(struct work *w, uint64_t done)
{
    bit_extract_tell_bad(w->stream);
    if (w->o->group->rank || bit_clock_seconds() - w->told < TELL_SECONDS)
        return;
    uint64_t batches = w->shape.batches - w->left_count + done * (uint64_t)w->o->group->size;
    if (batches < w->shape.batches)
        bit_log(BIT_LOG_INFO, "about %llu of %llu images", (unsigned long long)(batches * (uint64_t)w->shape.micro_batch),
                (unsigned long long)w->images);
    w->told = bit_clock_seconds();
}

static int keep(void *context, const struct bit_extract *x, struct bit_error *error)
{
    struct work *w = context;
    const uint64_t place = x->number * (uint64_t)w->o->group->size + (uint64_t)w->o->group->rank;
    const struct part_rows rows = {.good = x->batch->images, .images = (uint64_t *)x->batch->samples, .features = (float *)x->features,
                                   .outputs = (float *)x->outputs};
    if (place >= w->left_count)
        return bit_fail(error, BIT_EINTERNAL, "a stream hands out more than its micro-batches");
    if (part_append(w->part, w->left[place], &rows, error))
        return -1;
    tell(w, x->number + 1);
    return 0;
}

/* This rank's share. 0; 1: stopped; -1. Local. */
static int extract(struct work *w, struct bit_error *error)
{
    struct bit_stream_options options = w->o->trained->stream;
    struct bit_subset *subset = subset_of(w, error);
    int result = -1;
    options.index = w->index;
    options.subset = subset;
    w->told = bit_clock_seconds();
    if (subset && (w->part = part_open(w->folder, w->o->group->rank, &w->shape, error)) && (w->stream = bit_stream_create(&options, error))) {
        const struct bit_extraction extraction = {.model = w->o->trained->model, .stream = w->stream, .outputs = true, .stop = w->o->stop};
        result = bit_extract_all(&extraction, keep, w, error);
    }
    bit_stream_destroy(w->stream);
    if (part_close(w->part, error))
        result = -1;
    bit_subset_destroy(subset);
    return result;
}

/* 0; 1: some rank was stopped; -1. */
static int extract_everywhere(struct work *w, struct bit_error *error)
{
    struct bit_group *g = w->o->group;
    char mine, all[g->size];
    mine = w->left_count && extract(w, error) > 0;
    if (bit_group_agree(g, error) || bit_group_gather(g, &mine, 1, all, error))
        return -1;
    return memchr(all, 1, (size_t)g->size) != NULL;
}

/* ---- the end ---- */

/* Room for one micro-batch, as it was kept and as it is written. */
static int make_rows(const struct work *w, int top, struct part_rows *p, struct output_rows *r, struct bit_error *error)
{
    const size_t rows = (size_t)w->shape.micro_batch, channels = (size_t)w->shape.channels, outputs = (size_t)w->shape.outputs;
    static const char what[] = "rows of an embedding";
    r->top = top;
    p->images = bit_allocate(rows, sizeof *p->images, what, error);
    p->features = bit_allocate(rows * channels, sizeof *p->features, what, error);
    p->outputs = bit_allocate(rows * outputs, sizeof *p->outputs, what, error);
    r->good = bit_allocate(rows, 1, what, error);
    r->features = bit_allocate(rows * channels, sizeof *r->features, what, error);
    r->outputs = bit_allocate(rows * outputs, sizeof *r->outputs, what, error);
    r->probability = bit_allocate(rows * (size_t)top, sizeof *r->probability, what, error);
    r->class = bit_allocate(rows * (size_t)top, sizeof *r->class, what, error);
    return p->images && p->features && p->outputs && r->good && r->features && r->outputs && r->probability && r->class ? 0 : -1;
}

static void free_rows(struct part_rows *p, struct output_rows *r)
{
    void *const memory[] = {p->images, p->features, p->outputs, r->good, r->features, r->outputs, r->probability, r->class};
    for (size_t i = 0; i < sizeof memory / sizeof *memory; i++)
        bit_free(memory[i]);
}

static void fill_nan(float *to, size_t count)
{
    for (size_t i = 0; i < count; i++)
        to[i] = NAN;
}

/* Puts the good images of a micro-batch into their places. */
static void spread(const struct work *w, uint64_t number, const struct part_rows *p, struct output_rows *r)
{
    const size_t channels = (size_t)w->shape.channels, outputs = (size_t)w->shape.outputs, top = (size_t)r->top;
    const uint64_t micro = (uint64_t)w->shape.micro_batch;
    r->first = number * micro;
    r->count = (int)(w->images - r->first < micro ? w->images - r->first : micro);
    memset(r->good, 0, micro);
    fill_nan(r->features, (size_t)r->count * channels);
    fill_nan(r->outputs, (size_t)r->count * outputs);
    fill_nan(r->probability, (size_t)r->count * top);
    for (size_t i = 0; i < (size_t)r->count * top; i++)
        r->class[i] = -1;
    for (int i = 0; i < p->good; i++) {
        const size_t row = (size_t)(p->images[i] - r->first);
        r->good[row] = 1;
        memcpy(r->features + row * channels, p->features + (size_t)i * channels, channels * sizeof(float));
        memcpy(r->outputs + row * outputs, p->outputs + (size_t)i * outputs, outputs * sizeof(float));
        ranking_top(r->outputs + row * outputs, (int)outputs, w->o->trained->network.sigmoid, r->top, r->class + row * top,
                    r->probability + row * top);
    }
}

static bool fits(const struct work *w, uint64_t number, const struct part_rows *p)
{
    for (int i = 0; i < p->good; i++)
        if (p->images[i] / (uint64_t)w->shape.micro_batch != number || p->images[i] >= w->images)
            return false;
    return true;
}

static int write_out(struct work *w, struct output *out, struct embed_result *result, struct bit_error *error)
{
    struct part_rows p = {0};
    struct output_rows r = {0};
    struct parts *parts = parts_open(w->folder, &w->shape, error);
    if (parts && make_rows(w, out->top, &p, &r, error) == 0 && w->kind->begin(out, error) == 0)
        for (uint64_t i = 0; i < w->shape.batches && !error->code; i++) {
            if (parts_read(parts, &w->places[i], &p, error))
                break;
            if (!fits(w, i, &p)) {
                bit_fail(error, BIT_EDATA, "%s holds images where they do not belong: remove the folder", w->folder);
                break;
            }
            spread(w, i, &p, &r);
            result->bad += (uint64_t)(r.count - p.good);
            w->kind->write(out, &r, error);
        }
    w->kind->end(out, error);
    parts_close(parts);
    free_rows(&p, &r);
    return error->code ? -1 : 0;
}

static int sync_folder_of(const char *path, struct bit_error *error)
{
    char folder[PATH_MAX];
    const char *slash = strrchr(path, '/');
    snprintf(folder, sizeof folder, "%.*s", slash ? (int)(slash - path + 1) : 1, slash ? path : ".");
    return bit_file_sync(folder, error);
}

/* Rank 0: all parts become OUT. */
static int assemble(struct work *w, struct embed_result *result, struct bit_error *error)
{
    const int classes = w->shape.outputs;
    char path[PATH_MAX];
    struct output out = {.operations = w->kind, .trained = w->o->trained, .index = w->index, .path = path, .images = w->images,
                         .channels = w->shape.channels, .classes = classes, .top = classes < OUTPUT_TOP ? classes : OUTPUT_TOP};
    if (parts_scan(w->folder, &w->shape, w->places, error))
        return -1;
    for (uint64_t i = 0; i < w->shape.batches; i++)
        if (w->places[i].file < 0)
            return bit_fail(error, BIT_EENVIRONMENT, "%s lacks what some rank has done: do all hosts share this folder? Give the same command again",
                            w->folder);
    if (bit_path_join(path, sizeof path, w->folder, "out", error))
        return -1;
    unlink(path); /* of a start that was killed here */
    if (write_out(w, &out, result, error))
        return -1;
    if (rename(path, w->o->out))
        return bit_fail_errno(error, BIT_EENVIRONMENT, "cannot rename %s to %s", path, w->o->out);
    return sync_folder_of(w->o->out, error);
}

/* ---- all of it ---- */

/* The index, and what follows from it. */
static int open_images(struct work *w, struct bit_error *error)
{
    const struct trained *t = w->o->trained;
    w->index = bit_index_open(w->o->data, NULL, NULL, w->o->group, error);
    if (!w->index)
        return -1;
    w->images = bit_index_images(w->index);
    w->shape = (struct part_shape){.micro_batch = t->stream.micro_batch, .channels = bit_model_call(t->model)->input.channels,
                                   .outputs = (int)t->network.classes};
    w->shape.batches = (w->images + (uint64_t)w->shape.micro_batch - 1) / (uint64_t)w->shape.micro_batch;
    return 0;
}

static int run(struct work *w, struct embed_result *result, struct bit_error *error)
{
    struct bit_group *g = w->o->group;
    if (!(w->kind = output_find(w->o->out, error)) || open_images(w, error))
        return -1;
    if (g->rank == 0)
        claim(w, error);
    if (bit_group_agree(g, error) || share_left(w, error))
        return -1;
    const uint64_t done = (w->shape.batches - w->left_count) * (uint64_t)w->shape.micro_batch;
    result->images = w->images;
    result->resumed = done < w->images ? done : w->images;
    int verdict = extract_everywhere(w, error);
    if (verdict)
        return verdict;
    if (g->rank == 0)
        assemble(w, result, error);
    return bit_group_agree(g, error) || bit_group_broadcast(g, &result->bad, sizeof result->bad, 0, error) ? -1 : 0;
}

int embed_run(const struct embed_options *options, struct embed_result *result, struct bit_error *error)
{
    struct work w = {.o = options};
    *result = (struct embed_result){0};
    int verdict = run(&w, result, error);
    bit_lock_release(w.lock);
    if (w.lock && verdict == 0)
        bit_folder_remove(w.folder, error); /* the output is there: what cannot be removed is only in the way */
    bit_free(w.places);
    bit_free(w.left);
    bit_index_close(w.index);
    return verdict < 0 || error->code ? -1 : verdict;
}

void embed_print(const struct embed_options *o, const struct embed_result *r)
{
    printf("%s: %llu images, %d features and %zu outputs each", o->out, (unsigned long long)r->images,
           bit_model_call(o->trained->model)->input.channels, o->trained->network.classes);
    if (r->bad)
        printf(", %llu of them could not be used", (unsigned long long)r->bad);
    if (r->resumed)
        printf("; %llu were there already", (unsigned long long)r->resumed);
    printf("\n");
}
