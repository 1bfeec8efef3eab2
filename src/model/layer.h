/* Internal to model: what forward and backward do with one layer. Functions that take an error return 0 or -1. */
#ifndef BIT_MODEL_LAYER_H
#define BIT_MODEL_LAYER_H

#include "model/network.h"

/* With batch norm every norm is collective: after a failure on this rank, keep the error, skip the other layers, but go on calling the norms;
 * the next one fails on all ranks. Turns a layer's result into what its caller is told. */
int layer_result(const struct bit_model *m, int result);
/* An earlier layer failed in that way. */
bool layer_skips(const struct bit_model *m, const struct bit_error *error);

/* Standardises the kernel and packs it for the directions that are needed, from the model's weights. */
int layer_set_weights(struct bit_model *m, const struct layer *l, struct bit_error *error);

/* One operation each, timed. x and y are typed activations: of a chunk, but for layer_backward_weights those of the
 * micro-batch. */
int layer_forward(struct bit_model *m, const struct layer *l, const void *x, bool accumulate, void *y,
                  struct bit_error *error);
int layer_backward_data(struct bit_model *m, const struct layer *l, const void *dy, bool accumulate, void *dx,
                        struct bit_error *error);
/* Hands the gradient of the layer's kernel to the sink. */
int layer_backward_weights(struct bit_model *m, const struct layer *l, const void *x, const void *dy,
                           struct bit_gradient_sink *sink, struct bit_error *error);
/* The same in two parts, for a unit that gathers: adds a chunk (`first`: its first image); hands the sum over. */
int layer_gather_weights(struct bit_model *m, const struct layer *l, const void *x, const void *dy, int first,
                         struct bit_error *error);
int layer_give_weights(struct bit_model *m, const struct layer *l, struct bit_gradient_sink *sink,
                       struct bit_error *error);
/* The norm that standardises a layer's kernel. */
struct bit_norm_shape layer_standardisation(const struct bit_model *m, const struct layer *l);
/* `first`: the chunk's first image. */
struct bit_norm_call norm_call(const struct bit_model *m, const struct norm_layer *n, const void *x, int first);

#endif
