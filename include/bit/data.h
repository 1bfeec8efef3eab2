/* The image stream: index of a folder or list, order of an epoch, decoding, augmentation, prefetching batches. */
#ifndef BIT_DATA_H
#define BIT_DATA_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "bit/compute.h" /* enum bit_type */
#include "bit/error.h"
#include "bit/group.h"
#include "bit/targets.h"
#include "bit/text.h"

/* ---- index: what images there are ---- */

struct bit_index; /* immutable; in memory that no other process can change or cut off, once for all ranks of a machine where /proc allows */

/* `path`: a folder of class folders (train/<class>/ nested files *.jpg, jpeg, jpe, jfif, png in any case; classes in bytewise name order), or
 * a text file of lines "path<TAB>class[,class...]" (paths below the file's folder; several classes: multi-label).
 * Rank 0 scans once and keeps a cache in `cache_folder` (NULL: no cache), validated against the folders' modification
 * times (a change within the last two seconds cannot be told from the next one: such a cache is not used); the others
 * get it from the first rank of their machine, which reads the cache or gets it by broadcast; or, where they cannot reach that one's
 * memory, likewise. `classes`: NULL, or the class names that this index must use (validation
 * data: the training classes; an unknown class is an error). Images of a folder stand in order of class, then of path;
 * those of a list in its own order. Hidden files and folders, folders of systems (@eaDir, lost+found, ...) and files of other
 * names are left out and counted in the log, with an example of each kind; links are followed (not in circles); a class folder without
 * images is a class all the same (with a warning). Blanks around the paths and classes of a list are cut. Collective. */
struct bit_index *bit_index_open(const char *path, const char *cache_folder, const struct bit_index *classes,
                                 struct bit_group *group, struct bit_error *error);
/* Of single files, in this order, without labels that mean anything: all have the one class "unlabelled". Files need not be there, their
 * folders must (no-input). Local. */
struct bit_index *bit_index_of_files(const char *const *paths, size_t count, struct bit_error *error);
/* Or annotations of boxes: a COCO file, or a JSON object a line (bit/coco.h), which begin with '{'. What bit_coco_check refuses is refused.
 * Classes are the categories by ascending id; `classes` are found by name. Images stand below `folder`; "": the file's own folder, as in
 * bit_index_open (of data without boxes it must be that: usage). Collective. */
struct bit_index *bit_index_open_below(const char *path, const char *folder, const char *cache_folder, const struct bit_index *classes,
                                       struct bit_group *group, struct bit_error *error);
void bit_index_close(struct bit_index *index);
uint64_t bit_index_images(const struct bit_index *index);
int bit_index_classes(const struct bit_index *index);
uint64_t bit_index_bytes(const struct bit_index *index);     /* size of all images when it was scanned; 0 for lists */
uint64_t bit_index_label_count(const struct bit_index *index);  /* of all images */
int bit_index_labels_most(const struct bit_index *index);    /* labels of the image that has the most */
const char *bit_index_class_name(const struct bit_index *index, int label);
/* Appends all of them, one a line, in the order of the labels: as checkpoints have them. -1: no memory. */
int bit_index_class_names(const struct bit_index *index, struct bit_text *text, struct bit_error *error);
/* Hash of class names in order, and of all paths and labels: kept in checkpoints, compared on resume. */
void bit_index_fingerprint(const struct bit_index *index, char classes[33], char images[33]);
int bit_index_image_path(const struct bit_index *index, uint64_t image, char *buffer, size_t size,
                         struct bit_error *error);
/* Labels of an image; *labels points into the index. Returns their number. */
int bit_index_labels(const struct bit_index *index, uint64_t image, const int32_t **labels);

/* Boxes of an image, of an index of annotations. Arrays point into the index; their length is `count`. */
enum bit_box_flag { BIT_BOX_CROWD = 1, BIT_BOX_ID_ZERO = 2 /* the annotation's id is 0: see bit_coco_score */ };
struct bit_index_boxes {
    int count;
    const int32_t *classes;
    const double (*boxes)[4], *areas; /* x y w h in pixels of the image, as in the file; area of the mask */
    const uint8_t *flags;             /* enum bit_box_flag */
    int64_t image_id;
    uint32_t width, height;           /* of the image as the file says; 0: it does not */
};
bool bit_index_has_boxes(const struct bit_index *index);
void bit_index_boxes(const struct bit_index *index, uint64_t image, struct bit_index_boxes *boxes);
/* The id that the category of a class has in the file: for results. */
int64_t bit_index_category(const struct bit_index *index, int label);
/* All of it as annotations, for bit_coco_score. Free with bit_coco_destroy. */
struct bit_coco;
struct bit_coco *bit_index_truth(const struct bit_index *index, struct bit_error *error);

struct bit_index_sight { uint64_t looked, missing; char first[1024]; /* "LIST:LINE: PATH: why" of the first that is missing */ };
/* Are the images of a list there? Looks at `most` of them, evenly spread with the first and the last, or at all; at none of a folder's,
 * which have been seen. Storage that fails ends the look, and is no failure. Class no-input: all that were looked at are missing. Local. */
int bit_index_look(const struct bit_index *index, uint64_t most, struct bit_index_sight *sight, struct bit_error *error);

/* The median of width x height, over at most 101 images spread evenly over options->index (or its subset); those that cannot be read are
 * passed over. Of the options the limits count. Class data or environment: none can be read. Local. */
struct bit_stream_options;
int bit_index_measure(const struct bit_stream_options *options, uint64_t *pixels, struct bit_error *error);

/* The pictures of annotated boxes: are they of the size that the annotations say? Opens `most` of them, evenly spread. `wrong`: those of
 * another size, and those that cannot be read, which are bad images; missing ones are bit_index_look's. Of the options the limits count. Local. */
struct bit_index_sizes { uint64_t looked, wrong; char first[1024]; /* "PATH: why" */ };
int bit_index_look_sizes(const struct bit_index *index, uint64_t most, const struct bit_stream_options *limits, struct bit_index_sizes *sizes,
                         struct bit_error *error);

/* ---- order: keyed permutation, O(1) memory ---- */

/* Image that stands at `position` of `epoch`: a bijection on [0, count), keyed by (seed, epoch). */
uint64_t bit_order_at(uint64_t seed, uint64_t epoch, uint64_t position, uint64_t count);

/* ---- subset ---- */

struct bit_subset { uint64_t count; uint64_t *images; /* numbers in the index, ascending */ };
/* per_class images of each class, or all where a class has fewer, drawn by (seed, class): with the same seed those of fewer a class
 * are among those of more. An image belongs to the class of its first label. Class data: no image has a label. Local. */
struct bit_subset *bit_subset_create(const struct bit_index *index, int per_class, uint64_t seed, struct bit_error *error);
/* The same of images that are in no index: class_of gives an image's class, -1 for none. The same images as of an index of these classes. */
struct bit_classes { uint64_t images; int classes; int (*class_of)(const void *context, uint64_t image); const void *context; };
struct bit_subset *bit_subset_draw(const struct bit_classes *from, int per_class, uint64_t seed, struct bit_error *error);
/* Of annotations: the images with a box that is to be found (no crowd, not empty). Class data: there is none. Local. */
struct bit_subset *bit_subset_with_boxes(const struct bit_index *index, struct bit_error *error);
void bit_subset_destroy(struct bit_subset *subset);

/* ---- mixed images ---- */

/* MixUp (H. Zhang et al., 2018): in one step each image is mixed with another one of the batch, itself by the share that is returned, drawn
 * from Beta(alpha, alpha) by (seed, step): a multiple of 2^-16, so that mathematical libraries agree. alpha > 0. Image j of a batch
 * of B has image B - 1 - j as its partner, on whatever rank that is, as in the published code. */
double bit_mix_share(double alpha, uint64_t seed, uint64_t step);
/* mine = share x mine + (1 - share) x other, `count` numbers of `type`. */
void bit_mix_pixels(double share, enum bit_type type, size_t count, void *mine, const void *other);

/* ---- stream ---- */

/* Training: what becomes of an image. INCEPTION: a crop of random area and aspect. RANDOM: the smaller side is resized to `resize`, then a
 * random square of image_size is cut out. SQUASH: the same from the image resized to resize x resize, whatever its aspect. FIT, in evaluation
 * too: the larger side is resized to image_size (training: times a scale drawn from scale_min to scale_max), the other in proportion; what is
 * larger is cropped at random, and zero (grey) fills the output to the right and below; `resize` is not used. */
enum bit_crop { BIT_CROP_INCEPTION, BIT_CROP_RANDOM, BIT_CROP_SQUASH, BIT_CROP_FIT };

/* How a crop is resized. REDUCED: between two pixels an axis, of the picture reduced 2, 4 or 8 times where the crop is that much larger.
 * BILINEAR: the same of the picture at full size, as TensorFlow without antialias. ANTIALIAS: a triangle as wide as the reduction, as
 * Pillow's BILINEAR, to the bit. */
enum bit_filter { BIT_FILTER_REDUCED, BIT_FILTER_BILINEAR, BIT_FILTER_ANTIALIAS,
                  BIT_FILTER_QUICK /* ANTIALIAS of the picture reduced while it stays twice as large as the output: for looking, not for training */ };

struct bit_stream_options {
    const struct bit_index *index;
    const struct bit_subset *subset; /* of the index: there are no other images; NULL: all */
    uint64_t seed;
    bool training;            /* shuffled, augmented, endless; else index order, one pass */
    int image_size;           /* output pixels */
    int resize;               /* training: see enum bit_crop; evaluation: the smaller side, of which the centre is cut out */
    enum bit_crop crop;
    enum bit_filter filter;
    bool exif_orientation;    /* pictures are turned upright before anything else */
    bool stretch;             /* evaluation: both sides are resized to `resize`, not only the smaller one in proportion */
    bool squash;              /* evaluation: the whole image is resized to image_size x image_size instead; resize is not used */
    double area_min, area_max, aspect_min, aspect_max; /* Inception crop */
    double scale_min, scale_max; /* FIT */
    int crop_attempts;
    bool mirror;
    double mixup;             /* training: alpha of bit_mix_share; 0: images are not mixed */
    int border;               /* evaluation: pixels cut off every side before anything else */
    enum bit_type precision;  /* of the images handed out */
    int batch;                /* global batch, images */
    int micro_batch;
    int rank, ranks;
    int loaders;              /* threads, >= 1 */
    int prefetch;             /* micro-batches decoded ahead, >= 2; one more is allocated for the caller */
    uint64_t file_limit;      /* bytes */
    uint64_t pixel_limit;
    int scan_limit;
    uint8_t background[3];    /* of transparent PNGs: red, green, blue */
    double patience;          /* seconds: how long images are waited for whose storage has gone */
};

/* Bad images (missing, unreadable, neither JPEG nor PNG, damaged where the crop needs them, truncated, beyond a limit) never stop
 * a run by themselves. Training replaces one by another image with that one's labels, drawn from (seed, epoch, image) and
 * so the same on any rank and after a resume; evaluation leaves it out: its micro-batch has fewer images, maybe none. Either
 * way it is counted and listed when its micro-batch is handed out. A lack of memory or descriptors fails the stream; so do, after
 * `patience`, storage that fails (EIO, ESTALE, a server that is gone), a class folder or the whole set that has gone, and a set
 * of which nothing can be opened: all of class environment, and never a reason to take another image.
 *
 * The training stream is the concatenation of the epochs' permutations: sample t = step * batch + j stands at position
 * t mod images of epoch t / images, so every image comes exactly once an epoch and no batch is ever short; a batch may
 * straddle two epochs, and the run's last step may reach into one more epoch. Rank r of R takes micro-batches
 * [r M / R, (r + 1) M / R) of the step's M = batch / micro_batch. Evaluation: micro-batch i belongs to rank i mod R; the
 * last one may hold fewer images. */
struct bit_stream;

struct bit_batch {
    int images;                 /* valid ones; the rest of the buffer is zero */
    void *pixels;               /* [micro_batch, size, size, 3] of `precision`, [-1, 1], 64-byte aligned */
    struct bit_targets targets; /* label_start is given; weights where images are mixed, frames in an evaluation of BIT_CROP_FIT. Of annotations: a label and a box for each box that is to
                                 * be found (no crowds, nothing below a pixel a side), */
    const uint64_t *samples;    /* image numbers, before substitution */
    uint64_t step;
    int micro;                  /* number of this micro-batch within the rank's share of the step */
};

struct bit_stream *bit_stream_create(const struct bit_stream_options *options, struct bit_error *error);
void bit_stream_destroy(struct bit_stream *stream);
/* Next micro-batch handed out will be the first of this rank's share of `step` (evaluation: 0, its start). What the caller
 * holds stays valid. Local. */
int bit_stream_seek(struct bit_stream *stream, uint64_t step, struct bit_error *error);
/* Waits for the next micro-batch. 1: *batch is it, to be given back with bit_stream_release in any order (at most
 * `prefetch` can be held at once while the loaders go on); 0: the end (evaluation only); -1: failed. Local; seek, next and
 * release are called by one thread at a time. */
int bit_stream_next(struct bit_stream *stream, struct bit_batch **batch, struct bit_error *error);
void bit_stream_release(struct bit_stream *stream, struct bit_batch *batch);

/* Lines "epoch<TAB>path<TAB>reason" (evaluation: "-" for the epoch) of the bad images of the micro-batches handed out, for
 * bit_quarantine_add; the caller empties it (bit_text_free) when it has taken them. Owned by the stream. */
struct bit_text *bit_stream_bad(struct bit_stream *stream);

struct bit_stream_counts {
    uint64_t decoded, bad; /* images of the micro-batches handed out, bad ones included; bad ones */
    double wait_seconds;   /* that bit_stream_next waited */
};
void bit_stream_count(const struct bit_stream *stream, struct bit_stream_counts *counts);

/* What can still be seen of the bytes of a JPEG or PNG file, damaged or not, for people: at most size x size pixels, *width x *height of RGB
 * in `pixels`, which has room for size x size; rows that cannot be decoded are grey. Class data: nothing can be seen. Local. */
int bit_thumbnail(const void *data, size_t bytes, int size, uint8_t *pixels, int *width, int *height, struct bit_error *error);

/* ---- the list of bad images ---- */

/* A file with a line a bad image and epoch. One process of a run writes it: what several hosts append to one file may get lost. */
struct bit_quarantine;
/* Opens `path` for appending, and creates it; lines that an earlier run left are known from then on and not written again, a
 * torn last one is cut off. Local. */
struct bit_quarantine *bit_quarantine_open(const char *path, struct bit_error *error);
void bit_quarantine_close(struct bit_quarantine *q);
/* Appends the lines (see bit_stream_bad) that are not known. */
int bit_quarantine_add(struct bit_quarantine *q, const char *lines, size_t size, struct bit_error *error);

/* ---- one image, for benchmarks and tests ---- */

/* Decodes the bytes of a JPEG or PNG file as the stream would do for (epoch, sample) and writes [size, size, 3]. Local, any thread; `decoder`
 * belongs to one thread. Of the options those of image, crop, seed, precision and limits count; index may be NULL. Failures
 * of class data speak of the image (and do not name it), class environment of this machine. After a failure `pixels` holds
 * anything and the decoder can go on. Buffers are kept: in the long run nothing is allocated but by libjpeg and libpng.
 *
 * Resampling counts pixels by their centres. BIT_FILTER_REDUCED, made for speed: where the crop is at least twice (4, 8 times) the
 * output in both directions the image is first reduced by that factor: a JPEG within the inverse DCT, which averages, a PNG by the
 * mean of so many pixels. Such crops come out smoother (with less aliasing) than from the image at full size, by 2 of 255 on
 * average on photographs of some 3000 pixels; others do not change. The bits do not depend on the machine. */
struct bit_decoder;
struct bit_decoder *bit_decoder_create(const struct bit_stream_options *options, struct bit_error *error);
void bit_decoder_destroy(struct bit_decoder *decoder);
int bit_decoder_run(struct bit_decoder *decoder, const void *data, size_t bytes, uint64_t epoch, uint64_t sample,
                    void *pixels, struct bit_error *error);
/* The same from a file, read at one go. A file that is missing, unreadable or too large is class data too, storage
 * that fails is class environment. */
int bit_decoder_run_file(struct bit_decoder *decoder, const char *path, uint64_t epoch, uint64_t sample, void *pixels,
                         struct bit_error *error);

#endif
