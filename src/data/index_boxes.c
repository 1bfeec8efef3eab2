/* An index of annotated boxes: an annotation file (COCO, or a picture a line), the images of which stand below a folder. Classes are the
 * categories by ascending id; images stay in the order of the file. */
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "bit/coco.h"
#include "bit/memory.h"
#include "index.h"
#include "kind.h"

bool bit_index_is_annotations(const char *path)
{
    FILE *file = fopen(path, "re");
    int c = 0, first = 1;
    while (file && (c = getc(file)) != EOF && (strchr(" \t\r\n", c) || (first && (c == 0xEF || c == 0xBB || c == 0xBF))))
        first = first && c >= 0x80;
    if (file)
        fclose(file);
    return c == '{';
}

/* One image with its boxes. */
static int add_image(struct bit_index_builder *b, const struct bit_coco *coco, const struct bit_coco_groups *g, size_t i, struct bit_error *error)
{
    const struct bit_coco_image *image = &coco->images[i];
    const char *name = bit_coco_name(coco, image->file_name);
    uint32_t pixels[2] = {image->width, image->height};
    size_t count = g->start[i + 1] - g->start[i];
    bool archive;
    const char *kind = bit_kind_of_name(name, &archive);
    int32_t *labels = bit_allocate(count + 1, sizeof *labels, "labels of an image", error);
    int failed = !labels;
    if (kind)
        bit_leftout_add(&b->left.odd[ODD_KIND], "", name, kind);
    for (size_t k = 0; !failed && k < count; k++) {
        const struct bit_coco_box *box = &coco->boxes[g->boxes[g->start[i] + k]];
        uint8_t flags = (box->is_crowd ? BIT_BOX_CROWD : 0) | (box->id == 0 ? BIT_BOX_ID_ZERO : 0);
        labels[k] = g->classes[g->boxes[g->start[i] + k]];
        failed = bit_bytes_add(&b->boxes, box->box, sizeof box->box, error) || bit_bytes_add(&b->box_areas, &box->area, sizeof box->area, error) ||
                 bit_bytes_add(&b->box_flags, &flags, 1, error);
    }
    failed = failed || bit_index_add_image(b, 0, name, 0, labels, count, error) || bit_bytes_add(&b->image_ids, &image->id, sizeof image->id, error) ||
             bit_bytes_add(&b->image_pixels, pixels, sizeof pixels, error);
    bit_free(labels);
    return failed ? -1 : 0;
}

static int add_all(struct bit_index_builder *b, const struct bit_coco *coco, const struct bit_coco_groups *g, struct bit_error *error)
{
    for (size_t k = 0; k < coco->category_count; k++) {
        const struct bit_coco_category *category = &coco->categories[g->categories[k]];
        if (bit_index_add_class(b, bit_coco_name(coco, category->name), error) < 0 ||
            bit_bytes_add(&b->class_ids, &category->id, sizeof category->id, error))
            return -1;
    }
    for (size_t i = 0; i < coco->image_count; i++)
        if (add_image(b, coco, g, i, error))
            return -1;
    bit_leftout_tell(&b->left, &b->notes);
    return 0;
}

int bit_index_annotations(struct bit_index_builder *b, const char *path, struct bit_error *error)
{
    struct stat status;
    struct bit_coco_groups g = {0};
    b->kind = BIT_INDEX_BOXES;
    b->source = path;
    if (stat(path, &status))
        return bit_fail_errno(error, BIT_ENOINPUT, "cannot stat %s", path);
    b->source_bytes = (uint64_t)status.st_size;
    struct bit_coco *coco = bit_coco_read(path, error);
    int failed = !coco || bit_coco_check(coco, path, &b->notes, error) || bit_index_add_folder(b, "", status.st_mtim, error) < 0 ||
                 bit_coco_group(coco, &g, error) || add_all(b, coco, &g, error);
    bit_coco_groups_free(&g);
    bit_coco_destroy(coco);
    return failed ? -1 : 0;
}

/* ---- asking ---- */

bool bit_index_has_boxes(const struct bit_index *index)
{
    return bit_index_block(index)->kind == BIT_INDEX_BOXES;
}

void bit_index_boxes(const struct bit_index *index, uint64_t image, struct bit_index_boxes *boxes)
{
    const struct bit_index_header *h = bit_index_block(index);
    const uint64_t start = ((const uint64_t *)bit_index_section(h, LABEL_START))[image];
    const uint32_t *pixels = bit_index_section(h, IMAGE_PIXELS);
    boxes->count = bit_index_labels(index, image, &boxes->classes);
    boxes->boxes = (const double(*)[4])bit_index_section(h, BOXES) + start;
    boxes->areas = (const double *)bit_index_section(h, BOX_AREA) + start;
    boxes->flags = (const uint8_t *)bit_index_section(h, BOX_FLAGS) + start;
    boxes->image_id = ((const int64_t *)bit_index_section(h, IMAGE_ID))[image];
    boxes->width = pixels[2 * image];
    boxes->height = pixels[2 * image + 1];
}

int bit_index_check_size(const struct bit_index *index, uint64_t image, int width, int height, struct bit_error *error)
{
    struct bit_index_boxes b;
    if (!bit_index_has_boxes(index))
        return 0;
    bit_index_boxes(index, image, &b);
    if ((!b.width || (int64_t)b.width == width) && (!b.height || (int64_t)b.height == height))
        return 0;
    return bit_fail(error, BIT_EDATA, "%d x %d pixels, but its boxes are for %u x %u%s", width, height, b.width, b.height,
                    (int64_t)b.width == height && (int64_t)b.height == width ? ": turned since, or by its EXIF data" : "");
}

/* Copies one image with its boxes, which are numbered from 1. */
static void copy_image(const struct bit_index *index, uint64_t i, struct bit_coco *coco)
{
    struct bit_index_boxes b;
    bit_index_boxes(index, i, &b);
    coco->images[i] = (struct bit_coco_image){.id = b.image_id, .width = b.width, .height = b.height};
    for (int k = 0; k < b.count; k++) {
        struct bit_coco_box *box = &coco->boxes[coco->box_count++];
        *box = (struct bit_coco_box){.id = b.flags[k] & BIT_BOX_ID_ZERO ? 0 : (int64_t)coco->box_count, .image = b.image_id,
                                     .category = bit_index_category(index, b.classes[k]), .area = b.areas[k],
                                     .is_crowd = b.flags[k] & BIT_BOX_CROWD};
        memcpy(box->box, b.boxes[k], sizeof box->box);
    }
}

struct bit_coco *bit_index_truth(const struct bit_index *index, struct bit_error *error)
{
    const struct bit_index_header *h = bit_index_block(index);
    struct bit_coco *coco = bit_allocate(1, sizeof *coco, "the boxes of an index", error);
    if (!coco)
        return NULL;
    coco->images = bit_allocate(h->images, sizeof *coco->images, "the boxes of an index", error);
    coco->categories = bit_allocate(h->classes, sizeof *coco->categories, "the boxes of an index", error);
    coco->boxes = bit_allocate(h->labels + 1, sizeof *coco->boxes, "the boxes of an index", error);
    coco->names = bit_allocate(h->sections[CLASS_TEXT].bytes + 1, 1, "the boxes of an index", error);
    if (!coco->images || !coco->categories || !coco->boxes || !coco->names) {
        bit_coco_destroy(coco);
        return NULL;
    }
    memcpy(coco->names + 1, bit_index_section(h, CLASS_TEXT), h->sections[CLASS_TEXT].bytes); /* behind the empty name of images */
    coco->names_size = h->sections[CLASS_TEXT].bytes + 1;
    for (uint64_t k = 0; k < h->classes; k++)
        coco->categories[k] = (struct bit_coco_category){((const int64_t *)bit_index_section(h, CLASS_ID))[k],
                                                         ((const uint64_t *)bit_index_section(h, CLASS_START))[k] + 1};
    for (uint64_t i = 0; i < h->images; i++)
        copy_image(index, i, coco);
    coco->image_count = h->images;
    coco->category_count = h->classes;
    return coco;
}
