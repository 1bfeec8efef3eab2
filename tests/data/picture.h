/* JPEG and PNG files made at test time, from a pattern that depends on (width, height, seed) only. */
#ifndef TESTS_DATA_PICTURE_H
#define TESTS_DATA_PICTURE_H

#include <stdbool.h>
#include <stddef.h>

enum picture_colour { GREY, YCC420, YCC422, YCC440, YCC444, RGB, CMYK_ADOBE, YCCK, CMYK_PLAIN,
                      PNG_GREY, PNG_RGB, PNG_RGBA, PNG_GREY16, PNG_RGB16, PNG_PALETTE /* with alphas */ };

struct picture {
    int width, height;
    enum picture_colour colour;
    int quality;      /* 0: 90 */
    bool progressive /* PNG: interlaced */, arithmetic;
    int restart;      /* MCUs between restart markers, 0: none */
    int scans;        /* > 0: a progressive file of about so many scans */
    unsigned seed;
    bool varied;      /* pictures of different seeds look different */
};

struct bytes { unsigned char *data; size_t size; };

/* The file; data freed with free(). Ends the program when libjpeg or libpng fails: the tests' own input is at fault then. */
struct bytes picture_make(const struct picture *p);
/* A grey PNG of given pixels. */
struct bytes picture_grey(const unsigned char *pixels, int width, int height);
/* The red, green, blue bytes of a PNG's pixels, over black; freed with free(). */
unsigned char *picture_rgb(const struct picture *p);
void picture_write(const char *path, const void *data, size_t size);

#endif
