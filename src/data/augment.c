#include "augment.h"

#include <math.h>

#include "bit/random.h"

struct crop { int x, y, width, height; };

/* One attempt at a crop, with TensorFlow's distribution (its sample_distorted_bounding_box made BiT's training crops):
 * the aspect is uniform in its range, then the height is uniform among those that keep the area in its range and the
 * crop in the image, then the place is uniform. torchvision draws area and log aspect instead. */
static bool crop_attempt(const struct bit_stream_options *options, struct bit_random *random, int width, int height,
                         struct crop *crop)
{
    double aspect = options->aspect_min + bit_random_uniform(random) * (options->aspect_max - options->aspect_min);
    double area = (double)width * height, least = options->area_min * area, most = options->area_max * area;
    long low = lrint(sqrt(least / aspect)), high = lrint(sqrt(most / aspect));
    if (low < 1)
        low = 1;
    if (high > height)
        high = height;
    while (high > 0 && lrint((double)high * aspect) > width)
        high = high > width / aspect + 1 ? (long)(width / aspect) + 1 : high - 1;
    if (high < 1)
        return false;
    if (low > high)
        low = high;
    long h = low + (long)bit_random_below(random, (uint64_t)(high - low + 1));
    long w = lrint((double)h * aspect);
    /* Rounding can carry the area out of its range by less than a row. */
    if ((double)(h * w) < least) {
        h++;
        w = lrint((double)h * aspect);
    } else if ((double)(h * w) > most) {
        h--;
        w = lrint((double)h * aspect);
    }
    if (w < 1 || h < 1 || w > width || h > height || (double)(w * h) < least || (double)(w * h) > most)
        return false;
    *crop = (struct crop){.width = (int)w, .height = (int)h};
    crop->x = (int)bit_random_below(random, (uint64_t)(width - w + 1));
    crop->y = (int)bit_random_below(random, (uint64_t)(height - h + 1));
    return true;
}

/* For images that no attempt fits (very long ones): the largest central crop with an allowed aspect. */
static struct crop crop_central(const struct bit_stream_options *options, int width, int height)
{
    double aspect = (double)width / height;
    struct crop crop = {.width = width, .height = height};
    if (aspect > options->aspect_max)
        crop.width = (int)lrint(height * options->aspect_max);
    else if (aspect < options->aspect_min)
        crop.height = (int)lrint(width / options->aspect_min);
    crop.width = crop.width < 1 ? 1 : crop.width > width ? width : crop.width;
    crop.height = crop.height < 1 ? 1 : crop.height > height ? height : crop.height;
    crop.x = (width - crop.width) / 2;
    crop.y = (height - crop.height) / 2;
    return crop;
}

static struct crop crop_inception(const struct bit_stream_options *options, struct bit_random *random, int width, int height)
{
    struct crop crop;
    for (int i = 0; i < options->crop_attempts; i++)
        if (crop_attempt(options, random, width, height, &crop))
            return crop;
    return crop_central(options, width, height);
}

static void set_crop(struct bit_window *window, const struct crop *crop)
{
    window->x.first = window->x.low = crop->x;
    window->x.length = crop->width;
    window->x.high = crop->x + crop->width - 1;
    window->y.first = window->y.low = crop->y;
    window->y.length = crop->height;
    window->y.high = crop->y + crop->height - 1;
}

/* The square of image_size pixels at (left, top) of the image once it is resized to new_width x new_height. */
static void set_square(struct bit_window *window, const struct bit_stream_options *options, int width, int height, long new_width,
                       long new_height, long left, long top)
{
    double step_x = (double)width / (double)new_width, step_y = (double)height / (double)new_height;
    window->x.first = (double)left * step_x;
    window->x.length = options->image_size * step_x;
    window->x.low = 0;
    window->x.high = width - 1;
    window->y.first = (double)top * step_y;
    window->y.length = options->image_size * step_y;
    window->y.low = 0;
    window->y.high = height - 1;
}

/* Smaller side to options->resize, the other in proportion (rounded); or both to it. */
static void resized(const struct bit_stream_options *options, bool squash, int width, int height, long *new_width, long *new_height)
{
    double scale = (double)options->resize / (width < height ? width : height);
    *new_width = squash ? options->resize : lrint(width * scale);
    *new_height = squash ? options->resize : lrint(height * scale);
}

/* The larger side to `scale` times the output's, the other in proportion (rounded each, so that the ratios differ a little); where it is
 * larger than the output a crop at random, where it is smaller it stands in the upper left corner. */
static void choose_fit(const struct bit_stream_options *options, struct bit_random *random, double scale, int width, int height,
                       struct bit_window *window)
{
    double ratio = scale * options->image_size / (width > height ? width : height);
    long size = options->image_size, new_width = lrint(width * ratio), new_height = lrint(height * ratio);
    new_width = new_width < 1 ? 1 : new_width;
    new_height = new_height < 1 ? 1 : new_height;
    long left = new_width > size ? (long)(bit_random_uniform(random) * (double)(new_width - size)) : 0;
    long top = new_height > size ? (long)(bit_random_uniform(random) * (double)(new_height - size)) : 0;
    window->valid_x = (int)(new_width < size ? new_width : size);
    window->valid_y = (int)(new_height < size ? new_height : size);
    /* Mirrored rows are those of the square, not of the image's part of it: the image is moved to their other end. */
    set_square(window, options, width, height, new_width, new_height, window->mirror ? left + window->valid_x - size : left, top);
}

static void choose_training(const struct bit_stream_options *options, uint64_t epoch, uint64_t sample, int width,
                            int height, struct bit_window *window)
{
    struct bit_random random;
    long new_width, new_height;
    bit_random_init(&random, options->seed, BIT_PURPOSE_AUGMENT, epoch, sample);
    /* The mirror is drawn first: it must not depend on how many attempts the crop takes. */
    window->mirror = (bit_random_u32(&random) >> 31) && options->mirror;
    if (options->crop == BIT_CROP_FIT) {
        double scale = options->scale_min + bit_random_uniform(&random) * (options->scale_max - options->scale_min);
        choose_fit(options, &random, scale, width, height, window);
        return;
    }
    if (options->crop == BIT_CROP_INCEPTION) {
        struct crop crop = crop_inception(options, &random, width, height);
        set_crop(window, &crop);
        return;
    }
    resized(options, options->crop == BIT_CROP_SQUASH, width, height, &new_width, &new_height);
    long left = (long)bit_random_below(&random, (uint64_t)(new_width - options->image_size + 1));
    long top = (long)bit_random_below(&random, (uint64_t)(new_height - options->image_size + 1));
    set_square(window, options, width, height, new_width, new_height, left, top);
}

static void choose_evaluation(const struct bit_stream_options *options, int width, int height, struct bit_window *window)
{
    const int border = options->border;
    long size = options->image_size, new_width = size, new_height = size;
    window->mirror = false;
    if (options->crop == BIT_CROP_FIT && !options->squash) {
        choose_fit(options, NULL, 1, width, height, window); /* nothing is larger than the output: nothing is drawn */
        return;
    }
    width -= 2 * border;
    height -= 2 * border;
    if (!options->squash)
        resized(options, options->stretch, width, height, &new_width, &new_height);
    set_square(window, options, width, height, new_width, new_height, (new_width - size) / 2, (new_height - size) / 2);
    struct bit_span *spans[] = {&window->x, &window->y};
    for (int i = 0; i < 2; i++) {
        spans[i]->first += border;
        spans[i]->low += border;
        spans[i]->high += border;
    }
}

void bit_window_choose(const struct bit_stream_options *options, uint64_t epoch, uint64_t sample, int width, int height,
                       struct bit_window *window)
{
    window->valid_x = window->valid_y = options->image_size;
    window->width = width;
    window->height = height;
    if (options->training)
        choose_training(options, epoch, sample, width, height, window);
    else
        choose_evaluation(options, width, height, window);
}
