/* The few things every use of HDF5 needs. The library is not thread-safe: one thread at a time. */
#ifndef BIT_STORE_HDF5_H
#define BIT_STORE_HDF5_H

#include <hdf5.h>
#include <stdint.h>

#include "bit/error.h"

/* Before any other call: no exit handler (it crashes after a failed close), no printing of the error stack. */
void h5_begin(void);
/* Turns HDF5's error stack into our error: the system's reason when there is one. `what`: "create", "close", ... -1. */
int h5_fail(struct bit_error *error, const char *what, const char *path);
/* New file, which must not exist, format bounds v110, large data sets at multiples of 4096. Negative on failure. */
hid_t h5_create(const char *path, struct bit_error *error);
/* Closes what is open (>= 0), whatever it is, and checks. */
int h5_close(hid_t id, const char *path, struct bit_error *error);
/* Attributes of an object. */
int h5_attribute_u64(hid_t object, const char *name, uint64_t value);
int h5_attribute_text(hid_t object, const char *name, const char *value);
int h5_attribute_double(hid_t object, const char *name, double value);

#endif
