/* A window of an open picture to a square of normalised pixels. One object belongs to one thread. */
#ifndef BIT_DATA_RESIZE_H
#define BIT_DATA_RESIZE_H

#include "augment.h"
#include "exif.h"
#include "picture.h"

struct bit_resizer;
/* size: output pixels a side. */
struct bit_resizer *bit_resizer_create(int size, enum bit_filter filter, enum bit_type precision, struct bit_error *error);
void bit_resizer_destroy(struct bit_resizer *resizer);

/* Starts the picture, which is open and has width x height pixels as stored, and fills `pixels` ([size, size, 3]). `window` speaks of the
 * picture once it is turned by `orientation`. */
int bit_resizer_run(struct bit_resizer *resizer, struct bit_picture *picture, int width, int height, enum bit_orientation orientation,
                    const struct bit_window *window, void *pixels, struct bit_error *error);

#endif
