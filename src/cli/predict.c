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
#include "cli/predict.h"

static const struct bit_option known[] = {
    {"--top", "K", "classes of each image, the most probable first (default 5); of a detection boxes (default: as its job says)", BIT_OPTION_INT, .at = offsetof(struct options, top), 1, PREDICT_TOP},
    {"--logits", NULL, "the network's output for each class, too", BIT_OPTION_FLAG, .at = offsetof(struct options, logits)},
    {"--csv", NULL, "comma-separated values with a header", BIT_OPTION_FLAG, .at = offsetof(struct options, csv)},
    {"--json", NULL, "an array with an object a line, bad images among them", BIT_OPTION_FLAG, .at = offsetof(struct options, json)},
    {"--page", "FILE", "of a detection: a web page with the boxes drawn on the pictures", BIT_OPTION_FILE, .at = offsetof(struct options, page)},
    {"--pictures", "N", "on that page: the first N (default 100)", BIT_OPTION_INT, .at = offsetof(struct options, pictures), 1, 10000},
    {"--score", "S", "of a detection: boxes with a lower score are left out (default: those up to detect.score of its\n"
     "job, 0.05; in plain lines up to 0.3)", BIT_OPTION_REAL,
     .at = offsetof(struct options, score), 0, 1},
    {"--list", "FILE", "images named by FILE, a path a line, too; - for standard input", BIT_OPTION_FILE, .at = offsetof(struct options, list)},
    CLI_TRAINED_ROWS,
};
const struct bit_usage bit_predict_usage = {
    "bit predict", "MODEL [IMAGE... | DATA]",
    "What MODEL takes each image for, or the boxes that it finds there. MODEL: a run's folder, a checkpoint, a .npz or .safetensors file. IMAGE: a file, or a folder with\n"
    "images in it. DATA: a folder of class folders, or a list as data.train of a job. Images are transformed as the network's\n"
    "evaluations did it. Those that cannot be used are named on standard error and skipped: exit code 65.",
    known, sizeof known / sizeof *known, .least = 1, .most = BIT_OPTION_VALUES};

/* ---- which images ---- */

static int add_path(struct predict_paths *p, const char *path, struct bit_error *error)
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

static void free_paths(struct predict_paths *p)
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
static int list_folder(const char *folder, struct predict_paths *p, bool *deeper, struct bit_error *error)
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
static int take_operand(const char *word, bool alone, struct predict_paths *p, bool *data, struct bit_error *error)
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

static int read_list(const char *path, struct predict_paths *p, struct bit_error *error)
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
static struct bit_index *find_images(const struct options *o, const struct bit_operands *words, struct predict_paths *p, bool *labelled,
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

static void tell_header(struct predict_telling *t)
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

static void tell_csv(struct predict_telling *t, const char *path, const char *label, const float *outputs)
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

static void tell_json(struct predict_telling *t, const char *path, const char *label, const float *outputs)
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

static void tell_plainly(struct predict_telling *t, const char *path, const char *label)
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

void predict_tell_bad(struct predict_telling *t)
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

int predict_path(const struct predict_telling *t, uint64_t image, char *path, struct bit_error *error)
{
    if (t->labelled)
        return bit_index_image_path(t->index, image, path, PATH_MAX, error);
    snprintf(path, PATH_MAX, "%s", t->paths.item[image]);
    return 0;
}

static int tell_image(struct predict_telling *t, uint64_t image, const float *outputs, struct bit_error *error)
{
    const int classes = (int)t->trained->network.classes;
    struct bit_text label = {0};
    char path[PATH_MAX];
    if (predict_path(t, image, path, error))
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
    struct predict_telling *t = context;
    const size_t classes = t->trained->network.classes;
    predict_tell_bad(t);
    t->bad += bit_extract_tell_bad(t->stream);
    for (int i = 0; i < x->batch->images; i++)
        if (tell_image(t, x->batch->samples[i], x->outputs + (size_t)i * classes, error))
            return -1;
    return predict_flush(t, error);
}

int predict_flush(struct predict_telling *t, struct bit_error *error)
{
    if (t->text.data)
        fputs(t->text.data, stdout);
    bit_text_free(&t->text);
    /* What reads the lines gets them as they come; one that has gone away ends the work. */
    return fflush(stdout) ? bit_fail_errno(error, BIT_EENVIRONMENT, "cannot write the output") : 0;
}

/* ---- the command ---- */

static int predict(struct predict_telling *t, struct bit_error *error)
{
    struct bit_stream_options options = t->trained->stream;
    options.index = t->index;
    const int top = t->options->top ? t->options->top : 5;
    t->top = top < (int)t->trained->network.classes ? top : (int)t->trained->network.classes;
    t->stream = bit_stream_create(&options, error);
    if (!t->stream)
        return -1;
    if (t->trained->detects) {
        int result = predict_boxes(t, error);
        bit_stream_destroy(t->stream);
        return result;
    }
    tell_header(t);
    const struct bit_extraction extraction = {.model = t->trained->model, .stream = t->stream, .outputs = true};
    int result = bit_extract_all(&extraction, tell_batch, t, error);
    if (t->options->json)
        puts("\n]");
    bit_stream_destroy(t->stream);
    bit_text_free(&t->text);
    return result;
}

/* Options of one kind of network beside the other kind. */
static int check_kind(const struct options *o, const struct trained *t, struct bit_error *error)
{
    if (t->detects && o->logits)
        return bit_fail(error, BIT_EUSAGE, "--logits is for networks that tell classes apart: %s detects boxes", t->name);
    if (!t->detects && (o->page || o->score >= 0))
        return bit_fail(error, BIT_EUSAGE, "%s is for networks that detect boxes: %s tells classes apart", o->page ? "--page" : "--score", t->name);
    return 0;
}

int bit_cli_predict(int argc, char **argv)
{
    struct options options = {.trained = CLI_TRAINED_NONE, .pictures = 100, .score = -1};
    struct bit_operands words;
    struct bit_error error = {0};
    struct trained trained = {0};
    struct predict_telling telling = {.options = &options, .trained = &trained};
    int code;
    if (!bit_cli_parse(&bit_predict_usage, argc, argv, &options, &words, &code))
        return code;
    if (options.json && options.csv)
        return bit_cli_usage(&bit_predict_usage, "--json and --csv exclude each other");
    options.trained.options.boxes = true;
    struct bit_index *index = find_images(&options, &words, &telling.paths, &telling.labelled, &error);
    telling.index = index;
    if (index && cli_trained_load(words.word[0], &options.trained, &trained, &error) == 0 && check_kind(&options, &trained, &error) == 0)
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
