/* Small JPEG files of our own: thumbnails, composed pictures. */
#ifndef BIT_CLI_PICTURE_H
#define BIT_CLI_PICTURE_H

#include <stddef.h>
#include <stdint.h>

#include "bit/error.h"
#include "bit/text.h"

/* A JPEG file of width x height RGB pixels; *data is to be freed with free. */
int picture_encode(const uint8_t *pixels, int width, int height, int quality, unsigned char **data, size_t *size, struct bit_error *error);
/* Appends bytes in base64. */
void picture_add_base64(struct bit_text *text, const unsigned char *data, size_t size);

#endif
