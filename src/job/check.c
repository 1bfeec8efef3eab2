/* What must hold between keys. A check is left out when one of its keys is wrong already. */
#include <math.h>
#include <stdarg.h>
#include <string.h>

#include "bit/memory.h"
#include "job/read.h"

static int key_of(const char *path)
{
    return job_key_find(path);
}

static bool has_value(const struct reading *r, int key)
{
    return r->keys[key].state != KEY_WRONG && !job_key_open(r->job, key);
}

static bool fine(const struct reading *r, const char *a, const char *b)
{
    return has_value(r, key_of(a)) && (!b || has_value(r, key_of(b)));
}

static bool given(const struct reading *r, const char *path)
{
    enum key_state state = r->keys[key_of(path)].state;
    return state == KEY_GIVEN || state == KEY_WRONG;
}

/* A problem at the place of `path`. */
static int clash(struct reading *r, const char *path, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
static int clash(struct reading *r, const char *path, const char *format, ...)
{
    char text[400];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    int key = key_of(path);
    return job_problem_add(r->problems, r->error, false, r->keys[key].line, r->keys[key].column, path, "%s", text);
}

/* One of two keys counts. One given by --set replaces the other one of the file. *second: it is the one. */
static int choose(struct reading *r, const char *first, const char *second, bool *takes_second)
{
    int a = key_of(first), b = key_of(second);
    *takes_second = given(r, second);
    if (!given(r, first) || !given(r, second)) {
        if (r->keys[a].state != KEY_NULL || given(r, second))
            return 0;
        return clash(r, first, "is null, but %s is not given either", second);
    }
    if (r->keys[a].by_override != r->keys[b].by_override) {
        *takes_second = r->keys[b].by_override;
        return 0;
    }
    return clash(r, second, "stands beside %s; give only one of them", first);
}

static bool task_is(const struct reading *r, const char *task)
{
    return r->keys[key_of("task")].state != KEY_WRONG && !strcmp(r->job->task, task);
}

static bool is_finetune(const struct reading *r)
{
    return task_is(r, "finetune");
}

/* One of a pair is given: then nothing is left to the rule. */
static bool other_given(const struct reading *r, const char *path)
{
    static const char *const pairs[][2] = {{"schedule.epochs", "schedule.steps"}, {"schedule.decay_epochs", "schedule.decay_steps"}};
    for (size_t i = 0; i < sizeof pairs / sizeof *pairs; i++)
        for (int k = 0; k < 2; k++)
            if (!strcmp(path, pairs[i][k]))
                return given(r, pairs[i][!k]);
    return false;
}

/* Fine-tuning: what is not given is the rule's choice. Pre-training has no rule. */
static int open_keys(struct reading *r)
{
    char expected[300];
    for (size_t i = 0; i < job_key_count; i++) {
        enum key_state state = r->keys[i].state;
        if (!job_keys[i].ruled || (state != KEY_ABSENT && state != KEY_NULL))
            continue;
        if (is_finetune(r) && !other_given(r, job_keys[i].path))
            r->job->open[i / 64] |= (uint64_t)1 << (i % 64);
        if (is_finetune(r) || state != KEY_NULL || job_keys[i].nullable)
            continue;
        job_key_expected(&job_keys[i], expected, sizeof expected);
        if (clash(r, job_keys[i].path, "expected %s, found null (task \"finetune\" has a rule that chooses then)", expected))
            return -1;
    }
    return 0;
}

static int check_start(struct reading *r)
{
    static const char *const only_from_weights[] = {"model.head_from", "schedule.start_decay"};
    const struct bit_job *job = r->job;
    bool started = fine(r, "model.start", NULL) && *job->model.start;
    if (is_finetune(r) && fine(r, "model.start", NULL) && !started)
        return clash(r, "model.start", "fine-tuning begins with trained weights: expected a run's folder, a generation, a .npz or a "
                                       ".safetensors file");
    for (size_t i = 0; i < sizeof only_from_weights / sizeof *only_from_weights; i++)
        if (!started && given(r, only_from_weights[i]) && fine(r, "model.start", only_from_weights[i]) &&
            (strcmp(only_from_weights[i], "schedule.start_decay") || job->schedule.start_decay > 0) &&
            (strcmp(only_from_weights[i], "model.head_from") || strcmp(job->model.head_from, "auto")) &&
            clash(r, only_from_weights[i], "without model.start there are no weights to begin with"))
            return -1;
    return 0;
}

static int check_rates(struct reading *r)
{
    double sum = 0;
    for (int i = 0; i < BIT_JOB_BLOCKS; i++)
        sum += r->job->optimizer.block_rates[i];
    return fine(r, "optimizer.block_rates", NULL) && !(sum > 0) ? clash(r, "optimizer.block_rates", "all are 0: nothing would train") : 0;
}

static int check_schedule(struct reading *r)
{
    struct bit_job *job = r->job;
    bool by_steps, decays_by_steps;
    bool open = job_key_open(job, key_of("schedule.steps")), open_decays = job_key_open(job, key_of("schedule.decay_steps"));
    if ((!open && choose(r, "schedule.epochs", "schedule.steps", &by_steps)) ||
        (!open_decays && choose(r, "schedule.decay_epochs", "schedule.decay_steps", &decays_by_steps)))
        return -1;
    if (open)
        by_steps = true;
    if (open_decays)
        decays_by_steps = true;
    if (by_steps)
        job->schedule.epochs = 0;
    else
        job->schedule.steps = 0;
    job->schedule.decays_in_steps = decays_by_steps;
    job->schedule.decays = r->keys[key_of(decays_by_steps ? "schedule.decay_steps" : "schedule.decay_epochs")].count;
    if (fine(r, "micro_batch", "schedule.batch") && job->schedule.batch % job->micro_batch)
        return clash(r, given(r, "schedule.batch") ? "schedule.batch" : "micro_batch",
                     "the batch (%d) is not a multiple of micro_batch (%d)", job->schedule.batch, job->micro_batch);
    return 0;
}

static bool is_colour(const char *text)
{
    return *text == '#' && strlen(text) == 7 && strspn(text + 1, "0123456789abcdefABCDEF") == 6;
}

static int check_data(struct reading *r)
{
    struct bit_job *job = r->job;
    /* The paper's 256 at 224 is 8/7; other sizes keep the proportion. */
    if (fine(r, "data.size", "data.resize") && !given(r, "data.resize"))
        job->data.resize = (int)((job->data.size * 8 + 3) / 7);
    bool resizes = !task_is(r, "detect") && (strcmp(job->data.crop, "inception") || strcmp(job->data.evaluation_crop, "squash"));
    if (fine(r, "data.size", "data.resize") && fine(r, "data.crop", "data.evaluation_crop") && resizes && job->data.resize < job->data.size &&
        clash(r, "data.resize", "%d is less than data.size (%d): the crop would not fit", job->data.resize,
              job->data.size))
        return -1;
    if (fine(r, "data.background", NULL) && !is_colour(job->data.background) &&
        clash(r, "data.background", "expected a colour as #RRGGBB, found \"%.20s\"", job->data.background))
        return -1;
    if (fine(r, "data.area_min", "data.area_max") && job->data.area_min > job->data.area_max &&
        clash(r, given(r, "data.area_min") ? "data.area_min" : "data.area_max",
              "data.area_min (%g) is above data.area_max (%g)", job->data.area_min, job->data.area_max))
        return -1;
    if (fine(r, "data.aspect_min", "data.aspect_max") && job->data.aspect_min > job->data.aspect_max)
        return clash(r, given(r, "data.aspect_min") ? "data.aspect_min" : "data.aspect_max",
                     "data.aspect_min (%g) is above data.aspect_max (%g)", job->data.aspect_min, job->data.aspect_max);
    return 0;
}

static int check_model(struct reading *r)
{
    struct bit_job *job = r->job;
    if (fine(r, "loss", "model.classes") && !task_is(r, "detect") && !strcmp(job->loss, "softmax") && job->model.classes == 1)
        return clash(r, "model.classes", "softmax needs at least 2 classes, found 1");
    return 0;
}

/* The name becomes a folder's name. */
static int check_name(struct reading *r)
{
    const char *name = r->job->name;
    if (!fine(r, "name", NULL))
        return 0;
    bool bad = !*name || *name == '.' || *name == '-' || strlen(name) > 100;
    for (const char *c = name; *c; c++)
        bad |= *c == '/' || (unsigned char)*c <= 0x20 || *c == 0x7F || strchr("\\:*?\"<>|'$`", *c) != NULL;
    if (!bad)
        return 0;
    return clash(r, "name", "expected a name fit for a folder (at most 100 bytes, no spaces or any of /\\:*?\"<>|'$`, "
                            "not starting with '.' or '-')%s", given(r, "name") ? "" :
                            "; the file's name is not: add the key \"name\"");
}

/* A loss is about as high as those before it. */
static int check_checks(struct reading *r)
{
    double factor = r->job->checks.loss_spike;
    if (fine(r, "checks.loss_spike", NULL) && factor > 0 && factor <= 1)
        return clash(r, "checks.loss_spike", "expected 0 or more than 1, found %g: every step would count as a jump", factor);
    return 0;
}

/* Each metric once, and none of the other loss. */
static int check_metrics(struct reading *r)
{
    static const char *const of_softmax[] = {"recall", "f1", "nll", "brier", "ece", "temperature"}, *const of_sigmoid[] = {"map", "cp", "cr", "cf1", "op", "or", "of1"};
    const char *metrics = r->job->evaluation.metrics;
    if (!fine(r, "evaluation.metrics", "loss"))
        return 0;
    bool soft = !strcmp(r->job->loss, "softmax");
    if (!soft && r->job->evaluation.among_labelled)
        return clash(r, "evaluation.among_labelled", "is of the loss softmax, and the job's is %s", r->job->loss);
    const char *const *others = soft ? of_sigmoid : of_softmax;
    size_t count = soft ? sizeof of_sigmoid / sizeof *of_sigmoid : sizeof of_softmax / sizeof *of_softmax;
    for (const char *at = metrics; *at; at += strspn(at, ", ")) {
        size_t size = strcspn(at, ",");
        bool is_set = (size == 4 && !strncmp(at, "auto", 4)) || (size == 3 && !strncmp(at, "all", 3));
        if (is_set && strchr(metrics, ','))
            return clash(r, "evaluation.metrics", "%.*s stands beside other names: expected it alone", (int)size, at);
        for (size_t i = 0; i < count; i++)
            if (strlen(others[i]) == size && !strncmp(at, others[i], size))
                return clash(r, "evaluation.metrics", "%s is of the loss %s, and the job's is %s", others[i], soft ? "sigmoid" : "softmax", r->job->loss);
        for (const char *before = metrics; before < at; before += strcspn(before, ","), before += strspn(before, ", "))
            if (strcspn(before, ",") == size && !strncmp(before, at, size))
                return clash(r, "evaluation.metrics", "%.*s stands there twice", (int)size, at);
        at += size;
    }
    return 0;
}

/* Refuses a key that is given with another value than its default: canonical jobs give every key. */
static int refuse_changed(struct reading *r, const char *path, const char *why)
{
    if (!given(r, path) || !fine(r, path, NULL))
        return 0;
    int is_default = job_value_is_default(r->job, key_of(path), r->error);
    return is_default < 0 || (!is_default && clash(r, path, "%s", why)) ? -1 : 0;
}

/* Canonical jobs give what data.resize comes to. */
static int refuse_resize(struct reading *r, const char *why)
{
    const struct bit_job *job = r->job;
    return given(r, "data.resize") && fine(r, "data.resize", "data.size") && job->data.resize != (job->data.size * 8 + 3) / 7
               ? clash(r, "data.resize", "%s", why) : 0;
}

/* What a detection has no use for. */
static int refuse_classification(struct reading *r)
{
    static const char *const of_classes[] = {
        "loss", "evaluation.metrics", "model.head_bias", "model.dropout", "data.mixup", "data.per_class", "data.per_class_seed", "probe.train",
        "probe.test", "evaluation.among_labelled", "evaluation.border", "finetune.rule", "finetune.pixels"};
    static const char *const of_crops[] = {"data.crop", "data.evaluation_crop", "data.area_min", "data.area_max", "data.aspect_min",
                                           "data.aspect_max", "data.crop_attempts"};
    static const char why[] = "belongs to classification: task detect fits whole pictures into data.size (see detect.scale_min)";
    for (size_t i = 0; i < sizeof of_classes / sizeof *of_classes; i++)
        if (refuse_changed(r, of_classes[i], "belongs to classification, and the task is detect"))
            return -1;
    for (size_t i = 0; i < sizeof of_crops / sizeof *of_crops; i++)
        if (refuse_changed(r, of_crops[i], why))
            return -1;
    return refuse_resize(r, why);
}

/* Keys that make no sense beside the task. */
static int check_task(struct reading *r)
{
    if (task_is(r, "detect"))
        return refuse_classification(r);
    char why[100];
    snprintf(why, sizeof why, "belongs to the task detect, and the task is %s", fine(r, "task", NULL) ? r->job->task : "");
    for (size_t i = 0; fine(r, "task", NULL) && i < job_key_count; i++)
        if (!strncmp(job_keys[i].path, "detect.", 7) && refuse_changed(r, job_keys[i].path, why))
            return -1;
    return 0;
}

static int check_detection(struct reading *r)
{
    const struct bit_job *job = r->job;
    if (!task_is(r, "detect"))
        return 0;
    if (fine(r, "data.size", NULL) && job->data.size % 32 &&
        clash(r, "data.size", "detection has maps of 1/8, 1/16 and 1/32 of the image: expected a multiple of 32, found %d", job->data.size))
        return -1;
    if (fine(r, "model.depth", NULL) && job->model.depth == 8 &&
        clash(r, "model.depth", "detection takes the outputs of blocks 2 to 4, which a network of 8 layers lacks: use 14 or more"))
        return -1;
    if (fine(r, "detect.norm", "detect.channels") && !strcmp(job->detect.norm, "gn") && job->detect.channels % 32 &&
        clash(r, "detect.channels", "group norm has 32 groups: expected a multiple of 32, found %d", job->detect.channels))
        return -1;
    if (fine(r, "detect.positive", "detect.negative") && job->detect.negative > job->detect.positive)
        return clash(r, given(r, "detect.negative") ? "detect.negative" : "detect.positive",
                     "detect.negative (%g) is above detect.positive (%g)", job->detect.negative, job->detect.positive);
    if (fine(r, "detect.octaves", "detect.ratios") && job->detect.octaves * job->detect.ratios.count > 32 &&
        clash(r, given(r, "detect.ratios") ? "detect.ratios" : "detect.octaves", "%d octaves of %d ratios are %d anchors a cell: expected at most 32",
              job->detect.octaves, job->detect.ratios.count, job->detect.octaves * job->detect.ratios.count))
        return -1;
    if (fine(r, "detect.freeze", "optimizer.block_rates") && strcmp(job->detect.freeze, "none") &&
        refuse_changed(r, "optimizer.block_rates", "stands beside detect.freeze, which says the same in a word; give only one of them"))
        return -1;
    if (fine(r, "detect.scale_min", "detect.scale_max") && job->detect.scale_min > job->detect.scale_max)
        return clash(r, given(r, "detect.scale_min") ? "detect.scale_min" : "detect.scale_max",
                     "detect.scale_min (%g) is above detect.scale_max (%g)", job->detect.scale_min, job->detect.scale_max);
    return 0;
}

static int check_probe(struct reading *r)
{
    const struct bit_job *job = r->job;
    uint64_t shots[16];
    if (fine(r, "probe.shots", NULL) && !bit_text_numbers(job->probe.shots, 1, 1000000, 16, shots) &&
        clash(r, "probe.shots", "expected up to 16 ascending numbers of images with commas between, as \"1,5,10,25\", found \"%s\"", job->probe.shots))
        return -1;
    if (fine(r, "probe.train", "probe.test") && !*job->probe.train != !*job->probe.test)
        return clash(r, *job->probe.train ? "probe.train" : "probe.test", "probe.train and probe.test belong together, and %s is empty",
                     *job->probe.train ? "probe.test" : "probe.train");
    return 0;
}

int job_cross_check(struct reading *r)
{
    for (size_t i = 0; i < job_key_count; i++)
        if (!job_keys[i].value && r->keys[i].state == KEY_ABSENT &&
            job_problem_add(r->problems, r->error, false, 0, 0, job_keys[i].path, "is missing; it has no default"))
            return -1;
    return open_keys(r) || check_name(r) || check_model(r) || check_start(r) || check_rates(r) || check_data(r) || check_schedule(r) ||
           check_checks(r) || check_metrics(r) || check_task(r) || check_detection(r) || check_probe(r) ? -1 : 0;
}
