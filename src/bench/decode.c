/* bit bench decode: JPEG files to training images, each thread with a decoder of its own as in the image stream, beside
 * libjpeg-turbo alone, which decodes the same files whole and throws the pixels away. */
#include <omp.h>
#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include <jpeglib.h>

#include "bit/clock.h"
#include "bit/data.h"
#include "bit/memory.h"
#include "bench/bench.h"

/* ---- libjpeg alone ---- */

struct bare { struct jpeg_error_mgr errors; jmp_buf failed; };

static void on_error(j_common_ptr info)
{
    longjmp(((struct bare *)info->client_data)->failed, 1);
}

static void on_message(j_common_ptr info, int level)
{
    (void)info, (void)level;
}

/* The whole image as libjpeg gives it by default. Returns its pixels; 0: libjpeg failed. */
static double decode_bare(const struct bench_picture *picture)
{
    struct jpeg_decompress_struct info;
    struct bare bare;
    JSAMPLE *volatile rows = NULL;
    info.err = jpeg_std_error(&bare.errors);
    bare.errors.error_exit = on_error;
    bare.errors.emit_message = on_message;
    info.client_data = &bare;
    if (setjmp(bare.failed)) {
        jpeg_destroy_decompress(&info);
        free(rows);
        return 0;
    }
    jpeg_create_decompress(&info);
    jpeg_mem_src(&info, picture->data, (unsigned long)picture->size);
    jpeg_read_header(&info, TRUE);
    jpeg_start_decompress(&info);
    size_t stride = (size_t)info.output_width * (size_t)info.output_components;
    rows = malloc(4 * stride);
    while (rows && info.output_scanline < info.output_height) {
        JSAMPROW four[4] = {rows, rows + stride, rows + 2 * stride, rows + 3 * stride};
        jpeg_read_scanlines(&info, four, 4);
    }
    double pixels = rows ? (double)info.output_width * info.output_height : 0;
    jpeg_abort_decompress(&info);
    jpeg_destroy_decompress(&info);
    free(rows);
    return pixels;
}

/* ---- passes ---- */

struct report { double seconds, bare, cpu, pixels; size_t failed; struct bit_error first; };

static double cpu_seconds(void)
{
    struct timespec now;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
    return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

/* Every file once, with the crop of this epoch. */
static int pass(const struct bench_options *o, const struct bench_pictures *p, struct bit_decoder **decoders, void **images,
                uint64_t epoch, struct report *r, struct bit_error *error)
{
    size_t failed = 0;
#pragma omp parallel for schedule(dynamic) num_threads(o->threads) reduction(+ : failed)
    for (size_t i = 0; i < p->count; i++) {
        struct bit_error own = {0};
        const struct bench_picture *picture = &p->list[i];
        int me = omp_get_thread_num();
        if (picture->path ? bit_decoder_run_file(decoders[me], picture->path, epoch, i, images[me], &own)
                          : bit_decoder_run(decoders[me], picture->data, picture->size, epoch, i, images[me], &own)) {
            failed++;
#pragma omp critical
            bit_fail(own.code == BIT_EDATA ? &r->first : error, own.code, "%s: %s", picture->path ? picture->path : "image",
                     own.text);
        }
    }
    r->failed = failed;
    if (failed == p->count && !error->code)
        bit_fail(error, BIT_EDATA, "none of %zu files can be used, the first: %s", failed, r->first.text);
    return error->code ? -1 : 0;
}

static double pass_bare(const struct bench_options *o, const struct bench_pictures *p)
{
    double pixels = 0;
#pragma omp parallel for schedule(dynamic) num_threads(o->threads) reduction(+ : pixels)
    for (size_t i = 0; i < p->count; i++)
        pixels += decode_bare(&p->list[i]);
    return pixels;
}

static int measure(const struct bench_options *o, const struct bench_pictures *p, struct bit_decoder **decoders, void **images,
                   struct report *r, struct bit_error *error)
{
    double *seconds = bit_allocate(3 * (size_t)o->repeat, sizeof *seconds, "times", error);
    int result = seconds ? 0 : -1;
    for (int i = -1; i < o->repeat && !result; i++) { /* the first one warms up */
        double cpu = cpu_seconds(), start = bit_clock_seconds();
        result = pass(o, p, decoders, images, (uint64_t)(i + 1), r, error);
        double middle = bit_clock_seconds();
        cpu = cpu_seconds() - cpu;
        r->pixels = pass_bare(o, p);
        if (i < 0)
            continue;
        seconds[i] = middle - start;
        seconds[o->repeat + i] = bit_clock_seconds() - middle;
        seconds[2 * o->repeat + i] = cpu;
    }
    if (!result) {
        r->seconds = bit_median(seconds, (size_t)o->repeat);
        r->bare = bit_median(seconds + o->repeat, (size_t)o->repeat);
        r->cpu = bit_median(seconds + 2 * o->repeat, (size_t)o->repeat);
    }
    bit_free(seconds);
    return result;
}

static int prepare(const struct bench_options *o, struct bit_decoder **decoders, void **images, struct bit_error *error)
{
    const struct bit_stream_options options = {
        .seed = 1, .training = true, .image_size = o->size, .area_min = 0.05, .area_max = 1, .aspect_min = 3.0 / 4,
        .aspect_max = 4.0 / 3, .crop_attempts = 100, .mirror = true, .precision = o->precision, .file_limit = BENCH_FILE_LIMIT,
        .pixel_limit = 64000000, .scan_limit = 100};
    for (int t = 0; t < o->threads; t++) {
        if (!(decoders[t] = bit_decoder_create(&options, error)) ||
            !(images[t] = bit_allocate((size_t)o->size * (size_t)o->size * 3, bit_type_size(o->precision), "an image", error)))
            return -1;
    }
    return 0;
}

static void print(const struct bench_options *o, const struct bench_pictures *p, const struct report *r)
{
    const char *precision = o->precision == BIT_FLOAT32 ? "float32" : "bfloat16";
    double count = (double)p->count, used = (double)(p->count - r->failed), rate = used / r->seconds, bare = used / r->bare;
    double memory = (double)bit_memory_resident_peak() * 1e-9;
    if (o->json) {
        printf("{\"kind\": \"decode\", \"data\": %s, \"images\": %zu, \"failed\": %zu, \"mean_bytes\": %.0f, \"mean_pixels\": %.0f, "
               "\"size\": %d, \"precision\": \"%s\", \"threads\": %d,\n \"passes\": %d, \"median_seconds\": %.9g, "
               "\"cpu_seconds\": %.9g, \"libjpeg_images_per_second\": %.6g, \"ratio\": %.4g, \"images_per_second\": %.6g, "
               "\"peak_memory_gb\": %.6g}\n", o->data ? "\"files\"" : "\"synthetic\"", p->count, r->failed,
               (double)p->bytes / count, r->pixels / used, o->size, precision, o->threads, o->repeat, r->seconds, r->cpu, bare,
               rate / bare, rate, memory);
        return;
    }
    printf("%zu %s of %.0f kB, %.0f pixels on average, to training crops of %d, %s, %d thread%s\n", p->count,
           o->data ? "files" : "synthetic JPEGs (no --data was given)", (double)p->bytes / count * 1e-3, r->pixels / used,
           o->size, precision, o->threads, o->threads == 1 ? "" : "s");
    if (r->failed)
        printf("%zu cannot be used, the first: %s\n", r->failed, r->first.text);
    printf("%d passes: median %.1f ms, %.3f ms of CPU an image\n", o->repeat, r->seconds * 1e3, r->cpu / used * 1e3);
    printf("ceiling: libjpeg alone, whole images from memory, %.1f images/s; reached %.2f of it\n", bare, rate / bare);
    printf("images/s: %.1f\n", rate);
    printf("peak memory: %.2f GB\n", memory);
}

int bench_decode(const struct bench_options *o)
{
    struct bit_error error = {0};
    struct bench_pictures pictures = {0};
    struct report report = {0};
    size_t threads = (size_t)o->threads;
    struct bit_decoder **decoders = bit_allocate(threads, sizeof *decoders, "decoders", &error);
    void **images = decoders ? bit_allocate(threads, sizeof *images, "images", &error) : NULL;
    int result = images ? o->data ? bench_pictures_find(&pictures, o->data, (size_t)o->images, &error) : bench_pictures_make(&pictures, &error) : -1;
    if (!result && !prepare(o, decoders, images, &error) && !measure(o, &pictures, decoders, images, &report, &error))
        print(o, &pictures, &report);
    if (!error.code && o->fit && report.failed)
        bit_fail(&error, BIT_EDATA, "--fit: %zu of %zu files cannot be used, the first: %s; nothing was added", report.failed,
                 pictures.count, report.first.text);
    if (!error.code && o->fit)
        bench_fit_decode(o, report.cpu / (double)pictures.count, &error);
    for (size_t t = 0; images && t < threads; t++) {
        bit_decoder_destroy(decoders[t]);
        bit_free(images[t]);
    }
    bit_free(images);
    bit_free(decoders);
    bench_pictures_free(&pictures);
    return error.code ? bit_cli_error(&error) : BIT_OK;
}
