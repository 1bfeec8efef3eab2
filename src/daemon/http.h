/* What http.c and stream.c share: connections and their streams of events. */
#ifndef DAEMON_HTTP_H
#define DAEMON_HTTP_H

#include <microhttpd.h>

#include "daemon/api.h"

enum { HTTP_STREAMS = 32 };

struct stream;

/* An answer that sends events after number `after` (-1: from now on) for as long as the client listens; NULL: there are too many. */
struct MHD_Response *stream_create(struct daemon *d, struct MHD_Connection *connection, int64_t after);
/* New events, of those that are on disk now, to all who listen. */
void stream_send(struct daemon *d);
/* Comment lines that show who still listens; returns the seconds until the next, INFINITY when nobody does. */
double stream_beat(struct daemon *d, double now);
void stream_stop(struct daemon *d);
void stream_shift_clock(struct daemon *d, double seconds);
/* Something was resumed: libmicrohttpd has to be run. */
void http_must_run(struct daemon *d);
/* Where the list of streams begins: in struct http. */
struct stream **stream_list(struct daemon *d);

#endif
