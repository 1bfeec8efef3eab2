/* recall FOLDER [TILE] [MOST]: how well copies of real pictures are found, and how often strangers are taken for copies.
 *
 * Originals are squares of TILE (160) pixels side by side in every JPEG and PNG file below FOLDER, and smaller files (TILE 0: all) as a whole, squashed to 256
 * pixels; at most MOST (20000), as JPEG files of quality 92. Copies of every 16th are resized to 64 to 400 pixels and compressed with quality
 * 40 to 90. All pairs of originals of different files are compared as bit dedup does by default; those it takes
 * for copies are named, for people to judge: drawings and photographs come under several names. Prints shares and counts for thresholds on both sides. */
#include <ftw.h>
#include <math.h>
#include <omp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include <jpeglib.h>

#include "bit/data.h"
#include "bit/dedup.h"
#include "bit/hamming.h"
#include "data/resize.h"

enum { ORIGINAL = 256, FILES = 100000, EVERY = 16, SHOWN = 10 /* a thread */ };
enum { BITS = 12, WIDE = 48, QUALITY = 25, DIFFERENCE = 10 }; /* bit dedup's */
static const double share = 0.6;
static const struct bit_picture_limits limits = {.pixels = 200000000, .scans = 100};
static char *files[FILES];
static size_t file_count;

struct original { struct bit_look look; int quality; double most; size_t file; char name[100]; unsigned char pixels[BIT_PRINT_PIXELS]; };
struct copy { size_t of; struct bit_look look; double difference, most; };
static struct original *originals;
static struct copy *copies;
static size_t count, copy_count, most = 20000;

static int add_file(const char *path, const struct stat *status, int kind, struct FTW *where)
{
    (void)status, (void)where;
    size_t size = strlen(path);
    if (kind == FTW_F && size > 4 && (!strcmp(path + size - 4, ".jpg") || !strcmp(path + size - 4, ".png")) && file_count < FILES)
        files[file_count++] = strdup(path);
    return 0;
}

static int by_name(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

static void *must(void *memory)
{
    if (!memory)
        perror("recall"), exit(1);
    return memory;
}

static unsigned char *read_file(const char *path, size_t *size)
{
    FILE *file = fopen(path, "rb");
    struct stat status;
    if (!file || fstat(fileno(file), &status))
        perror(path), exit(1);
    unsigned char *data = must(malloc((size_t)status.st_size + 1));
    *size = fread(data, 1, (size_t)status.st_size, file);
    fclose(file);
    return data;
}

/* A window of a file's bytes as a square of `size` pixels; -1: not to be read. */
static int cut(const void *data, size_t bytes, const struct bit_window *window, int size, float *out)
{
    struct bit_error error = {0};
    int width, height;
    struct bit_picture *picture = must(bit_picture_create(&limits, &error));
    struct bit_resizer *resizer = must(bit_resizer_create(size, BIT_FILTER_ANTIALIAS, BIT_FLOAT32, &error));
    int result = bit_picture_open(picture, data, bytes, &width, &height, &error);
    struct bit_window whole = {.x = {0, width, 0, width - 1}, .y = {0, height, 0, height - 1}};
    if (!result)
        result = bit_resizer_run(resizer, picture, width, height, BIT_UPRIGHT, window ? window : &whole, out, &error);
    bit_picture_destroy(picture);
    bit_resizer_destroy(resizer);
    return result;
}

static unsigned char *compress(const float *pixels, int size, int quality, size_t *bytes)
{
    struct jpeg_compress_struct info;
    struct jpeg_error_mgr errors;
    unsigned char *data = NULL, *row = must(malloc((size_t)size * 3));
    unsigned long length = 0;
    info.err = jpeg_std_error(&errors);
    jpeg_create_compress(&info);
    jpeg_mem_dest(&info, &data, &length);
    info.image_width = info.image_height = (JDIMENSION)size;
    info.input_components = 3;
    info.in_color_space = JCS_RGB;
    jpeg_set_defaults(&info);
    jpeg_set_quality(&info, quality, TRUE);
    jpeg_start_compress(&info, TRUE);
    for (int y = 0; y < size; y++) {
        for (int i = 0; i < size * 3; i++)
            row[i] = (unsigned char)lrintf(pixels[y * size * 3 + i] * 127.5f + 127.5f);
        jpeg_write_scanlines(&info, &row, 1);
    }
    jpeg_finish_compress(&info);
    jpeg_destroy_compress(&info);
    free(row);
    *bytes = length;
    return data;
}

/* As bit dedup reads a file. */
static int look(struct bit_decoder *decoder, const void *data, size_t bytes, float *pixels, struct bit_look *look, int *quality)
{
    struct bit_error error = {0};
    if (bit_decoder_run(decoder, data, bytes, 0, 0, pixels, &error))
        return -1;
    bit_look_at(pixels, 1, look, quality);
    return 0;
}

static struct bit_decoder *decoder_of(void)
{
    const struct bit_stream_options o = {.squash = true, .image_size = BIT_PRINT_SIDE, .filter = BIT_FILTER_QUICK, .scan_limit = 100,
                                         .pixel_limit = 64000000};
    struct bit_error error = {0};
    return must(bit_decoder_create(&o, &error));
}

static void make_copies(struct bit_decoder *decoder, size_t number, const unsigned char *data, size_t bytes, const float *original)
{
    static const int sizes[] = {64, 100, 160, 256, 400}, qualities[] = {40, 75, 90};
    static float resized[400 * 400 * 3], pixels[BIT_PRINT_PIXELS];
#pragma omp threadprivate(resized, pixels)
    for (size_t s = 0; s < 5; s++)
        for (size_t q = 0; q < 3; q++) {
            size_t size;
            int quality;
            struct copy copy = {.of = number};
            if (cut(data, bytes, NULL, sizes[s], resized))
                continue;
            unsigned char *jpeg = compress(resized, sizes[s], qualities[q], &size);
            look(decoder, jpeg, size, pixels, &copy.look, &quality);
            copy.difference = bit_look_difference(original, pixels, 0);
            copy.most = bit_look_most(pixels, DIFFERENCE, share);
            free(jpeg);
#pragma omp critical(copy)
            copies[copy_count++] = copy;
        }
}

/* An original from the bytes of a JPEG file of its own. */
static void add_original(struct bit_decoder *decoder, const unsigned char *jpeg, size_t bytes, size_t file, const char *name)
{
    static float pixels[BIT_PRINT_PIXELS];
#pragma omp threadprivate(pixels)
    struct original mine;
    size_t number;
    if (look(decoder, jpeg, bytes, pixels, &mine.look, &mine.quality))
        return;
    snprintf(mine.name, sizeof mine.name, "%s", name);
    mine.file = file;
    mine.most = bit_look_most(pixels, DIFFERENCE, share);
    for (int i = 0; i < BIT_PRINT_PIXELS; i++)
        mine.pixels[i] = (unsigned char)lrintf(pixels[i] * 127.5f + 127.5f);
#pragma omp critical(original)
    number = count < most ? count++ : most;
    if (number < most)
        originals[number] = mine;
    if (number < most && number % EVERY == 0 && mine.quality >= QUALITY)
        make_copies(decoder, number, jpeg, bytes, pixels);
}

/* All pixels of a file; NULL: not to be read. */
static float *read_pixels(const void *data, size_t size, int *width, int *height)
{
    struct bit_error error = {0};
    struct bit_picture *picture = must(bit_picture_create(&limits, &error));
    float *all = NULL;
    bool fine = !bit_picture_open(picture, data, size, width, height, &error) &&
                !bit_picture_start(picture, &(struct bit_region){1, 0, 0, *width - 1, *height - 1}, &error);
    if (fine)
        all = must(malloc((size_t)*width * (size_t)*height * 3 * sizeof *all));
    for (int y = 0; fine && y < *height; y++) {
        const uint8_t *row = bit_picture_row(picture, y, &error);
        fine = row != NULL;
        for (int i = 0; fine && i < *width * 3; i++)
            all[(size_t)y * (size_t)*width * 3 + (size_t)i] = ((float)row[i / 3 * 4 + i % 3] - 127.5f) / 127.5f;
    }
    bit_picture_destroy(picture);
    if (!fine)
        free(all);
    return fine ? all : NULL;
}

static void add_tile(struct bit_decoder *decoder, const float *all, int width, int x, int y, int tile, size_t file)
{
    float *square = must(malloc((size_t)tile * (size_t)tile * 3 * sizeof *square));
    char name[100];
    size_t bytes;
    for (int row = 0; row < tile; row++)
        memcpy(square + (size_t)row * (size_t)tile * 3, all + ((size_t)(y + row) * (size_t)width + (size_t)x) * 3, (size_t)tile * 3 * sizeof *square);
    const char *path = files[file], *slash = strrchr(path, '/');
    snprintf(name, sizeof name, "%.60s at %d, %d", slash ? slash + 1 : path, x, y);
    unsigned char *jpeg = compress(square, tile, 92, &bytes);
    add_original(decoder, jpeg, bytes, file, name);
    free(jpeg);
    free(square);
}

static void add_file_of(size_t file, int tile)
{
    static float whole[ORIGINAL * ORIGINAL * 3];
#pragma omp threadprivate(whole)
    struct bit_decoder *decoder = decoder_of();
    int width = 0, height = 0;
    size_t size;
    unsigned char *data = read_file(files[file], &size);
    float *all = tile ? read_pixels(data, size, &width, &height) : NULL;
    bool small = !tile || (all && (width < 3 * tile || height < 3 * tile));
    if (small && !cut(data, size, NULL, ORIGINAL, whole))
        add_tile(decoder, whole, ORIGINAL, 0, 0, ORIGINAL, file);
    for (int y = 0; all && !small && y + tile <= height; y += tile)
        for (int x = 0; x + tile <= width && count < most; x += tile)
            add_tile(decoder, all, width, x, y, tile, file);
    bit_decoder_destroy(decoder);
    free(all);
    free(data);
}

static void tell_recall(void)
{
    static const int bits[] = {4, 6, 8, 10, 12, 14}, wides[] = {24, 31, 40, 48, 64}, differences[] = {6, 8, 10, 12};
    printf("%zu copies of every %dth\n", copy_count, EVERY);
    for (int kind = 0; kind < 3; kind++) {
        const int *limit = kind == 0 ? bits : kind == 1 ? wides : differences;
        for (int i = 0; i < (kind == 0 ? 6 : kind == 1 ? 5 : 4); i++) {
            size_t found = 0;
            for (size_t c = 0; c < copy_count; c++) {
                const struct bit_look *of = &originals[copies[c].of].look;
                found += kind == 0   ? bit_hamming(of->hash, copies[c].look.hash) <= limit[i]
                         : kind == 1 ? bit_look_distance(of, &copies[c].look) <= limit[i]
                                     : copies[c].difference <= limit[i];
            }
            printf("  %s <= %d: recall %.5f\n", kind == 0 ? "bits of 64" : kind == 1 ? "bits of 256" : "difference", limit[i],
                   (double)found / (double)copy_count);
        }
    }
    size_t found = 0;
    for (size_t c = 0; c < copy_count; c++) {
        const struct bit_look *of = &originals[copies[c].of].look;
        found += bit_hamming(of->hash, copies[c].look.hash) <= BITS && bit_look_distance(of, &copies[c].look) <= WIDE &&
                 copies[c].difference <= copies[c].most;
    }
    printf("recall %.5f of all: %zu of %zu\n", (double)found / (double)copy_count, found, copy_count);
}

static double difference(const struct original *a, const struct original *b)
{
    int sum = 0;
    for (int i = 0; i < BIT_PRINT_PIXELS; i++)
        sum += abs(a->pixels[i] - b->pixels[i]);
    return (double)sum / BIT_PRINT_PIXELS;
}

static void tell_strangers(void)
{
    size_t sharp = 0, pairs = 0, near = 0, wide = 0, alike = 0;
    double least = 255;
    for (size_t i = 0; i < count; i++)
        if (originals[i].quality >= QUALITY)
            originals[sharp++] = originals[i];
#pragma omp parallel for schedule(dynamic) reduction(+ : pairs, near, wide, alike) reduction(min : least)
    for (size_t i = 0; i < sharp; i++)
        for (size_t j = 0; j < i; j++) {
            if (originals[i].file == originals[j].file)
                continue;
            pairs++;
            if (bit_hamming(originals[i].look.hash, originals[j].look.hash) > BITS)
                continue;
            near++;
            if (bit_look_distance(&originals[i].look, &originals[j].look) > WIDE)
                continue;
            wide++;
            double d = difference(&originals[i], &originals[j]);
            least = d < least ? d : least;
            bool same = d <= fmax(originals[i].most, originals[j].most);
            alike += same;
            if (same && alike <= SHOWN)
                printf("  %s (quality %d) and %s (%d): %d of 64, %d of 256, difference %.1f, at most %.1f\n", originals[i].name, originals[i].quality,
                       originals[j].name, originals[j].quality, bit_hamming(originals[i].look.hash, originals[j].look.hash),
                       bit_look_distance(&originals[i].look, &originals[j].look), d, fmax(originals[i].most, originals[j].most));
        }
    printf("%zu of %zu originals are not flat (quality >= %d): %.3g pairs of different files\n", sharp, count, QUALITY, (double)pairs);
    printf("  bits of 64 <= %d: %zu pairs; of 256 <= %d: %zu; difference <= %d and %g of the contrast: %zu (least difference: %.1f)\n", BITS, near, WIDE, wide, DIFFERENCE,
           share, alike, least);
}

int main(int argc, char **argv)
{
    int tile = argc > 2 ? atoi(argv[2]) : 160;
    if (argc < 2 || argc > 4 || nftw(argv[1], add_file, 16, FTW_PHYS))
        return fprintf(stderr, "usage: recall FOLDER [TILE] [MOST]\n"), 64;
    most = argc > 3 ? (size_t)atol(argv[3]) : most;
    qsort(files, file_count, sizeof *files, by_name);
    originals = must(calloc(most, sizeof *originals));
    copies = must(calloc((most / EVERY + 1) * 15, sizeof *copies));
#pragma omp parallel for schedule(dynamic)
    for (size_t i = 0; i < file_count; i++)
        add_file_of(i, tile);
    printf("%zu files, %zu originals\n", file_count, count);
    tell_recall();
    tell_strangers();
    return 0;
}
