/* A rectangle of an image, in pixels from its upper left corner, continuous: it is x2 - x1 wide. */
#ifndef BIT_BOX_H
#define BIT_BOX_H

struct bit_box { double x1, y1, x2, y2; };

#endif
