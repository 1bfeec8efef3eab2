/* bit predict: what a network takes images for. */
#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <math.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "apply/csv.h"
#include "apply/ranking.h"
#include "bit/features.h"
#include "bit/file.h"
#include "bit/json.h"
#include "bit/memory.h"
#include "cli/apply.h"
#include "cli/cli.h"

enum { TOP = 1000 };

struct options { struct cli_trained trained; int top; bool logits, json, csv; const char *list; };

static const struct bit_option known[] = {
    {"--top", "K", "classes of each image, the most probable first (default 5)", BIT_OPTION_INT, .at = offsetof(struct options, top), 1, TOP},
    {"--logits", NULL, "the network's output for each class, too", BIT_OPTION_FLAG, .at = offsetof(struct options, logits)},
    {"--csv", NULL, "comma-separated values with a header", BIT_OPTION_FLAG, .at = offsetof(struct options, csv)},
    {"--json", NULL, "an array with an object a line, bad images among them", BIT_OPTION_FLAG, .at = offsetof(struct options, json)},
    {"--list", "FILE", "images named by FILE, a path a line, too; - for standard input", BIT_OPTION_FILE, .at = offsetof(struct options, list)},
    CLI_TRAINED_ROWS,
};
const struct bit_usage bit_predict_usage = {
    "bit predict", "MODEL [IMAGE... | DATA]",
    "What MODEL takes each image for. MODEL: a run's folder, a checkpoint, a .npz or .safetensors file. IMAGE: a file, or a folder with\n"
    "images in it. DATA: a folder of class folders, or a list as data.train of a job. Images are transformed as the network's\n"
    "evaluations did it. Those that cannot be used are named on standard error and skipped: exit code 65.",
    known, sizeof known / sizeof *known, .least = 1, .most = BIT_OPTION_VALUES};

/* ---- which images ---- */

struct paths { const char **item; /* owned */ size_t count, capacity; };

static int add_path(struct paths *p, const char *path, struct bit_error *error)
{
    if (p->count == p->capacity) {
        size_t capacity = p->capacity ? 2 * p->capacity : 256;
        const char **grown = bit_allocate(capacity, sizeof *grown, "paths of images", error);
        if (!grown)
            return -1;
        if (p->count)
            memcpy(grown, p->item, p->count * sizeof *grown);
        bit_free(p->item);
        p->item = grown;
        p->capacity = capacity;
    }
    char *copy = bit_copy_text(path, error);
    if (copy)
        p->item[p->count++] = copy;
    return copy ? 0 : -1;
}

static void free_paths(struct paths *p)
{
    for (size_t i = 0; i < p->count; i++)
        bit_free((char *)p->item[i]);
    bit_free(p->item);
}

static bool begins_as_image(const char *path)
{
    unsigned char lead[4] = {0};
    int file = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    ssize_t got = file < 0 ? -1 : read(file, lead, sizeof lead);
    if (file >= 0)
        close(file);
    return got == 4 && (!memcmp(lead, "\xFF\xD8", 2) || !memcmp(lead, "\x89PNG", 4));
}

static int by_name(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* Images that lie directly in a folder, in bytewise order; *deeper: it has folders in it. */
static int list_folder(const char *folder, struct paths *p, bool *deeper, struct bit_error *error)
{
    char path[PATH_MAX];
    struct stat status;
    size_t first = p->count;
    DIR *d = opendir(folder);
    if (!d)
        return bit_fail_errno(error, BIT_ENOINPUT, "cannot open %s", folder);
    for (struct dirent *e; !error->code && (e = readdir(d));) {
        if (*e->d_name == '.' || bit_path_join(path, sizeof path, folder, e->d_name, error) || stat(path, &status))
            continue;
        *deeper |= S_ISDIR(status.st_mode);
        if (S_ISREG(status.st_mode) && begins_as_image(path))
            add_path(p, path, error);
    }
    closedir(d);
    qsort(p->item + first, p->count - first, sizeof *p->item, by_name);
    return error->code ? -1 : 0;
}

/* A text with a tab in its first line: a list of images and classes. */
static bool is_list(const char *path)
{
    char lead[4096];
    int file = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    ssize_t got = file < 0 ? -1 : read(file, lead, sizeof lead);
    if (file >= 0)
        close(file);
    return got > 0 && !memchr(lead, 0, (size_t)got) && memchr(lead, '\t', (size_t)got) && !begins_as_image(path);
}

/* *data: the operand is DATA, to be opened as an index. */
static int take_operand(const char *word, bool alone, struct paths *p, bool *data, struct bit_error *error)
{
    struct stat status;
    bool deeper = false;
    if (stat(word, &status) || !S_ISDIR(status.st_mode)) {
        *data = alone && is_list(word);
        return *data ? 0 : add_path(p, word, error);
    }
    size_t before = p->count;
    if (list_folder(word, p, &deeper, error))
        return -1;
    if (p->count > before && !deeper)
        return 0;
    *data = alone && p->count == before;
    return *data ? 0 : bit_fail(error, BIT_EUSAGE, "%s: expected a folder with images in it and no folders%s", word,
                                alone ? ", or a folder of class folders with no images beside them" : "; one of class folders must be the only operand");
}

static int read_list(const char *path, struct paths *p, struct bit_error *error)
{
    FILE *file = strcmp(path, "-") ? fopen(path, "re") : stdin;
    char *line = NULL;
    size_t size = 0;
    if (!file)
        return bit_fail_errno(error, BIT_ENOINPUT, "cannot open %s", path);
    for (ssize_t got; !error->code && (got = getline(&line, &size, file)) >= 0;) {
        while (got > 0 && (line[got - 1] == '\n' || line[got - 1] == '\r'))
            line[--got] = 0;
        if (got)
            add_path(p, line, error);
    }
    if (ferror(file))
        bit_fail_errno(error, BIT_EENVIRONMENT, "cannot read %s", path);
    free(line);
    if (file != stdin)
        fclose(file);
    return error->code ? -1 : 0;
}

/* *labelled: images have classes of their own, and come from DATA; otherwise they are those of *p, in that order. */
static struct bit_index *find_images(const struct options *o, const struct bit_operands *words, struct paths *p, bool *labelled,
                                     struct bit_error *error)
{
    struct bit_index *index = NULL;
    bool data = false;
    for (int i = 1; i < words->count && !error->code; i++)
        take_operand(words->word[i], words->count == 2 && !o->list, p, &data, error);
    if (o->list && !error->code)
        read_list(o->list, p, error);
    *labelled = data;
    if (!error->code && data)
        index = bit_index_open(words->word[1], NULL, NULL, bit_group_self(), error);
    else if (!error->code && !p->count)
        bit_fail(error, BIT_EUSAGE, "no image is named; see bit predict --help");
    else if (!error->code)
        index = bit_index_of_files(p->item, p->count, error);
    return index;
}

/* ---- telling ---- */

struct telling {
    const struct options *options;
    const struct trained *trained;
    const struct bit_index *index;
    struct paths paths;          /* of the images as they were named; of DATA none */
    struct bit_stream *stream;
    bool labelled;
    int top;
    int32_t class[TOP];
    float probability[TOP];
    uint64_t told, bad;
    struct bit_text text;        /* of one micro-batch */
};

static void tell_header(struct telling *t)
{
    const struct options *o = t->options;
    if (o->json)
        fputs("[", stdout);
    if (!o->csv)
        return;
    struct bit_text text = {0};
    bit_text_add(&text, "path%s", t->labelled ? ",label" : "");
    for (int i = 1; i <= t->top; i++)
        bit_text_add(&text, ",class%d,probability%d", i, i);
    for (size_t c = 0; o->logits && c < t->trained->network.classes; c++) {
        bit_text_add(&text, ",");
        csv_add(&text, t->trained->classes[c]);
    }
    puts(text.data);
    bit_text_free(&text);
}

static void tell_csv(struct telling *t, const char *path, const char *label, const float *outputs)
{
    csv_add(&t->text, path);
    if (t->labelled) {
        bit_text_add(&t->text, ",");
        csv_add(&t->text, label);
    }
    for (int i = 0; i < t->top; i++) {
        bit_text_add(&t->text, ",");
        csv_add(&t->text, t->trained->classes[t->class[i]]);
        bit_text_add(&t->text, ",%.6g", (double)t->probability[i]);
    }
    for (size_t c = 0; t->options->logits && c < t->trained->network.classes; c++)
        bit_text_add(&t->text, ",%.9g", (double)outputs[c]);
    bit_text_add(&t->text, "\n");
}

static void tell_json(struct telling *t, const char *path, const char *label, const float *outputs)
{
    bit_text_add(&t->text, "%s\n{\"path\": ", t->told ? "," : "");
    bit_text_add_json(&t->text, path);
    if (t->labelled) {
        bit_text_add(&t->text, ", \"label\": ");
        bit_text_add_json(&t->text, label);
    }
    bit_text_add(&t->text, ", \"top\": [");
    for (int i = 0; i < t->top; i++) {
        bit_text_add(&t->text, "%s{\"class\": ", i ? ", " : "");
        bit_text_add_json(&t->text, t->trained->classes[t->class[i]]);
        bit_text_add(&t->text, ", \"number\": %d, \"probability\": ", (int)t->class[i]);
        bit_json_add_number(&t->text, (double)t->probability[i], 6);
        bit_text_add(&t->text, "}");
    }
    bit_text_add(&t->text, "]");
    for (size_t c = 0; t->options->logits && c < t->trained->network.classes; c++) {
        bit_text_add(&t->text, c ? ", " : ", \"logits\": [");
        bit_json_add_number(&t->text, (double)outputs[c], 9);
    }
    bit_text_add(&t->text, "%s}", t->options->logits ? "]" : "");
}

static void tell_plainly(struct telling *t, const char *path, const char *label)
{
    char shown[PATH_MAX];
    bit_text_escape(shown, sizeof shown, path, "\\");
    bit_text_add(&t->text, "%s", shown);
    if (t->labelled)
        bit_text_add(&t->text, " (%s)", label);
    for (int i = 0; i < t->top; i++)
        bit_text_add(&t->text, "%s %s %.2f %%", i ? "," : ":", t->trained->classes[t->class[i]], 100 * (double)t->probability[i]);
    bit_text_add(&t->text, "\n");
}

/* A bad image is an object, too: nothing that was asked for is missing in the array. */
static void tell_bad_json(struct telling *t)
{
    const struct bit_text *bad = bit_stream_bad(t->stream);
    for (const char *line = bad->data, *end; t->options->json && line && (end = strchr(line, '\n')); line = end + 1) {
        const char *path = strchr(line, '\t') + 1, *reason = strchr(path, '\t') + 1;
        char words[2][PATH_MAX + 512];
        snprintf(words[0], sizeof words[0], "%.*s", (int)(reason - 1 - path), path);
        snprintf(words[1], sizeof words[1], "%.*s", (int)(end - reason), reason);
        bit_text_add(&t->text, "%s\n{\"path\": ", t->told++ ? "," : "");
        bit_text_add_json(&t->text, words[0]);
        bit_text_add(&t->text, ", \"error\": ");
        bit_text_add_json(&t->text, words[1]);
        bit_text_add(&t->text, "}");
    }
}

static int tell_image(struct telling *t, uint64_t image, const float *outputs, struct bit_error *error)
{
    const int classes = (int)t->trained->network.classes;
    struct bit_text label = {0};
    char path[PATH_MAX];
    if (!t->labelled)
        snprintf(path, sizeof path, "%s", t->paths.item[image]);
    else if (bit_index_image_path(t->index, image, path, sizeof path, error))
        return -1;
    bit_text_add(&label, "%s", "");
    if (t->labelled)
        csv_label_names(&label, t->index, image);
    ranking_top(outputs, classes, t->trained->network.sigmoid, t->top, t->class, t->probability);
    if (t->options->json)
        tell_json(t, path, label.data, outputs);
    else if (t->options->csv)
        tell_csv(t, path, label.data, outputs);
    else
        tell_plainly(t, path, label.data);
    t->told++;
    bool failed = label.failed || t->text.failed;
    bit_text_free(&label);
    return failed ? bit_fail(error, BIT_EENVIRONMENT, "out of memory: what is to be printed") : 0;
}

static int tell_batch(void *context, const struct bit_extract *x, struct bit_error *error)
{
    struct telling *t = context;
    const size_t classes = t->trained->network.classes;
    tell_bad_json(t);
    t->bad += bit_extract_tell_bad(t->stream);
    for (int i = 0; i < x->batch->images; i++)
        if (tell_image(t, x->batch->samples[i], x->outputs + (size_t)i * classes, error))
            return -1;
    if (t->text.data)
        fputs(t->text.data, stdout);
    bit_text_free(&t->text);
    /* What reads the lines gets them as they come; one that has gone away ends the work. */
    return fflush(stdout) ? bit_fail_errno(error, BIT_EENVIRONMENT, "cannot write the output") : 0;
}

/* ---- the command ---- */

static int predict(struct telling *t, struct bit_error *error)
{
    struct bit_stream_options options = t->trained->stream;
    options.index = t->index;
    t->top = t->options->top < (int)t->trained->network.classes ? t->options->top : (int)t->trained->network.classes;
    t->stream = bit_stream_create(&options, error);
    if (!t->stream)
        return -1;
    tell_header(t);
    const struct bit_extraction extraction = {.model = t->trained->model, .stream = t->stream, .outputs = true};
    int result = bit_extract_all(&extraction, tell_batch, t, error);
    if (t->options->json)
        puts("\n]");
    bit_stream_destroy(t->stream);
    bit_text_free(&t->text);
    return result;
}

int bit_cli_predict(int argc, char **argv)
{
    struct options options = {.trained = CLI_TRAINED_NONE, .top = 5};
    struct bit_operands words;
    struct bit_error error = {0};
    struct trained trained = {0};
    struct telling telling = {.options = &options, .trained = &trained};
    int code;
    if (!bit_cli_parse(&bit_predict_usage, argc, argv, &options, &words, &code))
        return code;
    if (options.json && options.csv)
        return bit_cli_usage(&bit_predict_usage, "--json and --csv exclude each other");
    struct bit_index *index = find_images(&options, &words, &telling.paths, &telling.labelled, &error);
    telling.index = index;
    if (index && cli_trained_load(words.word[0], &options.trained, &trained, &error) == 0)
        predict(&telling, &error);
    trained_free(&trained);
    bit_index_close(index);
    free_paths(&telling.paths);
    if (error.code)
        return bit_cli_error(&error);
    if (telling.bad)
        fprintf(stderr, "bit: %llu of %llu images could not be used\n", (unsigned long long)telling.bad,
                (unsigned long long)(telling.bad + telling.told));
    return telling.bad ? BIT_EDATA : BIT_OK;
}
