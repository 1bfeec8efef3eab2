/* bit ckpt export: the newest whole generation as others read it. */
#include <cjson/cJSON.h>
#include <stdio.h>
#include <string.h>

#include "bit/exchange.h"
#include "bit/json.h"
#include "bit/model.h"
#include "bit/text.h"
#include "cli/ckpt.h"
#include "cli/cli.h"

enum format { FORMAT_NPZ, FORMAT_SAFETENSORS, FORMAT_ONNX, FORMAT_FOLDER, FORMAT_UNKNOWN };

static enum format format_of(const char *target)
{
    static const char *const endings[] = {".npz", ".safetensors", ".onnx", "/"};
    const size_t length = strlen(target);
    for (int i = 0; i < FORMAT_UNKNOWN; i++)
        if (length > strlen(endings[i]) && !strcmp(target + length - strlen(endings[i]), endings[i]))
            return (enum format)i;
    return FORMAT_UNKNOWN;
}

static void describe_network(const cJSON *model, struct bit_weights_export *e, struct bit_error *error)
{
    const cJSON *network = cJSON_GetObjectItemCaseSensitive(model, "model"), *data = cJSON_GetObjectItemCaseSensitive(model, "data");
    e->depth = (int)bit_json_whole(network, "depth", 0);
    e->width = (int)bit_json_whole(network, "width", 0);
    e->units = bit_model_units(e->depth);
    e->weight_standardization = cJSON_IsTrue(cJSON_GetObjectItemCaseSensitive(network, "weight_standardization"));
    e->image_size = (int)bit_json_whole(data, "size", 224);
    const char *norm = bit_json_string(network, "norm", "");
    if (!e->units || e->width < 1)
        bit_fail(error, BIT_EDATA, "the checkpoint does not say depth and width of its network");
    else if (strcmp(norm, "group"))
        bit_fail(error, BIT_EUSAGE, "a network with %s norm: readers of these formats compute group norm", norm);
}

/* 0 or absent: 8/7 of the size, as a run does it. */
static void describe_pictures(const cJSON *job, struct bit_weights_export *e)
{
    const cJSON *data = cJSON_GetObjectItemCaseSensitive(job, "data");
    e->image_resize = (int)bit_json_whole(data, "resize", 0);
    if (e->image_resize < e->image_size)
        e->image_resize = (e->image_size * 8 + 3) / 7;
}

static int describe(const struct bit_reader *reader, struct bit_weights_export *e, struct bit_text *origin, struct bit_error *error)
{
    const struct bit_checkpoint *c = bit_reader_checkpoint(reader);
    char hash[BIT_HASH_TEXT];
    cJSON *model = bit_json_parse(c->model, strlen(c->model), error), *job = bit_json_parse(c->job, strlen(c->job), error);
    if (model && job) {
        describe_network(model, e, error);
        describe_pictures(job, e);
    }
    cJSON_Delete(job);
    cJSON_Delete(model);
    bit_hash_text(c->weights_hash, hash);
    bit_text_add(origin, "{\"producer\": \"%s\", \"step\": %llu, \"epoch\": %.9g, \"weights\": \"%s\", \"standardized\": %s, \"network\": %s}\n",
                 PACKAGE_STRING, (unsigned long long)c->step, c->epoch, hash, e->standardized ? "true" : "false", c->model);
    if (origin->failed)
        bit_fail(error, BIT_EENVIRONMENT, "out of memory: an export's origin");
    e->origin = origin->data;
    e->classes = c->classes;
    return error->code ? -1 : 0;
}

static int write_as(enum format format, const struct bit_weights_export *e, const char *target, struct bit_error *error)
{
    switch (format) {
    case FORMAT_NPZ: return bit_weights_write_npz(e, target, error);
    case FORMAT_SAFETENSORS: return bit_weights_write_safetensors(e, target, error);
    case FORMAT_ONNX: return bit_weights_write_onnx(e, target, error);
    case FORMAT_FOLDER:
    case FORMAT_UNKNOWN: break;
    }
    return bit_weights_write_timm(e, target, error);
}

int ckpt_export(const char *folder, const char *target, bool standardized)
{
    struct bit_error error = {0};
    struct bit_text origin = {0};
    struct ckpt_blocks blocks;
    struct bit_weights_export e = {.standardized = standardized};
    const enum format format = format_of(target);
    if (format == FORMAT_UNKNOWN)
        return bit_cli_usage(&bit_ckpt_usage, "%s: expected a name that ends in .npz, .safetensors, .onnx, or, for timm's folder, /", target);
    struct bit_reader *reader = ckpt_open_newest(folder, true, &blocks, &error);
    if (!reader)
        return bit_cli_error(&error);
    e.table = bit_reader_table(reader);
    e.weights = blocks.weights;
    if (describe(reader, &e, &origin, &error) == 0 && write_as(format, &e, target, &error) == 0) {
        printf("R%dx%d, %zu parameters%s: %s\n", e.depth, e.width, e.table->numbers, standardized ? ", kernels standardised" : "", target);
        if (format == FORMAT_FOLDER && !bit_weights_timm_knows(e.depth, e.width))
            fprintf(stderr, "bit: warning: timm has no R%dx%d by name: build timm.models.resnetv2.ResNetV2(layers=[%d, %d, %d, %d], "
                    "width_factor=%d, stem_type='fixed', conv_layer=partial(StdConv2d, eps=1e-8)) and load model.safetensors into it\n",
                    e.depth, e.width, e.units[0], e.units[1], e.units[2], e.units[3], e.width);
    }
    bit_text_free(&origin);
    ckpt_blocks_free(&blocks);
    bit_reader_close(reader);
    return error.code ? bit_cli_error(&error) : BIT_OK;
}
