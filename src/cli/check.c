/* bit check: is it a valid job, and are its data what it says? */
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "bit/data.h"
#include "bit/log.h"
#include "bit/recipe.h"
#include "bit/sweep.h"
#include "bit/text.h"
#include "cli/cli.h"

struct options { struct bit_option_list sets; int trial; bool data, print; };

enum { MOST_LOOKED_AT = 2000000, MOST_MEASURED = 1000 }; /* images of a list: minutes on a file server; pictures whose headers are read */

#define AT(member) .at = offsetof(struct options, member)
static const struct bit_option known[] = {
    {"--set", "KEY=VALUE", "replaces a key's value, e.g. schedule.batch=64; may be repeated", BIT_OPTION_LIST, AT(sets)},
    {"--data", NULL, "looks into the job's data too: images, classes, labels", BIT_OPTION_FLAG, AT(data)},
    {"--print", NULL, "prints the whole job, defaults included, as canonical JSON; of a sweep, the values of each trial", BIT_OPTION_FLAG, AT(print)},
    {"--trial", "N", "of a sweep: looks at the job of this trial (from 0) alone", BIT_OPTION_INT, AT(trial), 0, BIT_SWEEP_TRIALS - 1},
};
const struct bit_usage bit_check_usage = {"bit check", "JOB.json...", "Validates job files, and sweeps, and prints every error in them.", known,
                                          sizeof known / sizeof *known, .least = 1, .most = BIT_OPTION_VALUES};

/* Boxes belong to pixels: pictures that are not of the size for which they were annotated go into quarantine, too. */
static int check_sizes(const struct bit_job *job, const char *path, const struct bit_index *index, struct bit_error *error)
{
    struct bit_index_sizes sizes;
    struct bit_stream_options limits = {.file_limit = (uint64_t)job->data.max_file_mib << 20, .scan_limit = job->data.max_scans,
                                        .pixel_limit = (uint64_t)job->data.max_megapixels * 1000000};
    if (bit_index_look_sizes(index, MOST_MEASURED, &limits, &sizes, error))
        return -1;
    if (!sizes.wrong)
        return 0;
    bit_log(BIT_LOG_WARNING, "%s: %llu of %llu pictures looked at cannot be used; the first: %s", path, (unsigned long long)sizes.wrong,
            (unsigned long long)sizes.looked, sizes.first);
    if ((double)sizes.wrong > job->data.bad_share * (double)sizes.looked)
        return bit_fail(error, BIT_EDATA, "%llu of %llu pictures looked at cannot be used, more than data.bad_share; the first: %s",
                        (unsigned long long)sizes.wrong, (unsigned long long)sizes.looked, sizes.first);
    return 0;
}

/* Every image that a list names is to be there. */
static int check_list(const char *path, const struct bit_index *index, struct bit_error *error)
{
    struct bit_index_sight sight;
    if (bit_index_look(index, MOST_LOOKED_AT, &sight, error))
        return -1;
    if (sight.looked && sight.looked < bit_index_images(index))
        printf("  %s: looked at %llu of its images, evenly spread\n", path, (unsigned long long)sight.looked);
    if (sight.missing)
        return bit_fail(error, BIT_ENOINPUT, "%llu of the %llu images looked at are not there; the first: %s",
                        (unsigned long long)sight.missing, (unsigned long long)sight.looked, sight.first);
    return 0;
}

/* Boxes that no anchor fits are found by their best one only, and badly. */
static void check_anchors(const struct bit_job *job, const char *path, const struct bit_index *index)
{
    const double much = 0.05;
    const struct bit_box_counts n = bit_recipe_anchors(job, index);
    const uint64_t seen = n.boxes - n.tiny;
    const double share = seen ? (double)n.missed / (double)seen : 0;
    if (!bit_index_label_count(index))
        bit_log(BIT_LOG_WARNING, "%s: no boxes at all: there is nothing to find", path);
    if (n.tiny)
        bit_log(BIT_LOG_WARNING, "%s: %llu of %llu boxes are less than a pixel wide or high when pictures have %d pixels (data.size): not trained on%s", path,
                (unsigned long long)n.tiny, (unsigned long long)n.boxes, job->data.size,
                2 * n.tiny > n.boxes ? "; are they shares of the picture, from 0 to 1? Expected pixels" : "");
    if (share > much)
        bit_log(BIT_LOG_WARNING, "%s: %.1f %% of %llu boxes overlap no anchor by %g (detect.positive) or more when pictures have %d pixels (data.size): "
                "a larger data.size, or another detect.anchor_scale than %g", path, 100 * share, (unsigned long long)seen, job->detect.positive,
                job->data.size, job->detect.anchor_scale);
    else if (seen)
        printf("  %s: %.1f %% of %llu boxes overlap no anchor by %g or more\n", path, 100 * share, (unsigned long long)seen, job->detect.positive);
}

enum role { TRAINED_ON, EVALUATED };

static bool is_same_set(const char *path, const char *folder, const char *other, const char *other_folder)
{
    return !strcmp(path, other) && !strcmp(folder, other_folder);
}

/* job NULL: images of a probe, whose labels may be any. Those of an evaluation may have several right labels. */
static struct bit_index *check_folder(const struct bit_job *job, enum role role, const char *key, const char *path, const char *folder,
                                      const struct bit_index *classes, struct bit_error *error)
{
    struct bit_index *index = bit_index_open_below(path, folder, NULL, classes, bit_group_self(), error);
    if (!index) {
        bit_fail_at(error, "%s", key);
        return NULL;
    }
    const bool fits = !job || bit_recipe_fits(job, index);
    if (job && (!fits || role == TRAINED_ON) && bit_recipe_check_labels(job, path, index, error)) {
        bit_index_close(index);
        return NULL;
    }
    if (check_list(path, index, error) || (job && bit_index_has_boxes(index) && check_sizes(job, path, index, error))) {
        bit_fail_at(error, "%s", key);
        bit_index_close(index);
        return NULL;
    }
    printf("  %-12s %llu images, %d classes, ", key, (unsigned long long)bit_index_images(index), bit_index_classes(index));
    if (bit_index_has_boxes(index))
        printf("%llu boxes, ", (unsigned long long)bit_index_label_count(index));
    printf("%s\n", path);
    /* Of one set for both it is said once. */
    if (job && bit_index_has_boxes(index) && !(classes && is_same_set(path, folder, job->data.train, job->data.train_folder)))
        check_anchors(job, path, index);
    return index;
}

static int check_probe(const struct bit_job *job, struct bit_error *error)
{
    struct bit_index *train = check_folder(NULL, TRAINED_ON, "probe.train", job->probe.train, "", NULL, error), *test = NULL;
    if (train)
        test = check_folder(NULL, EVALUATED, "probe.test", job->probe.test, "", train, error);
    bit_index_close(test);
    bit_index_close(train);
    return error->code ? -1 : 0;
}

static int check_data(const char *path, const struct bit_job *job, struct bit_error *error)
{
    int result = -1;
    struct bit_index *train = check_folder(job, TRAINED_ON, "data.train", job->data.train, job->data.train_folder, NULL, error), *val = NULL;
    if (!train) { /* what can be said of the other set is said, too */
        struct bit_error more = {0};
        if (*job->data.val && !(val = check_folder(job, EVALUATED, "data.val", job->data.val, job->data.val_folder, NULL, &more)))
            bit_log(BIT_LOG_ERROR, "%s: %s", path, more.text);
        bit_index_close(val);
        return -1;
    }
    if (job->model.classes && job->model.classes < bit_index_classes(train))
        bit_fail(error, BIT_EUSAGE, "model.classes is %d, but %s has %d classes", job->model.classes, job->data.train,
                 bit_index_classes(train));
    else if (!*job->data.val || (val = check_folder(job, EVALUATED, "data.val", job->data.val, job->data.val_folder, train, error)))
        result = 0;
    bit_index_close(val);
    bit_index_close(train);
    return result || !*job->probe.train ? result : check_probe(job, error);
}

/* ---- jobs and sweeps ---- */

static int look_at_job(const char *path, const struct bit_job *job, const struct options *options, struct bit_error *error)
{
    if (options->print)
        printf("%s\n", job->canonical);
    if (!options->data || check_data(path, job, error) == 0)
        return 0;
    bit_fail_at(error, "%s", path);
    return bit_cli_error(error);
}

/* The values of each trial, a line of JSON each. */
static void print_trials(const struct bit_sweep *sweep)
{
    for (int trial = 0; trial < sweep->trials; trial++) {
        printf("{\"trial\":%d", trial);
        for (int k = 0; k < sweep->keys; k++) {
            char value[BIT_SWEEP_VALUE];
            bit_sweep_value(sweep, trial, k, value);
            printf(",\"%s\":%s", sweep->key[k].path, value);
        }
        printf("}\n");
    }
}

static void print_sweep(const char *path, const struct bit_sweep *sweep)
{
    printf("%s: ok: a sweep of %d trials", path, sweep->trials);
    if (sweep->at_once)
        printf(", %d at a time", sweep->at_once);
    printf(", the best by %s%s\n", *sweep->metric ? sweep->metric : "the first metric", sweep->has_last ? ", and then the best one's settings once more" : "");
    for (int k = 0; k < sweep->keys; k++) {
        char text[128];
        bit_sweep_key_text(&sweep->key[k], text, sizeof text);
        printf("  %-24s %s\n", sweep->key[k].path, text);
    }
    for (int i = 0; i < sweep->last_count; i++)
        printf("  at last: %s\n", sweep->last[i]);
}

/* One trial, or all: their jobs have been looked at, and their data are those of the first and of the last job. */
static int look_at_sweep(const char *path, const struct bit_sweep *sweep, const struct options *options, struct bit_error *error)
{
    struct bit_problems ignored = {0};
    struct options quiet = *options;
    int code = BIT_OK;
    if (options->trial >= sweep->trials)
        return bit_cli_usage(&bit_check_usage, "--trial %d: %s has trials 0 to %d", options->trial, path, sweep->trials - 1);
    quiet.print = options->print && options->trial >= 0;
    for (int last = 0; last <= (sweep->has_last && options->data && options->trial < 0) && code == BIT_OK; last++) {
        int trial = options->trial < 0 ? 0 : options->trial;
        const struct bit_job *job = last ? bit_sweep_last(sweep, trial, &ignored, error) : bit_sweep_job(sweep, trial, &ignored, error);
        code = job ? look_at_job(path, job, &quiet, error) : bit_cli_error(error);
        bit_job_destroy(job);
    }
    bit_problems_free(&ignored);
    if (code == BIT_OK && options->trial < 0 && options->print)
        print_trials(sweep);
    else if (code == BIT_OK && options->trial < 0)
        print_sweep(path, sweep);
    return code;
}

static int check_sweep(const char *path, const struct options *options)
{
    struct bit_error error = {0};
    struct bit_sweep *sweep = bit_cli_sweep(path, options->sets.value, options->sets.count, &error);
    int code = sweep ? look_at_sweep(path, sweep, options, &error) : (int)error.code;
    bit_sweep_destroy(sweep);
    return code;
}

static int check_file(const char *path, const struct options *options)
{
    struct bit_error error = {0};
    if (bit_sweep_is_file(path))
        return check_sweep(path, options);
    if (options->trial >= 0)
        return bit_cli_usage(&bit_check_usage, "--trial: %s is not a sweep", path);
    const struct bit_job *job = bit_cli_job(path, options->sets.value, options->sets.count, &error);
    if (!job)
        return error.code;
    if (look_at_job(path, job, options, &error) == BIT_OK && !options->print)
        printf("%s: ok\n", path);
    bit_job_destroy(job);
    return error.code;
}

int bit_cli_check(int argc, char **argv)
{
    struct options options = {.trial = -1};
    struct bit_operands operands;
    int code;
    if (!bit_cli_parse(&bit_check_usage, argc, argv, &options, &operands, &code))
        return code;
    for (int i = 0; i < operands.count; i++) {
        int result = check_file(operands.word[i], &options);
        code = code ? code : result;
    }
    return code;
}
