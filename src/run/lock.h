/* One run a folder: DIR/lock. */
#ifndef RUN_LOCK_H
#define RUN_LOCK_H

#include "bit/error.h"

struct lock;

/* Takes the lock or fails (environment) naming the host and process that hold it. The kernel gives it up with the
 * process, so a killed run leaves nothing to clear away. On a file system without locks the text in the file decides: a
 * holder on this host that is gone is passed over, one on another host is believed. A lock held from another host whose heartbeat has
 * stopped is waited for, up to 100 s. Local: rank 0's business. */
struct lock *lock_take(const char *path, struct bit_error *error);
/* Removes the file. NULL is fine. */
void lock_release(struct lock *lock);

#endif
