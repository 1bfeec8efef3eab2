/* bit labels: label files of others, as what each image may rightly be called. */
#ifndef BIT_CLI_LABELS_H
#define BIT_CLI_LABELS_H

#include <stdint.h>

#include "bit/error.h"

/* The network's classes in the order of its outputs. */
struct label_classes { int count; char **names; };

/* A set of outputs: none, when what it belongs to is left out. */
struct label_set { int count; int32_t *outputs; };

/* ---- src/cli/labels_map.c: sets of names, each by the name of a folder ---- */

/* {"FOLDER": "class", "FOLDER": ["class", 7, ...], ...}: classes by name, or by number from 0. Folders that are not in it get empty sets. */
int label_map_read(const char *path, const struct label_classes *classes, char *const *folders, int count, struct label_set *sets,
                   struct bit_error *error);
/* ObjectNet's four mapping files in a folder: folder_to_objectnet_label.json, objectnet_to_imagenet_1k.json,
 * pytorch_to_imagenet_2012_id.json and imagenet_to_label_2012_v2. */
int label_objectnet_read(const char *path, const struct label_classes *classes, char *const *folders, int count, struct label_set *sets,
                         struct bit_error *error);
/* ReaL: [[1, 2], [], ...], a list an image. *count sets. */
int label_real_read(const char *path, const struct label_classes *classes, struct label_set **sets, uint64_t *count, struct bit_error *error);
/* Adds an output once. */
int label_set_add(struct label_set *set, int output, struct bit_error *error);
void label_sets_free(struct label_set *sets, uint64_t count);

#endif
