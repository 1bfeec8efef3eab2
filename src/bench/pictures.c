/* JPEG files for bit bench decode: those below a folder, or noise of all sizes painted and compressed here. */
#include <dirent.h>
#include <errno.h>
#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>

#include <jpeglib.h>

#include "bit/file.h"
#include "bit/memory.h"
#include "bit/random.h"
#include "bench/bench.h"

enum { SYNTHETIC = 48, WIDTH = 500, HEIGHT = 375, QUALITY = 90 };

/* ---- the files ---- */

static int add(struct bench_pictures *p, const struct bench_picture *picture, struct bit_error *error)
{
    if (p->count == p->capacity) {
        size_t wanted = p->capacity ? 2 * p->capacity : 256;
        struct bench_picture *list = bit_allocate(wanted, sizeof *list, "the list of images", error);
        if (!list)
            return -1;
        if (p->count)
            memcpy(list, p->list, p->count * sizeof *list);
        bit_free(p->list);
        p->list = list;
        p->capacity = wanted;
    }
    p->list[p->count++] = *picture;
    return 0;
}

static bool is_jpeg(const char *name)
{
    const char *point = strrchr(name, '.');
    return point && (!strcasecmp(point, ".jpg") || !strcasecmp(point, ".jpeg"));
}

static int find(struct bench_pictures *p, const char *folder, struct bit_error *error)
{
    DIR *listing = opendir(folder);
    struct dirent *entry;
    int result = listing ? 0 : bit_fail_errno(error, BIT_ENOINPUT, "cannot open the folder %s", folder);
    while (!result && (entry = readdir(listing))) {
        char path[4096];
        struct stat status;
        if (entry->d_name[0] == '.')
            continue;
        result = bit_path_join(path, sizeof path, folder, entry->d_name, error);
        if (result || stat(path, &status))
            continue;
        if (S_ISDIR(status.st_mode)) {
            result = find(p, path, error);
        } else if (S_ISREG(status.st_mode) && is_jpeg(entry->d_name)) {
            struct bench_picture picture = {.path = bit_copy_text(path, error)};
            if (!picture.path || (result = add(p, &picture, error)))
                bit_free(picture.path);
            result = picture.path ? result : -1;
        }
    }
    if (listing)
        closedir(listing);
    return result;
}

static int by_path(const void *a, const void *b)
{
    return strcmp(((const struct bench_picture *)a)->path, ((const struct bench_picture *)b)->path);
}

int bench_pictures_find(struct bench_pictures *p, const char *folder, size_t most, struct bit_error *error)
{
    if (find(p, folder, error))
        return -1;
    if (!p->count)
        return bit_fail(error, BIT_ENOINPUT, "no JPEG file below %s", folder);
    qsort(p->list, p->count, sizeof *p->list, by_path);
    while (p->count > most)
        bit_free(p->list[--p->count].path);
    for (size_t i = 0; i < p->count; i++)
        if (bit_file_read(p->list[i].path, BENCH_FILE_LIMIT, (char **)&p->list[i].data, &p->list[i].size, error))
            return -1;
    for (size_t i = 0; i < p->count; i++)
        p->bytes += p->list[i].size;
    return 0;
}

/* ---- synthetic ones ---- */

/* Photographs have about the same energy in every octave: smooth noise of eight sizes, the finest a pixel. */
static void paint(float *field, unsigned number, int channel)
{
    float grid[64 * 64];
    memset(field, 0, (size_t)WIDTH * HEIGHT * sizeof *field);
    for (int octave = 0; octave < 8; octave++) {
        int cell = 1 << (7 - octave);
        float strength = 4.0f + 4.5f * (float)(7 - octave) - (channel ? 3 * (float)octave : 0);
        struct bit_random random;
        bit_random_init(&random, number, BIT_PURPOSE_TEST, (uint64_t)channel, (uint64_t)octave);
        for (int i = 0; i < 64 * 64; i++)
            grid[i] = (float)(bit_random_u32(&random) * 0x1p-31 - 1);
        if (strength <= 0)
            break;
        for (int y = 0; y < HEIGHT; y++)
            for (int x = 0; x < WIDTH; x++) {
                int gx = x / cell, gy = y / cell;
                float u = (float)(x % cell) / (float)cell, v = (float)(y % cell) / (float)cell;
                const float *row = grid + (gy & 63) * 64, *next = grid + ((gy + 1) & 63) * 64;
                float upper = row[gx & 63] + (row[(gx + 1) & 63] - row[gx & 63]) * u;
                float lower = next[gx & 63] + (next[(gx + 1) & 63] - next[gx & 63]) * u;
                field[y * WIDTH + x] += strength * (upper + (lower - upper) * v);
            }
    }
}

struct failure { struct jpeg_error_mgr errors; jmp_buf back; };

static void on_error(j_common_ptr info)
{
    longjmp(((struct failure *)info->err)->back, 1);
}

static int compress(struct bench_picture *picture, const float *const *fields, struct bit_error *error)
{
    struct jpeg_compress_struct info;
    struct failure failure;
    unsigned long size = 0;
    JSAMPLE row[3 * WIDTH], *rows = row;
    info.err = jpeg_std_error(&failure.errors);
    failure.errors.error_exit = on_error;
    if (setjmp(failure.back)) {
        jpeg_destroy_compress(&info);
        return bit_fail(error, BIT_EENVIRONMENT, "libjpeg cannot write an image: no memory?");
    }
    jpeg_create_compress(&info);
    jpeg_mem_dest(&info, &picture->data, &size);
    info.image_width = WIDTH;
    info.image_height = HEIGHT;
    info.input_components = 3;
    info.in_color_space = JCS_YCbCr;
    jpeg_set_defaults(&info);
    jpeg_set_quality(&info, QUALITY, TRUE);
    jpeg_start_compress(&info, TRUE);
    for (int y = 0; y < HEIGHT; y++) {
        for (int x = 0; x < 3 * WIDTH; x++) {
            float value = fields[x % 3][y * WIDTH + x / 3];
            row[x] = (JSAMPLE)(value < -128 ? 0 : value > 127 ? 255 : value + 128);
        }
        jpeg_write_scanlines(&info, &rows, 1);
    }
    jpeg_finish_compress(&info);
    jpeg_destroy_compress(&info);
    picture->size = size;
    return picture->data ? 0 : bit_fail(error, BIT_EENVIRONMENT, "out of memory: a JPEG file");
}

int bench_pictures_make(struct bench_pictures *p, struct bit_error *error)
{
    float *fields[3] = {NULL};
    int result = 0;
    for (int c = 0; c < 3; c++)
        if (!(fields[c] = bit_allocate((size_t)WIDTH * HEIGHT, sizeof **fields, "an image", error)))
            result = -1;
    for (unsigned i = 0; i < SYNTHETIC && !result; i++) {
        struct bench_picture picture = {0};
        for (int c = 0; c < 3; c++)
            paint(fields[c], i, c);
        result = compress(&picture, (const float *const *)fields, error) || add(p, &picture, error) ? -1 : 0;
        p->bytes += picture.size;
    }
    for (int c = 0; c < 3; c++)
        bit_free(fields[c]);
    return result;
}

void bench_pictures_free(struct bench_pictures *p)
{
    for (size_t i = 0; i < p->count; i++) {
        if (p->list[i].path)
            bit_free(p->list[i].data);
        else
            free(p->list[i].data); /* libjpeg's */
        bit_free(p->list[i].path);
    }
    bit_free(p->list);
}
