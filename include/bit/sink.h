/* Where gradients go: what a backward pass calls. */
#ifndef BIT_SINK_H
#define BIT_SINK_H

#include <stddef.h>

/* For every parameter, from the last in the table to the first, exactly once a backward call: `begin` returns where to
 * write table->items[parameter].count floats (overwritten), then `done` is called. Both run on the calling thread. */
struct bit_gradient_sink {
    float *(*begin)(struct bit_gradient_sink *sink, size_t parameter);
    void (*done)(struct bit_gradient_sink *sink, size_t parameter);
};

#endif
