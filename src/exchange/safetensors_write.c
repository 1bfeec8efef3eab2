/* safetensors with timm's names, and the folder that timm's create_model("local-dir:FOLDER") loads. */
#include <string.h>
#include <sys/stat.h>
#include <errno.h>
#include <unistd.h>

#include "bit/file.h"
#include "bit/memory.h"
#include "bit/text.h"
#include "exchange/write.h"

static int make_header(const struct bit_weights_export *e, struct bit_text *t, struct bit_error *error)
{
    static const int turned[] = {3, 2, 0, 1};
    uint64_t at = 0;
    bit_text_add(t, "{\"__metadata__\":{\"format\":\"pt\",\"origin\":");
    bit_text_add_json(t, e->origin ? e->origin : "{}");
    bit_text_add(t, "}");
    for (size_t i = 0; i < e->table->count; i++) {
        const struct bit_parameter *p = &e->table->items[i];
        struct names_place place;
        char name[BIT_PARAMETER_NAME];
        if (export_place(e, i, &place, error))
            return -1;
        names_timm(&place, name);
        bit_text_add(t, ",\"%s\":{\"dtype\":\"F32\",\"shape\":[", name);
        for (int d = 0; d < p->dimensions; d++)
            bit_text_add(t, "%s%zu", d ? "," : "", p->shape[p->dimensions == 4 ? turned[d] : d]);
        bit_text_add(t, "],\"data_offsets\":[%llu,", (unsigned long long)at);
        at += p->count * sizeof(float);
        bit_text_add(t, "%llu]}", (unsigned long long)at);
    }
    bit_text_add(t, "}");
    while (!t->failed && t->size % 8)
        bit_text_add(t, " ");
    return t->failed ? bit_fail(error, BIT_EENVIRONMENT, "out of memory: a safetensors header") : 0;
}

int safetensors_write(const struct bit_weights_export *e, struct output *o, struct bit_error *error)
{
    struct bit_text header = {0};
    int result = make_header(e, &header, error);
    unsigned char lead[8];
    for (int i = 0; i < 8; i++)
        lead[i] = (unsigned char)((uint64_t)header.size >> 8 * i);
    if (!result)
        result = output_write(o, lead, 8, error) || output_write(o, header.data, header.size, error) ? -1 : 0;
    for (size_t i = 0; i < e->table->count && !result; i++) {
        struct view view;
        result = view_make(&view, e, i, LAYOUT_OIHW, e->standardized, error);
        if (!result)
            result = output_write(o, view.values, e->table->items[i].count * sizeof(float), error);
        bit_free(view.own);
    }
    bit_text_free(&header);
    return result;
}

int bit_weights_write_safetensors(const struct bit_weights_export *e, const char *path, struct bit_error *error)
{
    struct output o;
    if (export_check(e, path, error) || output_name(&o, path, error))
        return -1;
    int result = output_open(&o, path, error) || safetensors_write(e, &o, error) || output_commit(&o, error) ? -1 : 0;
    if (result)
        output_abandon(&o);
    return result;
}

/* ---- timm's folder ---- */

bool bit_weights_timm_knows(int depth, int width)
{
    static const int known[][2] = {{50, 1}, {50, 3}, {101, 1}, {101, 3}, {152, 2}, {152, 4}};
    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        if (known[i][0] == depth && known[i][1] == width)
            return true;
    return false;
}

static size_t bias_count(const struct bit_weights_export *e)
{
    int i = bit_table_find(e->table, "resnet/head/conv2d/bias");
    return i < 0 ? 0 : e->table->items[i].count;
}

static void add_labels(const struct bit_weights_export *e, struct bit_text *t)
{
    char name[4096];
    const char *comma = "";
    bit_text_add(t, ",\n  \"label_names\": [");
    for (const char *at = e->classes, *end; (end = strchr(at, '\n')); at = end + 1, comma = ", ") {
        snprintf(name, sizeof name, "%.*s", (int)(end - at), at);
        bit_text_add(t, "%s", comma);
        bit_text_add_json(t, name);
    }
    bit_text_add(t, "]");
}

static void make_config(const struct bit_weights_export *e, struct bit_text *t)
{
    const size_t classes = bias_count(e);
    const int size = e->image_size, pool = (size + 31) / 32;
    bit_text_add(t, "{\n  \"architecture\": \"resnetv2_%dx%d_bit\",\n  \"num_classes\": %zu,\n  \"num_features\": %d", e->depth, e->width,
                 classes, 512 * 4 * e->width);
    if (*e->classes)
        add_labels(e, t);
    bit_text_add(t, ",\n  \"pretrained_cfg\": {\n    \"num_classes\": %zu,\n    \"input_size\": [3, %d, %d],\n    \"fixed_input_size\": "
                 "false,\n    \"pool_size\": [%d, %d],\n    \"crop_pct\": %.9g,\n    \"crop_mode\": \"center\",\n    \"interpolation\": "
                 "\"bilinear\",\n    \"mean\": [0.5, 0.5, 0.5],\n    \"std\": [0.5, 0.5, 0.5],\n    \"first_conv\": \"stem.conv\",\n    "
                 "\"classifier\": \"head.fc\"\n  }\n}\n", classes, size, size, pool, pool, (double)size / e->image_resize);
}

static int write_part(const char *folder, const char *name, const char *data, size_t size, struct bit_error *error)
{
    char path[PATH_MAX];
    return bit_path_join(path, sizeof path, folder, name, error) || bit_file_write(path, data, size, error) ? -1 : 0;
}

static int fill_folder(const struct bit_weights_export *e, const char *folder, struct bit_error *error)
{
    struct bit_text config = {0};
    char path[PATH_MAX];
    make_config(e, &config);
    int result = config.failed ? bit_fail(error, BIT_EENVIRONMENT, "out of memory: config.json")
                 : bit_path_join(path, sizeof path, folder, "model.safetensors", error) ||
                   bit_weights_write_safetensors(e, path, error) ||
                   (*e->classes && write_part(folder, "classes.txt", e->classes, strlen(e->classes), error)) ||
                   (e->origin && write_part(folder, "origin.json", e->origin, strlen(e->origin), error)) ||
                   write_part(folder, "config.json", config.data, config.size, error) ? -1 : 0;
    bit_text_free(&config);
    return result;
}

int bit_weights_write_timm(const struct bit_weights_export *e, const char *path, struct bit_error *error)
{
    struct output o; /* names only */
    char plain[PATH_MAX];
    size_t length = strlen(path);
    while (length > 1 && path[length - 1] == '/')
        length--;
    snprintf(plain, sizeof plain, "%.*s", (int)(length < sizeof plain ? length : sizeof plain - 1), path);
    if (export_check(e, path, error) || output_name(&o, plain, error))
        return -1;
    if (mkdir(o.temporary, 0777))
        return bit_fail_errno(error, BIT_EENVIRONMENT, "cannot create the folder %s", o.temporary);
    if (fill_folder(e, o.temporary, error) == 0 && output_commit(&o, error) == 0)
        return 0;
    bit_folder_remove(o.temporary, NULL);
    return -1;
}
