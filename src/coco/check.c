/* What training must not stumble over in an annotation file: every kind of it at once, each with a count and the first example. And boxes
 * by image, for a file that has been checked. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bit/coco.h"
#include "bit/memory.h"
#include "coco/ids.h"

enum problem {
    IMAGE_TWICE, CATEGORY_TWICE, NAME_TWICE, NAME_BAD, BOX_TWICE, IMAGE_UNKNOWN, CATEGORY_UNKNOWN, SIDE_NEGATIVE, FILE_BAD, /* errors */
    BOX_EMPTY, BOX_OUTSIDE, CORNERS, AREA_NEGATIVE, ID_ZERO, FILE_TWICE,                                          /* warnings */
    BOX_BEYOND, IMAGE_EMPTY, CROWD, GAPS, AREA_MISSING, CROWD_MISSING, CATEGORY_BARREN, SIZE_MISSING,                  /* good to know */
    PROBLEMS,
    WARNINGS = BOX_EMPTY, GOOD_TO_KNOW = BOX_BEYOND
};

/* What is said of all of a kind, behind their number: of one, of more, and then of either. */
static const struct { const char *one, *more, *then; } meanings[PROBLEMS] = {
    [BOX_EMPTY] = {"box", "boxes", " of no width or no height: not trained on"},
    [BOX_OUTSIDE] = {"box", "boxes", " wholly outside the picture: not trained on"},
    [CORNERS] = {"of the boxes reaches", "of the boxes reach",
                 " beyond the picture by more than a pixel: are they [x1, y1, x2, y2]? expected [x, y, width, height]"},
    [AREA_NEGATIVE] = {"annotation", "annotations", " with a negative area: trained on, but an evaluation looks for none such"},
    [ID_ZERO] = {"annotation", "annotations", " with the id 0: pycocotools counts what finds such as wrong; number from 1"},
    [FILE_TWICE] = {"file is", "files are", " named by more than one image"},
    [BOX_BEYOND] = {"box reaches", "boxes reach", " beyond the picture by more than a pixel: clipped"},
    [IMAGE_EMPTY] = {"image", "images", " without boxes: trained on as background"},
    [CROWD] = {"crowd", "crowds", " (iscrowd): not trained on, and never wrong in an evaluation"},
    [GAPS] = {"category ids", "category ids", ", with gaps: classes are numbered by ascending id, and results get the ids back"},
    [AREA_MISSING] = {"annotation", "annotations", " without an area: width * height is taken"},
    [CROWD_MISSING] = {"annotation", "annotations", " without iscrowd: 0 is taken"},
    [CATEGORY_BARREN] = {"category", "categories", " without boxes"},
    [SIZE_MISSING] = {"image", "images", " without width and height: pictures that were turned since (EXIF) will not be noticed"},
};

struct tally { uint64_t count; char first[512]; };
struct check {
    const struct bit_coco *coco;
    const char *path;
    struct bit_known *images, *categories;
    struct tally tallies[PROBLEMS];
    uint64_t *boxes_of_image, *boxes_of_category; /* in the order of `images` and `categories` */
    uint64_t beyond;
};

static void found(struct check *c, enum problem problem, const char *format, ...) __attribute__((format(printf, 3, 4)));
static void found(struct check *c, enum problem problem, const char *format, ...)
{
    struct tally *t = &c->tallies[problem];
    if (t->count++)
        return;
    char text[sizeof t->first];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    bit_text_escape(t->first, sizeof t->first, text, "\"");
}

/* "annotations[3] (id 17)", or the line's picture. */
static const char *describe(const struct check *c, size_t box, char text[96])
{
    const struct bit_coco_box *b = &c->coco->boxes[box];
    if (c->coco->is_lines)
        snprintf(text, 96, "picture %lld, box %zu", (long long)b->image, box + 1);
    else
        snprintf(text, 96, "annotations[%zu] (id %lld, image %lld)", box, (long long)b->id, (long long)b->image);
    return text;
}

/* ---- images and categories ---- */

/* Relative, and never upwards. */
static bool is_below(const char *path)
{
    if (!*path || *path == '/' || path[strlen(path) - 1] == '/')
        return false;
    for (const char *at = path; *at; at += *at == '/') {
        size_t size = strcspn(at, "/");
        if (!size || (size == 1 && *at == '.') || (size == 2 && !memcmp(at, "..", 2)))
            return false;
        at += size;
    }
    return true;
}

static int compare_files(const void *a, const void *b, void *context)
{
    const struct bit_coco *c = context;
    return strcmp(bit_coco_name(c, c->images[*(const size_t *)a].file_name), bit_coco_name(c, c->images[*(const size_t *)b].file_name));
}

static int check_images(struct check *c, struct bit_error *error)
{
    const struct bit_coco *coco = c->coco;
    size_t *order = bit_allocate(coco->image_count + 1, sizeof *order, "images of a COCO file", error);
    if (!order)
        return -1;
    for (size_t i = 0; i < coco->image_count; i++) {
        const struct bit_coco_image *image = &coco->images[i];
        const char *file = bit_coco_name(coco, image->file_name);
        order[i] = i;
        if (!is_below(file))
            found(c, FILE_BAD, "images[%zu].file_name (id %lld): expected a path below the folder of images, without \"..\", found \"%s\"", i,
                  (long long)image->id, file);
        if (!image->width || !image->height)
            found(c, SIZE_MISSING, "%s", file);
        if (i && c->images[i].id == c->images[i - 1].id)
            found(c, IMAGE_TWICE, "images[%zu] and images[%zu] have the same id, %lld", c->images[i - 1].place, c->images[i].place,
                  (long long)c->images[i].id);
    }
    if (coco->image_count)
        qsort_r(order, coco->image_count, sizeof *order, compare_files, (void *)coco);
    for (size_t i = 1; i < coco->image_count; i++)
        if (!compare_files(&order[i], &order[i - 1], (void *)coco) && *bit_coco_name(coco, coco->images[order[i]].file_name))
            found(c, FILE_TWICE, "%s", bit_coco_name(coco, coco->images[order[i]].file_name));
    bit_free(order);
    return 0;
}

/* A class name goes into checkpoints, a name a line. */
static bool is_name(const char *name)
{
    for (const char *at = name; *at; at++)
        if ((unsigned char)*at < 0x20 || *at == 0x7F)
            return false;
    return *name != 0;
}

static int compare_names(const void *a, const void *b, void *context)
{
    const struct bit_coco *c = context;
    return strcmp(bit_coco_name(c, c->categories[*(const size_t *)a].name), bit_coco_name(c, c->categories[*(const size_t *)b].name));
}

static int check_categories(struct check *c, struct bit_error *error)
{
    const struct bit_coco *coco = c->coco;
    size_t *order = bit_allocate(coco->category_count, sizeof *order, "categories of a COCO file", error);
    if (!order)
        return -1;
    for (size_t i = 0; i < coco->category_count; i++) {
        const struct bit_coco_category *category = &coco->categories[i];
        const char *name = bit_coco_name(coco, category->name);
        if (!is_name(name))
            found(c, NAME_BAD, "categories[%zu].name (id %lld): expected a name without control characters, found \"%s\"", i,
                  (long long)category->id, name);
        order[i] = i;
        if (i && c->categories[i].id == c->categories[i - 1].id)
            found(c, CATEGORY_TWICE, "categories[%zu] and categories[%zu] have the same id, %lld", c->categories[i - 1].place,
                  c->categories[i].place, (long long)c->categories[i].id);
    }
    qsort_r(order, coco->category_count, sizeof *order, compare_names, (void *)coco);
    for (size_t i = 1; i < coco->category_count; i++)
        if (!compare_names(&order[i - 1], &order[i], (void *)coco))
            found(c, NAME_TWICE, "categories[%zu] and categories[%zu] have the same name, \"%s\"", order[i - 1], order[i],
                  bit_coco_name(coco, coco->categories[order[i]].name));
    bit_free(order);
    if ((uint64_t)(c->categories[coco->category_count - 1].id - c->categories[0].id) >= coco->category_count) {
        found(c, GAPS, "%lld to %lld", (long long)c->categories[0].id, (long long)c->categories[coco->category_count - 1].id);
        c->tallies[GAPS].count = coco->category_count;
    }
    return 0;
}

/* ---- boxes ---- */

static void check_place(struct check *c, size_t i, const struct bit_coco_image *image)
{
    const double *b = c->coco->boxes[i].box, right = b[0] + b[2], low = b[1] + b[3];
    char text[96];
    if (b[2] < 0 || b[3] < 0) {
        found(c, SIDE_NEGATIVE, "%s: the box [%g, %g, %g, %g] has a negative side: expected [x, y, width, height]", describe(c, i, text), b[0],
              b[1], b[2], b[3]);
        return;
    }
    if (!(b[2] > 0 && b[3] > 0)) {
        found(c, BOX_EMPTY, "%s", describe(c, i, text));
        return;
    }
    if (!image || !image->width || !image->height)
        return;
    if (b[0] >= image->width || b[1] >= image->height || right <= 0 || low <= 0)
        found(c, BOX_OUTSIDE, "%s", describe(c, i, text));
    if (b[0] < -1 || b[1] < -1 || right > image->width + 1.0 || low > image->height + 1.0)
        found(c, BOX_BEYOND, "%s", describe(c, i, text));
}

static int check_boxes(struct check *c, struct bit_error *error)
{
    const struct bit_coco *coco = c->coco;
    char text[96], other[96];
    struct bit_known *ids = bit_known_sort(coco->boxes, coco->box_count, sizeof *coco->boxes, error);
    if (!ids)
        return -1;
    for (size_t i = 0; i < coco->box_count; i++) {
        const struct bit_coco_box *b = &coco->boxes[i];
        long image = bit_known_find(c->images, coco->image_count, b->image);
        long category = bit_known_find(c->categories, coco->category_count, b->category);
        if (i && ids[i].id == ids[i - 1].id)
            found(c, BOX_TWICE, "%s and %s have the same id", describe(c, ids[i - 1].place, text), describe(c, ids[i].place, other));
        if (image < 0)
            found(c, IMAGE_UNKNOWN, "%s: image_id %lld is not among the images", describe(c, i, text), (long long)b->image);
        else
            c->boxes_of_image[image]++;
        if (category < 0)
            found(c, CATEGORY_UNKNOWN, "%s: category_id %lld is not among the categories", describe(c, i, text), (long long)b->category);
        else
            c->boxes_of_category[category]++;
        if (b->area < 0 && b->box[2] >= 0 && b->box[3] >= 0) /* width * height of negative sides is told as that */
            found(c, AREA_NEGATIVE, "%s", describe(c, i, text));
        if (b->id == 0)
            found(c, ID_ZERO, "%s", describe(c, i, text));
        if (b->is_crowd)
            found(c, CROWD, "%s", describe(c, i, text));
        check_place(c, i, image < 0 ? NULL : &coco->images[c->images[image].place]);
    }
    bit_free(ids);
    return 0;
}

static void check_counts(struct check *c)
{
    const struct bit_coco *coco = c->coco;
    for (size_t i = 0; i < coco->image_count; i++)
        if (!c->boxes_of_image[i])
            found(c, IMAGE_EMPTY, "%s", bit_coco_name(coco, coco->images[c->images[i].place].file_name));
    for (size_t i = 0; i < coco->category_count; i++)
        if (!c->boxes_of_category[i])
            found(c, CATEGORY_BARREN, "%s", bit_coco_name(coco, coco->categories[c->categories[i].place].name));
    c->tallies[AREA_MISSING].count = coco->is_lines ? 0 : coco->areas_missing;
    c->tallies[CROWD_MISSING].count = coco->is_lines ? 0 : coco->crowds_missing;
    if (c->tallies[BOX_BEYOND].count * 4 > coco->box_count) { /* rounding does not do this */
        c->tallies[CORNERS] = c->tallies[BOX_BEYOND];
        c->tallies[BOX_BEYOND].count = 0;
    }
}

/* ---- what is said ---- */

static int report_errors(const struct check *c, struct bit_error *error)
{
    char text[BIT_ERROR_TEXT];
    size_t used = 0;
    for (int p = 0; p < WARNINGS; p++) {
        const struct tally *t = &c->tallies[p];
        if (!t->count || used >= sizeof text)
            continue;
        used += (size_t)snprintf(text + used, sizeof text - used, "%s%s: %s", used ? "\n" : "", c->path, t->first);
        if (t->count > 1 && used < sizeof text)
            used += (size_t)snprintf(text + used, sizeof text - used, "; %llu more of this kind", (unsigned long long)t->count - 1);
    }
    return used ? bit_fail(error, BIT_EDATA, "%s", text) : 0;
}

static void report_notes(const struct check *c, struct bit_text *notes)
{
    for (int p = WARNINGS; p < PROBLEMS; p++) {
        const struct tally *t = &c->tallies[p];
        if (t->count)
            bit_text_add(notes, "%c%llu %s%s%s%s%s\n", p < GOOD_TO_KNOW ? '!' : ' ', (unsigned long long)t->count,
                         t->count == 1 ? meanings[p].one : meanings[p].more, meanings[p].then, *t->first ? " (" : "", t->first, *t->first ? ")" : "");
    }
}

static int run(struct check *c, struct bit_error *error)
{
    const struct bit_coco *coco = c->coco;
    if (!coco->image_count || !coco->category_count)
        return bit_fail(error, BIT_EDATA, "%s: no %s: expected at least one", c->path, !coco->image_count ? "images" : "categories");
    c->images = bit_known_sort(coco->images, coco->image_count, sizeof *coco->images, error);
    c->categories = bit_known_sort(coco->categories, coco->category_count, sizeof *coco->categories, error);
    c->boxes_of_image = bit_allocate(coco->image_count, sizeof *c->boxes_of_image, "images of a COCO file", error);
    c->boxes_of_category = bit_allocate(coco->category_count, sizeof *c->boxes_of_category, "categories of a COCO file", error);
    if (!c->images || !c->categories || !c->boxes_of_image || !c->boxes_of_category || check_images(c, error) ||
        check_categories(c, error) || check_boxes(c, error))
        return -1;
    check_counts(c);
    return report_errors(c, error);
}

int bit_coco_check(const struct bit_coco *coco, const char *path, struct bit_text *notes, struct bit_error *error)
{
    struct check *c = bit_allocate(1, sizeof *c, "a check of a COCO file", error);
    if (!c)
        return -1;
    c->coco = coco;
    c->path = path;
    int result = run(c, error);
    if (!result)
        report_notes(c, notes);
    bit_free(c->images);
    bit_free(c->categories);
    bit_free(c->boxes_of_image);
    bit_free(c->boxes_of_category);
    bit_free(c);
    return result;
}

/* ---- boxes by image ---- */

static void group(const struct bit_coco *coco, struct bit_coco_groups *g, const struct bit_known *images, const struct bit_known *categories)
{
    size_t *image_of = g->boxes; /* until the boxes are in order */
    for (size_t i = 0; i < coco->category_count; i++)
        g->categories[i] = categories[i].place;
    for (size_t i = 0; i < coco->box_count; i++) {
        long image = bit_known_find(images, coco->image_count, coco->boxes[i].image);
        g->classes[i] = (int32_t)bit_known_find(categories, coco->category_count, coco->boxes[i].category);
        image_of[i] = images[image].place;
        g->start[image_of[i] + 1]++;
    }
    for (size_t i = 0; i < coco->image_count; i++)
        g->start[i + 1] += g->start[i];
}

int bit_coco_group(const struct bit_coco *coco, struct bit_coco_groups *g, struct bit_error *error)
{
    struct bit_known *images = bit_known_sort(coco->images, coco->image_count, sizeof *coco->images, error);
    struct bit_known *categories = bit_known_sort(coco->categories, coco->category_count, sizeof *coco->categories, error);
    size_t *order = bit_allocate(coco->box_count + 1, sizeof *order, "boxes of images", error);
    *g = (struct bit_coco_groups){bit_allocate(coco->box_count + 1, sizeof *g->boxes, "boxes of images", error),
                                  bit_allocate(coco->image_count + 2, sizeof *g->start, "boxes of images", error),
                                  bit_allocate(coco->box_count + 1, sizeof *g->classes, "classes of boxes", error),
                                  bit_allocate(coco->category_count + 1, sizeof *g->categories, "classes", error)};
    int failed = !images || !categories || !order || !g->boxes || !g->start || !g->classes || !g->categories;
    if (!failed) {
        group(coco, g, images, categories);
        for (size_t i = coco->box_count; i-- > 0;) /* from the last to the first, each to the end of its image's part */
            order[--g->start[g->boxes[i] + 1]] = i;
        memcpy(g->boxes, order, coco->box_count * sizeof *order);
        memmove(g->start, g->start + 1, coco->image_count * sizeof *g->start);
        g->start[coco->image_count] = coco->box_count;
    }
    bit_free(images);
    bit_free(categories);
    bit_free(order);
    if (failed)
        bit_coco_groups_free(g);
    return failed ? -1 : 0;
}

void bit_coco_groups_free(struct bit_coco_groups *g)
{
    bit_free(g->boxes);
    bit_free(g->start);
    bit_free(g->classes);
    bit_free(g->categories);
    *g = (struct bit_coco_groups){0};
}
