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

static void choose_training(const struct bit_stream_options *options, uint64_t epoch, uint64_t sample, int width,
                            int height, struct bit_window *window)
{
    struct bit_random random;
    struct crop crop;
    bool found = false;
    bit_random_init(&random, options->seed, BIT_PURPOSE_AUGMENT, epoch, sample);
    /* The mirror is drawn first: it must not depend on how many attempts the crop takes. */
    window->mirror = (bit_random_u32(&random) >> 31) && options->mirror;
    for (int i = 0; i < options->crop_attempts && !found; i++)
        found = crop_attempt(options, &random, width, height, &crop);
    if (!found)
        crop = crop_central(options, width, height);
    window->x.first = window->x.low = crop.x;
    window->x.length = crop.width;
    window->x.high = crop.x + crop.width - 1;
    window->y.first = window->y.low = crop.y;
    window->y.length = crop.height;
    window->y.high = crop.y + crop.height - 1;
}

/* Smaller side to options->resize, the other in proportion (rounded), then the central square of image_size pixels. */
static void choose_central(const struct bit_stream_options *options, int width, int height, struct bit_window *window)
{
    int smaller = width < height ? width : height;
    double scale = (double)options->resize / smaller;
    long new_width = lrint(width * scale), new_height = lrint(height * scale);
    long left = (new_width - options->image_size) / 2, top = (new_height - options->image_size) / 2;
    double step_x = (double)width / (double)new_width, step_y = (double)height / (double)new_height;
    window->mirror = false;
    window->x.first = (double)left * step_x;
    window->x.length = options->image_size * step_x;
    window->x.low = 0;
    window->x.high = width - 1;
    window->y.first = (double)top * step_y;
    window->y.length = options->image_size * step_y;
    window->y.low = 0;
    window->y.high = height - 1;
}

void bit_window_choose(const struct bit_stream_options *options, uint64_t epoch, uint64_t sample, int width, int height,
                       struct bit_window *window)
{
    if (options->training)
        choose_training(options, epoch, sample, width, height, window);
    else
        choose_central(options, width, height, window);
}
