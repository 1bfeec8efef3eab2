/* bit ckpt: look at checkpoints, bring weights in and out. */
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "bit/clock.h"
#include "bit/memory.h"
#include "bit/store_prune.h"
#include "bit/text.h"
#include "cli/ckpt.h"
#include "cli/cli.h"

struct options { bool json, standardized; const char *job, *classes; int keep; };

static const struct bit_option known[] = {
    {"--json", NULL, "the same as JSON", BIT_OPTION_FLAG, .at = offsetof(struct options, json)},
    {"--job", "FILE", "import: the job that the checkpoint is of, so that bitrun takes it; default: a job of defaults", BIT_OPTION_FILE,
     .at = offsetof(struct options, job)},
    {"--classes", "FILE", "import: names of the classes, one a line; default: those of the training images of --job, if they are there",
     BIT_OPTION_FILE, .at = offsetof(struct options, classes)},
    {"--keep", "N", "prune: so many of the newest good ones stay (default 1)", BIT_OPTION_INT, .at = offsetof(struct options, keep), 1, 1000000},
    {"--standardized", NULL, "export: kernels as they are after weight standardisation, for readers with another epsilon", BIT_OPTION_FLAG,
     .at = offsetof(struct options, standardized)},
};
const struct bit_usage bit_ckpt_usage = {
    "bit ckpt", "ls|verify|hash|show|prune DIR | import FILE DIR | export DIR FILE",
    "DIR is the folder of a run, its checkpoints folder, or one checkpoint.\n"
    "ls      lists the checkpoints, oldest first; states are judged by manifest and file sizes\n"
    "verify  reads everything and checks every checksum; exit code 65 when something is damaged\n"
    "hash    prints the hashes of weights and momentum of the newest whole checkpoint, computed from its contents:\n"
    "        equal models have equal hashes, on however many ranks they were trained\n"
    "show    prints what the newest whole checkpoint holds: names, shapes, least, greatest, norm of each parameter\n"
    "prune   removes the checkpoints of a run that is over which are older than its newest good ones (--keep), after reading them all\n"
    "import  makes a checkpoint of step 0 in DIR from a published .npz or a .safetensors; depth and width come from its shapes\n"
    "export  writes the newest whole checkpoint as FILE.npz, FILE.safetensors (timm's names), FILE.onnx, or as FOLDER/ for timm",
    known, sizeof known / sizeof *known, .least = 2, .most = 3};

/* "3 min", "2 h", "5 d" since the stamp. */
static void age_text(const char *stamp, char *buffer, size_t size)
{
    struct tm parts = {0};
    const char *end = strptime(stamp, "%Y-%m-%dT%H:%M:%SZ", &parts);
    double seconds = end && !*end ? difftime(time(NULL), timegm(&parts)) : -1;
    if (seconds < 0)
        snprintf(buffer, size, "?");
    else if (seconds < 120)
        snprintf(buffer, size, "%.0f s", seconds);
    else if (seconds < 7200)
        snprintf(buffer, size, "%.0f min", seconds / 60);
    else if (seconds < 172800)
        snprintf(buffer, size, "%.0f h", seconds / 3600);
    else
        snprintf(buffer, size, "%.0f d", seconds / 86400);
}

static void print_json(const struct bit_generation *list, size_t count)
{
    struct bit_text text = {0};
    bit_text_add(&text, "[");
    for (size_t i = 0; i < count; i++) {
        bit_text_add(&text, "%s\n  {\"name\": ", i ? "," : "");
        bit_text_add_json(&text, list[i].name);
        bit_text_add(&text, ", \"step\": %llu, \"epoch\": %.17g, \"ranks\": %d, \"bytes\": %llu, \"time\": ",
                     (unsigned long long)list[i].step, list[i].epoch, list[i].shards, (unsigned long long)list[i].bytes);
        bit_text_add_json(&text, list[i].stamp);
        bit_text_add(&text, ", \"whole\": %s, \"reason\": ", list[i].whole ? "true" : "false");
        bit_text_add_json(&text, list[i].reason);
        bit_text_add(&text, "}");
    }
    bit_text_add(&text, "\n]\n");
    fputs(text.data ? text.data : "", stdout);
    bit_text_free(&text);
}

static void print_list(const struct bit_generation *list, size_t count)
{
    printf("%12s %9s %6s %9s %8s  %s\n", "STEP", "EPOCH", "RANKS", "SIZE", "AGE", "STATE");
    for (size_t i = 0; i < count; i++) {
        char size[32] = "?", age[32] = "?";
        if (list[i].bytes) {
            bit_text_bytes((double)list[i].bytes, size, sizeof size);
            age_text(list[i].stamp, age, sizeof age);
        }
        printf("%12llu %9.2f %6d %9s %8s  ", (unsigned long long)list[i].step, list[i].epoch, list[i].shards, size, age);
        if (list[i].whole)
            puts("whole");
        else if (!strncmp(list[i].reason, "set aside", 9))
            printf("%s (%s)\n", list[i].reason, list[i].name);
        else
            printf("damaged: %s\n", list[i].reason);
    }
}

static int list_or_verify(const char *folder, bool deep, bool json)
{
    struct bit_error error = {0};
    struct bit_generation *list;
    size_t count, whole = 0, damaged = 0;
    if (bit_store_list(folder, deep, &list, &count, &error))
        return bit_cli_error(&error);
    if (!count && !json) {
        bit_free(list);
        bit_fail(&error, BIT_ENOINPUT, "%s holds no checkpoint", folder);
        return bit_cli_error(&error);
    }
    for (size_t i = 0; i < count; i++) {
        whole += list[i].whole;
        damaged += !list[i].whole && strncmp(list[i].reason, "set aside", 9) != 0;
    }
    if (json)
        print_json(list, count);
    else
        print_list(list, count);
    bit_free(list);
    if (!deep)
        return BIT_OK;
    if (damaged || (count && !whole)) {
        fprintf(stderr, "bit: %s: %zu damaged, %zu whole\n", folder, damaged, whole);
        return BIT_EDATA;
    }
    return BIT_OK;
}

struct bit_reader *ckpt_open_newest(const char *folder, bool weights_only, struct ckpt_blocks *blocks, struct bit_error *error)
{
    struct bit_generation *list;
    size_t count;
    struct bit_reader *found = NULL;
    char path[4096];
    if (bit_store_list(folder, false, &list, &count, error))
        return NULL;
    for (size_t i = count; i-- > 0 && !found && !error->code;) {
        struct bit_error why = {0};
        if (!strncmp(list[i].reason, "set aside", 9) || bit_store_path(folder, list[i].name, path, sizeof path, error))
            continue;
        found = bit_reader_open(path, &why);
        if (found && ckpt_blocks_load(found, weights_only, blocks, &why)) {
            bit_reader_close(found);
            found = NULL;
        }
        if (why.code == BIT_EDATA)
            fprintf(stderr, "bit: warning: %s is damaged: %s\n", list[i].name, why.text);
        else if (why.code)
            *error = why;
    }
    bit_free(list);
    if (!found)
        bit_fail(error, count ? BIT_EDATA : BIT_ENOINPUT, "%s holds no %scheckpoint", folder, count ? "whole " : "");
    return found;
}

int ckpt_blocks_load(struct bit_reader *reader, bool weights_only, struct ckpt_blocks *b, struct bit_error *error)
{
    const struct bit_table *table = bit_reader_table(reader), *statistics = bit_reader_statistics_table(reader);
    *b = (struct ckpt_blocks){0};
    b->weights = bit_allocate(table->elements, sizeof *b->weights, "weights", error);
    if (b->weights && !weights_only && bit_reader_has_momentum(reader))
        b->momentum = bit_allocate(table->elements, sizeof *b->momentum, "momentum", error);
    if (b->weights && !weights_only && statistics)
        b->statistics = bit_allocate(statistics->elements, sizeof *b->statistics, "statistics", error);
    if (error->code || bit_reader_load(reader, b->weights, b->momentum, b->statistics, error)) {
        ckpt_blocks_free(b);
        return -1;
    }
    return 0;
}

void ckpt_blocks_free(struct ckpt_blocks *b)
{
    bit_free(b->weights);
    bit_free(b->momentum);
    bit_free(b->statistics);
    *b = (struct ckpt_blocks){0};
}

/* The hashes that load compared with the manifest's: those of the contents. */
static int hash(const char *folder, bool json)
{
    struct bit_error error = {0};
    struct ckpt_blocks blocks;
    struct bit_reader *reader = ckpt_open_newest(folder, false, &blocks, &error);
    if (!reader)
        return bit_cli_error(&error);
    const struct bit_checkpoint *c = bit_reader_checkpoint(reader);
    char weights[BIT_HASH_TEXT], momentum[BIT_HASH_TEXT] = "none", statistics[BIT_HASH_TEXT] = "none";
    bit_hash_text(c->weights_hash, weights);
    if (blocks.momentum)
        bit_hash_text(c->momentum_hash, momentum);
    if (blocks.statistics)
        bit_hash_text(c->statistics_hash, statistics);
    if (json)
        printf("{\"step\": %llu, \"weights\": \"%s\", \"momentum\": \"%s\", \"statistics\": \"%s\"}\n",
               (unsigned long long)c->step, weights, momentum, statistics);
    else
        printf("weights %s\nmomentum %s\n", weights, momentum);
    if (!json && blocks.statistics)
        printf("statistics %s\n", statistics);
    ckpt_blocks_free(&blocks);
    bit_reader_close(reader);
    return BIT_OK;
}

static int show(const char *folder, bool json)
{
    struct bit_error error = {0};
    struct ckpt_blocks blocks;
    struct bit_reader *reader = ckpt_open_newest(folder, false, &blocks, &error);
    if (!reader)
        return bit_cli_error(&error);
    if (json)
        ckpt_show_json(reader, &blocks);
    else
        ckpt_show(reader, &blocks);
    ckpt_blocks_free(&blocks);
    bit_reader_close(reader);
    return BIT_OK;
}

static int prune(const char *folder, int keep)
{
    struct bit_error error = {0};
    struct bit_store_pruned pruned;
    char size[32];
    if (bit_store_prune(folder, keep, &pruned, &error))
        return bit_cli_error(&error);
    bit_text_bytes((double)pruned.bytes, size, sizeof size);
    printf("pruned: %d removed, %d kept (%s)\n", pruned.removed, pruned.kept, size);
    return BIT_OK;
}

int bit_cli_ckpt(int argc, char **argv)
{
    enum { LS, VERIFY, HASH, SHOW, PRUNE, IMPORT, EXPORT, ACTIONS };
    static const char *const names[ACTIONS] = {"ls", "verify", "hash", "show", "prune", "import", "export"};
    struct options options = {.keep = 1};
    struct bit_operands operands;
    int code, which = 0;
    if (!bit_cli_parse(&bit_ckpt_usage, argc, argv, &options, &operands, &code))
        return code;
    const char *action = operands.word[0], *folder = operands.word[1], *second = operands.count > 2 ? operands.word[2] : NULL;
    while (which < ACTIONS && strcmp(action, names[which]))
        which++;
    if (which < ACTIONS && (second != NULL) != (which == IMPORT || which == EXPORT))
        return bit_cli_usage(&bit_ckpt_usage, "%s takes %s", action, which == IMPORT ? "FILE and DIR" : which == EXPORT ? "DIR and FILE" : "DIR alone");
    switch (which) {
    case LS:
    case VERIFY: return list_or_verify(folder, which == VERIFY, options.json);
    case HASH: return hash(folder, options.json);
    case SHOW: return show(folder, options.json);
    case PRUNE: return prune(folder, options.keep);
    case IMPORT: return ckpt_import(&(struct ckpt_import_options){folder, options.job, options.classes}, second);
    case EXPORT: return ckpt_export(folder, second, options.standardized);
    }
    const char *near = bit_text_nearest(action, names, ACTIONS);
    return bit_cli_usage(&bit_ckpt_usage, "unknown action '%s'%s%s%s", action, near ? "; did you mean " : "", near ? near : "", near ? "?" : "");
}
