/* Inside of the index: one block of memory that is also the cache file.
 *
 * Format (native byte order, every section 8-byte aligned): the header below, then the sections in their order. Texts are
 * 0-terminated and stand one after another; a ..._START section has one more entry than there are texts. A cache file is
 * untrusted: bit_index_check looks at every offset, length and text before anything else does. */
#ifndef BIT_DATA_INDEX_H
#define BIT_DATA_INDEX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <time.h>

#include "bit/data.h"
#include "bit/hash.h"
#include "leftout.h"

enum { BIT_INDEX_VERSION = 4, BIT_INDEX_ENDIAN = 0x01020304 };
enum bit_index_kind { BIT_INDEX_FOLDER, BIT_INDEX_LIST, BIT_INDEX_BOXES };
enum bit_index_section {
    SOURCE,        /* text: absolute path of the folder, list or annotation file */
    ROOT,          /* text: absolute path of the folder that images of annotations stand below; empty for others */
    CLASS_START,   /* u64 */
    CLASS_TEXT,    /* bytewise ascending names; of annotations in the order of CLASS_ID */
    FOLDER_START,  /* u64 */
    FOLDER_TEXT,   /* relative to the root: "" first */
    FOLDER_TIME,   /* i64 seconds, nanoseconds of the last modification; -1: too fresh to be trusted */
    IMAGE_FOLDER,  /* u32 */
    IMAGE_START,   /* u64 */
    IMAGE_TEXT,    /* below its folder; without '/' when scanned */
    IMAGE_SIZE,    /* u32 bytes (at most 2^32 - 1); 0: unknown */
    LABELS,        /* i32 */
    LABEL_START,   /* u64; empty when every image has one label. Annotations: each box is a label, and an image may have none */
    CLASS_ID,      /* i64, ascending: category ids of annotations; this and what follows is empty for others */
    IMAGE_ID,      /* i64 */
    IMAGE_PIXELS,  /* u32 width, height; 0: unknown */
    BOXES,         /* f64 x y w h, one a label */
    BOX_AREA,      /* f64 */
    BOX_FLAGS,     /* u8: enum bit_box_flag */
    NOTES,         /* text: what the user is to know of the data, a line each: '!' (a warning) or ' ', then the text */
    SECTIONS
};

struct bit_index_header {
    char magic[8]; /* "bitindex" */
    uint32_t version, endian;
    uint64_t hash[2]; /* of all that follows this field, to the end of the block */
    uint64_t bytes;   /* of the block */
    uint64_t images, labels, classes, folders;
    uint64_t image_bytes, source_bytes; /* of all images, of the list */
    uint64_t class_hash[2], image_hash[2];
    uint32_t kind, labels_most;
    struct { uint64_t start, bytes; } sections[SECTIONS];
};

/* Growing bytes. */
struct bit_bytes { char *data; size_t size, capacity; };
int bit_bytes_add(struct bit_bytes *pool, const void *data, size_t size, struct bit_error *error);
void bit_bytes_free(struct bit_bytes *pool);

/* What scan and list gather; turned into a block and freed. */
struct bit_index_entry { uint64_t name; uint32_t folder, size; };
struct bit_index_builder {
    enum bit_index_kind kind;
    const char *source, *root;
    uint64_t source_bytes;
    struct timespec started;
    struct bit_bytes class_starts, class_text, folder_starts, folder_text, folder_times;
    struct bit_bytes entries, names; /* struct bit_index_entry; texts */
    struct bit_bytes labels, label_starts;
    struct bit_bytes class_ids, image_ids, image_pixels, boxes, box_areas, box_flags; /* of annotations */
    struct bit_text notes;
    struct bit_leftout left;
    uint64_t classes, folders, images, image_bytes;
    uint32_t labels_most;
};
/* Each returns the number of what was added, or -1. */
int64_t bit_index_add_class(struct bit_index_builder *b, const char *name, struct bit_error *error);
int64_t bit_index_add_folder(struct bit_index_builder *b, const char *path, struct timespec modified,
                             struct bit_error *error);
int bit_index_add_image(struct bit_index_builder *b, uint32_t folder, const char *name, uint64_t size,
                        const int32_t *labels, size_t label_count, struct bit_error *error);
struct bit_index_header *bit_index_build(const struct bit_index_builder *b, struct bit_error *error);
void bit_index_builder_free(struct bit_index_builder *b);

/* `root`: absolute path. */
int bit_index_scan(struct bit_index_builder *b, const char *root, struct bit_error *error);
int bit_index_list(struct bit_index_builder *b, const char *path, struct bit_error *error);
/* Whether a file begins as annotations do, with '{'. */
bool bit_index_is_annotations(const char *path);
/* Fails, class data, when a picture of this index of boxes has not the size that its annotations say. Others pass. */
int bit_index_check_size(const struct bit_index *index, uint64_t image, int width, int height, struct bit_error *error);
int bit_index_annotations(struct bit_index_builder *b, const char *path, struct bit_error *error);
/* Notes on images that a list names more than once, with the same classes or with others. Of long lists some millions of paths,
 * chosen by their hashes, are compared. */
int bit_index_twins(struct bit_index_builder *b, struct bit_error *error);

/* A class name goes into checkpoints, a name a line: UTF-8 without control characters. */
bool bit_index_name_ok(const char *name, size_t size);

/* 0 when `data` is a whole and consistent block. `trusted_hash`: the hash is not looked at (fuzzing). */
int bit_index_check(const void *data, size_t size, bool trusted_hash, struct bit_error *error);

/* Copies a block into memory that other processes of this user on this machine can map (index_share.c), and maps it here: *mapped,
 * to be unmapped. Returns a descriptor that stays open until they have, or -1: there is no such memory. */
int bit_index_publish(const struct bit_index_header *block, uint64_t bytes, struct bit_index_header **mapped);
/* That of another process, checked; NULL when it is not the block with these bytes and hash. To be unmapped. */
struct bit_index_header *bit_index_adopt(long process, long descriptor, uint64_t bytes, const uint64_t hash[2]);

/* True when no folder of it has changed since. */
bool bit_index_fresh(const struct bit_index_header *h);
/* False when some folder was so young when it was scanned that the cache must not be used. */
bool bit_index_settled(const struct bit_index_header *h);

/* Whether what was indexed (a folder, a list) and the folder of this image below it can be seen now; errno if not. */
bool bit_index_in_reach(const struct bit_index *index, uint64_t image);

/* Number of a class, or -1. */
int bit_index_find_class(const struct bit_index *classes, const char *name);
/* Fails, class data: class `number` of the block is not among those of the training data; says which of them it looks like. */
int bit_index_unknown(const char *source, const struct bit_index_header *block, uint64_t number, const struct bit_index *classes,
                      struct bit_error *error);
/* Notes on class names that will surprise: several that look alike, or "train" and "val", which are no classes. */
int bit_index_name_notes(struct bit_index_builder *b, struct bit_error *error);

/* The block; the folder, list or annotation file itself; its notes (section NOTES); whether images are named by a file and were not seen; an image's path below its folder (-1: too long). */
const struct bit_index_header *bit_index_block(const struct bit_index *index);
const char *bit_index_source(const struct bit_index *index);
const char *bit_index_notes(const struct bit_index *index);
bool bit_index_is_list(const struct bit_index *index);
int bit_index_image_name(const struct bit_index *index, uint64_t image, char *buffer, size_t size);

static inline const void *bit_index_section(const struct bit_index_header *h, enum bit_index_section s)
{
    return (const char *)h + h->sections[s].start;
}
static inline const char *bit_index_text(const struct bit_index_header *h, enum bit_index_section start, uint64_t i)
{
    const uint64_t *starts = bit_index_section(h, start);
    return (const char *)bit_index_section(h, start + 1) + starts[i];
}

#endif
