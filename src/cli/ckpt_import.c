/* bit ckpt import: a generation of one shard, without momentum, from weights of others. */
#include <stdio.h>
#include <string.h>

#include "bit/data.h"
#include "bit/exchange.h"
#include "bit/file.h"
#include "bit/memory.h"
#include "bit/model.h"
#include "bit/recipe.h"
#include "cli/ckpt.h"
#include "cli/cli.h"

enum { CLASSES_LIMIT = 256 << 20 };

/* What the generation will say, as it comes together. */
struct import {
    const struct ckpt_import_options *options;
    struct bit_weights_file *file;
    const struct bit_job *job;
    char *model, *classes;
    int depth;
    struct bit_table *table;
    float *weights;
    char run[4096], store[4096];
};

static int find_depth(struct import *in, struct bit_error *error)
{
    const struct bit_weights_network *n = bit_weights_network(in->file);
    if ((in->depth = bit_model_depth(n->units)))
        return 0;
    return bit_fail(error, BIT_EDATA, "%s: blocks of %d, %d, %d and %d units: no network of BiT has that (R50 has 3, 4, 6 and 3)",
                    in->options->file, n->units[0], n->units[1], n->units[2], n->units[3]);
}

/* Where it goes: DIR/checkpoints, or DIR when that is its name. Nothing that is there may be a checkpoint. */
static int find_folder(struct import *in, const char *folder, struct bit_error *error)
{
    struct bit_generation *list = NULL;
    size_t count = 0, length = strlen(folder);
    while (length > 1 && folder[length - 1] == '/')
        length--;
    snprintf(in->run, sizeof in->run, "%.*s", (int)length, folder);
    const char *slash = strrchr(in->run, '/'), *last = slash ? slash + 1 : in->run;
    const bool is_store = !strcmp(last, "checkpoints");
    if (length >= sizeof in->run || bit_path_join(in->store, sizeof in->store, in->run, is_store ? "" : "checkpoints", error))
        return bit_fail(error, BIT_EUSAGE, "path too long: %s", folder);
    if (is_store)
        in->run[0] = 0;
    if (bit_file_exists(folder) && bit_store_list(folder, false, &list, &count, error))
        return -1;
    bit_free(list);
    return count ? bit_fail(error, BIT_EUSAGE, "%s holds checkpoints already: name a folder that holds none", folder) : 0;
}

/* The job given, which must be of this network; or one of defaults. */
static int make_job(struct import *in, struct bit_error *error)
{
    const struct bit_weights_network *n = bit_weights_network(in->file);
    struct bit_problems problems = {0};
    char text[300];
    if (in->options->job) {
        struct bit_model_options model;
        union bit_any_head head;
        in->job = bit_cli_job(in->options->job, NULL, 0, error);
        if (!in->job)
            return -1;
        bit_recipe_model(in->job, (int)n->classes, 1, false, &head, &model);
        if (model.depth != in->depth || model.width != n->width || model.norm != BIT_GROUP_NORM || !model.weight_standardization ||
            (in->job->model.classes && (size_t)in->job->model.classes != n->classes))
            return bit_fail(error, BIT_EUSAGE, "%s describes another network than %s, which is R%dx%d with %zu classes, group norm and "
                            "weight standardisation", in->options->job, in->options->file, in->depth, n->width, n->classes);
    } else {
        snprintf(text, sizeof text, "{\"comment\": \"imported weights\", \"model\": {\"depth\": %d, \"width\": %d, \"classes\": %zu}, "
                 "\"data\": {\"train\": \"not-stated\"}}", in->depth, n->width, n->classes);
        in->job = bit_job_parse(text, strlen(text), "imported.json", NULL, 0, &problems, error);
        bit_problems_free(&problems);
        if (!in->job)
            return bit_fail_at(error, "%s: the network found in it", in->options->file);
    }
    in->model = bit_job_model(in->job, (int)n->classes, error);
    return in->model ? 0 : -1;
}

/* From a file of names, or as the job's training images give them; otherwise unknown. */
static int find_classes(struct import *in, struct bit_error *error)
{
    const size_t wanted = bit_weights_network(in->file)->classes;
    size_t size = 0;
    if (in->options->classes) {
        struct bit_text names = {0};
        if (bit_file_read(in->options->classes, CLASSES_LIMIT, &in->classes, &size, error))
            return -1;
        bit_text_add(&names, "%s%s", in->classes, size && in->classes[size - 1] != '\n' ? "\n" : "");
        bit_free(in->classes);
        in->classes = names.data;
        if (names.failed || strlen(names.data) < size || bit_text_lines(names.data) != wanted)
            return bit_fail(error, BIT_EUSAGE, "%s: expected %zu lines, a name for each output of %s", in->options->classes, wanted,
                            in->options->file);
        return 0;
    }
    struct bit_index *index = NULL;
    struct bit_text text = {0};
    bit_text_add(&text, "%s", "");
    if (in->options->job && bit_file_exists(in->job->data.train)) {
        if (!(index = bit_index_open(in->job->data.train, NULL, NULL, bit_group_self(), error)))
            return bit_text_free(&text), -1;
        bit_index_class_names(index, &text, error);
        if ((size_t)bit_index_classes(index) > wanted)
            bit_fail(error, BIT_EUSAGE, "%s has %d classes, %s has %zu outputs", in->job->data.train, bit_index_classes(index),
                     in->options->file, wanted);
        bit_index_close(index);
    }
    in->classes = text.data;
    return text.failed ? bit_fail(error, BIT_EENVIRONMENT, "out of memory: names of classes") : error->code ? -1 : 0;
}

static int read_weights(struct import *in, struct bit_error *error)
{
    struct bit_model_options options;
    union bit_any_head head;
    bit_recipe_model(in->job, (int)bit_weights_network(in->file)->classes, 1, false, &head, &options);
    in->table = bit_model_make_table(&options, error);
    if (in->table)
        in->weights = bit_allocate(in->table->elements, sizeof *in->weights, "weights", error);
    return in->weights ? bit_weights_read(in->file, in->table, in->weights, error) : -1;
}

static int save(struct import *in, struct bit_error *error)
{
    struct bit_checkpoint checkpoint = {.job = in->job->canonical, .model = in->model, .classes = in->classes,
                                        .data_fingerprint = (char *)"imported"};
    const struct bit_arrays arrays = {.table = in->table, .weights = in->weights};
    char path[4096], hash[BIT_HASH_TEXT];
    struct bit_store *store = bit_store_open(in->store, true, 0, bit_group_self(), error);
    int result = store ? bit_store_save(store, &checkpoint, &arrays, error) : -1;
    bit_store_close(store);
    if (!result && in->run[0])
        result = bit_path_join(path, sizeof path, in->run, "job.json", error) ||
                 (!bit_file_exists(path) && bit_file_write(path, in->job->canonical, strlen(in->job->canonical), error)) ? -1 : 0;
    if (result)
        return -1;
    bit_hash_text(checkpoint.weights_hash, hash);
    printf("R%dx%d, %zu parameters, %zu classes%s: %s/step-000000000000\nweights %s\n", in->depth, in->job->model.width,
           in->table->numbers, bit_weights_network(in->file)->classes, *in->classes ? "" : " without names", in->store, hash);
    return 0;
}

int ckpt_import(const struct ckpt_import_options *options, const char *folder)
{
    struct bit_error error = {0};
    struct import in = {.options = options};
    if (find_folder(&in, folder, &error) == 0 && (in.file = bit_weights_open(options->file, &error)) && find_depth(&in, &error) == 0 &&
        make_job(&in, &error) == 0 && find_classes(&in, &error) == 0 && read_weights(&in, &error) == 0)
        save(&in, &error);
    bit_free(in.weights);
    bit_table_destroy(in.table);
    bit_free(in.classes);
    bit_free(in.model);
    bit_job_destroy(in.job);
    bit_weights_close(in.file);
    return error.code ? bit_cli_error(&error) : BIT_OK;
}
