/* Trained weights, wherever they come from: a generation of a run, an .npz or .safetensors file, a folder that bit ckpt export wrote. What
 * they say about their network is known before a number is read. Local, all of this. */
#ifndef BIT_START_H
#define BIT_START_H

#include <stdbool.h>
#include <stddef.h>

#include "bit/error.h"
#include "bit/hash.h"
#include "bit/table.h"

struct bit_start_network {
    int depth, width;            /* R50x1: 50 and 1 */
    size_t classes;              /* outputs of the head */
    bool batch_norm;
    bool weight_standardization; /* files of others: true */
    int image_size, image_resize;/* pixels of an evaluation; 0: not said */
    bool sigmoid;                /* the loss it was trained with; files of others: false */
};

struct bit_start;
/* path: a run's folder or its checkpoints (the newest generation that is not set aside), one generation, a .npz or .safetensors file, or
 * a folder with model.safetensors and classes.txt. NULL with `error`: no-input where nothing is there, data where it is damaged or
 * something else. */
struct bit_start *bit_start_open(const char *path, struct bit_error *error);
void bit_start_close(struct bit_start *start);
const struct bit_start_network *bit_start_network(const struct bit_start *start);
const char *bit_start_name(const struct bit_start *start);    /* path of the generation or file itself */
const char *bit_start_classes(const struct bit_start *start); /* names, one a line, in the order of the outputs; "": not said */
const char *bit_start_job(const struct bit_start *start);     /* the run's job, canonical JSON; NULL: none */
/* The parameters as the source has them, head and all. */
const struct bit_table *bit_start_table(const struct bit_start *start);
const struct bit_table *bit_start_statistics_table(const struct bit_start *start); /* batch norm's; NULL: none */

/* Fills a block of bit_start_table with the numbers, verified; and batch norm's statistics, where there are any (may be NULL). */
int bit_start_read(struct bit_start *start, float *weights, float *statistics, struct bit_error *error);

/* What becomes of the start's head. ZERO: nothing; the other network keeps its own. SAME: all of it, class by class. NAMES: what counts no
 * classes (a detection's pyramid and nets), and the classes that have the same name; the others keep their own. */
enum bit_start_head { BIT_START_ZERO, BIT_START_SAME, BIT_START_NAMES };

/* Name of the first parameter of the head of `onto` that `table` lacks or has in another shape, numbers of classes aside; NULL: its head can be
 * taken over. */
const char *bit_start_misfit(const struct bit_table *table, const struct bit_table *onto);

/* Copies a network's weights into a block of another one, `to` of table `onto`: every parameter of the backbone, which must be the
 * same in both (usage, naming the first that is not), and the head as said. from_classes, to_classes: names, one a line. *taken: classes
 * taken over. */
int bit_start_take(const struct bit_table *table, const float *from, const char *from_classes, enum bit_start_head head,
                   const struct bit_table *onto, float *to, const char *to_classes, size_t *taken, struct bit_error *error);

#endif
