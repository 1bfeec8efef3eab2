/* bit plan: what a job will do, before anything starts. */
#include <limits.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "bit/data.h"
#include "bit/file.h"
#include "bit/limits.h"
#include "bit/machine.h"
#include "bit/recipe.h"
#include "cli/cli.h"

struct options {
    const char *out, *machine;
    struct bit_option_list sets;
    int ranks, per_node, classes;
    uint64_t images, val_images;
    double cores;
    bool json, scaling, images_given, val_images_given;
};

#define AT(member) .at = offsetof(struct options, member)
static const struct bit_option known[] = {
    {"-n", "RANKS", "number of ranks (default 1)", BIT_OPTION_INT, AT(ranks), 1, 1 << 20},
    {"--per-node", "RANKS", "ranks on a machine, for the warnings (default: all of them on this one)", BIT_OPTION_INT, AT(per_node),
     1, 1 << 20},
    {"--machine", "FILE", "predicts the time of a step from what bit bench --fit FILE measured", BIT_OPTION_FILE, AT(machine)},
    {"--cores", "N", "with --machine: cores of a machine, where they are not those of the measurement", BIT_OPTION_REAL, AT(cores),
     0.01, 1e6},
    {"--scaling", NULL, "with --machine: the same for 16 to 1024 machines and networks of 25 and 100 Gbit/s", BIT_OPTION_FLAG,
     AT(scaling)},
    {"--json", NULL, "one JSON object instead of text", BIT_OPTION_FLAG, AT(json)},
    {"--set", "KEY=VALUE", "replaces a key's value, e.g. schedule.batch=64; may be repeated", BIT_OPTION_LIST, AT(sets)},
    {"--images", "N", "number of training images, instead of looking into the job's data. Without it and without the\n"
     "data, the job's data.images, data.val_images and model.classes count", BIT_OPTION_COUNT, AT(images), 1, 1e12,
     .given_at = offsetof(struct options, images_given)},
    {"--val-images", "N", "number of validation images", BIT_OPTION_COUNT, AT(val_images), 0, 1e12, .given_at = offsetof(struct options, val_images_given)},
    {"--classes", "N", "number of classes", BIT_OPTION_INT, AT(classes), 1, 1e7},
    {"--out", "DIR", "folder of the run, for the free disk space (default runs/NAME)", BIT_OPTION_FILE, AT(out)},
};
const struct bit_usage bit_plan_usage = {
    "bit plan", "JOB.json", "Prints what the job will do: steps, rates, work and memory of a rank, bytes of a checkpoint, warnings.",
    known, sizeof known / sizeof *known, .least = 1, .most = 1};

/* What there is to train on, and where that is known from. */
struct sizes { uint64_t images, val_images; int classes; struct bit_probe_data probe; char note[600], data[160]; /* data: what there is, with a fingerprint; "": not looked at */ };

static void note_add(struct sizes *s, const char *text)
{
    size_t used = strlen(s->note);
    snprintf(s->note + used, sizeof s->note - used, "%s%s", used ? "; " : "", text);
}

static int size_training(const struct bit_job *job, const struct options *o, struct sizes *s, struct bit_index **index,
                         struct bit_error *error)
{
    bool need_classes = !o->classes && !job->model.classes;
    s->classes = o->classes ? o->classes : job->model.classes;
    s->images = o->images;
    if (o->images_given && !need_classes) {
        note_add(s, "as given with --images");
    } else if (bit_file_exists(job->data.train)) {
        if (!(*index = bit_index_open_below(job->data.train, job->data.train_folder, NULL, NULL, bit_group_self(), error)))
            return -1;
        s->images = o->images_given ? o->images : bit_index_images(*index);
        s->classes = s->classes ? s->classes : bit_index_classes(*index);
        if (s->classes < bit_index_classes(*index) && !o->classes)
            return bit_fail(error, BIT_EUSAGE, "model.classes is %d, but %s has %d classes", job->model.classes,
                            job->data.train, bit_index_classes(*index));
    } else if (job->data.images && !need_classes) {
        s->images = job->data.images;
        note_add(s, "as stated in the job: its data are not here");
    } else {
        return bit_fail(error, BIT_ENOINPUT, "data.train: there is no file or folder %s; to plan without it give --images N%s, "
                        "or the keys data.images and model.classes", job->data.train, need_classes ? " --classes N" : "");
    }
    return 0;
}

static int size_validation(const struct bit_job *job, const struct options *o, struct sizes *s,
                           const struct bit_index *training, struct bit_error *error)
{
    if (o->val_images_given) {
        s->val_images = o->val_images;
    } else if (!*job->data.val) {
        s->val_images = 0;
    } else if (bit_file_exists(job->data.val)) {
        struct bit_index *index = bit_index_open_below(job->data.val, job->data.val_folder, NULL, training, bit_group_self(), error);
        if (!index)
            return -1;
        s->val_images = bit_index_images(index);
        bit_index_close(index);
    } else {
        s->val_images = job->data.val_images;
        if (training)
            note_add(s, "data.val is not here");
    }
    return 0;
}

/* One text of which every change of the training images, their classes or labels, and of the number of validation images is seen. */
static void describe_data(const struct bit_index *index, struct sizes *s)
{
    char classes[33], images[33];
    bit_index_fingerprint(index, classes, images);
    snprintf(s->data, sizeof s->data, "%llu images, %llu for validation, %.16s%.16s", (unsigned long long)bit_index_images(index),
             (unsigned long long)s->val_images, images, classes);
}

static int size_probe(const struct bit_job *job, struct sizes *s, struct bit_error *error)
{
    if (!*job->probe.train)
        return 0;
    if (!bit_file_exists(job->probe.train) || !bit_file_exists(job->probe.test)) {
        note_add(s, "probe.train or probe.test is not here: the memory of probes is not counted");
        return 0;
    }
    struct bit_index *train = bit_index_open(job->probe.train, NULL, NULL, bit_group_self(), error);
    struct bit_index *test = train ? bit_index_open(job->probe.test, NULL, train, bit_group_self(), error) : NULL;
    if (test)
        s->probe = (struct bit_probe_data){bit_index_images(train), bit_index_images(test), bit_index_classes(train)};
    bit_index_close(test);
    bit_index_close(train);
    return error->code ? -1 : 0;
}

/* Each machine as full as the plan's; where the batch is too small for the ranks, each takes one micro-batch. */
static int predict_scaling(const struct options *o, const struct bit_plan *plan, const struct bit_machine *machine, struct bit_text *json,
                           struct bit_error *error)
{
    const struct bit_step_settings *step = &plan->recipe->step;
    const int threads = plan->recipe->threads;
    static const double lines[] = {25, 100};
    int here = o->per_node && o->per_node < o->ranks ? o->per_node : o->ranks;
    if (!o->json)
        printf("  scaling         machines of %d rank%s x %d thread%s; a step's seconds, images/s, share of it not waiting for others\n"
               "    machines   ranks    batch |     25 Gbit/s                  |    100 Gbit/s\n", here, here == 1 ? "" : "s",
               threads, threads == 1 ? "" : "s");
    for (int nodes = 16; nodes <= 1024; nodes *= 2) {
        int ranks = nodes * here, micro_batches = step->batch / step->micro_batch / ranks;
        struct bit_prediction p;
        micro_batches = micro_batches > 0 ? micro_batches : 1;
        for (size_t i = 0; i < sizeof lines / sizeof *lines; i++) {
            if (bit_predict(plan, machine, ranks, here, o->cores, micro_batches, lines[i] * 1e9 / 8 * 0.95, &p, error))
                return -1;
            bit_text_add(json, "%s", nodes == 16 && i == 0 ? ",\"scaling\":[" : ",");
            bit_prediction_json(&p, json);
            if (!o->json && i == 0)
                printf("    %8d %7d %8d", nodes, ranks, p.batch);
            if (!o->json)
                printf(" | %8.4g s %9.0f/s %5.1f %%", p.step, p.images_per_second, 100 * p.efficiency);
        }
        if (!o->json)
            printf("\n");
    }
    bit_text_add(json, "]");
    return 0;
}

/* Appends JSON members to `json`, and prints where that is not asked for. */
static int predict(const struct options *o, const struct bit_plan *plan, struct bit_text *json, struct bit_error *error)
{
    struct bit_machine machine;
    struct bit_prediction p;
    if (bit_machine_read(o->machine, false, &machine, error) ||
        bit_predict(plan, &machine, o->ranks, o->per_node, o->cores, plan->recipe->micro_batches, 0, &p, error))
        return -1;
    bit_text_add(json, ",\"prediction\":");
    bit_prediction_json(&p, json);
    if (!o->json)
        bit_prediction_print(&p, stdout);
    return o->scaling ? predict_scaling(o, plan, &machine, json, error) : 0;
}

/* Of limits that bitrun, started here, would be refused for. */
static int warn_of_limits(struct bit_plan *plan, struct bit_error *error)
{
    struct bit_error reason = {0};
    if (bit_limits_room(bit_plan_address_space(plan) + BIT_LIMITS_START, "this job", &reason))
        return bit_problems_add_warning(&plan->warnings, error, "", "%s", reason.text);
    return 0;
}

/* Prints the plan, with its machine's warnings and what is predicted. */
static int tell(const struct options *o, struct bit_plan *plan, const char *note, const char *data, struct bit_error *error)
{
    char out[PATH_MAX];
    int here = o->per_node && o->per_node < o->ranks ? o->per_node : o->ranks;
    if (!o->out)
        snprintf(out, sizeof out, "runs/%s", plan->recipe->job->name);
    int result = bit_plan_check_machine(plan, here, bit_plan_cores(), o->out ? o->out : out, error);
    if (!result)
        result = warn_of_limits(plan, error);
    struct bit_text json = {0};
    if (*data) {
        bit_text_add(&json, ",\"data\":");
        bit_text_add_json(&json, data);
    }
    if (!result && !o->json)
        bit_plan_print(plan, note, stdout);
    if (!result && o->machine)
        result = predict(o, plan, &json, error);
    if (!result && json.failed)
        result = bit_fail(error, BIT_EENVIRONMENT, "out of memory: the prediction");
    if (!result && o->json)
        bit_plan_print_json(plan, note, json.data, stdout);
    bit_text_free(&json);
    return result;
}

static int plan_job(const struct options *o, const char *path, const struct bit_job **job, struct bit_error *error)
{
    struct sizes sizes = {0};
    struct bit_index *index = NULL;
    const struct bit_recipe *recipe = NULL;
    struct bit_choices choices;
    struct bit_plan plan;
    int result = size_training(*job, o, &sizes, &index, error) || size_validation(*job, o, &sizes, index, error) || size_probe(*job, &sizes, error) ||
                 bit_cli_settle(job, index, &sizes.images, sizes.classes, &choices, error) ? -1 : 0;
    if (index)
        describe_data(index, &sizes);
    bit_index_close(index);
    const struct bit_recipe_place place = {.ranks = o->ranks, .classes = sizes.classes, .train_images = sizes.images,
                                           .val_images = sizes.val_images, .probe = sizes.probe};
    if (!result && (recipe = bit_recipe_create(*job, &place, error)) && !bit_plan_create(recipe, &plan, error)) {
        plan.choices = &choices;
        result = tell(o, &plan, *sizes.note ? sizes.note : NULL, sizes.data, error);
        bit_plan_free(&plan);
    } else {
        result = bit_fail_at(error, "%s", path);
    }
    bit_recipe_destroy(recipe);
    return result;
}

int bit_cli_plan(int argc, char **argv)
{
    struct options options = {.ranks = 1};
    struct bit_operands operands;
    struct bit_error error = {0};
    int code;
    if (!bit_cli_parse(&bit_plan_usage, argc, argv, &options, &operands, &code))
        return code;
    if (options.scaling && !options.machine)
        return bit_cli_usage(&bit_plan_usage, "--scaling needs --machine FILE");
    const struct bit_job *job = bit_cli_job(operands.word[0], options.sets.value, options.sets.count, &error);
    if (job && plan_job(&options, operands.word[0], &job, &error))
        bit_cli_error(&error);
    bit_job_destroy(job);
    return error.code;
}
