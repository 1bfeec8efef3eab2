/* What the store's files share: prepared statements with typed arguments. */
#ifndef DAEMON_STORE_SQL_H
#define DAEMON_STORE_SQL_H

#include <sqlite3.h>

#include "daemon/store.h"

enum statement {
    SQL_BEGIN, SQL_COMMIT, SQL_ROLLBACK,
    SQL_ADD_JOB, SQL_SET_JOB, SQL_SET_NOTE, SQL_READ_JOB, SQL_READ_SPEC, SQL_FIND_TOKEN, SQL_FIND_OUT, SQL_NEXT_ID, SQL_CLEAR_NEXT_ID, SQL_SET_NEXT_ID, SQL_LIST, SQL_LIST_ENDED, SQL_LIST_ACTIVE, SQL_CHILDREN, SQL_COUNT,
    SQL_ADD_NEED, SQL_READ_NEEDS, SQL_DEPENDENTS, SQL_MOVE_NEEDS,
    SQL_ADD_ATTEMPT, SQL_SET_ATTEMPT, SQL_READ_ATTEMPT, SQL_LAST_ATTEMPT,
    SQL_ADD_EVENT, SQL_EVENTS, SQL_JOB_EVENTS, SQL_LAST_EVENT,
    SQL_SET_HOST, SQL_GET_HOST, SQL_SET_META, SQL_GET_META,
    SQL_STATEMENTS
};

struct store {
    sqlite3 *db;
    sqlite3_stmt *statements[SQL_STATEMENTS];
    bool is_dirty;
    char path[4096];
};

/* The statement, reset, with its arguments bound: a letter of `types` each: i int64_t, n the same where unknown becomes NULL, d double, t const char *. */
sqlite3_stmt *store_bind(struct store *store, enum statement which, const char *types, ...);
/* The same for one that changes something: begins the transaction where none is open, runs it to its end. */
int store_change(struct store *store, struct bit_error *error, enum statement which, const char *types, ...);
/* The next row: 1, 0 at the end, -1 on failure. */
int store_step(struct store *store, sqlite3_stmt *statement, struct bit_error *error);
int store_fail(struct store *store, const char *what, struct bit_error *error);
/* Copies a text column, cut to fit. */
void store_text(sqlite3_stmt *statement, int column, char *buffer, size_t size);
int64_t store_whole(sqlite3_stmt *statement, int column); /* NULL: unknown */

#endif
