/* Compressing pixels. */
#include "bit/jpeg.h"

#include <setjmp.h>
#include <stdio.h> /* before jpeglib.h */
#include <stdlib.h>

#include <jpeglib.h>

struct failure { struct jpeg_error_mgr errors; jmp_buf back; };

static void on_error(j_common_ptr info)
{
    longjmp(((struct failure *)info->err)->back, 1);
}

int bit_jpeg_write(const uint8_t *pixels, int width, int height, enum bit_jpeg_colours colours, int quality, unsigned char **data,
                   size_t *size, struct bit_error *error)
{
    struct jpeg_compress_struct info;
    struct failure failure;
    unsigned long bytes = 0;
    *data = NULL;
    info.err = jpeg_std_error(&failure.errors);
    failure.errors.error_exit = on_error;
    if (setjmp(failure.back)) {
        jpeg_destroy_compress(&info);
        return bit_fail(error, BIT_EENVIRONMENT, "libjpeg cannot write an image: no memory?");
    }
    jpeg_create_compress(&info);
    jpeg_mem_dest(&info, data, &bytes);
    info.image_width = (JDIMENSION)width;
    info.image_height = (JDIMENSION)height;
    info.input_components = 3;
    info.in_color_space = colours == BIT_JPEG_YCC ? JCS_YCbCr : JCS_RGB;
    jpeg_set_defaults(&info);
    jpeg_set_quality(&info, quality, TRUE);
    jpeg_start_compress(&info, TRUE);
    for (int y = 0; y < height; y++) {
        JSAMPROW row = (JSAMPROW)(uintptr_t)(pixels + (size_t)y * (size_t)width * 3);
        jpeg_write_scanlines(&info, &row, 1);
    }
    jpeg_finish_compress(&info);
    jpeg_destroy_compress(&info);
    *size = bytes;
    return *data ? 0 : bit_fail(error, BIT_EENVIRONMENT, "out of memory: a JPEG file");
}
