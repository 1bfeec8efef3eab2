#include "apply/alike.h"

#include <math.h>
#include <omp.h>
#include <string.h>

#include "bit/memory.h"

struct alike {
    struct trained *trained;
    int threads, made;             /* decoders: wanted, made */
    struct bit_decoder **decoders;
    unsigned char *batch, *stored; /* images of a micro-batch as the network takes them; one a thread, before it is turned */
    float *features;               /* of the pictures of a micro-batch */
    size_t image_bytes, pixel_bytes;
};

static int make_decoders(struct alike *a, uint64_t file_limit, uint64_t pixel_limit, struct bit_error *error)
{
    struct bit_stream_options o = a->trained->stream;
    o.squash = true;
    o.stretch = false;
    o.filter = BIT_FILTER_ANTIALIAS;
    o.file_limit = file_limit;
    o.pixel_limit = pixel_limit;
    o.precision = a->trained->options.precision;
    if (!(a->decoders = bit_allocate((size_t)a->threads, sizeof *a->decoders, "picture readers", error)))
        return -1;
    for (; a->made < a->threads; a->made++)
        if (!(a->decoders[a->made] = bit_decoder_create(&o, error)))
            return -1;
    return 0;
}

struct alike *alike_create(struct trained *trained, int threads, uint64_t file_limit, uint64_t pixel_limit, struct bit_error *error)
{
    struct alike *a = bit_allocate(1, sizeof *a, "comparing features", error);
    if (!a)
        return NULL;
    const size_t side = (size_t)trained->options.image_size, micro = (size_t)trained->options.micro_batch;
    const size_t channels = (size_t)bit_model_call(trained->model)->input.channels;
    *a = (struct alike){.trained = trained, .threads = threads, .pixel_bytes = 3 * bit_type_size(trained->options.precision)};
    a->image_bytes = side * side * a->pixel_bytes;
    a->batch = bit_allocate(micro, a->image_bytes, "pictures to compare", error);
    a->stored = bit_allocate((size_t)threads, a->image_bytes, "pictures to compare", error);
    a->features = bit_allocate(micro, channels * sizeof *a->features, "features to compare", error);
    if (a->batch && a->stored && a->features && !make_decoders(a, file_limit, pixel_limit, error))
        return a;
    alike_destroy(a);
    return NULL;
}

void alike_destroy(struct alike *a)
{
    if (!a)
        return;
    for (int i = 0; i < a->made; i++)
        bit_decoder_destroy(a->decoders[i]);
    bit_free(a->decoders);
    bit_free(a->batch);
    bit_free(a->stored);
    bit_free(a->features);
    bit_free(a);
}

static void turn_picture(const struct alike *a, int turn, const unsigned char *from, unsigned char *to)
{
    const int side = a->trained->options.image_size;
    for (int y = 0; y < side; y++)
        for (int x = 0; x < side; x++, to += a->pixel_bytes)
            memcpy(to, from + (size_t)bit_look_place(turn, side, x, y) * a->pixel_bytes, a->pixel_bytes);
}

static int read_picture(const struct alike *a, const struct bit_dedup_near *pair, int which, unsigned char *to, struct bit_error *error)
{
    const int me = omp_get_thread_num(), turn = which ? pair->turn : 0;
    unsigned char *first = turn ? a->stored + (size_t)me * a->image_bytes : to;
    if (bit_decoder_run_file(a->decoders[me], pair->paths[which], 0, 0, first, error)) {
        error->code = BIT_EENVIRONMENT; /* the picture could be read a moment ago */
        return bit_fail_at(error, "%s", pair->paths[which]);
    }
    if (turn)
        turn_picture(a, turn, first, to);
    return 0;
}

/* The two pictures of each of `count` pairs, one after another. */
static int read_pictures(const struct alike *a, const struct bit_dedup_near *pairs, int count, struct bit_error *error)
{
#pragma omp parallel for schedule(dynamic) num_threads(a->threads)
    for (int i = 0; i < 2 * count; i++) {
        struct bit_error own = {0};
        if (read_picture(a, &pairs[i / 2], i % 2, a->batch + (size_t)i * a->image_bytes, &own)) {
#pragma omp critical(alike_read)
            bit_fail(error, own.code, "%s", own.text);
        }
    }
    return error->code ? -1 : 0;
}

static float cosine_of(const float *a, const float *b, int channels)
{
    double product = 0, squares[2] = {0};
    for (int i = 0; i < channels; i++) {
        product += (double)a[i] * (double)b[i];
        squares[0] += (double)a[i] * (double)a[i];
        squares[1] += (double)b[i] * (double)b[i];
    }
    return squares[0] > 0 && squares[1] > 0 ? (float)(product / sqrt(squares[0] * squares[1])) : NAN;
}

int alike_compare(void *context, const struct bit_dedup_near *pairs, size_t count, float *cosines, struct bit_error *error)
{
    struct alike *a = context;
    const int channels = bit_model_call(a->trained->model)->input.channels;
    const size_t at_once = (size_t)a->trained->options.micro_batch / 2;
    for (size_t from = 0; from < count; from += at_once) {
        const size_t now = count - from < at_once ? count - from : at_once;
        if (read_pictures(a, pairs + from, (int)now, error) || bit_model_features(a->trained->model, a->batch, a->features, error))
            return -1;
        for (size_t i = 0; i < now; i++)
            cosines[from + i] = cosine_of(a->features + 2 * i * (size_t)channels, a->features + (2 * i + 1) * (size_t)channels, channels);
    }
    return 0;
}
