/* From the job's words and numbers to everybody's options: the only place where the job is translated. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "bit/memory.h"
#include "recipe/recipe.h"

/* ---- words ---- */

static bool is(const char *word, const char *other)
{
    return !strcmp(word, other);
}

/* The job was validated: it has no other words. */
static enum bit_policy policy_of(const char *word)
{
    static const struct { const char *word; enum bit_policy policy; } policies[] = {
        {"off", BIT_POLICY_OFF}, {"log", BIT_POLICY_LOG}, {"skip", BIT_POLICY_SKIP}, {"rollback", BIT_POLICY_ROLLBACK},
    };
    for (size_t i = 0; i < sizeof policies / sizeof *policies; i++)
        if (is(word, policies[i].word))
            return policies[i].policy;
    return BIT_POLICY_STOP;
}

static enum bit_type precision_of(const struct bit_job *job)
{
    return is(job->precision, "bfloat16") ? BIT_BFLOAT16 : BIT_FLOAT32;
}

/* ---- model ---- */

static void classify_of(const struct bit_job *job, int classes, struct bit_classify *head)
{
    bit_classify_init(head, classes, is(job->loss, "sigmoid") ? BIT_SIGMOID : BIT_SOFTMAX, job->model.head_bias);
    bit_classify_choose(head, job->evaluation.metrics, NULL, NULL);
    head->dropout = job->model.dropout;
}

static void detect_of(const struct bit_job *job, int classes, struct bit_detect *head)
{
    bit_detect_init(head, classes);
    head->head.activated = is(job->detect.taps, "activation");
    head->p6 = is(job->detect.p6_from, "c5") ? BIT_P6_FROM_C5 : BIT_P6_FROM_P5;
    head->group_norm = is(job->detect.norm, "gn");
    head->channels = job->detect.channels;
    head->layers = job->detect.layers;
    head->anchor_scale = job->detect.anchor_scale;
    head->octaves = job->detect.octaves;
    head->ratio_count = job->detect.ratios.count;
    memcpy(head->ratios, job->detect.ratios.value, (size_t)head->ratio_count * sizeof *head->ratios);
    head->match = (struct bit_match_options){.positive = job->detect.positive, .negative = job->detect.negative};
    head->focal = (struct bit_focal_options){.alpha = job->detect.alpha, .gamma = job->detect.gamma};
    head->box_beta = job->detect.box_beta;
    head->box_weight = job->detect.box_weight;
    head->prior = job->detect.prior;
    head->detections = (struct bit_detection_options){.score = job->detect.score, .candidates = job->detect.candidates,
                                                      .overlap = job->detect.overlap, .most = job->detect.most};
}

void bit_recipe_model(const struct bit_job *job, int classes, int ranks, bool training, union bit_any_head *head,
                      struct bit_model_options *options)
{
    bool batch_norm = is(job->model.norm, "batch");
    if (is(job->task, "detect"))
        detect_of(job, classes, &head->detect);
    else
        classify_of(job, classes, &head->classify);
    *options = (struct bit_model_options){
        .depth = job->model.depth,
        .width = job->model.width,
        .head = &head->head,
        .norm = batch_norm ? BIT_BATCH_NORM : BIT_GROUP_NORM,
        .weight_standardization = job->model.weight_standardization,
        .batch_norm_global = is(job->model.batch_norm_scope, "global"),
        .image_size = job->data.size,
        .micro_batch = job->micro_batch,
        .micro_batches = batch_norm && training ? job->schedule.batch / (ranks * job->micro_batch) : 1,
        .precision = precision_of(job),
        .training = training,
        .backend = bit_backend_find(job->backend, NULL),
    };
    options->roles.decay_kernels_only = is(job->schedule.weight_decay_on, "kernels");
    const int still = is(job->detect.freeze, "block1") ? 2 : is(job->detect.freeze, "root"); /* parts from the root on */
    for (int part = 0; part < BIT_PARTS; part++) {
        const double rate = part < still ? 0 : job->optimizer.block_rates[part];
        options->roles.frozen[part] = rate <= 0;
        options->roles.rate[part] = (float)rate;
    }
}

_Static_assert((int)BIT_PARTS == (int)BIT_JOB_BLOCKS, "a rate for each part of the network");
_Static_assert((int)BIT_ANCHOR_RATIOS == (int)BIT_JOB_NUMBERS, "room for all ratios");

/* ---- images ---- */

/* One for four threads that compute, as far as that helps. */
static int loaders_of(const struct bit_job *job, int threads)
{
    enum { MOST = 8 };
    int wanted = (threads + 3) / 4;
    return job->data.loaders > 0 ? job->data.loaders : wanted < MOST ? wanted : MOST;
}

/* For storage that has gone: well before the watchdog takes the rank for stuck. */
static double patience_of(const struct bit_job *job)
{
    double most = 30, limit = job->watchdog.data_seconds;
    return limit > 0 && limit / 2 < most ? limit / 2 : most;
}

static enum bit_filter filter_of(const struct bit_job *job)
{
    const char *word = job->data.filter;
    return !strcmp(word, "antialias") ? BIT_FILTER_ANTIALIAS : !strcmp(word, "bilinear") ? BIT_FILTER_BILINEAR : BIT_FILTER_REDUCED;
}

/* "#RRGGBB", which the job's reader has checked. */
static void colour_of(const char *text, uint8_t colour[3])
{
    unsigned long value = strtoul(text + 1, NULL, 16);
    for (int i = 0; i < 3; i++)
        colour[i] = (uint8_t)(value >> (16 - 8 * i));
}

static struct bit_stream_options stream_of(const struct bit_job *job, int ranks, int threads, bool training)
{
    struct bit_stream_options options = {
        .seed = job->seed,
        .training = training,
        .image_size = job->data.size,
        .resize = job->data.resize,
        .crop = is(job->data.crop, "squash") ? BIT_CROP_SQUASH : is(job->data.crop, "random") ? BIT_CROP_RANDOM : BIT_CROP_INCEPTION,
        .squash = is(job->data.evaluation_crop, "squash"),
        .mixup = job->data.mixup,
        .area_min = job->data.area_min, .area_max = job->data.area_max,
        .aspect_min = job->data.aspect_min, .aspect_max = job->data.aspect_max,
        .crop_attempts = job->data.crop_attempts,
        .filter = filter_of(job),
        .border = job->evaluation.border,
        .exif_orientation = job->data.exif_orientation,
        .mirror = job->data.mirror,
        .precision = precision_of(job),
        .batch = job->schedule.batch,
        .micro_batch = job->micro_batch,
        .ranks = ranks,
        .loaders = loaders_of(job, threads),
        .prefetch = job->data.prefetch,
        .file_limit = (uint64_t)job->data.max_file_mib << 20,
        .pixel_limit = (uint64_t)job->data.max_megapixels * 1000000,
        .scan_limit = job->data.max_scans,
        .patience = patience_of(job),
    };
    colour_of(job->data.background, options.background);
    if (is(job->task, "detect")) {
        options.crop = BIT_CROP_FIT;
        options.squash = false;
        options.scale_min = job->detect.scale_min;
        options.scale_max = job->detect.scale_max;
    }
    return options;
}

void bit_recipe_limits(const struct bit_job *job, struct bit_stream_options *options)
{
    *options = (struct bit_stream_options){
        .squash = true, .image_size = 1, .file_limit = (uint64_t)job->data.max_file_mib << 20,
        .pixel_limit = (uint64_t)job->data.max_megapixels * 1000000, .scan_limit = job->data.max_scans,
    };
}

static enum bit_head_from head_from(const char *word)
{
    return is(word, "zero") ? BIT_HEAD_ZERO : is(word, "names") ? BIT_HEAD_NAMES : is(word, "order") ? BIT_HEAD_ORDER : BIT_HEAD_AUTO;
}

struct bit_stream_options bit_recipe_stream(const struct bit_job *job, int ranks, int threads)
{
    return stream_of(job, ranks, threads, false);
}

/* ---- step and checks ---- */

static struct bit_checks checks_of(const struct bit_job *job)
{
    return (struct bit_checks){
        .nonfinite = policy_of(job->checks.nonfinite),
        .spike = policy_of(job->checks.loss_spike_policy),
        .memory = policy_of(job->checks.memory),
        .spike_factor = job->checks.loss_spike,
        .skip_limit = job->checks.nonfinite_limit, .rollback_limit = job->checks.rollback_limit,
        .replicas_every_steps = job->checks.replicas_every_steps,
    };
}

static struct bit_step_settings step_of(const struct bit_job *job, const struct bit_checks *checks)
{
    return (struct bit_step_settings){
        .batch = job->schedule.batch, .micro_batch = job->micro_batch,
        .image_size = job->data.size, .precision = precision_of(job),
        .momentum = job->optimizer.momentum, .weight_decay = job->schedule.weight_decay,
        .start_decay = job->schedule.start_decay, .clip_norm = job->optimizer.clip_norm, .seed = job->seed,
        .guarded = checks->memory != BIT_POLICY_OFF,
    };
}

struct bit_watch_limits bit_recipe_watch_limits(const struct bit_job *job)
{
    return (struct bit_watch_limits){
        .start = job->watchdog.start_seconds, .data = job->watchdog.data_seconds,
        .step = isnan(job->watchdog.step_seconds) ? -1 : job->watchdog.step_seconds,
        .checkpoint = job->watchdog.checkpoint_seconds,
    };
}

static void settle_probe(struct bit_recipe *r)
{
    const struct bit_job *job = r->job;
    uint64_t shots[16];
    if (!*job->probe.train)
        return;
    r->probe.shots = bit_text_numbers(job->probe.shots, 1, 1000000, 16, shots);
    for (int i = 0; i < r->probe.shots; i++)
        r->probe.shot[i] = (int)shots[i];
    r->probe.seeds = job->probe.seeds;
    r->probe.l2 = job->probe.l2;
}

/* ---- recipe ---- */

static int check_ranks(const struct bit_job *job, int ranks, struct bit_error *error)
{
    int batch = job->schedule.batch, micro = job->micro_batch, most = batch / micro, near = ranks < most ? ranks : most;
    if (ranks < 1)
        return bit_fail(error, BIT_EUSAGE, "expected at least 1 rank, found %d", ranks);
    if (ranks <= most && most % ranks == 0)
        return 0;
    while (most % near)
        near--;
    return bit_fail(error, BIT_EUSAGE, "schedule.batch: %d images cannot be shared by %d ranks in micro-batches of %d: "
                    "expected a multiple of %lld; %d ranks would do", batch, ranks, micro, (long long)ranks * micro, near);
}

static int threads_of(const struct bit_job *job, const struct bit_recipe_place *place)
{
    if (job->threads || place->threads)
        return job->threads ? job->threads : place->threads;
    int cores = bit_plan_cores();
    return cores > place->ranks ? cores / place->ranks : 1;
}

static int settle(struct bit_recipe *r, struct bit_error *error)
{
    const struct bit_job *job = r->job;
    if (r->classes < 1)
        return bit_fail(error, BIT_EUSAGE, "model.classes: expected at least 1 class, found %d", r->classes);
    if (bit_schedule_create(job, r->train_images, &r->schedule, error))
        return -1;
    if (!bit_backend_find(job->backend, error))
        return bit_fail_at(error, "backend");
    r->micro_batches = job->schedule.batch / (r->ranks * job->micro_batch);
    bit_recipe_model(job, r->classes, r->ranks, true, &r->head, &r->training_model);
    bit_recipe_model(job, r->classes, r->ranks, false, &r->head, &r->evaluation_model);
    if (r->groups && !r->detects && bit_classify_choose(&r->head.classify, job->evaluation.metrics, r->groups, error))
        return bit_fail_at(error, "evaluation.metrics");
    r->initialisation = is(job->model.initialization, "he_fan_out") ? BIT_HE_FAN_OUT : BIT_LECUN_NORMAL;
    r->fine_tuning = is(job->task, "finetune");
    r->detects = is(job->task, "detect");
    r->head_from = head_from(job->model.head_from);
    r->training_stream = stream_of(job, r->ranks, r->threads, true);
    r->evaluation_stream = stream_of(job, r->ranks, r->threads, false);
    r->checks = checks_of(job);
    r->step = step_of(job, &r->checks);
    settle_probe(r);
    return 0;
}

const struct bit_recipe *bit_recipe_create(const struct bit_job *job, const struct bit_recipe_place *place, struct bit_error *error)
{
    struct bit_recipe *r;
    if (bit_job_is_open(job, NULL)) {
        bit_fail(error, BIT_EINTERNAL, "a recipe of a job that the rule of fine-tuning has not settled");
        return NULL;
    }
    if (check_ranks(job, place->ranks, error) || !(r = bit_allocate(1, sizeof *r, "the recipe", error)))
        return NULL;
    *r = (struct bit_recipe){.job = job, .ranks = place->ranks, .threads = threads_of(job, place), .classes = place->classes,
                             .train_images = place->train_images, .val_images = place->val_images,
                             .groups = place->groups, .probe.data = place->probe};
    if (settle(r, error)) {
        bit_free(r);
        return NULL;
    }
    return r;
}

void bit_recipe_destroy(const struct bit_recipe *recipe)
{
    bit_free((struct bit_recipe *)recipe);
}
