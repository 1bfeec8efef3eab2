#include "boxes.h"

/* An edge at `at` of the image along an axis, in output pixels: pixel i of the image reaches from i to i + 1. */
static double put(const struct bit_span *span, int size, double at)
{
    return (at - span->first) * size / span->length;
}

static double clip(double at, int limit)
{
    return at < 0 ? 0 : at > limit ? limit : at;
}

/* False when too little of the box is left. */
static bool place(const struct bit_window *w, int size, const double from[4], struct bit_box *box)
{
    double left = put(&w->x, size, from[0]), right = put(&w->x, size, from[0] + from[2]);
    double top = put(&w->y, size, from[1]), bottom = put(&w->y, size, from[1] + from[3]);
    if (w->mirror) { /* the window's pixels are then in reverse order */
        double kept = left;
        left = size - right;
        right = size - kept;
    }
    *box = (struct bit_box){clip(left, w->valid_x), clip(top, w->valid_y), clip(right, w->valid_x), clip(bottom, w->valid_y)};
    return box->x2 - box->x1 >= 1 && box->y2 - box->y1 >= 1;
}

int bit_boxes_place(const struct bit_index *index, uint64_t image, const struct bit_window *window, int size, int32_t *labels,
                    struct bit_box *boxes)
{
    struct bit_index_boxes from;
    int count = 0;
    bit_index_boxes(index, image, &from);
    for (int i = 0; i < from.count; i++)
        if (!(from.flags[i] & BIT_BOX_CROWD) && place(window, size, from.boxes[i], &boxes[count]))
            labels[count++] = from.classes[i];
    return count;
}

struct bit_frame bit_boxes_frame(const struct bit_window *w, int size)
{
    return (struct bit_frame){w->valid_x, w->valid_y, size / w->x.length, size / w->y.length};
}
