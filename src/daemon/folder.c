/* What a job's folder holds besides curves: the schedule of its job, its checkpoints, the pictures that it could not use. */
#include <cjson/cJSON.h>
#include <dirent.h>
#include <fcntl.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "bit/file.h"
#include "bit/json.h"
#include "bit/memory.h"
#include "bit/record.h"
#include "daemon/api.h"

enum { JOB_BYTES = 1 << 20, GENERATIONS = 200, BAD_PICTURES = 200, NUMBER = 17 };

/* ---- the schedule ---- */

static void add_numbers(struct bit_text *t, const cJSON *schedule, const char *key)
{
    const cJSON *list = cJSON_GetObjectItemCaseSensitive(schedule, key), *item;
    const char *comma = "";
    bit_text_add(t, ",\"%s\":[", key);
    cJSON_ArrayForEach(item, list)
    {
        bit_text_add(t, "%s", comma);
        bit_json_add_number(t, cJSON_IsNumber(item) ? item->valuedouble : NAN, NUMBER);
        comma = ",";
    }
    bit_text_add(t, "]");
}

static void add_schedule(struct bit_text *t, const char *out)
{
    struct bit_error error = {0};
    char path[PATH_MAX];
    cJSON *job = bit_path_join(path, sizeof path, out, BIT_RECORD_JOB, &error) ? NULL : bit_json_read(path, JOB_BYTES, &error);
    const cJSON *schedule = cJSON_GetObjectItemCaseSensitive(job, "schedule");
    if (cJSON_IsObject(schedule)) {
        bit_text_add(t, "{\"batch\":");
        bit_json_add_number(t, bit_json_number(schedule, "batch", NAN), NUMBER);
        bit_json_add_member(t, "warmup_steps", bit_json_number(schedule, "warmup_steps", NAN), NUMBER);
        add_numbers(t, schedule, "decay_steps");
        add_numbers(t, schedule, "decay_epochs");
        bit_text_add(t, "}");
    } else {
        bit_text_add(t, "null");
    }
    cJSON_Delete(job);
}

/* ---- checkpoints ---- */

struct generation { uint64_t step; char name[64]; const char *reason; };

/* step-N, step-N.bad, step-N.superseded, step-N.kept; false: another's name. */
static bool read_name(const char *name, struct generation *g)
{
    static const char *const endings[][2] = {{"", ""}, {".bad", "damaged, set aside"}, {".superseded", "came after a checkpoint that was rolled back to"},
                                             {".kept", "holds files of somebody else"}};
    char *end;
    if (strncmp(name, "step-", 5) != 0 || name[5] < '0' || name[5] > '9' || strlen(name) >= sizeof g->name)
        return false;
    g->step = strtoull(name + 5, &end, 10);
    strcpy(g->name, name);
    for (size_t i = 0; i < sizeof endings / sizeof *endings; i++)
        if (strcmp(end, endings[i][0]) == 0 || (i && strncmp(end, endings[i][0], strlen(endings[i][0])) == 0)) {
            g->reason = endings[i][1];
            return true;
        }
    return false;
}

static int compare_steps(const void *a, const void *b)
{
    const struct generation *p = a, *q = b;
    return p->step == q->step ? strcmp(p->name, q->name) : p->step < q->step ? -1 : 1;
}

/* Sizes are looked at, not contents: bit ckpt verify does that. */
static void add_generation(struct bit_text *t, int checkpoints, const struct generation *g)
{
    struct stat status;
    uint64_t bytes = 0;
    int shards = 0, folder = openat(checkpoints, g->name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    double written = NAN;
    DIR *list = folder < 0 ? NULL : fdopendir(folder);
    for (struct dirent *entry; list && (entry = readdir(list));) {
        if (fstatat(dirfd(list), entry->d_name, &status, AT_SYMLINK_NOFOLLOW) || !S_ISREG(status.st_mode))
            continue;
        bytes += (uint64_t)status.st_size;
        shards += strncmp(entry->d_name, "shard-", 6) == 0;
        if (strcmp(entry->d_name, "manifest.json") == 0)
            written = (double)status.st_mtim.tv_sec + 1e-9 * (double)status.st_mtim.tv_nsec;
    }
    if (list)
        closedir(list);
    else if (folder >= 0)
        close(folder);
    const char *reason = *g->reason || !isnan(written) ? g->reason : "has no manifest";
    bit_text_add(t, "{\"step\":%llu,\"shards\":%d,\"bytes\":%llu", (unsigned long long)g->step, shards, (unsigned long long)bytes);
    bit_json_add_member(t, "written", written, NUMBER);
    bit_text_add(t, ",\"whole\":%s,\"reason\":\"%s\"}", *reason ? "false" : "true", reason);
}

static void add_generations(struct bit_text *t, const char *out)
{
    struct generation list[GENERATIONS];
    struct bit_error error = {0};
    char path[PATH_MAX];
    int count = 0;
    DIR *folder = bit_path_join(path, sizeof path, out, BIT_RECORD_CHECKPOINTS, &error) ? NULL : opendir(path);
    for (struct dirent *entry; folder && count < GENERATIONS && (entry = readdir(folder));)
        count += read_name(entry->d_name, &list[count]);
    qsort(list, (size_t)count, sizeof *list, compare_steps);
    for (int i = 0; i < count; i++) {
        bit_text_add(t, i ? "," : "");
        add_generation(t, dirfd(folder), &list[i]);
    }
    if (folder)
        closedir(folder);
}

/* ---- bad pictures ---- */

/* A line "EPOCH TAB PATH TAB REASON", without its end; false when it is not one. */
static bool add_picture(struct bit_text *t, char *line, int number)
{
    char *path = strchr(line, '\t'), *reason = path ? strchr(path + 1, '\t') : NULL;
    if (!reason)
        return false;
    *path++ = *reason++ = 0;
    bit_text_add(t, "%s{\"number\":%d,\"epoch\":", number == 1 ? "" : ",", number);
    bit_text_add_json(t, line);
    bit_text_add(t, ",\"path\":");
    bit_text_add_json(t, path);
    bit_text_add(t, ",\"reason\":");
    bit_text_add_json(t, reason);
    bit_text_add(t, "}");
    return true;
}

/* The first ones are listed, all are counted. */
static int add_pictures(struct bit_text *t, const char *out)
{
    struct bit_error error = {0};
    char path[PATH_MAX], *line = NULL;
    size_t capacity = 0;
    int count = 0;
    FILE *file = bit_path_join(path, sizeof path, out, BIT_RECORD_QUARANTINE, &error) ? NULL : fopen(path, "re");
    for (ssize_t size; file && (size = getline(&line, &capacity, file)) > 0;) {
        if (line[size - 1] != '\n')
            break;
        line[size - 1] = 0;
        count += count >= BAD_PICTURES || add_picture(t, line, count + 1);
    }
    free(line);
    if (file)
        fclose(file);
    return count;
}

void api_folder(struct request *r, const char *out)
{
    bit_text_add(&r->text, "{\"schedule\":");
    add_schedule(&r->text, out);
    bit_text_add(&r->text, ",\"generations\":[");
    add_generations(&r->text, out);
    bit_text_add(&r->text, "],\"quarantine\":[");
    int count = add_pictures(&r->text, out);
    bit_text_add(&r->text, "],\"quarantined\":%d}\n", count);
}
