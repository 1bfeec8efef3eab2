/* One image from file to pixels: read, choose the window, decode and resize what it needs. All buffers are reused. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "augment.h"
#include "bit/memory.h"
#include "decoder.h"
#include "picture.h"
#include "resize.h"

struct bit_decoder {
    struct bit_stream_options options;
    struct bit_picture *picture;
    struct bit_resizer *resizer;
    void *file;
    size_t file_capacity, file_size;
    enum bit_file_fault fault;
    struct bit_window window; /* of the last picture */
};

static int check_options(const struct bit_stream_options *o, struct bit_error *error)
{
    if (o->image_size < 1 || o->image_size > 8192)
        return bit_fail(error, BIT_EUSAGE, "image size %d: expected 1 to 8192 pixels", o->image_size);
    if (o->crop == BIT_CROP_FIT && o->training && !(o->scale_min > 0 && o->scale_min <= o->scale_max && o->scale_max <= 10))
        return bit_fail(error, BIT_EUSAGE, "scale %g to %g: expected 0 < least <= most <= 10", o->scale_min, o->scale_max);
    if (o->crop == BIT_CROP_FIT)
        return 0;
    bool resizes = o->training ? o->crop != BIT_CROP_INCEPTION : !o->squash;
    if (resizes && (o->resize < o->image_size || o->resize > 16384))
        return bit_fail(error, BIT_EUSAGE, "resize %d: expected at least the image size, %d, and at most 16384",
                        o->resize, o->image_size);
    if (!o->training || o->crop != BIT_CROP_INCEPTION)
        return 0;
    if (!(o->area_min > 0 && o->area_min <= o->area_max && o->area_max <= 1))
        return bit_fail(error, BIT_EUSAGE, "crop area %g to %g: expected 0 < least <= most <= 1", o->area_min, o->area_max);
    if (!(o->aspect_min > 0 && o->aspect_min <= o->aspect_max && o->aspect_max <= 100 && o->aspect_min >= 0.01))
        return bit_fail(error, BIT_EUSAGE, "crop aspect %g to %g: expected 0.01 <= least <= most <= 100", o->aspect_min,
                        o->aspect_max);
    return 0;
}

struct bit_decoder *bit_decoder_create(const struct bit_stream_options *options, struct bit_error *error)
{
    if (check_options(options, error))
        return NULL;
    struct bit_decoder *d = bit_allocate(1, sizeof *d, "an image decoder", error);
    if (!d)
        return NULL;
    struct bit_picture_limits limits = {options->pixel_limit, options->scan_limit, {0}};
    memcpy(limits.background, options->background, sizeof limits.background);
    d->options = *options;
    if (!(d->resizer = bit_resizer_create(options->image_size, options->filter, options->precision, error)) ||
        !(d->picture = bit_picture_create(&limits, error))) {
        bit_decoder_destroy(d);
        return NULL;
    }
    return d;
}

void bit_decoder_destroy(struct bit_decoder *d)
{
    if (!d)
        return;
    bit_picture_destroy(d->picture);
    bit_resizer_destroy(d->resizer);
    bit_free(d->file);
    bit_free(d);
}

/* Zero, which is grey, where the image does not reach. */
static void clear_beyond(const struct bit_decoder *d, char *pixels)
{
    size_t size = (size_t)d->options.image_size, pixel = 3 * bit_type_size(d->options.precision);
    size_t valid_x = (size_t)d->window.valid_x, valid_y = (size_t)d->window.valid_y;
    for (size_t y = 0; y < valid_y && valid_x < size; y++)
        memset(pixels + (y * size + valid_x) * pixel, 0, (size - valid_x) * pixel);
    memset(pixels + valid_y * size * pixel, 0, (size - valid_y) * size * pixel);
}

static int decode(struct bit_decoder *d, const void *data, size_t bytes, uint64_t epoch, uint64_t sample, void *pixels,
                  struct bit_error *error)
{
    struct bit_window *w = &d->window;
    int width, height;
    if (bit_picture_open(d->picture, data, bytes, &width, &height, error))
        return -1;
    if (!d->options.training && (width <= 2 * d->options.border || height <= 2 * d->options.border))
        return bit_fail(error, BIT_EDATA, "%d x %d pixels: nothing is left inside a border of %d (evaluation.border)", width, height, d->options.border);
    enum bit_orientation orientation = d->options.exif_orientation ? bit_exif_orientation(data, bytes) : BIT_UPRIGHT;
    bool swaps = bit_orientation_swaps(orientation);
    bit_window_choose(&d->options, epoch, sample, swaps ? height : width, swaps ? width : height, w);
    if (bit_resizer_run(d->resizer, d->picture, width, height, orientation, w, pixels, error))
        return -1;
    clear_beyond(d, pixels);
    return 0;
}

int bit_decoder_run(struct bit_decoder *d, const void *data, size_t bytes, uint64_t epoch, uint64_t sample, void *pixels,
                    struct bit_error *error)
{
    int result = decode(d, data, bytes, epoch, sample, pixels, error);
    bit_picture_close(d->picture);
    return result;
}

static bool is_one_of(int number, const int *numbers, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (number == numbers[i])
            return true;
    return false;
}

/* What a path says about the image is class data; what it says about this process or the storage below is class environment. */
static int fail_file(struct bit_decoder *d, const char *doing, struct bit_error *error)
{
    static const int ours[] = {EMFILE, ENFILE, ENOMEM, ENOBUFS};
    static const int storage[] = {EIO, ESTALE, ETIMEDOUT, ENOTCONN, ENODEV, ENOMEDIUM, ENOLINK, EREMOTEIO, ESHUTDOWN, EHOSTDOWN,
                                  EHOSTUNREACH, ENETDOWN, ENETUNREACH, ECONNREFUSED, ECONNRESET, ECONNABORTED, ECOMM, EPROTO};
    int number = errno;
    if (is_one_of(number, storage, sizeof storage / sizeof *storage))
        d->fault = BIT_FILE_LOST;
    else if (!is_one_of(number, ours, sizeof ours / sizeof *ours))
        d->fault = number == ENOENT || number == ENOTDIR ? BIT_FILE_ABSENT : BIT_FILE_REFUSED;
    bool image = d->fault == BIT_FILE_ABSENT || d->fault == BIT_FILE_REFUSED;
    errno = number;
    return bit_fail_errno(error, image ? BIT_EDATA : BIT_EENVIRONMENT, "cannot %s", doing);
}

const struct bit_window *bit_decoder_window(const struct bit_decoder *d)
{
    return &d->window;
}

enum bit_file_fault bit_decoder_fault(const struct bit_decoder *d)
{
    return d->fault;
}

/* Growing by more than is needed keeps the number of allocations small; contents are dropped. */
static int reserve_file(struct bit_decoder *d, size_t needed, struct bit_error *error)
{
    if (needed <= d->file_capacity)
        return 0;
    bit_free(d->file);
    d->file = bit_allocate(needed + needed / 2, 1, "a file buffer", error);
    d->file_capacity = d->file ? needed + needed / 2 : 0;
    return d->file ? 0 : -1;
}

const void *bit_decoder_bytes(const struct bit_decoder *d, size_t *size)
{
    *size = d->file_size;
    return d->file;
}

static int read_file(struct bit_decoder *d, int file, size_t *bytes, struct bit_error *error)
{
    struct stat status;
    if (fstat(file, &status))
        return fail_file(d, "stat", error);
    if (!S_ISREG(status.st_mode))
        return bit_fail(error, BIT_EDATA, "not a regular file");
    if ((uint64_t)status.st_size > d->options.file_limit)
        return bit_fail(error, BIT_EDATA, "%lld bytes: more than the limit of %llu (data.max_file_mib)",
                        (long long)status.st_size, (unsigned long long)d->options.file_limit);
    if (reserve_file(d, (size_t)status.st_size + 1, error))
        return -1;
    *bytes = 0;
    while (*bytes < (size_t)status.st_size) {
        ssize_t got = read(file, (char *)d->file + *bytes, (size_t)status.st_size - *bytes);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return fail_file(d, "read", error);
        if (got == 0)
            break;
        *bytes += (size_t)got;
    }
    return 0;
}

static int load_file(struct bit_decoder *d, const char *path, size_t *bytes, struct bit_error *error)
{
    d->fault = BIT_FILE_NONE;
    /* A pipe or a device with an image's name must not block a loader. */
    int file = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
    if (file < 0)
        return fail_file(d, "open", error);
    int result = read_file(d, file, bytes, error);
    close(file);
    d->file_size = result ? 0 : *bytes;
    return result;
}

int bit_decoder_run_file(struct bit_decoder *d, const char *path, uint64_t epoch, uint64_t sample, void *pixels,
                         struct bit_error *error)
{
    size_t bytes = 0;
    return load_file(d, path, &bytes, error) ? -1 : bit_decoder_run(d, d->file, bytes, epoch, sample, pixels, error);
}

int bit_decoder_measure(struct bit_decoder *d, const char *path, int *width, int *height, struct bit_error *error)
{
    size_t bytes = 0;
    if (load_file(d, path, &bytes, error))
        return -1;
    int result = bit_picture_open(d->picture, d->file, bytes, width, height, error);
    bit_picture_close(d->picture);
    return result;
}
