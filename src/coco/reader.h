/* What is being read, and the room in its arrays; shared by both forms of annotation files. */
#ifndef BIT_COCO_READER_H
#define BIT_COCO_READER_H

#include "bit/coco.h"
#include "coco/fields.h"

#define BIT_COCO_SIDE_MOST 4294967295.0 /* pixels */

struct bit_coco_reader { struct bit_coco *coco; size_t images, categories, boxes, names; struct bit_error *error; };

/* Each adds one; 0 or -1. */
int bit_coco_add_name(struct bit_coco_reader *r, const char *name, uint64_t *offset);
int bit_coco_add_image(struct bit_coco_reader *r, const struct bit_coco_image *image);
int bit_coco_add_category(struct bit_coco_reader *r, const struct bit_coco_category *category);
int bit_coco_add_box(struct bit_coco_reader *r, struct bit_coco_box *box, bool has_area, bool has_crowd);
/* The text that is the value of the last key, among the names. */
int bit_coco_read_name(struct bit_coco_reader *r, const struct bit_fields *f, uint64_t *offset);

/* A picture a line, to the end of the file. */
int bit_coco_read_lines(struct bit_coco_reader *r, struct bit_json_stream *s);

#endif
