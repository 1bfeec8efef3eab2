/* Annotations as a JSON object a line, each of one picture. */
#include <stdlib.h>
#include <string.h>

#include "bit/memory.h"
#include "coco/reader.h"

/* In place of its category a box has the place of the class's name until all names are known. */
static int read_box(struct bit_fields *f, void *context)
{
    enum { CLASS, BOX, AREA, CROWD };
    struct bit_coco_reader *r = context;
    struct bit_coco_box box = {.id = (int64_t)r->coco->box_count + 1, .image = (int64_t)r->coco->image_count + 1};
    uint64_t name = 0;
    int key, failed = 0;
    while (!failed && (key = bit_fields_next(f)) >= 0)
        failed = key == CLASS  ? bit_coco_read_name(r, f, &name)
                 : key == BOX  ? bit_fields_box(f, box.box)
                 : key == AREA ? bit_fields_number(f, &box.area)
                               : bit_fields_flag(f, &box.is_crowd);
    if (failed || key == BIT_FIELDS_FAILED || bit_fields_need(f, 1u << CLASS | 1u << BOX))
        return -1;
    box.category = (int64_t)name;
    return bit_coco_add_box(r, &box, f->seen & 1u << AREA, f->seen & 1u << CROWD);
}

static int read_picture(struct bit_coco_reader *r, struct bit_fields *f)
{
    enum { FILE_NAME, WIDTH, HEIGHT, BOXES };
    static const char *const box[] = {"class", "bbox", "area", "iscrowd", NULL};
    struct bit_coco_image image = {.id = (int64_t)r->coco->image_count + 1};
    int key, failed = 0;
    int64_t side;
    while (!failed && (key = bit_fields_next(f)) >= 0)
        if (key == FILE_NAME)
            failed = bit_coco_read_name(r, f, &image.file_name);
        else if (key == BOXES)
            failed = bit_fields_array(f->stream, "boxes", read_box, box, r, r->error);
        else if (!(failed = bit_fields_whole(f, 0, BIT_COCO_SIDE_MOST, &side)))
            *(key == WIDTH ? &image.width : &image.height) = (uint32_t)side;
    return failed || key == BIT_FIELDS_FAILED || bit_fields_need(f, 1u << FILE_NAME | 1u << BOXES) || bit_coco_add_image(r, &image) ? -1 : 0;
}

static int compare_classes(const void *a, const void *b, void *context)
{
    const struct bit_coco *c = context;
    const struct bit_coco_box *x = &c->boxes[*(const size_t *)a], *y = &c->boxes[*(const size_t *)b];
    return strcmp(bit_coco_name(c, (uint64_t)x->category), bit_coco_name(c, (uint64_t)y->category));
}

/* Categories of the names that boxes have, in their order. */
static int number_classes(struct bit_coco_reader *r)
{
    struct bit_coco *c = r->coco;
    size_t *order = bit_allocate(c->box_count + 1, sizeof *order, "classes of boxes", r->error);
    struct bit_coco_category category = {0};
    int failed = !order;
    for (size_t i = 0; !failed && i < c->box_count; i++)
        order[i] = i;
    if (!failed && c->box_count)
        qsort_r(order, c->box_count, sizeof *order, compare_classes, c);
    for (size_t i = 0; !failed && i < c->box_count; i++) {
        uint64_t name = (uint64_t)c->boxes[order[i]].category;
        if (!category.id || strcmp(bit_coco_name(c, name), bit_coco_name(c, category.name))) {
            category = (struct bit_coco_category){category.id + 1, name};
            failed = bit_coco_add_category(r, &category);
        }
        c->boxes[order[i]].category = category.id;
    }
    bit_free(order);
    return failed ? -1 : 0;
}

int bit_coco_read_lines(struct bit_coco_reader *r, struct bit_json_stream *s)
{
    static const char *const keys[] = {"file_name", "width", "height", "boxes", NULL};
    enum bit_json_token token;
    r->coco->is_lines = true;
    while ((token = bit_json_stream_next(s, r->error)) == BIT_JSON_OBJECT) {
        struct bit_fields f = {.stream = s, .array = "", .keys = keys, .key = -1, .error = r->error};
        if (read_picture(r, &f))
            return -1;
    }
    if (token == BIT_JSON_END)
        return number_classes(r);
    return token == BIT_JSON_BROKEN ? -1 : bit_json_stream_fail(s, r->error, "expected an object, of one picture, found %s", bit_json_token_name(token));
}
