/* What rank 0 knows of the newest generation besides the folder's listing, which a network file system may show late. Local. */
#ifndef BIT_STORE_NEWEST_H
#define BIT_STORE_NEWEST_H

#include <stdbool.h>
#include <stdint.h>

/* Seconds for which a generation that was committed may be invisible to a host. */
#ifdef BIT_TEST_POINTS
enum { STORE_PATIENCE = 8 }; /* tests have less */
#else
enum { STORE_PATIENCE = 30 };
#endif

#define STORE_NEWEST_NAME "newest"

/* Notes that `step` is the newest generation now, in a file of a fixed name that is written in place: opening it asks the file
 * server, where a listing may come from the host's memory. A failure is no loss: the note only helps. */
void newest_write(const char *folder, uint64_t step);
/* False: nothing is noted. */
bool newest_read(const char *folder, uint64_t *step);
/* Makes this host ask the file server for the folder's names again, by making and removing one. */
void newest_refresh(const char *folder);

#endif
