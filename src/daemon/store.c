/* The store: opening, schema, transactions, statements. */
#include "daemon/store_sql.h"

#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "bit/file.h"
#include "bit/memory.h"
#include "daemon/points.h"

enum { SCHEMA_VERSION = 2, APPLICATION = 0x62697464 /* "bitd" */ };

#define JOB_TABLE(name) \
    "CREATE TABLE " name "(id INTEGER PRIMARY KEY AUTOINCREMENT, token TEXT UNIQUE, name TEXT NOT NULL, out TEXT NOT NULL, spec TEXT NOT NULL," \
    " file TEXT NOT NULL, ranks_least INTEGER NOT NULL CHECK(ranks_least > 0), ranks_most INTEGER NOT NULL CHECK(ranks_most >= ranks_least)," \
    " threads INTEGER NOT NULL CHECK(threads > 0), parts INTEGER NOT NULL, priority INTEGER NOT NULL, engine INTEGER NOT NULL," \
    " state TEXT NOT NULL CHECK(state IN ('waiting','queued','starting','pending','running','stopping','backoff','held','done','failed','cancelled'))," \
    " cause TEXT NOT NULL, why TEXT NOT NULL, wish TEXT NOT NULL, due REAL NOT NULL, has_needs INTEGER NOT NULL," \
    " starts_without_progress INTEGER NOT NULL, budget INTEGER NOT NULL, submitted REAL NOT NULL, changed REAL NOT NULL, parent INTEGER," \
    " idx INTEGER, version TEXT NOT NULL, options TEXT NOT NULL DEFAULT '', data TEXT NOT NULL DEFAULT '', notice TEXT NOT NULL DEFAULT ''," \
    " rank_bytes INTEGER) STRICT;"
#define JOB_RULES \
    "CREATE UNIQUE INDEX job_out ON job(out) WHERE state NOT IN ('done','failed','cancelled');" \
    "CREATE INDEX job_state ON job(state, id);" \
    "CREATE INDEX job_parent ON job(parent, idx) WHERE parent IS NOT NULL;" \
    "CREATE TRIGGER job_end BEFORE UPDATE OF state ON job WHEN old.state IN ('done','failed','cancelled') AND new.state <> old.state" \
    " BEGIN SELECT RAISE(ABORT, 'a job does not leave its end'); END;"

static const char schema[] =
    "CREATE TABLE meta(key TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT;"
    JOB_TABLE("job") JOB_RULES
    "CREATE TABLE need(job INTEGER NOT NULL REFERENCES job(id), on_job INTEGER NOT NULL REFERENCES job(id),"
    " kind TEXT NOT NULL CHECK(kind IN ('ok','any')), PRIMARY KEY(job, on_job)) STRICT, WITHOUT ROWID;"
    "CREATE INDEX need_on ON need(on_job);"
    "CREATE TABLE attempt(job INTEGER NOT NULL REFERENCES job(id), n INTEGER NOT NULL, engine INTEGER NOT NULL, hosts TEXT NOT NULL,"
    " cores TEXT NOT NULL, ranks INTEGER NOT NULL, pid INTEGER NOT NULL, start_ticks INTEGER NOT NULL, boot TEXT NOT NULL, slurm_id INTEGER,"
    " begun REAL NOT NULL, ended REAL NOT NULL, code INTEGER, step_before INTEGER, step_after INTEGER, why TEXT NOT NULL,"
    " mark TEXT NOT NULL, PRIMARY KEY(job, n)) STRICT, WITHOUT ROWID;"
    "CREATE UNIQUE INDEX attempt_live ON attempt(job) WHERE ended = 0;" /* never two live ones */
    "CREATE TABLE event(id INTEGER PRIMARY KEY AUTOINCREMENT, job INTEGER NOT NULL, time REAL NOT NULL, name TEXT NOT NULL,"
    " context TEXT NOT NULL) STRICT;"
    "CREATE INDEX event_job ON event(job, id);"
    "CREATE TABLE host(name TEXT PRIMARY KEY, state TEXT NOT NULL, since REAL NOT NULL) STRICT;";

/* From version N to N + 1: a rule of a table cannot be changed, so the table is made anew (with foreign keys off, which the caller sees to). */
#define JOB_COLUMNS_1 "token,name,out,file,ranks_least,ranks_most,threads,parts,priority,engine,state,cause,why,wish,due,has_needs," \
    "starts_without_progress,budget,submitted,changed,parent,idx,version,spec"
static const char *const upgrades[SCHEMA_VERSION] = {
    [1] = JOB_TABLE("job_new")
          "INSERT INTO job_new(id," JOB_COLUMNS_1 ") SELECT id," JOB_COLUMNS_1 " FROM job;"
          "DELETE FROM sqlite_sequence WHERE name='job_new';"
          "INSERT INTO sqlite_sequence(name,seq) SELECT 'job_new',seq FROM sqlite_sequence WHERE name='job';"
          "DROP TABLE job; ALTER TABLE job_new RENAME TO job;" JOB_RULES,
};

#define JOB_COLUMNS "token,name,out,file,ranks_least,ranks_most,threads,parts,priority,engine,state,cause,why,wish,due,has_needs," \
    "starts_without_progress,budget,submitted,changed,parent,idx,version,options,data,notice,rank_bytes"
#define ATTEMPT_COLUMNS "n,engine,hosts,cores,ranks,pid,start_ticks,boot,slurm_id,begun,ended,code,step_before,step_after,why,mark"

static const char *const texts[SQL_STATEMENTS] = {
    [SQL_BEGIN] = "BEGIN IMMEDIATE", [SQL_COMMIT] = "COMMIT", [SQL_ROLLBACK] = "ROLLBACK",
    [SQL_ADD_JOB] = "INSERT INTO job(" JOB_COLUMNS ",spec) VALUES(?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?)",
    [SQL_SET_JOB] = "UPDATE job SET state=?,cause=?,why=?,wish=?,due=?,has_needs=?,starts_without_progress=?,budget=?,changed=?,priority=?"
                    " WHERE id=?",
    [SQL_SET_NOTE] = "UPDATE job SET data=?,notice=?,rank_bytes=? WHERE id=?",
    [SQL_READ_JOB] = "SELECT " JOB_COLUMNS " FROM job WHERE id=?",
    [SQL_READ_SPEC] = "SELECT spec FROM job WHERE id=?",
    [SQL_FIND_TOKEN] = "SELECT id FROM job WHERE token=?",
    [SQL_FIND_OUT] = "SELECT id FROM job WHERE out=? AND state NOT IN ('done','failed','cancelled')",
    [SQL_CLEAR_NEXT_ID] = "DELETE FROM sqlite_sequence WHERE name='job'",
    [SQL_SET_NEXT_ID] = "INSERT INTO sqlite_sequence(name,seq) VALUES('job',? - 1)",
    [SQL_NEXT_ID] = "SELECT seq + 1 FROM sqlite_sequence WHERE name='job'",
    [SQL_LIST] = "SELECT id,state FROM job WHERE id<? ORDER BY id DESC",
    /* The index of folders in use holds these alone: without it all jobs that ever were would be looked through. */
    [SQL_LIST_ACTIVE] = "SELECT id,state FROM job INDEXED BY job_out WHERE id<? AND state NOT IN ('done','failed','cancelled') ORDER BY id DESC",
    [SQL_LIST_ENDED] = "SELECT id FROM job WHERE state IN ('done','failed','cancelled') AND changed>? AND changed<? ORDER BY changed LIMIT ?",
    [SQL_CHILDREN] = "SELECT id FROM job WHERE parent=? ORDER BY idx,id LIMIT ?",
    [SQL_COUNT] = "SELECT state,count(*) FROM job GROUP BY state",
    [SQL_ADD_NEED] = "INSERT OR REPLACE INTO need(job,on_job,kind) VALUES(?,?,?)",
    [SQL_READ_NEEDS] = "SELECT on_job,kind FROM need WHERE job=?",
    [SQL_DEPENDENTS] = "SELECT job FROM need WHERE on_job=? ORDER BY job LIMIT ?",
    [SQL_MOVE_NEEDS] = "UPDATE need SET on_job=? WHERE on_job=? AND job IN (SELECT id FROM job WHERE state NOT IN ('done','failed','cancelled'))",
    [SQL_ADD_ATTEMPT] = "INSERT INTO attempt(job," ATTEMPT_COLUMNS ") VALUES(?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?)",
    [SQL_SET_ATTEMPT] = "UPDATE attempt SET pid=?,start_ticks=?,boot=?,slurm_id=?,ended=?,code=?,step_after=?,why=?,hosts=?,cores=? WHERE job=? AND n=?",
    [SQL_READ_ATTEMPT] = "SELECT " ATTEMPT_COLUMNS " FROM attempt WHERE job=? AND n=?",
    [SQL_LAST_ATTEMPT] = "SELECT " ATTEMPT_COLUMNS " FROM attempt WHERE job=? ORDER BY n DESC LIMIT 1",
    [SQL_ADD_EVENT] = "INSERT INTO event(job,time,name,context) VALUES(?,?,?,?)",
    [SQL_EVENTS] = "SELECT id,job,time,name,context FROM event WHERE id>? ORDER BY id LIMIT ?",
    [SQL_JOB_EVENTS] = "SELECT id,job,time,name,context FROM event WHERE id>? AND job=?3 ORDER BY id LIMIT ?2",
    [SQL_LAST_EVENT] = "SELECT max(id) FROM event",
    [SQL_SET_HOST] = "INSERT INTO host(name,state,since) VALUES(?,?,?) ON CONFLICT(name) DO UPDATE SET state=excluded.state,since=excluded.since",
    [SQL_GET_HOST] = "SELECT state,since FROM host WHERE name=?",
    [SQL_SET_META] = "INSERT INTO meta(key,value) VALUES(?,?) ON CONFLICT(key) DO UPDATE SET value=excluded.value",
    [SQL_GET_META] = "SELECT value FROM meta WHERE key=?",
};

int store_fail(struct store *store, const char *what, struct bit_error *error)
{
    return bit_fail(error, BIT_EENVIRONMENT, "%s: %s: %s", store->path, what, sqlite3_errmsg(store->db));
}

/* ---- statements ---- */

static sqlite3_stmt *bind_list(struct store *store, enum statement which, const char *types, va_list list)
{
    sqlite3_stmt *s = store->statements[which];
    sqlite3_reset(s);
    for (int i = 1; *types; types++, i++) {
        if (*types == 'i' || *types == 'n') {
            int64_t value = va_arg(list, int64_t);
            if (*types == 'n' && value == STORE_UNKNOWN)
                sqlite3_bind_null(s, i);
            else
                sqlite3_bind_int64(s, i, value);
        } else if (*types == 'd') {
            sqlite3_bind_double(s, i, va_arg(list, double));
        } else {
            const char *text = va_arg(list, const char *);
            if (text)
                sqlite3_bind_text(s, i, text, -1, SQLITE_TRANSIENT);
            else
                sqlite3_bind_null(s, i);
        }
    }
    return s;
}

sqlite3_stmt *store_bind(struct store *store, enum statement which, const char *types, ...)
{
    va_list list;
    va_start(list, types);
    sqlite3_stmt *s = bind_list(store, which, types, list);
    va_end(list);
    return s;
}

int store_step(struct store *store, sqlite3_stmt *s, struct bit_error *error)
{
    int code = sqlite3_step(s);
    if (code == SQLITE_ROW)
        return 1;
    sqlite3_reset(s);
    return code == SQLITE_DONE ? 0 : store_fail(store, "cannot read or write it", error);
}

static int begin(struct store *store, struct bit_error *error)
{
    if (store->is_dirty)
        return 0;
    if (store_step(store, store_bind(store, SQL_BEGIN, ""), error) < 0)
        return -1;
    store->is_dirty = true;
    return 0;
}

int store_change(struct store *store, struct bit_error *error, enum statement which, const char *types, ...)
{
    va_list list;
    if (begin(store, error))
        return -1;
    va_start(list, types);
    sqlite3_stmt *s = bind_list(store, which, types, list);
    va_end(list);
    return store_step(store, s, error) < 0 ? -1 : 0;
}

void store_text(sqlite3_stmt *s, int column, char *buffer, size_t size)
{
    const unsigned char *text = sqlite3_column_text(s, column);
    snprintf(buffer, size, "%s", text ? (const char *)text : "");
}

int64_t store_whole(sqlite3_stmt *s, int column)
{
    return sqlite3_column_type(s, column) == SQLITE_NULL ? STORE_UNKNOWN : sqlite3_column_int64(s, column);
}

/* ---- transactions ---- */

bool store_is_dirty(const struct store *store) { return store->is_dirty; }

int store_commit(struct store *store, struct bit_error *error)
{
    if (!store->is_dirty)
        return 0;
    store->is_dirty = false;
    return store_step(store, store_bind(store, SQL_COMMIT, ""), error) < 0 ? -1 : 0;
}

void store_rollback(struct store *store)
{
    struct bit_error ignored = {0};
    if (store->is_dirty)
        store_step(store, store_bind(store, SQL_ROLLBACK, ""), &ignored);
    store->is_dirty = false;
}

void store_rest(struct store *store)
{
    if (!store->is_dirty)
        sqlite3_wal_checkpoint_v2(store->db, NULL, SQLITE_CHECKPOINT_PASSIVE, NULL, NULL);
}

static int copy_into(struct store *store, const char *path, struct bit_error *error)
{
    sqlite3_stmt *s;
    if (sqlite3_prepare_v2(store->db, "VACUUM INTO ?", -1, &s, NULL) != SQLITE_OK)
        return store_fail(store, "cannot copy it", error);
    sqlite3_bind_text(s, 1, path, -1, SQLITE_TRANSIENT);
    int code = sqlite3_step(s);
    sqlite3_finalize(s);
    return code == SQLITE_DONE ? 0 : store_fail(store, "cannot copy it", error);
}

/* Under its own name once it is whole and on disk: who is killed meanwhile leaves no half of a copy that passes for one. */
int store_backup(struct store *store, const char *path, struct bit_error *error)
{
    char temporary[sizeof store->path + 32];
    snprintf(temporary, sizeof temporary, "%s.tmp", path);
    unlink(temporary);
    daemon_point(POINT_upgrade_copying);
    if (copy_into(store, temporary, error))
        return -1;
    int file = open(temporary, O_RDONLY | O_CLOEXEC);
    bool is_bad = file < 0 || fsync(file);
    if (file >= 0)
        close(file);
    if (is_bad || rename(temporary, path))
        return bit_fail_errno(error, BIT_EENVIRONMENT, "cannot copy %s to %s", store->path, path);
    return 0;
}

int64_t store_bytes(const struct store *store)
{
    struct stat status;
    return stat(store->path, &status) ? 0 : (int64_t)status.st_size;
}

/* ---- opening ---- */

int store_check_folder(const char *folder, struct bit_error *error)
{
    static const struct { unsigned long magic; const char *name; } networks[] = {
        {0x6969, "NFS"}, {0x0BD00BD0, "Lustre"}, {0x47504653, "GPFS"}, {0x19830326, "BeeGFS"}, {0x00C36400, "CephFS"}, {0xFF534D42, "CIFS"},
        {0xFE534D42, "SMB"}, {0x517B, "SMB"}, {0x65735546, "FUSE"}, {0x01021997, "9p"}, {0x5346414F, "AFS"}, {0xAAD7AAEA, "PanFS"},
        {0x7461636F, "OCFS2"}, {0x01161970, "GFS2"}};
    struct statfs status;
    if (statfs(folder, &status))
        return bit_fail_errno(error, BIT_EENVIRONMENT, "cannot look at %s", folder);
    for (size_t i = 0; i < sizeof networks / sizeof *networks; i++)
        if (((unsigned long)status.f_type & 0xFFFFFFFFUL) == networks[i].magic)
            return bit_fail(error, BIT_EENVIRONMENT, "%s lies on %s, whose locks bitd cannot rely on: name a folder on a local disk by the key "
                            "'state' of bitd.conf, or by --state", folder, networks[i].name);
    return 0;
}

static int run_text(struct store *store, const char *sql, struct bit_error *error)
{
    return sqlite3_exec(store->db, sql, NULL, NULL, NULL) == SQLITE_OK ? 0 : store_fail(store, "cannot open it", error);
}

static int one_number(struct store *store, const char *sql)
{
    sqlite3_stmt *s;
    int value = -1;
    if (sqlite3_prepare_v2(store->db, sql, -1, &s, NULL) != SQLITE_OK)
        return -1;
    if (sqlite3_step(s) == SQLITE_ROW)
        value = sqlite3_column_int(s, 0);
    sqlite3_finalize(s);
    return value;
}

static bool is_whole(struct store *store)
{
    sqlite3_stmt *s;
    bool whole = false;
    if (sqlite3_prepare_v2(store->db, "PRAGMA quick_check(1)", -1, &s, NULL) != SQLITE_OK)
        return false;
    if (sqlite3_step(s) == SQLITE_ROW)
        whole = !strcmp((const char *)sqlite3_column_text(s, 0), "ok");
    sqlite3_finalize(s);
    return whole;
}

static int create_schema(struct store *store, struct bit_error *error)
{
    char text[128];
    snprintf(text, sizeof text, "PRAGMA application_id=%d; PRAGMA user_version=%d; COMMIT", APPLICATION, SCHEMA_VERSION);
    return run_text(store, "BEGIN IMMEDIATE", error) || run_text(store, schema, error) || run_text(store, text, error) ? -1 : 0;
}

/* end: what makes it valid. */
static int make_step(struct store *store, int version, const char *end, struct bit_error *error)
{
    if (run_text(store, "PRAGMA foreign_keys=OFF; BEGIN IMMEDIATE", error))
        return -1;
    daemon_point(POINT_upgrade_begun);
    if (run_text(store, upgrades[version], error) || one_number(store, "SELECT count(*) FROM pragma_foreign_key_check") != 0)
        return -1;
    daemon_point(POINT_upgrade_made);
    return run_text(store, end, error);
}

/* One step, as one transaction; what was there before stays beside it. */
static int upgrade(struct store *store, int version, struct bit_error *error)
{
    char text[128], copy[sizeof store->path + 16];
    snprintf(copy, sizeof copy, "%s.v%d", store->path, version);
    if (!bit_file_exists(copy) && store_backup(store, copy, error))
        return -1;
    daemon_point(POINT_upgrade_copied);
    snprintf(text, sizeof text, "PRAGMA user_version=%d; COMMIT; PRAGMA foreign_keys=ON", version + 1);
    if (make_step(store, version, text, error))
        return bit_fail(error, BIT_EENVIRONMENT, "%s cannot be brought to schema %d; %s is a copy of it", store->path, version + 1, copy);
    daemon_point(POINT_upgrade_committed);
    return 0;
}

static int check_schema(struct store *store, struct bit_error *error)
{
    int version = one_number(store, "PRAGMA user_version"), application = one_number(store, "PRAGMA application_id");
    if (version < 0 && sqlite3_errcode(store->db) == SQLITE_BUSY)
        return bit_fail(error, BIT_EENVIRONMENT, "another bitd uses %s", store->path);
    if (version < 0)
        return bit_fail(error, BIT_EDATA, "%s cannot be read: %s; put it aside, and hand jobs in again: they go on from their checkpoints", store->path,
                        sqlite3_errmsg(store->db));
    if (version == 0 && application == 0)
        return create_schema(store, error);
    if (application != APPLICATION)
        return bit_fail(error, BIT_EDATA, "%s is not a store of bitd", store->path);
    if (version > SCHEMA_VERSION)
        return bit_fail(error, BIT_EDATA, "%s was written by a newer bitd (schema %d, this one knows %d): start that one", store->path, version,
                        SCHEMA_VERSION);
    if (!is_whole(store))
        return bit_fail(error, BIT_EDATA, "%s is damaged; put it aside, and hand jobs in again: they go on from their checkpoints", store->path);
    for (; version < SCHEMA_VERSION; version++)
        if (upgrade(store, version, error))
            return -1;
    return 0;
}

static int prepare_all(struct store *store, struct bit_error *error)
{
    for (int i = 0; i < SQL_STATEMENTS; i++)
        if (sqlite3_prepare_v3(store->db, texts[i], -1, SQLITE_PREPARE_PERSISTENT, &store->statements[i], NULL) != SQLITE_OK)
            return store_fail(store, texts[i], error);
    return 0;
}

static int open_database(struct store *store, struct bit_error *error)
{
    int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_NOFOLLOW;
    if (sqlite3_open_v2(store->path, &store->db, flags, NULL) != SQLITE_OK)
        return store_fail(store, "cannot open it", error);
    sqlite3_db_config(store->db, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
    sqlite3_db_config(store->db, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, NULL);
    sqlite3_busy_timeout(store->db, 2000);
    /* Exclusive before the first access: then there is no shared memory, and nobody else gets in. */
    return run_text(store, "PRAGMA locking_mode=EXCLUSIVE; PRAGMA cell_size_check=ON; PRAGMA foreign_keys=ON", error);
}

struct store *store_open(const char *folder, struct bit_error *error)
{
    struct store *store = bit_allocate(1, sizeof *store, "the store", error);
    if (!store)
        return NULL;
    if (store_check_folder(folder, error) || bit_path_join(store->path, sizeof store->path, folder, "state.db", error) ||
        open_database(store, error) || check_schema(store, error) ||
        run_text(store, "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA wal_autocheckpoint=0; PRAGMA journal_size_limit=4194304", error) ||
        prepare_all(store, error)) {
        store_close(store);
        return NULL;
    }
    store_rest(store);
    return store;
}

void store_close(struct store *store)
{
    if (!store)
        return;
    store_rollback(store);
    for (int i = 0; i < SQL_STATEMENTS; i++)
        sqlite3_finalize(store->statements[i]);
    sqlite3_close(store->db);
    bit_free(store);
}
