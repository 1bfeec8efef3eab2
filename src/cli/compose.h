/* Pictures with transparency in memory, for bit compose. */
#ifndef BIT_CLI_COMPOSE_H
#define BIT_CLI_COMPOSE_H

#include <stdbool.h>

#include "bit/error.h"

/* Floats from 0 to 1, [height, width, 4]: red, green and blue times alpha, then alpha. */
struct canvas { int width, height; float *pixels; };

void canvas_free(struct canvas *canvas);
/* Reads a JPEG or PNG file; square: only the largest square from its left upper corner. -1: data that are no picture, with the path. */
int canvas_read(struct canvas *canvas, const char *path, bool square, struct bit_error *error);
/* Resizes by a triangle as wide as the reduction. */
int canvas_resize(struct canvas *canvas, int width, int height, struct bit_error *error);
/* Cuts off transparent edges. False when nothing is left. */
bool canvas_trim(struct canvas *canvas);
/* Lays `object` over the middle of `canvas`, whose pixels outside stay. */
void canvas_paste(struct canvas *canvas, const struct canvas *object);
/* Writes it as a JPEG file. */
int canvas_write(const struct canvas *canvas, const char *path, int quality, struct bit_error *error);

#endif
