#include "apply/trained.h"

#include <stdio.h>
#include <string.h>

#include "bit/json.h"
#include "bit/memory.h"
#include "bit/options.h"
#include "bit/recipe.h"
#include "bit/text.h"

/* ---- from rank 0 to all ---- */

/* A text of rank 0's; the others get a copy. */
static int share_text(struct bit_group *group, char **text, struct bit_error *error)
{
    uint64_t size = group->rank == 0 ? strlen(*text) + 1 : 0;
    if (bit_group_broadcast(group, &size, sizeof size, 0, error))
        return -1;
    if (group->rank && !(*text = bit_allocate(size, 1, "what a network says of itself", error)))
        bit_fail(error, BIT_EENVIRONMENT, "out of memory");
    return bit_group_agree(group, error) || bit_group_broadcast(group, *text, size, 0, error) ? -1 : 0;
}

/* ---- the job ---- */

/* A file of others says no more than its shapes. */
static char *job_text(const struct bit_start *start, struct bit_error *error)
{
    const struct bit_start_network *n = bit_start_network(start);
    char text[300];
    if (bit_start_job(start))
        return bit_copy_text(bit_start_job(start), error);
    snprintf(text, sizeof text, "{\"model\": {\"depth\": %d, \"width\": %d, \"classes\": %zu}, \"data\": {\"train\": \"not-stated\"}}", n->depth,
             n->width, n->classes);
    return bit_copy_text(text, error);
}

/* The run's job with the caller's choices in it. */
static int parse_job(struct trained *t, const char *text, const struct trained_options *o, struct bit_error *error)
{
    struct bit_problems problems = {0};
    const char *overrides[BIT_OPTION_VALUES + 1] = {"backend=auto"}; /* what another build was asked for does not bind this one */
    if (o->override_count > BIT_OPTION_VALUES)
        return bit_fail(error, BIT_EUSAGE, "more than %d values for keys", BIT_OPTION_VALUES);
    for (size_t i = 0; i < o->override_count; i++)
        overrides[i + 1] = o->overrides[i];
    t->job = bit_job_parse(text, strlen(text), "weights.json", overrides, o->override_count + 1, &problems, error);
    bit_problems_free(&problems);
    return t->job ? 0 : bit_fail_at(error, "%s: its job", t->name);
}

/* ---- images ---- */

/* Names under which networks tuned to a task were published, and how their authors evaluated those. */
static bool find_published(const char *path, int width, struct bit_stream_options *s)
{
    static const struct { const char *name; int width, size, resize; bool squash; } known[] = {
        {"ILSVRC2012", 4, 480, 512, false}, {"ILSVRC2012", 0, 384, 384, true}, {"CIFAR10", 0, 128, 128, true},
    };
    const char *slash = strrchr(path, '/'), *name = slash ? slash + 1 : path;
    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        if (!strncmp(name, "BiT-", 4) && strstr(name, known[i].name) && (!known[i].width || known[i].width == width)) {
            s->image_size = known[i].size;
            s->resize = known[i].resize;
            s->squash = known[i].squash;
            return true;
        }
    return false;
}

static void choose_transform(struct trained *t, bool has_job, const struct trained_options *o)
{
    struct bit_stream_options *s = &t->stream;
    t->known_transform = has_job || find_published(t->name, t->network.width, s) || o->size;
    if (o->size) {
        s->image_size = o->size;
        s->resize = (o->size * 8 + 3) / 7;
        s->squash = false;
    }
    if (o->resize) {
        s->resize = o->resize;
        s->squash = false;
    }
    s->squash |= o->squash;
    s->stretch |= o->stretch;
    t->options.image_size = s->image_size;
}

void trained_transform(const struct trained *t, char *text, size_t size)
{
    const struct bit_stream_options *s = &t->stream;
    if (s->crop == BIT_CROP_FIT)
        snprintf(text, size, "images fitted into %d x %d pixels", s->image_size, s->image_size);
    else if (s->squash)
        snprintf(text, size, "images squashed to %d x %d pixels", s->image_size, s->image_size);
    else
        snprintf(text, size, "images %s to %d pixels, centre of %d x %d", s->stretch ? "stretched" : "resized", s->resize, s->image_size,
                 s->image_size);
}

/* ---- classes ---- */

static int name_classes(struct trained *t, struct bit_error *error)
{
    enum { DIGITS = 24 };
    const size_t count = t->network.classes;
    size_t lines = 0;
    char *at = t->class_text;
    t->classes = bit_allocate(count + 1, sizeof *t->classes, "names of classes", error);
    t->numbers = bit_allocate(count, DIGITS, "numbers of classes", error);
    if (!t->classes || !t->numbers)
        return -1;
    for (size_t i = 0; i < count; i++) {
        snprintf(t->numbers + i * DIGITS, DIGITS, "%zu", i);
        t->classes[i] = t->numbers + i * DIGITS;
    }
    for (char *end; (end = strchr(at, '\n')); at = end + 1, lines++) {
        if (lines < count)
            t->classes[lines] = at;
        *end = 0;
    }
    return lines && lines > count ? bit_fail(error, BIT_EDATA, "%s: %zu names of classes for %zu outputs", t->name, lines, count) : 0;
}

/* ---- the network ---- */

/* Other heads have other outputs than one a class. */
static bool tells_classes_apart(const struct bit_head *head)
{
    struct bit_classify classify;
    bit_classify_init(&classify, 1, BIT_SOFTMAX, 0);
    return head->operations == classify.head.operations;
}

static int choose_threads(const struct trained *t, const struct trained_options *o, const struct bit_group *group)
{
    bool given = false;
    for (size_t i = 0; i < o->override_count; i++)
        given |= !strncmp(o->overrides[i], "threads=", 8);
    int threads = o->threads ? o->threads : given ? t->job->threads : 0, here = bit_plan_cores() / group->node_size;
    return threads ? threads : here > 0 ? here : 1;
}

/* Pictures are fitted whole into a square that the pyramid can halve. */
static int check_fit(const struct trained_options *o, struct bit_error *error)
{
    if (o->resize || o->squash || o->stretch)
        return bit_fail(error, BIT_EUSAGE, "a detection fits whole pictures into its square: expected --size at most, not --resize, --squash or --stretch");
    return o->size % 32 ? bit_fail(error, BIT_EUSAGE, "--size: detection has maps of 1/8, 1/16 and 1/32 of the image: expected a multiple of 32, found %d",
                                   o->size) : 0;
}

static int build(struct trained *t, bool has_job, const struct trained_options *o, struct bit_group *group, struct bit_error *error)
{
    const int threads = choose_threads(t, o, group);
    bit_recipe_model(t->job, (int)t->network.classes, 1, false, &t->head, &t->options);
    t->detects = !tells_classes_apart(t->options.head);
    if (t->detects && !o->boxes)
        return bit_fail(error, BIT_EUSAGE, "%s: its head detects boxes: expected a network that tells classes apart", t->name);
    if (t->detects && check_fit(o, error))
        return -1;
    t->stream = bit_recipe_stream(t->job, group->size, threads);
    t->stream.rank = group->rank;
    if (o->micro_batch)
        t->options.micro_batch = t->stream.micro_batch = o->micro_batch;
    choose_transform(t, has_job, o);
    if (!t->options.backend)
        return bit_backend_find(t->job->backend, error) ? 0 : -1;
    bit_compute_threads(threads);
    if (bit_compute_threads_start(error))
        return -1;
    t->model = bit_model_create(&t->options, error);
    if (t->model)
        t->weights = bit_allocate(bit_model_table(t->model)->elements, sizeof *t->weights, "weights", error);
    return t->weights ? 0 : -1;
}

/* Rank 0: the numbers, whose table must be this network's. */
static int read_weights(struct trained *t, struct bit_start *start, struct bit_error *error)
{
    const struct bit_table *theirs = bit_start_statistics_table(start), *ours = bit_model_statistics_table(t->model);
    if (!bit_table_equal(bit_start_table(start), bit_model_table(t->model)) || (ours && (!theirs || !bit_table_equal(theirs, ours))))
        return bit_fail(error, BIT_EUSAGE, "%s: its parameters are not those of the network that its job describes", t->name);
    if (bit_start_read(start, t->weights, ours ? bit_model_statistics(t->model) : NULL, error))
        return -1;
    t->hash = bit_table_hash(bit_model_table(t->model), t->weights);
    return 0;
}

static int fill(struct trained *t, struct bit_start *start, struct bit_group *group, struct bit_error *error)
{
    const struct bit_table *statistics = bit_model_statistics_table(t->model);
    if (group->rank == 0)
        read_weights(t, start, error);
    if (bit_group_agree(group, error) || bit_group_broadcast(group, &t->hash, sizeof t->hash, 0, error) ||
        bit_group_broadcast(group, t->weights, bit_model_table(t->model)->elements * sizeof *t->weights, 0, error) ||
        (statistics && bit_group_broadcast(group, bit_model_statistics(t->model), statistics->elements * sizeof(float), 0, error)))
        return -1;
    bit_model_set_weights(t->model, t->weights, error);
    return bit_group_agree(group, error);
}

/* Rank 0: what the weights say of their network. */
static int describe(struct trained *t, struct bit_start *start, char **job, struct bit_error *error)
{
    t->network = *bit_start_network(start);
    snprintf(t->name, sizeof t->name, "%s", bit_start_name(start));
    *job = job_text(start, error);
    t->class_text = bit_copy_text(bit_start_classes(start), error);
    return *job && t->class_text ? 0 : -1;
}

int trained_load(const char *path, const struct trained_options *o, struct bit_group *group, struct trained *t, struct bit_error *error)
{
    struct bit_start *start = NULL;
    char *job = NULL;
    bool has_job = false;
    *t = (struct trained){0};
    if (group->rank == 0 && (start = bit_start_open(path, error)) && describe(t, start, &job, error) == 0)
        has_job = bit_start_job(start) != NULL;
    if (bit_group_agree(group, error) == 0 && bit_group_broadcast(group, &t->network, sizeof t->network, 0, error) == 0 &&
        bit_group_broadcast(group, t->name, sizeof t->name, 0, error) == 0 && bit_group_broadcast(group, &has_job, sizeof has_job, 0, error) == 0 &&
        share_text(group, &job, error) == 0 && share_text(group, &t->class_text, error) == 0) {
        if (parse_job(t, job, o, error) == 0 && name_classes(t, error) == 0)
            build(t, has_job, o, group, error);
        if (bit_group_agree(group, error) == 0)
            fill(t, start, group, error);
    }
    bit_free(job);
    bit_start_close(start);
    return error->code ? -1 : 0;
}

void trained_free(struct trained *t)
{
    bit_model_destroy(t->model);
    bit_free(t->weights);
    bit_free(t->classes);
    bit_free(t->class_text);
    bit_free(t->numbers);
    bit_job_destroy(t->job);
    *t = (struct trained){0};
}
