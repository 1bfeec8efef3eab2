/* What the parts of `bit ckpt` share. */
#ifndef BIT_CLI_CKPT_H
#define BIT_CLI_CKPT_H

#include "bit/store.h"

/* Whole blocks of one generation; momentum and statistics NULL where it has none. */
struct ckpt_blocks { float *weights, *momentum, *statistics; };
int ckpt_blocks_load(struct bit_reader *reader, bool weights_only, struct ckpt_blocks *blocks, struct bit_error *error);
void ckpt_blocks_free(struct ckpt_blocks *blocks);

/* The newest generation below `folder` whose every byte is right, loaded; damaged ones are named on stderr. NULL with
 * `error` when there is none. */
struct bit_reader *ckpt_open_newest(const char *folder, bool weights_only, struct ckpt_blocks *blocks, struct bit_error *error);

void ckpt_show(const struct bit_reader *reader, const struct ckpt_blocks *blocks);
void ckpt_show_json(const struct bit_reader *reader, const struct ckpt_blocks *blocks);

/* bit ckpt import FILE FOLDER and export; the exit code. job, classes: files, or NULL. */
struct ckpt_import_options { const char *file, *job, *classes; };
int ckpt_import(const struct ckpt_import_options *options, const char *folder);
int ckpt_export(const char *folder, const char *target, bool standardized);

#endif
