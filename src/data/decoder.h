/* Why a file could not be read: beside the error, for whoever may try again. */
#ifndef BIT_DATA_DECODER_H
#define BIT_DATA_DECODER_H

#include "augment.h"

enum bit_file_fault {
    BIT_FILE_NONE,    /* the file was read; what is wrong is in it, or in this process */
    BIT_FILE_ABSENT,  /* there is no such file */
    BIT_FILE_REFUSED, /* it cannot be opened for another reason of its own */
    BIT_FILE_LOST,    /* the storage below it failed */
};
/* Which part of the picture the last run that succeeded has made the sample of. */
const struct bit_window *bit_decoder_window(const struct bit_decoder *decoder);
/* Of the last bit_decoder_run_file: what went wrong; the file's bytes, which stay until the next one. */
enum bit_file_fault bit_decoder_fault(const struct bit_decoder *decoder);
const void *bit_decoder_bytes(const struct bit_decoder *decoder, size_t *size);
/* Width and height of an image file, from its header. */
int bit_decoder_measure(struct bit_decoder *decoder, const char *path, int *width, int *height, struct bit_error *error);

#endif
