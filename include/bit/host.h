/* This host. */
#ifndef BIT_HOST_H
#define BIT_HOST_H

#include <stddef.h>

/* The host's name, "?" when the system does not tell it; cut to fit, always ended, and the rest of `name` is zero, so that the whole array may
 * be compared, hashed or sent. Local. */
void bit_host_name(char *name, size_t size);

#endif
