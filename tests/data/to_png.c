/* to_png FOLDER: writes every NAME.jpg in it and below again as NAME.png, by libjpeg and libpng alone, and removes it. */
#include <ftw.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <jpeglib.h>
#include <png.h>

static int convert(const char *path, const struct stat *status, int kind, struct FTW *where)
{
    struct jpeg_decompress_struct info;
    struct jpeg_error_mgr errors;
    png_image image = {.version = PNG_IMAGE_VERSION, .format = PNG_FORMAT_RGB};
    const char *dot = strrchr(path, '.');
    char to[PATH_MAX];
    (void)status, (void)where;
    if (kind != FTW_F || !dot || strcmp(dot, ".jpg"))
        return 0;
    FILE *file = fopen(path, "rb");
    if (!file)
        return perror(path), 1;
    info.err = jpeg_std_error(&errors);
    jpeg_create_decompress(&info);
    jpeg_stdio_src(&info, file);
    jpeg_read_header(&info, TRUE);
    info.out_color_space = JCS_RGB;
    jpeg_start_decompress(&info);
    image.width = info.output_width;
    image.height = info.output_height;
    unsigned char *pixels = malloc((size_t)image.width * image.height * 3);
    while (info.output_scanline < info.output_height) {
        JSAMPROW row = pixels + (size_t)info.output_scanline * image.width * 3;
        jpeg_read_scanlines(&info, &row, 1);
    }
    jpeg_finish_decompress(&info);
    jpeg_destroy_decompress(&info);
    fclose(file);
    snprintf(to, sizeof to, "%.*s.png", (int)(dot - path), path);
    int written = png_image_write_to_file(&image, to, 0, pixels, 0, NULL);
    free(pixels);
    if (!written)
        fprintf(stderr, "%s: %s\n", to, image.message);
    return !written || unlink(path) ? 1 : 0;
}

int main(int argc, char **argv)
{
    return argc == 2 && !nftw(argv[1], convert, 16, 0) ? 0 : 1;
}
