#include "tests/data/picture.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jpeglib.h>
#include <png.h>

/* A pattern of soft waves, steps and a little noise. */
struct pattern { double *across, *down; unsigned seed; int wide, high; /* of the steps */ };

static double draw(unsigned *state)
{
    *state = *state * 1664525u + 1013904223u;
    return (*state >> 8) / 16777216.0;
}

static struct pattern make_pattern(const struct picture *p)
{
    struct pattern t = {malloc((size_t)p->width * 4 * sizeof(double)), malloc((size_t)p->height * 4 * sizeof(double)),
                        p->seed, 37, 29};
    unsigned state = p->seed * 2654435761u + 1;
    for (int c = 0; c < 4; c++) {
        double fast_x = 0.021 + 0.013 * c, fast_y = 0.033 - 0.007 * c, at_x = p->seed, at_y = c;
        if (p->varied) {
            fast_x = 0.01 + 0.08 * draw(&state), fast_y = 0.01 + 0.08 * draw(&state);
            at_x = 6.3 * draw(&state), at_y = 6.3 * draw(&state);
        }
        for (int x = 0; x < p->width; x++)
            t.across[4 * x + c] = 70 * sin(x * fast_x + at_x);
        for (int y = 0; y < p->height; y++)
            t.down[4 * y + c] = cos(y * fast_y + at_y);
    }
    if (p->varied)
        t.wide = 20 + (int)(50 * draw(&state)), t.high = 20 + (int)(50 * draw(&state));
    return t;
}

static JSAMPLE pattern_at(const struct pattern *t, int x, int y, int c)
{
    unsigned noise = (unsigned)x * 2654435761u ^ (unsigned)y * 2246822519u ^ (t->seed * 16 + (unsigned)c) * 3266489917u;
    noise = (noise ^ noise >> 15) * 2246822519u;
    double v = 128 + t->across[4 * x + c] * t->down[4 * y + c];
    v += ((x / t->wide + y / t->high + (int)t->seed) % 3 - 1) * 35;
    v += (double)(noise >> 16) / 65536.0 * 16 - 8;
    return (JSAMPLE)(v < 0 ? 0 : v > 255 ? 255 : v);
}

static void set_colours(struct jpeg_compress_struct *info, const struct picture *p)
{
    static const int factors[][2] = {[GREY] = {1, 1}, [YCC420] = {2, 2}, [YCC422] = {2, 1}, [YCC440] = {1, 2},
                                     [YCC444] = {1, 1}, [RGB] = {1, 1}, [CMYK_ADOBE] = {1, 1}, [YCCK] = {2, 2},
                                     [CMYK_PLAIN] = {1, 1}};
    bool four = p->colour >= CMYK_ADOBE;
    info->input_components = p->colour == GREY ? 1 : four ? 4 : 3;
    info->in_color_space = p->colour == GREY ? JCS_GRAYSCALE : four ? JCS_CMYK : JCS_RGB;
    jpeg_set_defaults(info);
    if (p->colour == RGB)
        jpeg_set_colorspace(info, JCS_RGB);
    if (four)
        jpeg_set_colorspace(info, p->colour == YCCK ? JCS_YCCK : JCS_CMYK);
    if (p->colour == CMYK_PLAIN)
        info->write_Adobe_marker = FALSE;
    info->comp_info[0].h_samp_factor = factors[p->colour][0];
    info->comp_info[0].v_samp_factor = factors[p->colour][1];
    if (p->colour == YCCK) {
        info->comp_info[3].h_samp_factor = 2;
        info->comp_info[3].v_samp_factor = 2;
    }
}

/* A DC scan, then single coefficients of single components. */
static jpeg_scan_info *make_scans(int components, int count, int *made)
{
    jpeg_scan_info *scans = calloc((size_t)count + 64 * 4, sizeof *scans);
    int n = 0;
    scans[n].comps_in_scan = components;
    for (int i = 0; i < components; i++)
        scans[n].component_index[i] = i;
    n++;
    for (int c = 0; c < components; c++)
        for (int k = 1; k < 64; k++) {
            int last = n + 1 >= count && c == components - 1 ? 63 : k;
            scans[n++] = (jpeg_scan_info){.comps_in_scan = 1, .component_index = {c}, .Ss = k, .Se = last};
            if (last == 63)
                break;
        }
    *made = n;
    return scans;
}

static struct bytes make_jpeg(const struct picture *p)
{
    struct jpeg_compress_struct info;
    struct jpeg_error_mgr errors;
    jpeg_scan_info *scans = NULL;
    unsigned char *data = NULL;
    unsigned long size = 0;
    info.err = jpeg_std_error(&errors);
    jpeg_create_compress(&info);
    jpeg_mem_dest(&info, &data, &size);
    info.image_width = (JDIMENSION)p->width;
    info.image_height = (JDIMENSION)p->height;
    set_colours(&info, p);
    jpeg_set_quality(&info, p->quality ? p->quality : 90, TRUE);
    info.arith_code = p->arithmetic;
    info.restart_interval = (unsigned)p->restart;
    if (p->scans) {
        info.scan_info = scans = make_scans(info.num_components, p->scans, &info.num_scans);
        info.optimize_coding = TRUE;
    } else if (p->progressive) {
        jpeg_simple_progression(&info);
    }
    jpeg_start_compress(&info, TRUE);
    JSAMPLE *row = malloc((size_t)p->width * 4);
    struct pattern pattern = make_pattern(p);
    for (int y = 0; y < p->height; y++) {
        for (int x = 0; x < p->width; x++)
            for (int c = 0; c < info.input_components; c++)
                row[x * info.input_components + c] = pattern_at(&pattern, x, y, c);
        jpeg_write_scanlines(&info, &row, 1);
    }
    jpeg_finish_compress(&info);
    jpeg_destroy_compress(&info);
    free(row);
    free(pattern.across);
    free(pattern.down);
    free(scans);
    return (struct bytes){data, size};
}

/* ---- PNG ---- */

enum { PALETTE = 64, CLEAR = 16 /* entries that are transparent to a degree */ };

static void palette_entry(int i, unsigned char rgba[4])
{
    rgba[0] = (unsigned char)(4 * i);
    rgba[1] = (unsigned char)(255 - 4 * i);
    rgba[2] = (unsigned char)(37 * i);
    rgba[3] = (unsigned char)(i < CLEAR ? 16 * i : 255);
}

/* A pixel as the file holds it; returns its bytes. */
static int png_pixel(const struct pattern *t, enum picture_colour colour, int x, int y, unsigned char *out)
{
    int count = 0, channels = colour == PNG_RGB || colour == PNG_RGB16 ? 3 : colour == PNG_RGBA ? 4 : 1;
    for (int c = 0; c < channels; c++) {
        out[count++] = (unsigned char)(colour == PNG_PALETTE ? pattern_at(t, x, y, 0) / 4 : pattern_at(t, x, y, c));
        if (colour == PNG_GREY16 || colour == PNG_RGB16)
            out[count++] = pattern_at(t, x, y, 3 - c);
    }
    return count;
}

unsigned char *picture_rgb(const struct picture *p)
{
    struct pattern t = make_pattern(p);
    unsigned char *rgb = malloc((size_t)p->width * (size_t)p->height * 3), *at = rgb, v[8];
    for (int y = 0; y < p->height; y++)
        for (int x = 0; x < p->width; x++, at += 3) {
            unsigned char rgba[4] = {0, 0, 0, 255};
            png_pixel(&t, p->colour, x, y, v);
            bool wide = p->colour == PNG_RGB16, many = wide || p->colour == PNG_RGB || p->colour == PNG_RGBA;
            for (int c = 0; c < 3; c++)
                rgba[c] = v[many ? c << wide : 0];
            if (p->colour == PNG_RGBA)
                rgba[3] = v[3];
            if (p->colour == PNG_PALETTE)
                palette_entry(v[0], rgba);
            for (int c = 0; c < 3; c++)
                at[c] = (unsigned char)floor(rgba[c] * rgba[3] / 255.0 + 0.5);
        }
    free(t.across);
    free(t.down);
    return rgb;
}

static void png_add(png_structp png, png_bytep data, size_t size)
{
    struct bytes *b = png_get_io_ptr(png);
    b->data = realloc(b->data, b->size + size);
    memcpy(b->data + b->size, data, size);
    b->size += size;
}

static void set_palette(png_structp png, png_infop info)
{
    png_color colours[PALETTE];
    png_byte alphas[CLEAR];
    for (int i = 0; i < PALETTE; i++) {
        unsigned char rgba[4];
        palette_entry(i, rgba);
        colours[i] = (png_color){rgba[0], rgba[1], rgba[2]};
        if (i < CLEAR)
            alphas[i] = rgba[3];
    }
    png_set_PLTE(png, info, colours, PALETTE);
    png_set_tRNS(png, info, alphas, CLEAR, NULL);
}

static struct bytes make_png(const struct picture *p)
{
    static const int types[] = {[PNG_GREY] = PNG_COLOR_TYPE_GRAY, [PNG_RGB] = PNG_COLOR_TYPE_RGB, [PNG_RGBA] = PNG_COLOR_TYPE_RGB_ALPHA,
        [PNG_GREY16] = PNG_COLOR_TYPE_GRAY, [PNG_RGB16] = PNG_COLOR_TYPE_RGB, [PNG_PALETTE] = PNG_COLOR_TYPE_PALETTE};
    struct bytes b = {NULL, 0};
    png_structp png = png_create_write_struct(PNG_LIBPNG_VER_STRING, NULL, NULL, NULL);
    png_infop info = png_create_info_struct(png);
    struct pattern t = make_pattern(p);
    unsigned char *row = malloc((size_t)p->width * 8);
    if (setjmp(png_jmpbuf(png)))
        exit(2);
    png_set_write_fn(png, &b, png_add, NULL);
    png_set_IHDR(png, info, (unsigned)p->width, (unsigned)p->height, p->colour == PNG_GREY16 || p->colour == PNG_RGB16 ? 16 : 8,
                 types[p->colour], p->progressive ? PNG_INTERLACE_ADAM7 : PNG_INTERLACE_NONE, PNG_COMPRESSION_TYPE_BASE, PNG_FILTER_TYPE_BASE);
    if (p->colour == PNG_PALETTE)
        set_palette(png, info);
    png_write_info(png, info);
    int passes = png_set_interlace_handling(png);
    for (int pass = 0; pass < passes; pass++)
        for (int y = 0; y < p->height; y++) {
            unsigned char *at = row;
            for (int x = 0; x < p->width; x++)
                at += png_pixel(&t, p->colour, x, y, at);
            png_write_row(png, row);
        }
    png_write_end(png, info);
    png_destroy_write_struct(&png, &info);
    free(row);
    free(t.across);
    free(t.down);
    return b;
}

struct bytes picture_grey(const unsigned char *pixels, int width, int height)
{
    png_image image = {.version = PNG_IMAGE_VERSION, .format = PNG_FORMAT_GRAY, .width = (unsigned)width, .height = (unsigned)height};
    png_alloc_size_t size = 0;
    struct bytes b = {NULL, 0};
    if (!png_image_write_to_memory(&image, NULL, &size, 0, pixels, 0, NULL) || !(b.data = malloc(size)) ||
        !png_image_write_to_memory(&image, b.data, &size, 0, pixels, 0, NULL))
        exit(2);
    b.size = size;
    return b;
}

struct bytes picture_make(const struct picture *p)
{
    return p->colour >= PNG_GREY ? make_png(p) : make_jpeg(p);
}

void picture_write(const char *path, const void *data, size_t size)
{
    FILE *file = fopen(path, "wb");
    if (!file || (size && fwrite(data, size, 1, file) != 1) || fclose(file)) {
        perror(path);
        exit(2);
    }
}
