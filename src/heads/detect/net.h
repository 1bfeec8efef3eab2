/* The inside of the detection head: its convolutions and where each tensor stands in call->work. Tensors over all levels stand level after
 * level, each [images, height, width, channels]. */
#ifndef HEADS_DETECT_NET_H
#define HEADS_DETECT_NET_H

#include "bit/detect.h"

/* Levels that come from the backbone: C3 to C5. */
enum { FROM_BACKBONE = 3, P6 = 3, P7 = 4, LAYERS = 8, NORM_GROUPS = 32, LOSS_SLICE = 4096 /* anchors */ };
enum net_name { CLASS_NET, BOX_NET, NETS };

/* Numbers of parameters, counted from the head's first. The bias follows its kernel; norms of all levels stand together, gamma before beta. */
struct net_parameters {
    int lateral, output, p6, p7, norm; /* lateral, output: of the first level */
    int conv[NETS], each;              /* kernel of a net's first layer; parameters of a layer */
    int predict[NETS];
    int count;
};
struct net_parameters net_parameters_of(const struct bit_detect *detect);

/* Channels that a net predicts in a cell. */
static inline int net_outputs(const struct bit_detect *detect, int net)
{
    return detect->octaves * detect->ratio_count * (net == CLASS_NET ? detect->classes : 4);
}

/* A tensor of net->channels channels over all levels, and a norm's statistics: offsets in call->work. */
struct net_norm { size_t mean, inverse; };

struct net {
    const struct bit_detect *detect;
    struct net_parameters parameters;
    struct bit_anchors anchors;
    enum bit_type type;
    int images, threads, channels;
    bool training;
    int tap_channels[FROM_BACKBONE];
    size_t cells[BIT_PYRAMID_LEVELS];      /* of an image */
    size_t before[BIT_PYRAMID_LEVELS + 1]; /* cells of all images in the levels before */
    struct bit_convolution *lateral[FROM_BACKBONE], *body[BIT_PYRAMID_LEVELS], *p6, *p7, *predict[NETS][BIT_PYRAMID_LEVELS];
    size_t bytes;                          /* of call->work; below: offsets in it */
    size_t merged;                         /* M3 to M5 */
    size_t pyramid, features;              /* P3 to P7 before their norms and behind; the same without norms */
    size_t relu_p6;
    struct net_norm pyramid_norm, norm[NETS][LAYERS];
    size_t z[NETS][LAYERS];                /* outputs of the nets' layers, before norm and ReLU; one place for all unless training */
    size_t h;                              /* behind norm and ReLU, of the layer at hand */
    size_t outputs[NETS];                  /* logits and deltas, float32; their gradients take their place */
    size_t typed;                          /* outputs of a level in the type of the activations, or their gradients; not for float32 */
    size_t d[2], d_features;               /* gradients over all levels */
    size_t d_norm, sums, part;             /* gradients of norms until it is their turn; of a bias in double; a level's gradient of a kernel */
    size_t packed, scratch;
    struct { const struct bit_convolution *convolution; enum bit_direction direction; int parameter; } has_packed; /* what stands at `packed`,
                                                                                  * of the weights at hand; convolution NULL: nothing */
    size_t match, best, losses, slices;    /* matches and overlaps of each image's anchors; struct bit_detect_loss; sums of slices */
};

static inline void *net_at(const struct bit_head_call *call, size_t offset)
{
    return (char *)call->work + offset;
}

/* A level's part of a tensor of net->channels channels. */
static inline void *net_level(const struct net *n, const struct bit_head_call *call, size_t tensor, int level)
{
    return (char *)call->work + tensor + n->before[level] * (size_t)n->channels * bit_type_size(n->type);
}

static inline float *net_output(const struct net *n, const struct bit_head_call *call, int net, int level)
{
    return (float *)((char *)call->work + n->outputs[net]) + n->before[level] * (size_t)net_outputs(n->detect, net);
}

static inline size_t net_rows(const struct net *n, int level)
{
    return (size_t)n->images * n->cells[level];
}

/* The tap of a level from the backbone: block 2 gives C3. */
static inline int net_block(int level)
{
    return level + 2;
}

static inline const float *net_weights(const struct net *n, const struct bit_head_call *call, int parameter)
{
    (void)n;
    return call->weights + call->table->items[call->first + (size_t)parameter].offset;
}

/* layout.c */
void *net_create(const struct bit_head *head, const struct bit_head_input *input, int images, bool training,
                 const struct bit_backend *backend, size_t *bytes, struct bit_error *error);
void net_destroy(void *net);
int net_check_input(const struct bit_head_input *input, struct bit_error *error);
double net_flops(const struct bit_head *head, const struct bit_head_input *input);
/* The norm of a level, and a call of it on x. `relu`: of the nets' layers. first: number of the parameter of level 0's gamma. */
struct bit_norm_shape net_norm_shape(const struct net *n, int level, bool relu);
struct bit_norm_call net_norm_call(const struct net *n, const struct bit_head_call *call, const struct net_norm *norm, int first,
                                   int level, const void *x);

/* forward.c, backward.c: operations of the head. */
int net_forward(const struct bit_head *head, const struct bit_head_call *call, struct bit_error *error);
int net_backward(const struct bit_head *head, const struct bit_head_call *call, struct bit_gradient_sink *sink, struct bit_error *error);
/* Packs a kernel into the one place there is for it, unless it stands there from another level. */
int net_pack(struct net *n, const struct bit_head_call *call, struct bit_convolution *c, enum bit_direction direction, int parameter,
             struct bit_error *error);

/* loss.c */
void net_loss(const struct bit_head *head, const struct bit_head_call *call, const struct bit_targets *targets, int images, double scale,
              double *losses);

#endif
