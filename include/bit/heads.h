/* Room for the settings of any head. */
#ifndef BIT_HEADS_H
#define BIT_HEADS_H

#include "bit/classify.h"

union bit_any_head {
    struct bit_head head;
    struct bit_classify classify;
};

#endif
