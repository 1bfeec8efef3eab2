/* Time. */
#ifndef BIT_CLOCK_H
#define BIT_CLOCK_H

#include <stddef.h>

double bit_clock_seconds(void);                       /* monotonic, arbitrary origin */
void bit_clock_stamp(char *buffer, size_t size);      /* "2026-01-31T12:34:56Z" */
/* "1:02:03" or "4.2 s"; for the user. */
void bit_clock_duration(double seconds, char *buffer, size_t size);

#endif
