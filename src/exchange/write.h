/* Internal to exchange: what the writers share. */
#ifndef EXCHANGE_WRITE_H
#define EXCHANGE_WRITE_H

#include <limits.h>
#include <stdio.h>

#include "bit/exchange.h"
#include "exchange/names.h"

/* A file that appears as a whole or not at all: PATH.tmp.PROCESS until it is committed. */
struct output { FILE *stream; const char *path; char temporary[PATH_MAX]; };
/* Fails when there is something of this name. Names the temporary file without making it. */
int output_name(struct output *o, const char *path, struct bit_error *error);
int output_open(struct output *o, const char *path, struct bit_error *error);
int output_write(struct output *o, const void *data, size_t size, struct bit_error *error);
/* Takes the file away again. */
void output_abandon(struct output *o);
/* Flushes, syncs, renames. `keep`: under its temporary name, synced only. */
int output_close(struct output *o, struct bit_error *error);
int output_commit(struct output *o, struct bit_error *error);

enum layout { LAYOUT_HWIO, LAYOUT_OIHW };

/* The numbers of parameter `i` as they are to be written; `own` is freed with bit_free, NULL where they are the block's. */
struct view { const float *values; float *own; };
int view_make(struct view *view, const struct bit_weights_export *e, size_t i, enum layout layout, bool standardized,
              struct bit_error *error);

/* Kernels without standardisation, and so on: what readers of .npz and timm's models would compute wrongly. */
int export_check(const struct bit_weights_export *e, const char *path, struct bit_error *error);
int export_place(const struct bit_weights_export *e, size_t i, struct names_place *place, struct bit_error *error);

/* The body of bit_weights_write_safetensors. */
int safetensors_write(const struct bit_weights_export *e, struct output *o, struct bit_error *error);

#endif
