/* What the commands that ask bitd share. */
#ifndef CLI_CLIENT_H
#define CLI_CLIENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "bit/error.h"

struct cJSON;

struct client_answer {
    int status;          /* of HTTP */
    char *text;          /* the body, `size` bytes and a 0; free with client_free */
    size_t size;
    int64_t next;        /* header Bit-Next; -1: none */
};

/* One request to the bitd at `socket` (NULL: $BIT_SOCKET, else where it listens unless told otherwise). body NULL: GET, else POST.
 * -1 (environment) when no bitd answers; whatever it says is an answer, also that it refuses. */
int client_ask(const char *socket, const char *path, const char *body, struct client_answer *answer, struct bit_error *error);
void client_free(struct client_answer *answer);
/* An answer that is a failure as an error: no-input for 404, usage for other refusals, environment for 5xx. 0 when it is none. */
int client_check(const struct client_answer *answer, struct bit_error *error);
/* Asks, checks, and takes the JSON apart; NULL on failure. Free with cJSON_Delete. */
struct cJSON *client_json(const char *socket, const char *path, const char *body, struct bit_error *error);
/* The table of a sweep's jobs, from what bitd says of it. */
void client_print_sweep(const struct cJSON *sweep);
/* A job's number, which has to be one. */
int client_id(const char *word, int64_t *id, struct bit_error *error);

#endif
