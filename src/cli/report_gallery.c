/* Pictures of mistakes, with what was said and what stands in the label. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "bit/data.h"
#include "bit/jpeg.h"
#include "bit/memory.h"
#include "cli/report.h"

enum { THUMBNAIL = 112, QUALITY = 78 };

/* ---- a picture ---- */

static struct bit_decoder *create_decoder(struct bit_error *error)
{
    const struct bit_stream_options options = {
        .image_size = THUMBNAIL, .resize = THUMBNAIL, .precision = BIT_FLOAT32, .file_limit = (uint64_t)256 << 20,
        .pixel_limit = 200000000, .scan_limit = 200, .background = {255, 255, 255},
    };
    return bit_decoder_create(&options, error);
}

/* The centre of the picture, or a word in its place. */
static void add_picture(struct bit_text *t, struct bit_decoder *decoder, const char *path)
{
    static float pixels[THUMBNAIL * THUMBNAIL * 3];
    static uint8_t bytes[THUMBNAIL * THUMBNAIL * 3];
    struct bit_error error = {0};
    unsigned char *data = NULL;
    size_t size = 0;
    if (bit_decoder_run_file(decoder, path, 0, 0, pixels, &error) == 0) {
        for (size_t i = 0; i < sizeof bytes; i++)
            bytes[i] = (uint8_t)lrintf(fminf(fmaxf((pixels[i] + 1) * 127.5f, 0), 255));
        bit_jpeg_write(bytes, THUMBNAIL, THUMBNAIL, BIT_JPEG_RGB, QUALITY, &data, &size, &error);
    }
    if (error.code) {
        bit_text_add(t, "<div class=none title=\"");
        plot_add_escaped(t, path);
        bit_text_add(t, "\">not readable</div>");
    } else {
        bit_text_add(t, "<img loading=lazy width=%d height=%d alt=\"\" title=\"", THUMBNAIL, THUMBNAIL);
        plot_add_escaped(t, path);
        bit_text_add(t, "\" src=\"data:image/jpeg;base64,");
        plot_add_base64(t, data, size);
        bit_text_add(t, "\">");
    }
    free(data);
}

/* ---- a card ---- */

static bool is_label(const struct bit_prediction *item, int32_t class)
{
    for (int i = 0; i < item->label_count; i++)
        if (item->labels[i] == class)
            return true;
    return false;
}

static void add_bar(struct bit_text *t, const char *name, double probability, const char *kind)
{
    double width = 100 * (log10(fmax(probability, 1e-4)) + 4) / 4;
    bit_text_add(t, "<div class=\"bar %s\" title=\"", kind);
    plot_add_escaped(t, name);
    bit_text_add(t, "\"><span style=\"width:%.0f%%\"></span><b>", fmin(fmax(width, 0), 100));
    plot_add_escaped(t, name);
    bit_text_add(t, probability < 0.001 ? "</b><i>%.0e</i></div>" : "</b><i>%.3f</i></div>", probability);
}

static void add_bars(struct bit_text *t, const struct bit_predictions *p, const struct bit_prediction *item)
{
    for (int i = 0; i < item->top_count; i++)
        add_bar(t, p->names[item->top[i]], item->top_probability[i], is_label(item, item->top[i]) ? "label" : i ? "" : "wrong");
    if (item->place >= item->top_count && item->label_count)
        add_bar(t, p->names[item->labels[0]], item->probability, "label");
}

static void add_labels(struct bit_text *t, const struct bit_predictions *p, const struct bit_prediction *item)
{
    for (int i = 0; i < item->label_count; i++) {
        bit_text_add(t, i ? ", " : "");
        plot_add_escaped(t, p->names[item->labels[i]]);
    }
    if (!item->label_count)
        bit_text_add(t, "none");
}

static void add_card(struct bit_text *t, struct bit_decoder *decoder, const struct bit_predictions *p, const struct bit_prediction *item)
{
    bit_text_add(t, "<figure>");
    add_picture(t, decoder, item->path);
    bit_text_add(t, "<figcaption><b class=said>");
    plot_add_escaped(t, p->names[item->top[0]]);
    bit_text_add(t, "</b><br><small>label</small> <b class=is>");
    add_labels(t, p, item);
    bit_text_add(t, "</b> <small>place %d</small></figcaption>", item->place + 1);
    add_bars(t, p, item);
    bit_text_add(t, "</figure>\n");
}

/* ---- mistakes ---- */

static int surest_first(const void *a, const void *b)
{
    const struct bit_prediction *x = *(const struct bit_prediction *const *)a, *y = *(const struct bit_prediction *const *)b;
    if (x->top_probability[0] != y->top_probability[0])
        return x->top_probability[0] < y->top_probability[0] ? 1 : -1;
    return (x->image > y->image) - (x->image < y->image);
}

static uint64_t gather(const struct bit_predictions *p, int from, int end, const struct bit_prediction **list)
{
    uint64_t count = 0;
    for (uint64_t i = 0; i < p->count; i++)
        if (p->items[i].place >= from && p->items[i].place < end)
            list[count++] = &p->items[i];
    qsort(list, count, sizeof *list, surest_first);
    return count;
}

uint64_t report_gather_mistakes(const struct bit_predictions *p, const struct bit_prediction **list) { return gather(p, 1, INT_MAX, list); }

/* Every group gets a third of the room, and what the others leave. */
static void share_room(const uint64_t counts[3], uint64_t room, uint64_t shown[3])
{
    memset(shown, 0, 3 * sizeof *shown);
    for (bool more = true; room && more;) {
        more = false;
        for (int g = 0; g < 3 && room; g++)
            if (shown[g] < counts[g])
                shown[g]++, room--, more = true;
    }
}

int report_add_mistakes(struct bit_text *t, const struct report *r, const struct bit_predictions *p, struct bit_error *error)
{
    static const struct { const char *title; int from, end; } groups[3] = {
        {"The label is among the first five", 1, 5}, {"The label is among the first ten", 5, 10}, {"The label is further off", 10, INT_MAX}};
    struct bit_decoder *decoder = create_decoder(error);
    const struct bit_prediction **list = bit_allocate(p->count + 1, sizeof *list, "the mistakes", error);
    uint64_t counts[3], shown[3];
    for (int g = 0; decoder && list && g < 3; g++)
        counts[g] = gather(p, groups[g].from, groups[g].end, list);
    if (decoder && list)
        share_room(counts, (uint64_t)r->mistakes, shown);
    for (int g = 0; decoder && list && g < 3; g++) {
        if (!shown[g])
            continue;
        gather(p, groups[g].from, groups[g].end, list);
        bit_text_add(t, "<h3>Mistakes: %s <small>%llu of %llu, the surest first; bars: probability, logarithmic from 0.0001 to 1</small></h3><div class=cards>\n",
                     groups[g].title, (unsigned long long)shown[g], (unsigned long long)counts[g]);
        for (uint64_t i = 0; i < shown[g]; i++)
            add_card(t, decoder, p, list[i]);
        bit_text_add(t, "</div>\n");
    }
    bit_decoder_destroy(decoder);
    bit_free(list);
    return error->code ? -1 : 0;
}

/* ---- two runs ---- */

struct both { const struct bit_prediction *a, *b; };

static int wrong_surest_first(const void *a, const void *b)
{
    const struct both *x = a, *y = b;
    double p = bit_prediction_is_right(x->a) ? x->b->top_probability[0] : x->a->top_probability[0];
    double q = bit_prediction_is_right(y->a) ? y->b->top_probability[0] : y->a->top_probability[0];
    return p != q ? (p < q ? 1 : -1) : (x->a->image > y->a->image) - (x->a->image < y->a->image);
}

static bool same_images(const struct bit_predictions *a, const struct bit_predictions *b)
{
    bool same = a->count == b->count;
    for (uint64_t i = 0; same && i < a->count; i++)
        same = !strcmp(a->items[i].path, b->items[i].path);
    return same;
}

static void add_pair(struct bit_text *t, struct bit_decoder *decoder, const struct report_run *a, const struct report_run *b, const struct both *both)
{
    bit_text_add(t, "<figure>");
    add_picture(t, decoder, both->a->path);
    bit_text_add(t, "<figcaption><small>label</small> <b class=is>");
    add_labels(t, a->predictions, both->a);
    bit_text_add(t, "</b></figcaption><h4>");
    plot_add_escaped(t, a->name);
    bit_text_add(t, "</h4>");
    add_bars(t, a->predictions, both->a);
    bit_text_add(t, "<h4>");
    plot_add_escaped(t, b->name);
    bit_text_add(t, "</h4>");
    add_bars(t, b->predictions, both->b);
    bit_text_add(t, "</figure>\n");
}

int report_add_disagreements(struct bit_text *t, const struct report *r, const struct report_run *a, const struct report_run *b, struct bit_error *error)
{
    uint64_t count = 0, room = (uint64_t)r->mistakes / 2;
    if (!room || !same_images(a->predictions, b->predictions))
        return 0;
    struct bit_decoder *decoder = create_decoder(error);
    struct both *list = bit_allocate(a->predictions->count + 1, sizeof *list, "the mistakes", error);
    for (uint64_t i = 0; list && i < a->predictions->count; i++) {
        const struct both both = {&a->predictions->items[i], &b->predictions->items[i]};
        if (bit_prediction_is_right(both.a) != bit_prediction_is_right(both.b))
            list[count++] = both;
    }
    if (decoder && list && count) {
        qsort(list, count, sizeof *list, wrong_surest_first);
        bit_text_add(t, "<h3>Right in one of ");
        plot_add_escaped(t, a->name);
        bit_text_add(t, " and ");
        plot_add_escaped(t, b->name);
        bit_text_add(t, " only <small>%llu of %llu</small></h3><div class=cards>\n", (unsigned long long)(count < room ? count : room), (unsigned long long)count);
        for (uint64_t i = 0; i < count && i < room; i++)
            add_pair(t, decoder, a, b, &list[i]);
        bit_text_add(t, "</div>\n");
    }
    bit_decoder_destroy(decoder);
    bit_free(list);
    return error->code ? -1 : 0;
}
