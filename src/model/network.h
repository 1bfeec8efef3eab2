/* Internal to model: the network as layers and units over one parameter table, and where each tensor stands in the
 * arena. See arena.c for the memory, layer.c for what is done with one layer, forward.c and backward.c for the order of operations. */
#ifndef BIT_MODEL_NETWORK_H
#define BIT_MODEL_NETWORK_H

#include "bit/kernels.h"
#include "bit/model.h"
#include "model/profile.h"

enum { MODEL_UNITS = 64, MODEL_SHAPES = 128, MODEL_GROUPS = 32, ROOT_CHANNELS = 64, IMAGE_CHANNELS = 3 };

/* A convolution of the network. */
struct layer {
    struct bit_geometry geometry; /* of a chunk */
    int parameter;              /* index of its kernel in the table */
    int block;                  /* for the profile */
    struct bit_convolution *convolution; /* forward and backward data, of a chunk; shared by layers of one shape */
    struct bit_convolution *weights;     /* backward weights, of the micro-batch; of a chunk in a unit that gathers */
    size_t gathered;            /* there: offset of the sum over chunks */
    size_t packed[2];           /* offsets in the arena, by enum bit_direction; the same for all when packed late */
    size_t mean, inverse;       /* weight standardisation's statistics: offsets in the arena */
};

/* A norm + ReLU of the network. */
struct norm_layer {
    struct bit_norm_shape norm; /* of a chunk */
    int gamma, beta;            /* parameters */
    int block;
    size_t gradient;            /* of gamma, then beta, until it is their turn: offset in the arena */
    int statistic;              /* batch norm: index of the running mean; the variance follows */
    size_t mean, inverse;       /* offsets in the arena */
};

/* x -> norm_a, ReLU -> a (1x1) -> norm_b, ReLU -> b (3x3, stride) -> norm_c, ReLU -> c (1x1) -> + shortcut. */
struct unit {
    int block;
    int chunk;                  /* images */
    bool gathers;               /* weight gradients are computed by chunks and added up */
    bool projects;
    bool tapped;                /* the head takes its output */
    struct norm_layer norm_a, norm_b, norm_c;
    struct layer a, projection, b, c;
    size_t x, a_out, b_out, out; /* activations kept for the backward pass: offsets in the arena */
};

struct network {
    bool packs_late;            /* kernels are packed each time they are used, into one place */
    int units;                  /* that run: those above a head's highest tap do not unless it takes pooled features, too */
    bool pools;                 /* runs the last norm and the mean over an image */
    bool activates;             /* the head takes taps behind norm and ReLU */
    struct bit_head_input input; /* of the head */
    struct unit unit[MODEL_UNITS];
    struct layer root;
    int root_chunk;
    bool root_gathers;
    struct norm_layer norm;      /* the last one */
    int head;                    /* number of the head's first parameter: as many as the backbone has */
    struct bit_pool pool;
};

/* The layout of one allocation: each piece 64-byte aligned, counted by purpose. */
struct arena { size_t bytes; size_t *purpose; };
size_t arena_add(struct arena *arena, size_t bytes);

struct bit_model {
    struct bit_model_options options;
    struct bit_table *table;
    struct bit_table *statistics_table; /* batch norm */
    float *statistics;
    struct network network;
    int images, threads;
    size_t shapes;
    struct { struct bit_geometry geometry; struct bit_convolution *convolution; bool data_gradient; } shape[MODEL_SHAPES];

    char *arena;
    size_t arena_bytes;
    struct bit_model_memory memory;
    /* offsets in the arena */
    size_t input, which;                /* copy of the images; the root maximum's places */
    size_t h, h_b, h_c;                 /* outputs of norms; forward uses h only */
    size_t wide[2], near[2], narrow[2]; /* gradients; near: of a chunk */
    size_t pooled, d_pooled, d_pooled_typed, head_work;
    size_t tap[BIT_BLOCKS + 1], d_tap[BIT_BLOCKS + 1]; /* taps, and their gradients */
    void *head_state;
    size_t part;                        /* a chunk's gradient of one kernel */
    size_t standard_kernel;             /* one standardised kernel, float32 */
    size_t packed;                      /* the one place of packed kernels, when packed late */
    size_t scratch;                     /* of the operation under way */

    const float *weights;               /* as given to set_weights */
    struct bit_head_call call;          /* of the head, over the last forward pass */
    size_t lowest_trained;              /* first parameter that trains; as many as there are: none */
    bool ready;                         /* a training forward ran: backward may */
    struct profile profile;
};

/* The part of an activation [images, rows, channels] at `offset` that starts at image `first`. */
static inline void *at_image(const struct bit_model *model, size_t offset, int first, int rows, int channels)
{
    return model->arena + offset +
           (size_t)first * (size_t)rows * (size_t)channels * bit_type_size(model->options.precision);
}

static inline void *at(const struct bit_model *model, size_t offset)
{
    return model->arena + offset;
}

/* Checks the options, fills `network` (but for offsets and convolutions) and, unless NULL, appends its parameters to
 * `table` and batch norm's running statistics to `statistics`. */
int network_describe(const struct bit_model_options *options, struct network *network, struct bit_table *table,
                     struct bit_table *statistics, struct bit_error *error);

/* Creates the convolutions and lays out the arena; fills model->memory and model->arena_bytes. */
int layout_make(struct bit_model *model, struct bit_error *error);
/* Destroys the convolutions and the head's state. */
void layout_free(struct bit_model *model);

#endif
