/* What costs time is avoided rather than made fast: rows above the region are entropy-decoded only (jpeg_skip_scanlines),
 * columns beside it likewise (jpeg_crop_scanline), decoding ends with its last row, and large images are reduced by the
 * inverse DCT itself.
 *
 * libjpeg calls many damaged files good and only warns. A warning about the data is an error here; warnings about its
 * wrapping (stray bytes between markers, odd version numbers) are not. A file without an end marker is truncated even if
 * the region lies in the part that is there. */
#include "jpeg.h"

#include <setjmp.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include <jpeglib.h>
#include <jerror.h>

#include "bit/memory.h"

#ifndef JCS_EXTENSIONS
#error "libjpeg-turbo 1.5 or later is needed (jpeg_crop_scanline, JCS_EXT_RGBX)"
#endif

/* Rows are read up to BATCH at a time; RING of them are kept. A pixel row of the region begins `shift` pixels into a ring
 * row, as libjpeg crops at whole blocks only. */
enum { RING = 8, BATCH = 4, MARGIN = 2 };

struct bit_jpeg {
    struct jpeg_decompress_struct info;
    struct jpeg_error_mgr errors;
    struct jpeg_progress_mgr progress;
    jmp_buf failed;
    enum bit_code code; /* class of the last failure */
    char reason[JMSG_LENGTH_MAX];
    bool created, counting, inverted;
    struct bit_picture_limits limits;
    uint64_t work;
    uint8_t *rows;
    size_t capacity, stride;
    int shift, next; /* next: the row that the ring gets next */
};

static void give_up(struct bit_jpeg *jpeg, enum bit_code code)
{
    jpeg->code = code;
    longjmp(jpeg->failed, 1);
}

static void on_error(j_common_ptr info)
{
    struct bit_jpeg *jpeg = info->client_data;
    info->err->format_message(info, jpeg->reason);
    give_up(jpeg, info->err->msg_code == JERR_OUT_OF_MEMORY ? BIT_EENVIRONMENT : BIT_EDATA);
}

static void on_message(j_common_ptr info, int level)
{
    if (level >= 0)
        return;
    switch (info->err->msg_code) {
    case JWRN_EXTRANEOUS_DATA:
    case JWRN_TOO_MUCH_DATA:
    case JWRN_ADOBE_XFORM:
    case JWRN_JFIF_MAJOR:
        info->err->num_warnings++;
        return;
    default:
        on_error(info);
    }
}

static void on_output(j_common_ptr info)
{
    (void)info;
}

/* Called for every row of blocks. Limits here count work, not seconds: the verdict must not depend on the machine. */
static void on_progress(j_common_ptr common)
{
    struct bit_jpeg *jpeg = common->client_data;
    struct jpeg_decompress_struct *info = &jpeg->info;
    if (!jpeg->counting)
        return;
    if (info->input_scan_number > jpeg->limits.scans) {
        snprintf(jpeg->reason, sizeof jpeg->reason, "more than %d scans (data.max_scans)", jpeg->limits.scans);
        give_up(jpeg, BIT_EDATA);
    }
    uint64_t rows = info->comps_in_scan == 1 ? (uint64_t)info->cur_comp_info[0]->v_samp_factor : 1;
    jpeg->work += rows * info->MCUs_per_row * (uint64_t)info->blocks_in_MCU;
    if (jpeg->work > BIT_JPEG_WORK_LIMIT) {
        snprintf(jpeg->reason, sizeof jpeg->reason, "too much work: more than %d blocks over its scans (a fixed limit)",
                 BIT_JPEG_WORK_LIMIT);
        give_up(jpeg, BIT_EDATA);
    }
}

struct bit_jpeg *bit_jpeg_create(const struct bit_picture_limits *limits, struct bit_error *error)
{
    struct bit_jpeg *jpeg = bit_allocate(1, sizeof *jpeg, "a JPEG decoder", error);
    if (jpeg)
        jpeg->limits = *limits;
    return jpeg;
}

/* Every image gets a new object (some microseconds): libjpeg keeps an image's tables for the next one, and a file that
 * lacks its own would come out as a mixture that depends on what was decoded before. */
static void begin(struct bit_jpeg *jpeg)
{
    jpeg->info.err = jpeg_std_error(&jpeg->errors);
    jpeg->errors.error_exit = on_error;
    jpeg->errors.emit_message = on_message;
    jpeg->errors.output_message = on_output;
    jpeg->info.client_data = jpeg;
    jpeg->work = 0;
    jpeg->counting = false;
    jpeg->created = true; /* also when only half of it comes about */
    jpeg->info.mem = NULL;
    jpeg_create_decompress(&jpeg->info);
    jpeg->progress.progress_monitor = on_progress;
    jpeg->info.progress = &jpeg->progress;
    jpeg->info.mem->max_memory_to_use = BIT_JPEG_COEFFICIENT_LIMIT + (32L << 20);
}

void bit_jpeg_destroy(struct bit_jpeg *jpeg)
{
    if (!jpeg)
        return;
    bit_jpeg_close(jpeg);
    bit_free(jpeg->rows);
    bit_free(jpeg);
}

static int fail_reason(struct bit_jpeg *jpeg, struct bit_error *error)
{
    return bit_fail(error, jpeg->code, "%s", jpeg->reason);
}

/* Entropy-coded data never hold the bytes FF D9, so that after the first scan's header they are the end marker. In a
 * whole file they are found at once, at the end. */
static bool has_end(const uint8_t *data, size_t size)
{
    while (size >= 2) {
        const uint8_t *found = memrchr(data + 1, 0xD9, size - 1);
        if (!found)
            return false;
        if (found[-1] == 0xFF)
            return true;
        size = (size_t)(found - data);
    }
    return false;
}

static int check_limits(struct bit_jpeg *jpeg, size_t size, struct bit_error *error)
{
    struct jpeg_decompress_struct *info = &jpeg->info;
    uint64_t pixels = (uint64_t)info->image_width * info->image_height, blocks = 0;
    if (pixels > jpeg->limits.pixels)
        return bit_fail(error, BIT_EDATA, "claims %u x %u pixels: more than the %.0f megapixels of data.max_megapixels", info->image_width,
                        info->image_height, (double)jpeg->limits.pixels / 1e6);
    if (info->arith_code && size > BIT_JPEG_ARITHMETIC_LIMIT)
        return bit_fail(error, BIT_EDATA, "%zu bytes of arithmetic coding: at most %d (a fixed limit)", size, BIT_JPEG_ARITHMETIC_LIMIT);
    if (!jpeg_has_multiple_scans(info))
        return 0;
    for (int i = 0; i < info->num_components; i++)
        blocks += (uint64_t)info->comp_info[i].width_in_blocks * info->comp_info[i].height_in_blocks;
    if (blocks * sizeof(JBLOCK) > BIT_JPEG_COEFFICIENT_LIMIT)
        return bit_fail(error, BIT_EDATA, "%u x %u pixels in several scans would take %.0f MB: at most %.0f (a fixed limit)",
                        info->image_width, info->image_height, (double)(blocks * sizeof(JBLOCK)) / 1e6,
                        BIT_JPEG_COEFFICIENT_LIMIT / 1e6);
    return 0;
}

int bit_jpeg_open(struct bit_jpeg *jpeg, const void *data, size_t size, int *width, int *height,
                  struct bit_error *error)
{
    struct jpeg_decompress_struct *info = &jpeg->info;
    if (setjmp(jpeg->failed))
        return fail_reason(jpeg, error);
    begin(jpeg);
    jpeg_mem_src(info, data, (unsigned long)size);
    jpeg_read_header(info, TRUE);
    if (check_limits(jpeg, size, error))
        return -1;
    if (!has_end(info->src->next_input_byte, info->src->bytes_in_buffer))
        return bit_fail(error, BIT_EDATA, "truncated: no end marker");
    *width = (int)info->image_width;
    *height = (int)info->image_height;
    return 0;
}

static int reserve_rows(struct bit_jpeg *jpeg, struct bit_error *error)
{
    jpeg->stride = ((size_t)jpeg->info.output_width * 4 + 127) / 64 * 64;
    size_t bytes = RING * jpeg->stride;
    if (bytes <= jpeg->capacity)
        return 0;
    bit_free(jpeg->rows);
    jpeg->capacity = 0;
    jpeg->rows = bit_allocate(bytes, 1, "decoded image rows", error);
    if (!jpeg->rows)
        return -1;
    jpeg->capacity = bytes;
    return 0;
}

static void set_output(struct bit_jpeg *jpeg, int factor)
{
    struct jpeg_decompress_struct *info = &jpeg->info;
    bool four = info->jpeg_color_space == JCS_CMYK || info->jpeg_color_space == JCS_YCCK;
    info->out_color_space = four ? JCS_CMYK : JCS_EXT_RGBX;
    jpeg->inverted = four && info->saw_Adobe_marker;
    info->scale_num = 8 / (unsigned)factor;
    info->scale_denom = 8;
    info->dct_method = JDCT_ISLOW;
    info->do_block_smoothing = FALSE;
}

int bit_jpeg_start(struct bit_jpeg *jpeg, const struct bit_region *region, struct bit_error *error)
{
    struct jpeg_decompress_struct *info = &jpeg->info;
    if (setjmp(jpeg->failed))
        return fail_reason(jpeg, error);
    set_output(jpeg, region->factor);
    jpeg->counting = true; /* files of several scans are read through here */
    jpeg_start_decompress(info);
    jpeg->counting = false;

    /* Interpolated chroma looks one sample over the edge, so a little more is decoded than is wanted. */
    JDIMENSION left = region->left > MARGIN ? (JDIMENSION)(region->left - MARGIN) : 0;
    JDIMENSION end = (JDIMENSION)region->right + 1 + MARGIN;
    if (end > info->output_width)
        end = info->output_width;
    JDIMENSION width = end - left;
    if (width < info->output_width)
        jpeg_crop_scanline(info, &left, &width);
    else
        left = 0;
    jpeg->shift = region->left - (int)left;
    if (reserve_rows(jpeg, error))
        return -1;
    jpeg->next = region->top > MARGIN ? region->top - MARGIN : 0;
    if (jpeg->next > 0)
        jpeg->next = (int)jpeg_skip_scanlines(info, (JDIMENSION)jpeg->next);
    return 0;
}

/* Adobe's files store CMYK inverted. The naive conversion, as Pillow's. */
static void convert_cmyk(uint8_t *row, unsigned pixels, bool inverted)
{
    uint8_t flip = inverted ? 0 : 255;
    for (unsigned i = 0; i < pixels; i++, row += 4) {
        unsigned black = row[3] ^ flip;
        for (int c = 0; c < 3; c++)
            row[c] = (uint8_t)(((row[c] ^ flip) * black + 127) / 255);
    }
}

const uint8_t *bit_jpeg_row(struct bit_jpeg *jpeg, int y, struct bit_error *error)
{
    struct jpeg_decompress_struct *info = &jpeg->info;
    if (y >= jpeg->next) {
        if (setjmp(jpeg->failed)) {
            fail_reason(jpeg, error);
            return NULL;
        }
        while (y >= jpeg->next) {
            JSAMPROW rows[BATCH];
            for (int i = 0; i < BATCH; i++)
                rows[i] = jpeg->rows + (size_t)(jpeg->next + i) % RING * jpeg->stride;
            int got = (int)jpeg_read_scanlines(info, rows, BATCH);
            for (int i = 0; i < got && info->out_color_space == JCS_CMYK; i++)
                convert_cmyk(rows[i], info->output_width, jpeg->inverted);
            if (got < 1) {
                bit_fail(error, BIT_EDATA, "premature end of image");
                return NULL;
            }
            jpeg->next += got;
        }
    }
    return jpeg->rows + (size_t)y % RING * jpeg->stride + 4 * (size_t)jpeg->shift;
}

void bit_jpeg_close(struct bit_jpeg *jpeg)
{
    if (jpeg->created)
        jpeg_destroy_decompress(&jpeg->info);
    jpeg->created = false;
}
