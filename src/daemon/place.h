/* Where bitd listens unless it is told otherwise: bitd and its clients have to agree. */
#ifndef DAEMON_PLACE_H
#define DAEMON_PLACE_H

#include <stddef.h>

/* $XDG_RUNTIME_DIR/bitd/http, else /tmp/bitd-UID/http. */
void daemon_socket_path(char *path, size_t size);

#endif
