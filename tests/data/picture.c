#include "tests/data/picture.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jpeglib.h>

/* A pattern of soft waves, steps and a little noise. */
struct pattern { double *across, *down; unsigned seed; };

static struct pattern make_pattern(const struct picture *p)
{
    struct pattern t = {malloc((size_t)p->width * 4 * sizeof(double)), malloc((size_t)p->height * 4 * sizeof(double)),
                        p->seed};
    for (int c = 0; c < 4; c++) {
        for (int x = 0; x < p->width; x++)
            t.across[4 * x + c] = 70 * sin(x * (0.021 + 0.013 * c) + p->seed);
        for (int y = 0; y < p->height; y++)
            t.down[4 * y + c] = cos(y * (0.033 - 0.007 * c) + c);
    }
    return t;
}

static JSAMPLE pattern_at(const struct pattern *t, int x, int y, int c)
{
    unsigned noise = (unsigned)x * 2654435761u ^ (unsigned)y * 2246822519u ^ (t->seed * 16 + (unsigned)c) * 3266489917u;
    noise = (noise ^ noise >> 15) * 2246822519u;
    double v = 128 + t->across[4 * x + c] * t->down[4 * y + c];
    v += ((x / 37 + y / 29 + (int)t->seed) % 3 - 1) * 35;
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

struct bytes picture_make(const struct picture *p)
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

void picture_write(const char *path, const void *data, size_t size)
{
    FILE *file = fopen(path, "wb");
    if (!file || (size && fwrite(data, size, 1, file) != 1) || fclose(file)) {
        perror(path);
        exit(2);
    }
}
