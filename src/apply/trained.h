/* A trained network, ready to look at images. */
#ifndef APPLY_TRAINED_H
#define APPLY_TRAINED_H

#include <limits.h>

#include "bit/data.h"
#include "bit/group.h"
#include "bit/heads.h"
#include "bit/job.h"
#include "bit/model.h"
#include "bit/start.h"

/* What may differ from what the network was evaluated with in its run; all zero: nothing. */
struct trained_options {
    int size, resize;            /* pixels; 0: the network's own. Only size: resize becomes 8/7 of it */
    bool squash, stretch;        /* see bit_stream_options */
    int threads;                 /* 0: as an override says, or the cores of this process */
    int micro_batch;             /* 0: its own */
    bool boxes;                  /* a network that detects boxes will do, too; else it is refused (usage) */
    const char *const *overrides; /* "key=value": keys of its job that are to be others, as precision; its backend is auto */
    size_t override_count;
};

struct trained {
    char name[PATH_MAX];         /* of the generation or file */
    struct bit_start_network network;
    const struct bit_job *job;   /* its run's; of files of others: one of defaults */
    char *class_text;            /* a name a line; "": not known */
    const char **classes;        /* [network.classes] their names; where they are not known, their numbers */
    char *numbers;               /* for those */
    bool detects;                /* boxes: head is a struct bit_detect; else classes, and it is a struct bit_classify */
    struct bit_hash hash;        /* of its weights, as bit ckpt hash prints it */
    union bit_any_head head;
    struct bit_model_options options;
    struct bit_model *model;
    float *weights;
    struct bit_stream_options stream; /* of an evaluation: index NULL, this rank's; loaders for `threads` */
    bool known_transform;        /* size and resize are the run's own or were given, and not a guess */
};

/* Loads, verifies, and builds the network for evaluation. Where size, resize, squash and stretch are not given, the images of a run's network are
 * transformed as its evaluations did; published files whose names say that they were tuned (BiT-M-R50x1-ILSVRC2012, -CIFAR10) as
 * their authors evaluated them; others as 256 and 224 pixels. Rank 0 reads, and the others get it from there. Sets the number of threads
 * (bit_compute_threads). trained_free afterwards, also when it fails. Collective. */
int trained_load(const char *path, const struct trained_options *options, struct bit_group *group, struct trained *trained,
                 struct bit_error *error);
void trained_free(struct trained *trained);

/* "images resized to 256 pixels, centre of 224 x 224" */
void trained_transform(const struct trained *trained, char *text, size_t size);

#endif
