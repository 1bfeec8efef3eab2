/* Awkward, broken and hostile image files, by kind. */
#ifndef TESTS_DATA_KINDS_H
#define TESTS_DATA_KINDS_H

#include "tests/data/picture.h"

/* BAD: to be refused, whatever the crop. GOOD: to be decoded. EITHER: depends on where the crop lies or on libjpeg. */
enum verdict { GOOD, BAD, EITHER };

struct kind {
    const char *name;
    enum verdict verdict;
    struct picture picture;
    void (*change)(struct bytes *b); /* what is then done to the file */
};

extern const struct kind kinds[];
extern const size_t kind_count;
struct bytes kind_make(const struct kind *kind);
/* Makes the checksums of a PNG's chunks fit again, as far as there are chunks. */
void png_mend(unsigned char *data, size_t size);

#endif
