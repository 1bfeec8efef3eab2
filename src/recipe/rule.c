/* The rule of fine-tuning: what a job leaves open follows from the number of training images, their size and the weights it begins with.
 * BiT-HyperRule: A. Kolesnikov et al., "Big Transfer" (2020), section 3.3, and the code published with it, which differs. */
#include <math.h>
#include <stdarg.h>
#include <string.h>

#include "bit/recipe.h"

/* ---- the published tables ---- */

enum { SMALL_AREA = 96 * 96 /* pixels; images with fewer are small */, DECAYS = 3 };
static const uint64_t MEDIUM_FROM = 20000, LARGE_FROM = 500000; /* training images */

/* A schedule for a number of images: step numbers at which the rate falls to a tenth. */
struct band { uint64_t steps, warmup, decay[DECAYS]; double mixup; };

struct rule {
    const char *name;
    struct band small, medium, large;
    int batch;
    double rate;              /* at that batch */
    bool warmup_from_zero, cosine;
    double clip_norm;
    const char *crop, *evaluation_crop;
    int small_resize, small_size, large_resize, large_size;
    int widest_resize, widest_size; /* of the network of width 4, on large images */
};

/* The code's rate changes one step after the boundary that it names. */
#define CODE_BANDS \
    .small = {500, 100, {201, 301, 401}, 0}, .medium = {10000, 500, {3001, 6001, 9001}, 0.1}, \
    .large = {20000, 500, {6001, 12001, 18001}, 0.1}

static const struct rule rules[] = {
    {.name = "paper", .small = {500, 100, {150, 300, 450}, 0}, .medium = {10000, 500, {3000, 6000, 9000}, 0.1},
     .large = {20000, 500, {6000, 12000, 18000}, 0.1}, .batch = 512, .rate = 0.003, .crop = "squash", .evaluation_crop = "squash",
     .small_resize = 160, .small_size = 128, .large_resize = 448, .large_size = 384, .widest_resize = 512, .widest_size = 480},
    {.name = "published-code", CODE_BANDS, .batch = 512, .rate = 0.003, .warmup_from_zero = true, .crop = "squash",
     .evaluation_crop = "squash", .small_resize = 160, .small_size = 128, .large_resize = 512, .large_size = 480, .widest_resize = 512,
     .widest_size = 480},
    {.name = "light", CODE_BANDS, .batch = 128, .rate = 0.001, .warmup_from_zero = true, .crop = "squash", .evaluation_crop = "squash",
     .small_resize = 160, .small_size = 128, .large_resize = 512, .large_size = 480, .widest_resize = 512, .widest_size = 480},
    {.name = "big_vision", .small = {500, 100, {0}, 0}, .medium = {10000, 500, {0}, 0}, .large = {20000, 500, {0}, 0}, .batch = 512,
     .rate = 0.01, .cosine = true, .clip_norm = 1, .crop = "random", .evaluation_crop = "central", .small_resize = 160, .small_size = 128,
     .large_resize = 448, .large_size = 384, .widest_resize = 448, .widest_size = 384},
};

static const struct rule *find_rule(const char *name)
{
    for (size_t i = 0; i < sizeof rules / sizeof *rules; i++)
        if (!strcmp(rules[i].name, name))
            return &rules[i];
    return &rules[0];
}

/* ---- choosing ---- */

struct choosing {
    const struct bit_job *job;
    const struct bit_rule_facts *facts;
    const struct rule *rule;
    const struct band *band;
    struct bit_choices *choices;
    char why_band[160], why_size[160];
};

/* A value for a key that is open; `reason` with the words that follow. */
static void choose(struct choosing *c, const char *key, const char *reason, const char *format, ...) __attribute__((format(printf, 4, 5)));
static void choose(struct choosing *c, const char *key, const char *reason, const char *format, ...)
{
    va_list arguments;
    if (!bit_job_is_open(c->job, key) || c->choices->count == BIT_CHOICES)
        return;
    struct bit_choice *choice = &c->choices->item[c->choices->count++];
    snprintf(choice->key, sizeof choice->key, "%s", key);
    snprintf(choice->reason, sizeof choice->reason, "%s", reason);
    va_start(arguments, format);
    vsnprintf(choice->value, sizeof choice->value, format, arguments);
    va_end(arguments);
}

static void find_band(struct choosing *c)
{
    const uint64_t n = c->facts->examples;
    const struct rule *r = c->rule;
    c->band = n < MEDIUM_FROM ? &r->small : n < LARGE_FROM ? &r->medium : &r->large;
    const char *rest = c->band == &r->small ? "fewer than 20,000: a small task (medium from there, large from 500,000)"
                       : c->band == &r->medium ? "20,000 or more, fewer than 500,000: a medium task (small below, large above)"
                                               : "500,000 or more: a large task (medium below)";
    snprintf(c->why_band, sizeof c->why_band, "%llu training images, %s", (unsigned long long)n, rest);
}

static void choose_model(struct choosing *c)
{
    const struct bit_rule_facts *f = c->facts;
    const char *reason = "as model.start has it";
    choose(c, "model.depth", reason, "%d", f->depth);
    choose(c, "model.width", reason, "%d", f->width);
    choose(c, "model.norm", reason, "%s", f->batch_norm ? "batch" : "group");
    choose(c, "model.weight_standardization", reason, "%s", f->weight_standardization ? "true" : "false");
}

static void choose_images(struct choosing *c)
{
    const struct bit_rule_facts *f = c->facts;
    const struct rule *r = c->rule;
    bool small = f->pixels < SMALL_AREA, widest = !small && f->width == 4 && r->widest_size != r->large_size;
    int size = small ? r->small_size : widest ? r->widest_size : r->large_size;
    int resize = small ? r->small_resize : widest ? r->widest_resize : r->large_resize;
    snprintf(c->why_size, sizeof c->why_size, "images of %llu pixels (%s), %s%s", (unsigned long long)f->pixels,
             f->pixels_stated ? "finetune.pixels" : "their median", small ? "fewer than 96 x 96: small (large from there)"
             : "96 x 96 or more: large (small below)", widest ? ", and a network of width 4" : "");
    if (!bit_job_is_open(c->job, "data.size"))
        size = c->job->data.size;
    /* A side that the job gives: in the rule's proportion. */
    double proportion = (double)resize / (small ? r->small_size : widest ? r->widest_size : r->large_size);
    choose(c, "data.size", c->why_size, "%d", size);
    choose(c, "data.resize", bit_job_is_open(c->job, "data.size") ? c->why_size : "in the rule's proportion to data.size", "%d",
           (int)lrint(size * proportion));
    choose(c, "data.crop", "the rule's, for every task", "%s", r->crop);
    choose(c, "data.evaluation_crop", "the rule's, for every task", "%s", r->evaluation_crop);
    choose(c, "data.mixup", c->why_band, "%.15g", c->band->mixup);
}

/* Steps of the run: given, of the epochs given, or the rule's. */
static uint64_t steps_of(const struct choosing *c, int batch)
{
    const struct bit_job *job = c->job;
    if (bit_job_is_open(job, "schedule.steps"))
        return c->band->steps;
    double steps = job->schedule.steps ? (double)job->schedule.steps : ceil(job->schedule.epochs * (double)c->facts->examples / batch);
    return steps < 1 ? 1 : steps > 1e12 ? (uint64_t)1e12 : (uint64_t)steps;
}

static uint64_t scaled(uint64_t step, uint64_t steps, uint64_t of)
{
    return steps == of ? step : (uint64_t)llrint((double)step * ((double)steps / (double)of));
}

static void choose_decays(struct choosing *c, uint64_t steps)
{
    char list[100] = "[";
    uint64_t last = 0;
    for (int i = 0; i < DECAYS && !c->rule->cosine; i++) {
        uint64_t at = scaled(c->band->decay[i], steps, c->band->steps);
        if (at > last)
            snprintf(list + strlen(list), sizeof list - strlen(list), "%s%llu", last ? "," : "", (unsigned long long)at);
        last = at > last ? at : last;
    }
    choose(c, "schedule.decay_steps", c->rule->cosine ? "the rule's: a cosine falls by itself"
           : steps == c->band->steps ? c->why_band : "the rule's, in proportion to the steps given", "%s]", list);
}

static void choose_schedule(struct choosing *c)
{
    const struct rule *r = c->rule;
    const char *always = "the rule's, for every task";
    int batch = bit_job_is_open(c->job, "schedule.batch") ? r->batch : c->job->schedule.batch;
    uint64_t steps = steps_of(c, batch), warmup = scaled(c->band->warmup, steps, c->band->steps);
    choose(c, "schedule.batch", always, "%d", r->batch);
    choose(c, "schedule.base_rate", always, "%.15g", r->rate);
    choose(c, "schedule.base_batch", "the batch: the rule's rate does not change with it, in the published code on purpose", "%d", batch);
    choose(c, "schedule.steps", c->why_band, "%llu", (unsigned long long)steps);
    choose(c, "schedule.warmup_steps", steps == c->band->steps ? c->why_band : "the rule's, in proportion to the steps given", "%llu",
           (unsigned long long)(warmup < c->band->warmup ? warmup : c->band->warmup));
    choose(c, "schedule.warmup_from", always, "%s", r->warmup_from_zero ? "zero" : "first");
    choose(c, "schedule.shape", always, "%s", r->cosine ? "cosine" : "step");
    choose_decays(c, steps);
    choose(c, "schedule.decay_factor", always, "0.1");
    choose(c, "schedule.weight_decay", always, "0");
    choose(c, "optimizer.clip_norm", always, "%.15g", r->clip_norm);
    choose(c, "evaluation.every_epochs", "a run is short: it is evaluated at its end", "0");
}

const struct bit_job *bit_recipe_settle(const struct bit_job *job, const struct bit_rule_facts *facts, struct bit_choices *choices,
                                        struct bit_error *error)
{
    const char *values[BIT_CHOICES];
    char texts[BIT_CHOICES][sizeof(struct bit_choice)];
    struct choosing c = {.job = job, .facts = facts, .rule = find_rule(job->finetune.rule), .choices = choices};
    choices->count = 0;
    if (!facts->examples) {
        bit_fail(error, BIT_EUSAGE, "the rule of fine-tuning needs at least one training image");
        return NULL;
    }
    find_band(&c);
    choose_model(&c);
    choose_images(&c);
    choose_schedule(&c);
    for (size_t i = 0; i < choices->count; i++) {
        snprintf(texts[i], sizeof texts[i], "%s=%s", choices->item[i].key, choices->item[i].value);
        values[i] = texts[i];
    }
    return bit_job_settle(job, values, choices->count, error);
}
