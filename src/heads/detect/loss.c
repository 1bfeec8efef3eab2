/* Losses of a match: focal loss of the logits, smooth L1 of the box targets. */
#include <math.h>

#include "bit/detect.h"

double bit_smooth_l1(double difference, double beta, double *slope)
{
    const double size = fabs(difference);
    if (size < beta) {
        *slope = difference / beta;
        return 0.5 * difference * difference / beta;
    }
    *slope = difference > 0 ? 1 : difference < 0 ? -1 : 0;
    return size - 0.5 * beta;
}
