#ifndef DAEMON_LINGER_H
#define DAEMON_LINGER_H

#include <stdbool.h>

/* This process belongs to a user's service manager (its control group is below user@UID.service), which ends with the user's last session, for the
 * user has not been allowed to linger. root: "", or a folder with proc/ and var/ for tests. */
bool linger_is_missing(const char *root, const char *user);

#endif
