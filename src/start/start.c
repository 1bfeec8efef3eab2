/* Opening weights of any kind, and reading them. */
#include "bit/start.h"

#include <cjson/cJSON.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "bit/classify.h"
#include "bit/exchange.h"
#include "bit/file.h"
#include "bit/json.h"
#include "bit/memory.h"
#include "bit/model.h"
#include "bit/store.h"
#include "bit/text.h"

enum { CLASSES_LIMIT = 256 << 20 };

struct bit_start {
    struct bit_start_network network;
    char name[PATH_MAX];
    struct bit_reader *reader;       /* a generation, */
    struct bit_weights_file *file;   /* or a file of others, */
    struct bit_table *table;         /* whose table is ours */
    char *classes;
};

/* ---- generations ---- */

static int describe_generation(struct bit_start *s, struct bit_error *error)
{
    const struct bit_checkpoint *c = bit_reader_checkpoint(s->reader);
    cJSON *model = bit_json_parse(c->model, strlen(c->model), error);
    cJSON *job = model ? bit_json_parse(c->job, strlen(c->job), error) : NULL;
    if (job) {
        const cJSON *network = cJSON_GetObjectItemCaseSensitive(model, "model"), *data = cJSON_GetObjectItemCaseSensitive(job, "data");
        s->network = (struct bit_start_network){
            .depth = (int)bit_json_whole(network, "depth", 0), .width = (int)bit_json_whole(network, "width", 0),
            .classes = (size_t)bit_json_whole(network, "classes", 0), .batch_norm = !strcmp(bit_json_string(network, "norm", ""), "batch"),
            .weight_standardization = cJSON_IsTrue(cJSON_GetObjectItemCaseSensitive(network, "weight_standardization")),
            .image_size = (int)bit_json_whole(data, "size", 0), .image_resize = (int)bit_json_whole(data, "resize", 0),
            .sigmoid = !strcmp(bit_json_string(model, "loss", ""), "sigmoid"),
        };
        if (!bit_model_units(s->network.depth) || s->network.width < 1 || s->network.classes < 1)
            bit_fail(error, BIT_EDATA, "the checkpoint does not say depth, width and classes of its network");
    }
    cJSON_Delete(job);
    cJSON_Delete(model);
    return error->code ? -1 : 0;
}

/* The newest generation below `path` that is not set aside. One that is damaged is not passed over in silence: older weights would be taken
 * for it. */
static int open_newest(struct bit_start *s, const char *path, struct bit_error *error)
{
    struct bit_generation *list = NULL;
    size_t count = 0;
    if (bit_store_list(path, false, &list, &count, error))
        return -1;
    for (size_t i = count; i-- > 0 && !s->reader && !error->code;) {
        if (!list[i].whole && !strncmp(list[i].reason, "set aside", 9))
            continue;
        if (!bit_store_path(path, list[i].name, s->name, sizeof s->name, error))
            s->reader = bit_reader_open(s->name, error);
    }
    bit_free(list);
    if (!s->reader && !error->code)
        return bit_fail(error, BIT_ENOINPUT, "%s: holds no checkpoint: expected a run's folder, a generation, or a folder with "
                        "model.safetensors", path);
    return s->reader ? describe_generation(s, error) : -1;
}

/* ---- files of others ---- */

static struct bit_table *make_table(const struct bit_start_network *n, struct bit_error *error)
{
    struct bit_classify head;
    bit_classify_init(&head, (int)n->classes, BIT_SOFTMAX, 0);
    const struct bit_model_options options = {
        .depth = n->depth, .width = n->width, .head = &head.head, .norm = BIT_GROUP_NORM, .weight_standardization = true, .image_size = 224,
        .micro_batch = 1, .micro_batches = 1,
    };
    return bit_model_make_table(&options, error);
}

static int open_file(struct bit_start *s, const char *path, struct bit_error *error)
{
    if (!(s->file = bit_weights_open(path, error)))
        return -1;
    const struct bit_weights_network *n = bit_weights_network(s->file);
    s->network = (struct bit_start_network){.depth = bit_model_depth(n->units), .width = n->width, .classes = n->classes,
                                            .weight_standardization = true};
    snprintf(s->name, sizeof s->name, "%s", path);
    if (!s->network.depth)
        return bit_fail(error, BIT_EDATA, "%s: blocks of %d, %d, %d and %d units: no network of BiT has that (R50 has 3, 4, 6 and 3)", path,
                        n->units[0], n->units[1], n->units[2], n->units[3]);
    s->table = make_table(&s->network, error);
    return s->table ? 0 : -1;
}

/* Names beside the weights, if there are any: one for each output. */
static int read_classes(struct bit_start *s, const char *folder, struct bit_error *error)
{
    char path[PATH_MAX];
    size_t size;
    if (bit_path_join(path, sizeof path, folder, "classes.txt", error))
        return -1;
    if (!bit_file_exists(path))
        return 0;
    if (bit_file_read(path, CLASSES_LIMIT, &s->classes, &size, error))
        return -1;
    if (bit_text_lines(s->classes) != s->network.classes)
        return bit_fail(error, BIT_EDATA, "%s: expected %zu lines, a name for each output of %s", path, s->network.classes, s->name);
    return 0;
}

/* ---- opening ---- */

static int open_any(struct bit_start *s, const char *path, struct bit_error *error)
{
    char inside[PATH_MAX];
    struct stat status;
    if (stat(path, &status))
        return bit_fail_errno(error, BIT_ENOINPUT, "%s: cannot be opened: expected trained weights", path);
    if (!S_ISDIR(status.st_mode))
        return open_file(s, path, error);
    if (bit_path_join(inside, sizeof inside, path, "model.safetensors", error))
        return -1;
    if (bit_file_exists(inside))
        return open_file(s, inside, error) || read_classes(s, path, error) ? -1 : 0;
    return open_newest(s, path, error);
}

struct bit_start *bit_start_open(const char *path, struct bit_error *error)
{
    struct bit_start *s = bit_allocate(1, sizeof *s, "weights to begin with", error);
    if (!s)
        return NULL;
    if (open_any(s, path, error)) {
        bit_start_close(s);
        return NULL;
    }
    return s;
}

void bit_start_close(struct bit_start *s)
{
    if (!s)
        return;
    bit_reader_close(s->reader);
    bit_weights_close(s->file);
    bit_table_destroy(s->table);
    bit_free(s->classes);
    bit_free(s);
}

const struct bit_start_network *bit_start_network(const struct bit_start *s)
{
    return &s->network;
}

const char *bit_start_name(const struct bit_start *s)
{
    return s->name;
}

const char *bit_start_classes(const struct bit_start *s)
{
    const char *classes = s->reader ? bit_reader_checkpoint(s->reader)->classes : s->classes;
    return classes ? classes : "";
}

const char *bit_start_job(const struct bit_start *s)
{
    return s->reader ? bit_reader_checkpoint(s->reader)->job : NULL;
}

const struct bit_table *bit_start_table(const struct bit_start *s)
{
    return s->reader ? bit_reader_table(s->reader) : s->table;
}

const struct bit_table *bit_start_statistics_table(const struct bit_start *s)
{
    return s->reader ? bit_reader_statistics_table(s->reader) : NULL;
}

int bit_start_read(struct bit_start *s, float *weights, float *statistics, struct bit_error *error)
{
    if (s->file)
        return bit_weights_read(s->file, s->table, weights, error);
    return bit_reader_load(s->reader, weights, NULL, statistics, error) ? bit_fail_at(error, "%s", s->name) : 0;
}
