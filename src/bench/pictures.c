/* JPEG files for bit bench decode: those below a folder, or noise of all sizes painted and compressed here. */
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>

#include "bit/file.h"
#include "bit/jpeg.h"
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

static int compress(struct bench_picture *picture, const float *const *fields, uint8_t *pixels, struct bit_error *error)
{
    size_t size = 0;
    for (size_t i = 0; i < (size_t)3 * WIDTH * HEIGHT; i++) {
        float value = fields[i % 3][i / 3];
        pixels[i] = (uint8_t)(value < -128 ? 0 : value > 127 ? 255 : value + 128);
    }
    int result = bit_jpeg_write(pixels, WIDTH, HEIGHT, BIT_JPEG_YCC, QUALITY, &picture->data, &size, error);
    picture->size = size;
    return result;
}

int bench_pictures_make(struct bench_pictures *p, struct bit_error *error)
{
    float *fields[3] = {NULL};
    int result = 0;
    for (int c = 0; c < 3; c++)
        if (!(fields[c] = bit_allocate((size_t)WIDTH * HEIGHT, sizeof **fields, "an image", error)))
            result = -1;
    uint8_t *pixels = bit_allocate((size_t)3 * WIDTH * HEIGHT, 1, "an image", error);
    for (unsigned i = 0; i < SYNTHETIC && pixels && !result; i++) {
        struct bench_picture picture = {0};
        for (int c = 0; c < 3; c++)
            paint(fields[c], i, c);
        result = compress(&picture, (const float *const *)fields, pixels, error) || add(p, &picture, error) ? -1 : 0;
        p->bytes += picture.size;
    }
    for (int c = 0; c < 3; c++)
        bit_free(fields[c]);
    result = pixels ? result : -1;
    bit_free(pixels);
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
