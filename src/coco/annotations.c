/* Annotation files: images, annotations, categories. */
#include <string.h>
#include <sys/stat.h>

#include "bit/coco.h"
#include "bit/json.h"
#include "bit/memory.h"
#include "coco/reader.h"

static const double ID_MOST = BIT_JSON_WHOLE_LIMIT - 1;

int bit_coco_add_name(struct bit_coco_reader *r, const char *name, uint64_t *offset)
{
    struct bit_coco *c = r->coco;
    size_t size = strlen(name) + 1;
    if (c->names_size + size > r->names) {
        size_t wanted = 2 * r->names + size + 4096;
        char *grown = bit_allocate(wanted, 1, "names of a COCO file", r->error);
        if (!grown)
            return -1;
        if (c->names_size)
            memcpy(grown, c->names, c->names_size);
        bit_free(c->names);
        c->names = grown;
        r->names = wanted;
    }
    memcpy(c->names + c->names_size, name, size);
    *offset = c->names_size;
    c->names_size += size;
    return 0;
}

int bit_coco_read_name(struct bit_coco_reader *r, const struct bit_fields *f, uint64_t *offset)
{
    const char *text = bit_fields_text(f);
    return text ? bit_coco_add_name(r, text, offset) : -1;
}

int bit_coco_add_image(struct bit_coco_reader *r, const struct bit_coco_image *image)
{
    if (bit_fields_grow((void **)&r->coco->images, r->coco->image_count, &r->images, sizeof *image, "images of a COCO file", r->error))
        return -1;
    r->coco->images[r->coco->image_count++] = *image;
    return 0;
}

int bit_coco_add_category(struct bit_coco_reader *r, const struct bit_coco_category *category)
{
    if (bit_fields_grow((void **)&r->coco->categories, r->coco->category_count, &r->categories, sizeof *category,
                        "categories of a COCO file", r->error))
        return -1;
    r->coco->categories[r->coco->category_count++] = *category;
    return 0;
}

int bit_coco_add_box(struct bit_coco_reader *r, struct bit_coco_box *box, bool has_area, bool has_crowd)
{
    if (bit_fields_grow((void **)&r->coco->boxes, r->coco->box_count, &r->boxes, sizeof *box, "annotations of a COCO file", r->error))
        return -1;
    if (!has_area)
        box->area = box->box[2] * box->box[3];
    r->coco->areas_missing += !has_area;
    r->coco->areas_negative += has_area && box->area < 0;
    r->coco->crowds_missing += !has_crowd;
    r->coco->boxes[r->coco->box_count++] = *box;
    return 0;
}

static int read_image(struct bit_fields *f, void *context)
{
    enum { ID, WIDTH, HEIGHT, FILE_NAME };
    struct bit_coco_reader *r = context;
    struct bit_coco_image image = {0};
    int key, failed = 0;
    int64_t side;
    while (!failed && (key = bit_fields_next(f)) >= 0) {
        if (key == ID)
            failed = bit_fields_whole(f, -ID_MOST, ID_MOST, &image.id);
        else if (key == FILE_NAME)
            failed = bit_coco_read_name(r, f, &image.file_name);
        else if (!(failed = bit_fields_whole(f, 0, BIT_COCO_SIDE_MOST, &side)))
            *(key == WIDTH ? &image.width : &image.height) = (uint32_t)side;
    }
    return failed || key == BIT_FIELDS_FAILED || bit_fields_need(f, 1u << ID) || bit_coco_add_image(r, &image) ? -1 : 0;
}

static int read_category(struct bit_fields *f, void *context)
{
    enum { ID, NAME };
    struct bit_coco_reader *r = context;
    struct bit_coco_category category = {0};
    int key, failed = 0;
    while (!failed && (key = bit_fields_next(f)) >= 0)
        failed = key == ID ? bit_fields_whole(f, -ID_MOST, ID_MOST, &category.id) : bit_coco_read_name(r, f, &category.name);
    return failed || key == BIT_FIELDS_FAILED || bit_fields_need(f, 1u << ID) || bit_coco_add_category(r, &category) ? -1 : 0;
}

static int read_annotation(struct bit_fields *f, void *context)
{
    enum { ID, IMAGE, CATEGORY, BOX, AREA, CROWD };
    struct bit_coco_reader *r = context;
    struct bit_coco_box box = {0};
    int key, failed = 0;
    while (!failed && (key = bit_fields_next(f)) >= 0)
        switch (key) {
        case ID:
        case IMAGE:
        case CATEGORY:
            failed = bit_fields_whole(f, -ID_MOST, ID_MOST, key == ID ? &box.id : key == IMAGE ? &box.image : &box.category);
            break;
        case BOX:
            failed = bit_fields_box(f, box.box);
            break;
        case AREA:
            failed = bit_fields_number(f, &box.area);
            break;
        default:
            failed = bit_fields_flag(f, &box.is_crowd);
        }
    if (failed || key == BIT_FIELDS_FAILED || bit_fields_need(f, 1u << ID | 1u << IMAGE | 1u << CATEGORY | 1u << BOX))
        return -1;
    return bit_coco_add_box(r, &box, f->seen & 1u << AREA, f->seen & 1u << CROWD);
}

static int read_parts(struct bit_coco_reader *r, struct bit_json_stream *s)
{
    enum { IMAGES, ANNOTATIONS, CATEGORIES };
    static const char *const parts[] = {"images", "annotations", "categories", NULL};
    static const char *const image[] = {"id", "width", "height", "file_name", NULL};
    static const char *const annotation[] = {"id", "image_id", "category_id", "bbox", "area", "iscrowd", NULL};
    static const char *const category[] = {"id", "name", NULL};
    struct bit_fields f = {.stream = s, .array = "", .keys = parts, .key = -1, .error = r->error};
    enum bit_json_token token = bit_json_stream_next(s, r->error);
    int key, failed = 0;
    if (token == BIT_JSON_BROKEN)
        return -1;
    if (token != BIT_JSON_OBJECT)
        return bit_json_stream_fail(s, r->error, "expected an object with images, annotations and categories, or an object with file_name and boxes a line, found %s",
                                    bit_json_token_name(token));
    while (!failed && (key = bit_fields_next(&f)) >= 0)
        failed = key == IMAGES       ? bit_fields_array(s, parts[key], read_image, image, r, r->error)
                 : key == CATEGORIES ? bit_fields_array(s, parts[key], read_category, category, r, r->error)
                                     : bit_fields_array(s, parts[key], read_annotation, annotation, r, r->error);
    if (failed || key == BIT_FIELDS_FAILED)
        return -1;
    for (key = IMAGES; key <= CATEGORIES; key++)
        if (!(f.seen & 1u << key))
            return bit_json_stream_fail(s, r->error, "the object has no \"%s\": expected images, annotations and categories, or an object with file_name "
                                        "and boxes a line", parts[key]);
    return bit_json_stream_next(s, r->error) == BIT_JSON_END ? 0 : -1;
}

/* Does the file begin with a picture instead of an object of all? The first key that tells decides; what is no JSON is not a line. */
static int find_form(const char *path, bool *is_lines, struct bit_error *error)
{
    static const char *const all[] = {"images", "annotations", "categories", "info", "licenses"}, *const picture[] = {"file_name", "boxes"};
    struct stat status;
    if (!stat(path, &status) && !S_ISREG(status.st_mode) && !S_ISDIR(status.st_mode))
        return bit_fail(error, BIT_EDATA, "%s: expected a file, found a pipe or a device: annotations are looked at twice", path);
    struct bit_json_stream *s = bit_json_stream_open(path, true, error);
    if (!s)
        return -1;
    bool found = false, known = bit_json_stream_next(s, NULL) != BIT_JSON_OBJECT;
    while (!known && bit_json_stream_next(s, NULL) == BIT_JSON_KEY) {
        for (size_t i = 0; i < sizeof all / sizeof *all; i++)
            known |= !strcmp(bit_json_stream_text(s), all[i]);
        for (size_t i = 0; i < sizeof picture / sizeof *picture; i++)
            found |= !strcmp(bit_json_stream_text(s), picture[i]);
        known |= found || bit_json_stream_skip(s, BIT_JSON_KEY, NULL);
    }
    bit_json_stream_close(s);
    *is_lines = found;
    return 0;
}

struct bit_coco *bit_coco_read(const char *path, struct bit_error *error)
{
    struct bit_coco_reader r = {.coco = bit_allocate(1, sizeof *r.coco, "a COCO file", error), .error = error};
    bool lines = false;
    struct bit_json_stream *s = r.coco && !find_form(path, &lines, error) ? bit_json_stream_open(path, lines, error) : NULL;
    uint64_t empty;
    int failed = !s || bit_coco_add_name(&r, "", &empty) || (lines ? bit_coco_read_lines(&r, s) : read_parts(&r, s));
    bit_json_stream_close(s);
    if (!failed)
        return r.coco;
    bit_coco_destroy(r.coco);
    return NULL;
}

void bit_coco_destroy(struct bit_coco *coco)
{
    if (!coco)
        return;
    bit_free(coco->images);
    bit_free(coco->categories);
    bit_free(coco->boxes);
    bit_free(coco->names);
    bit_free(coco);
}

const char *bit_coco_name(const struct bit_coco *coco, uint64_t offset)
{
    return coco->names + offset;
}
