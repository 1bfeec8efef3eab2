/* bit probe: how much of a data set can be read from a network's features. */
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "apply/embedding.h"
#include "bit/compute.h"
#include "bit/cores.h"
#include "bit/features.h"
#include "bit/file.h"
#include "bit/json.h"
#include "cli/apply.h"
#include "cli/cli.h"

struct options { struct cli_trained trained; struct bit_few_options few; int drawing; const char *out; bool json, aspect, no_neighbours; };

static const char *const drawings[] = {"numpy", "job", NULL}; /* enum bit_few_drawing */

/* The same as bit_text_numbers, into ints. */
static int take_ints(const char *value, int limit, uint64_t most, int *to)
{
    uint64_t numbers[BIT_FEW_SEEDS];
    int count = bit_text_numbers(value, 1, most, limit, numbers);
    for (int i = 0; i < count; i++)
        to[i] = (int)numbers[i];
    return count;
}

static const char *take_shots(void *options, const char *value)
{
    struct options *o = options;
    return (o->few.shots = take_ints(value, BIT_FEW_SHOTS, 1000000, o->few.shot)) ? NULL : "up to 16 ascending numbers, e.g. 1,5,10,25";
}

static const char *take_seeds(void *options, const char *value)
{
    struct options *o = options;
    return (o->few.seeds = bit_text_numbers(value, 0, UINT64_MAX, BIT_FEW_SEEDS, o->few.seed)) ? NULL : "up to 64 ascending numbers, e.g. 0,1,2";
}

static const char *take_neighbours(void *options, const char *value)
{
    struct options *o = options;
    return (o->few.neighbours = take_ints(value, BIT_FEW_SHOTS, BIT_NEIGHBOURS_MOST, o->few.neighbour)) ? NULL
           : "up to 16 ascending numbers of at most 4096, e.g. 10,20,100,200";
}

static const struct bit_option known[] = {
    {"--shots", "LIST", "images a class that the regressions get (default 1,5,10,25)", BIT_OPTION_OWN, .take = take_shots},
    {"--seeds", "LIST", "draws of them (default 0,1,2)", BIT_OPTION_OWN, .take = take_seeds},
    {"--draw", "WHO", "numpy (default): as big_vision draws; job: the images of the keys data.per_class and per_class_seed", BIT_OPTION_CHOICE,
     .at = offsetof(struct options, drawing), .choices = drawings},
    {"--l2", "X", "how much large weights cost (default 1024)", BIT_OPTION_REAL, .at = offsetof(struct options, few.l2), 1e-12, 1e12},
    {"--neighbours", "LIST", "numbers of nearest neighbours (default 10,20,100,200)", BIT_OPTION_OWN, .take = take_neighbours},
    {"--no-neighbours", NULL, "regressions alone: only the drawn images of TRAIN are looked at", BIT_OPTION_FLAG,
     .at = offsetof(struct options, no_neighbours)},
    {"--aspect", NULL, "images as the network's evaluations transform them, not stretched", BIT_OPTION_FLAG, .at = offsetof(struct options, aspect)},
    {"--json", NULL, "one JSON object instead of tables", BIT_OPTION_FLAG, .at = offsetof(struct options, json)},
    {"--out", "FILE", "writes the JSON object there, too: all of it or nothing", BIT_OPTION_FILE, .at = offsetof(struct options, out)},
    CLI_TRAINED_ROWS,
};
const struct bit_usage bit_probe_usage = {
    "bit probe", "MODEL TRAIN TEST | TRAIN.h5 TEST.h5",
    "Few-shot accuracy without training the network: ridge regression from the features of few images a class to their classes, as\n"
    "big_vision does it, over numbers of images and seeds; and nearest neighbours by cosine. TRAIN and TEST: folders of class folders or\n"
    "lists. Images are resized to a square, of which the centre is cut out, as there. Or from features that bit embed has written.",
    known, sizeof known / sizeof *known, .least = 2, .most = 3};

/* Whose features they were: the network and what became of images. */
struct source { char model[PATH_MAX], weights[64], images[256]; };

static void make_json(const struct options *o, const struct source *source, const struct bit_operands *words, const struct bit_few_result *result,
                      struct bit_text *text)
{
    bit_text_add(text, "{\"model\": ");
    bit_text_add_json(text, source->model);
    bit_text_add(text, ", \"weights\": ");
    bit_text_add_json(text, source->weights);
    bit_text_add(text, ", \"images\": ");
    bit_text_add_json(text, source->images);
    bit_text_add(text, ", \"train\": ");
    bit_text_add_json(text, words->word[words->count - 2]);
    bit_text_add(text, ", \"test\": ");
    bit_text_add_json(text, words->word[words->count - 1]);
    bit_text_add(text, ", ");
    bit_few_json(&o->few, result, text);
    bit_text_add(text, "}\n");
}

static int tell(const struct options *o, const struct source *source, const struct bit_operands *words, const struct bit_few_result *result,
                struct bit_error *error)
{
    struct bit_text text = {0};
    make_json(o, source, words, result, &text);
    int verdict = text.failed ? bit_fail(error, BIT_EENVIRONMENT, "out of memory: the result") : 0;
    if (!verdict && o->out)
        verdict = bit_file_write(o->out, text.data, text.size, error);
    if (!verdict && o->json)
        fputs(text.data, stdout);
    else if (!verdict)
        bit_few_print(&o->few, result, stdout);
    bit_text_free(&text);
    return verdict;
}

static int measure(const struct options *o, const struct bit_operands *words, struct source *source, struct bit_few_result *result,
                   struct bit_error *error)
{
    struct trained trained = {0}, *t = &trained;
    struct bit_index *train = bit_index_open(words->word[1], NULL, NULL, bit_group_self(), error), *test = NULL;
    if (train)
        test = bit_index_open(words->word[2], NULL, train, bit_group_self(), error);
    if (test && cli_trained_load(words->word[0], &o->trained, t, error) == 0) {
        const struct bit_few_task task = {.options = &o->few, .model = t->model, .stream = &t->stream, .group = bit_group_self(), .train = train,
                                          .test = test};
        snprintf(source->model, sizeof source->model, "%.*s", PATH_MAX - 1, t->name);
        bit_hash_text(t->hash, source->weights);
        trained_transform(t, source->images, sizeof source->images);
        bit_few_run(&task, result, error);
    }
    trained_free(t);
    bit_index_close(test);
    bit_index_close(train);
    return error->code ? -1 : 0;
}

/* Options that say what a network makes of images, which has been done. */
static int refuse_options(const struct options *o, struct bit_error *error)
{
    const struct trained_options *t = &o->trained.options;
    if (t->size || t->resize || t->squash || t->stretch || t->micro_batch || o->aspect || o->trained.backend >= 0 || o->trained.precision >= 0)
        return bit_fail(error, BIT_EUSAGE, "options of images and of the network are for MODEL TRAIN TEST: of TRAIN.h5 TEST.h5 bit embed had them");
    return 0;
}

/* The same from features that have been written. */
static int measure_embedded(const struct options *o, const struct bit_operands *words, struct source *source, struct bit_few_result *result,
                            struct bit_error *error)
{
    struct embedding train = {0}, test = {0};
    const int threads = o->trained.options.threads ? o->trained.options.threads : bit_cores_usable();
    int verdict = refuse_options(o, error) || embedding_read(words->word[0], NULL, &train, error) ||
                  embedding_read(words->word[1], &train, &test, error);
    if (!verdict && (strcmp(train.weights, test.weights) || strcmp(train.transform, test.transform) || train.set.channels != test.set.channels))
        verdict = bit_fail(error, BIT_EUSAGE, "%s and %s are of different networks or image sizes: %s (%s, %d features) and %s (%s, %d)", words->word[0],
                           words->word[1], train.model, train.transform, train.set.channels, test.model, test.transform, test.set.channels);
    if (!verdict) {
        const struct bit_few_pool pool = {train.images, train.classes, train.all_start, train.all_labels, train.rows};
        snprintf(source->model, sizeof source->model, "%s", train.model);
        snprintf(source->weights, sizeof source->weights, "%s", train.weights);
        snprintf(source->images, sizeof source->images, "%s", train.transform);
        bit_compute_threads(threads);
        verdict = bit_compute_threads_start(error) || bit_few_measure(&o->few, &pool, &train.set, &test.set, result, error);
    }
    embedding_free(&train);
    embedding_free(&test);
    return verdict ? -1 : 0;
}

int bit_cli_probe(int argc, char **argv)
{
    struct options options = {.trained = CLI_TRAINED_NONE};
    struct bit_operands words;
    struct bit_error error = {0};
    struct source source = {0};
    struct bit_few_result result;
    int code;
    bit_few_init(&options.few);
    if (!bit_cli_parse(&bit_probe_usage, argc, argv, &options, &words, &code))
        return code;
    if (options.no_neighbours)
        options.few.neighbours = 0;
    options.few.drawing = (enum bit_few_drawing)options.drawing;
    int verdict = -1;
    if (words.count == 2) {
        verdict = measure_embedded(&options, &words, &source, &result, &error);
    } else {
        options.trained.options.stretch |= !options.aspect && !options.trained.options.squash;
        verdict = measure(&options, &words, &source, &result, &error);
    }
    if (!verdict)
        tell(&options, &source, &words, &result, &error);
    return error.code ? bit_cli_error(&error) : BIT_OK;
}
