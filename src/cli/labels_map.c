/* Label files of ReaL and ObjectNet, and maps of folders to classes. */
#include <cjson/cJSON.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bit/file.h"
#include "bit/json.h"
#include "bit/memory.h"
#include "cli/labels.h"

enum { FILE_MOST = 256 << 20, LINES_MOST = 1 << 16 };

int label_set_add(struct label_set *set, int output, struct bit_error *error)
{
    for (int i = 0; i < set->count; i++)
        if (set->outputs[i] == output)
            return 0;
    int32_t *outputs = bit_allocate((size_t)set->count + 1, sizeof *outputs, "labels", error);
    if (!outputs)
        return -1;
    if (set->count)
        memcpy(outputs, set->outputs, (size_t)set->count * sizeof *outputs);
    bit_free(set->outputs);
    set->outputs = outputs;
    set->outputs[set->count++] = output;
    return 0;
}

void label_sets_free(struct label_set *sets, uint64_t count)
{
    for (uint64_t i = 0; sets && i < count; i++)
        bit_free(sets[i].outputs);
    bit_free(sets);
}

/* A number of an output, or -1. */
static int output_of(const cJSON *json, const struct label_classes *classes)
{
    uint64_t number;
    if (bit_json_is_whole(json, INT_MAX, &number))
        return (int)number < classes->count ? (int)number : -1;
    for (int k = 0; cJSON_IsString(json) && k < classes->count; k++)
        if (!strcmp(json->valuestring, classes->names[k]))
            return k;
    return -1;
}

static int add_output(const cJSON *json, const struct label_classes *classes, struct label_set *set, struct bit_error *error)
{
    int output = output_of(json, classes);
    if (output < 0 && cJSON_IsString(json))
        return bit_fail(error, BIT_EDATA, "\"%.100s\" is none of the %d classes", json->valuestring, classes->count);
    if (output < 0)
        return bit_fail(error, BIT_EDATA, "expected names of classes, or numbers from 0 to %d", classes->count - 1);
    return label_set_add(set, output, error);
}

/* One value or a list of them. */
static int add_outputs(const cJSON *json, const struct label_classes *classes, struct label_set *set, struct bit_error *error)
{
    const cJSON *item;
    if (!cJSON_IsArray(json))
        return add_output(json, classes, set, error);
    cJSON_ArrayForEach(item, json)
        if (add_output(item, classes, set, error))
            return -1;
    return 0;
}

/* ---- a map ---- */

int label_map_read(const char *path, const struct label_classes *classes, char *const *folders, int count, struct label_set *sets,
                   struct bit_error *error)
{
    cJSON *json = bit_json_read(path, FILE_MOST, error);
    int result = json ? 0 : -1;
    if (json && !cJSON_IsObject(json))
        result = bit_fail(error, BIT_EDATA, "%s: expected an object {\"FOLDER\": [\"class\", ...], ...}", path);
    for (int i = 0; i < count && !result; i++) {
        const cJSON *item = cJSON_GetObjectItemCaseSensitive(json, folders[i]);
        if (item && add_outputs(item, classes, &sets[i], error))
            result = bit_fail_at(error, "%s: \"%s\"", path, folders[i]);
    }
    cJSON_Delete(json);
    return result;
}

/* ---- ReaL ---- */

int label_real_read(const char *path, const struct label_classes *classes, struct label_set **sets, uint64_t *count, struct bit_error *error)
{
    cJSON *json = bit_json_read(path, FILE_MOST, error);
    const cJSON *item;
    int result = json ? 0 : -1;
    *sets = NULL;
    *count = 0;
    if (json && !cJSON_IsArray(json))
        result = bit_fail(error, BIT_EDATA, "%s: expected a list of lists, one an image", path);
    if (!result && !(*sets = bit_allocate((size_t)cJSON_GetArraySize(json) + 1, sizeof **sets, "labels", error)))
        result = -1;
    cJSON_ArrayForEach(item, json)
    {
        if (result)
            break;
        if (!cJSON_IsArray(item))
            result = bit_fail(error, BIT_EDATA, "expected a list");
        else
            result = add_outputs(item, classes, &(*sets)[*count], error);
        ++*count;
        if (result)
            bit_fail_at(error, "%s: list %llu", path, (unsigned long long)*count);
    }
    cJSON_Delete(json);
    return result;
}

/* ---- ObjectNet ---- */

/* The mapping files: `lines` are the texts of imagenet_to_label_2012_v2. */
struct objectnet { cJSON *folders, *classes, *outputs; char *text, **lines; int line_count; };

static cJSON *read_object(const char *folder, const char *name, struct bit_error *error)
{
    char path[PATH_MAX];
    cJSON *json = bit_path_join(path, sizeof path, folder, name, error) ? NULL : bit_json_read(path, FILE_MOST, error);
    if (json && !cJSON_IsObject(json)) {
        bit_fail(error, BIT_EDATA, "%s: expected an object", path);
        cJSON_Delete(json);
        return NULL;
    }
    return json;
}

static int read_lines(struct objectnet *o, const char *folder, struct bit_error *error)
{
    char path[PATH_MAX], *rest = NULL;
    size_t size;
    if (bit_path_join(path, sizeof path, folder, "imagenet_to_label_2012_v2", error) || bit_file_read(path, FILE_MOST, &o->text, &size, error) ||
        !(o->lines = bit_allocate(LINES_MOST, sizeof *o->lines, "class names", error)))
        return -1;
    for (char *line = strtok_r(o->text, "\n", &rest); line && o->line_count < LINES_MOST; line = strtok_r(NULL, "\n", &rest)) {
        size_t length = strlen(line);
        while (length && strchr(" \r", line[length - 1]))
            line[--length] = 0;
        o->lines[o->line_count++] = line;
    }
    return 0;
}

static int objectnet_open(struct objectnet *o, const char *folder, struct bit_error *error)
{
    *o = (struct objectnet){0};
    return (o->folders = read_object(folder, "folder_to_objectnet_label.json", error)) &&
           (o->classes = read_object(folder, "objectnet_to_imagenet_1k.json", error)) &&
           (o->outputs = read_object(folder, "pytorch_to_imagenet_2012_id.json", error)) && read_lines(o, folder, error) == 0 ? 0 : -1;
}

static void objectnet_close(struct objectnet *o)
{
    cJSON_Delete(o->folders);
    cJSON_Delete(o->classes);
    cJSON_Delete(o->outputs);
    bit_free(o->text);
    bit_free(o->lines);
}

/* The output whose entry in the map of outputs is the number of the line `name`; -1: none. */
static int objectnet_output(const struct objectnet *o, const char *name)
{
    const cJSON *item;
    for (int i = 0; i < o->line_count; i++)
        if (!strcmp(o->lines[i], name))
            cJSON_ArrayForEach(item, o->outputs)
                if (cJSON_IsNumber(item) && item->valueint == i)
                    return atoi(item->string);
    return -1;
}

/* "analog clock; digital clock". */
static int add_names(const struct objectnet *o, const char *names, const struct label_classes *classes, struct label_set *set,
                     struct bit_error *error)
{
    char *copy = bit_copy_text(names, error), *rest = NULL;
    int result = copy ? 0 : -1;
    for (char *name = copy ? strtok_r(copy, ";", &rest) : NULL; name && !result; name = strtok_r(NULL, ";", &rest)) {
        name += strspn(name, " ");
        int output = objectnet_output(o, name);
        if (output < 0 || output >= classes->count)
            result = bit_fail(error, BIT_EDATA, "\"%.200s\" leads to none of the %d classes", name, classes->count);
        else
            result = label_set_add(set, output, error);
    }
    bit_free(copy);
    return result;
}

int label_objectnet_read(const char *path, const struct label_classes *classes, char *const *folders, int count, struct label_set *sets,
                         struct bit_error *error)
{
    struct objectnet o;
    int result = objectnet_open(&o, path, error);
    for (int i = 0; i < count && !result; i++) {
        const char *class = bit_json_string(o.folders, folders[i], NULL);
        const char *names = class ? bit_json_string(o.classes, class, NULL) : NULL;
        if (names && add_names(&o, names, classes, &sets[i], error))
            result = bit_fail_at(error, "%s: %s (%s)", path, folders[i], class);
    }
    objectnet_close(&o);
    return result;
}
