/* Room for the settings of any head. */
#ifndef BIT_HEADS_H
#define BIT_HEADS_H

#include "bit/classify.h"
#include "bit/detect.h"

union bit_any_head {
    struct bit_head head;
    struct bit_classify classify;
    struct bit_detect detect;
};

#endif
