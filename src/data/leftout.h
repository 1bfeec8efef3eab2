/* What a scan leaves out, and what it found strange: counted by kind, each with its first place, told in a few lines. */
#ifndef BIT_DATA_LEFTOUT_H
#define BIT_DATA_LEFTOUT_H

#include <stdint.h>

#include "bit/text.h"

enum bit_left {
    LEFT_PICTURES,  /* of kinds that are not read */
    LEFT_ARCHIVES,
    LEFT_STRAYS,    /* images in no class folder */
    LEFT_SPECIAL,   /* pipes, sockets, devices named as images */
    LEFT_BROKEN,    /* links that lead nowhere and are not named as images */
    LEFT_OTHER,
    LEFT_HIDDEN,    /* files, AppleDouble ones among them */
    LEFT_SERVICE,   /* folders of servers and systems, unseen within */
    LEFT_CIRCLES,   /* links back to a folder above */
    LEFT_KINDS
};
/* Images that are taken all the same. */
enum bit_odd { ODD_GONE, ODD_EMPTY, ODD_KIND, ODD_KINDS }; /* not to be seen; of 0 bytes; of a kind that is not read */

struct bit_tally { uint64_t count; char first[256], what[32]; };
struct bit_leftout { struct bit_tally left[LEFT_KINDS], odd[ODD_KINDS], barren; /* classes without images */ };

/* Counts one; the first path of a kind in bytewise order is kept (escaped), as a folder's order is none. `what`: its kind by name, "" for none. */
void bit_leftout_add(struct bit_tally *tally, const char *folder, const char *name, const char *what);
/* Adds a line each thing: '!' (worth a warning) or ' ', then the text. Empty when there is nothing to say. */
void bit_leftout_tell(const struct bit_leftout *l, struct bit_text *notes);

#endif
