#include "model/profile.h"

#include <stdio.h>
#include <string.h>

#include "model/network.h"

static const char *const kind_names[PROFILE_KINDS] = {
    [PROFILE_FORWARD_1] = "convolution 1x1 forward",
    [PROFILE_FORWARD_3] = "convolution 3x3 forward",
    [PROFILE_FORWARD_7] = "convolution 7x7 forward",
    [PROFILE_DATA_1] = "convolution 1x1 backward data",
    [PROFILE_DATA_3] = "convolution 3x3 backward data",
    [PROFILE_WEIGHTS_1] = "convolution 1x1 backward weights",
    [PROFILE_WEIGHTS_3] = "convolution 3x3 backward weights",
    [PROFILE_WEIGHTS_7] = "convolution 7x7 backward weights",
    [PROFILE_NORM_FORWARD] = "norm + ReLU forward",
    [PROFILE_NORM_BACKWARD] = "norm + ReLU backward",
    [PROFILE_POOL] = "root maximum",
    [PROFILE_HEAD] = "head",
    [PROFILE_INPUT] = "input copy",
    [PROFILE_STANDARDISE] = "weight standardisation forward",
    [PROFILE_STANDARDISE_BACKWARD] = "weight standardisation backward",
    [PROFILE_PACK] = "weight packing",
    [PROFILE_SINK] = "gradient sink",
};
static const char *const block_names[PROFILE_BLOCKS] = {"block 0 (root)", "block 1", "block 2", "block 3", "block 4",
                                                        "block 5 (head)"};

size_t bit_model_profile(const struct bit_model *model, struct bit_model_profile_row *rows, size_t capacity)
{
    const struct profile *p = &model->profile;
    size_t count = 0;
    for (int k = 0; k < PROFILE_KINDS + PROFILE_BLOCKS && count < capacity; k++) {
        bool kind = k < PROFILE_KINDS;
        int b = k - PROFILE_KINDS;
        struct bit_model_profile_row row = {.seconds = kind ? p->kind[k].seconds : p->block[b].seconds,
                                            .calls = kind ? p->kind[k].calls : p->block[b].calls,
                                            .flops = kind ? p->kind[k].flops : p->block[b].flops};
        if (!row.calls)
            continue;
        snprintf(row.name, sizeof row.name, "%s", kind ? kind_names[k] : block_names[b]);
        rows[count++] = row;
    }
    return count;
}

void bit_model_profile_reset(struct bit_model *model)
{
    memset(&model->profile, 0, sizeof model->profile);
}
