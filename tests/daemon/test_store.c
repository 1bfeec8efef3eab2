/* The store: what is committed is there, what is not is not; what must not be is refused. */
#include <sqlite3.h>
#include <unistd.h>

#include "bit/file.h"
#include "bit/memory.h"
#include "daemon/store.h"
#include "../unit.h"

static char folder[] = "/tmp/bit-store-XXXXXX";
static struct bit_error error;

static struct store *open_store(void)
{
    bit_error_clear(&error);
    struct store *store = store_open(folder, &error);
    if (!store)
        fprintf(stderr, "\n%s\n", error.text);
    return store;
}

static struct store_job a_job(const char *name, const char *out)
{
    static char file[] = "/home/me/job.json", spec[] = "{\"name\":\"x\"}";
    struct store_job job = {.out = (char *)out, .file = file, .spec = spec, .least = 1, .most = 2, .threads = 3, .parts = 4, .priority = -1,
                            .life = daemon_life_begin(false, 0), .submitted = 1.5, .changed = 2.5, .parent = STORE_UNKNOWN, .index = -1};
    snprintf(job.name, sizeof job.name, "%s", name);
    snprintf(job.version, sizeof job.version, "0.1.0");
    return job;
}

static void test_round_trip(void)
{
    struct store *store = open_store();
    REQUIRE(store != NULL);
    struct store_job first = a_job("first", "/runs/1"), job = a_job("na\nme \"x\"", "/runs/2"), back;
    snprintf(job.token, sizeof job.token, "t1");
    CHECK(store_add_job(store, &first, &error) == 0 && first.id == 1);
    job.need[0] = (struct store_need){first.id, true};
    job.needs = 1;
    job.life.cause = CAUSE_DRAINED;
    CHECK(store_add_job(store, &job, &error) == 0 && job.id == 2);
    struct store_attempt attempt = {.number = 1, .ranks = 2, .pid = 77, .start_ticks = 99, .slurm_id = STORE_UNKNOWN, .begun = 5, .code = STORE_UNKNOWN,
                                    .step_before = 0, .step_after = STORE_UNKNOWN};
    snprintf(attempt.hosts, sizeof attempt.hosts, "a:2");
    snprintf(attempt.boot, sizeof attempt.boot, "boot");
    CHECK(store_add_attempt(store, job.id, &attempt, &error) == 0);
    CHECK(store_is_dirty(store) && store_commit(store, &error) == 0 && !store_is_dirty(store));
    store_close(store);
    store = open_store();
    REQUIRE(store != NULL);
    REQUIRE(store_read_job(store, 2, true, &back, &error) == 0);
    CHECK_STRING(back.name, job.name);
    CHECK_STRING(back.out, "/runs/2");
    CHECK_STRING(back.spec, job.spec);
    CHECK_STRING(back.token, "t1");
    CHECK(back.least == 1 && back.most == 2 && back.threads == 3 && back.parts == 4 && back.priority == -1 && back.submitted == 1.5);
    CHECK(back.parent == STORE_UNKNOWN && back.index == -1 && back.needs == 1 && back.need[0].on == 1 && back.need[0].any);
    CHECK(back.life.state == STATE_QUEUED && back.life.cause == CAUSE_DRAINED && back.life.budget == DAEMON_BUDGET);
    CHECK(back.attempt.number == 1 && back.attempt.pid == 77 && back.attempt.start_ticks == 99 && back.attempt.slurm_id == STORE_UNKNOWN);
    CHECK(back.attempt.code == STORE_UNKNOWN && back.attempt.step_before == 0 && back.attempt.step_after == STORE_UNKNOWN);
    CHECK_STRING(back.attempt.hosts, "a:2");
    store_job_free(&back);
    int64_t ids[8], counts[DAEMON_STATES];
    CHECK(store_find_token(store, "t1", &error) == 2 && store_find_token(store, "t2", &error) == 0);
    CHECK(store_find_out(store, "/runs/1", &error) == 1 && store_find_out(store, "/runs/3", &error) == 0);
    CHECK(store_list(store, ~0U, 0, 8, ids, &error) == 2 && ids[0] == 2 && ids[1] == 1);
    CHECK(store_list(store, ~0U, 2, 8, ids, &error) == 1 && ids[0] == 1);
    CHECK(store_list(store, 1U << STATE_DONE, 0, 8, ids, &error) == 0);
    CHECK(store_dependents(store, 1, 8, ids, &error) == 1 && ids[0] == 2);
    CHECK(store_count_states(store, counts, &error) == 0 && counts[STATE_QUEUED] == 2);
    CHECK(store_read_job(store, 3, false, &back, &error) == -1 && error.code == BIT_ENOINPUT);
    bit_error_clear(&error);
    store_close(store);
}

static void test_uncommitted(void)
{
    struct store *store = open_store();
    REQUIRE(store != NULL);
    struct store_job job = a_job("gone", "/runs/gone"), back;
    CHECK(store_add_job(store, &job, &error) == 0);
    store_rollback(store);
    CHECK(!store_is_dirty(store) && store_read_job(store, job.id, false, &back, &error) == -1);
    bit_error_clear(&error);
    CHECK(store_add_job(store, &job, &error) == 0);
    store_close(store);
    store = open_store();
    REQUIRE(store != NULL);
    CHECK(store_find_out(store, "/runs/gone", &error) == 0);
    store_close(store);
}

static void test_refusals(void)
{
    struct store *store = open_store();
    REQUIRE(store != NULL);
    struct store_job job = a_job("ends", "/runs/ends"), other = a_job("same", "/runs/ends");
    CHECK(store_add_job(store, &job, &error) == 0);
    CHECK(store_add_job(store, &other, &error) == -1); /* one job a folder, while it has not ended */
    bit_error_clear(&error);
    job.life.state = STATE_DONE;
    CHECK(store_set_job(store, &job, &error) == 0);
    CHECK(store_add_job(store, &other, &error) == 0);
    job.life.state = STATE_QUEUED;
    CHECK(store_set_job(store, &job, &error) == -1 && strstr(error.text, "does not leave its end"));
    bit_error_clear(&error);
    struct store_attempt attempt = {.number = 1, .slurm_id = STORE_UNKNOWN, .begun = 1};
    CHECK(store_add_attempt(store, other.id, &attempt, &error) == 0);
    attempt.number = 2;
    CHECK(store_add_attempt(store, other.id, &attempt, &error) == -1); /* the first still lives */
    bit_error_clear(&error);
    attempt.number = 1;
    attempt.ended = 3;
    CHECK(store_set_attempt(store, other.id, &attempt, &error) == 0);
    attempt = (struct store_attempt){.number = 2, .slurm_id = STORE_UNKNOWN, .begun = 4};
    CHECK(store_add_attempt(store, other.id, &attempt, &error) == 0);
    CHECK(store_commit(store, &error) == 0);
    CHECK(store_open(folder, &error) == NULL && error.code == BIT_EENVIRONMENT); /* a second one */
    bit_error_clear(&error);
    store_close(store);
    CHECK(store_check_folder("/proc", &error) == 0 && store_check_folder("/nowhere", &error) == -1);
    bit_error_clear(&error);
}

static int events_seen;
static int64_t last_seen;
static void see(void *context, const struct store_event *event)
{
    CHECK(event->id > last_seen);
    CHECK_STRING(event->context, context);
    last_seen = event->id;
    events_seen++;
}

static void test_events_and_values(void)
{
    struct store *store = open_store();
    char value[32], text[] = "{\"a\":1}";
    double since;
    REQUIRE(store != NULL);
    int64_t first = store_add_event(store, 1, 10, "queued", text, &error);
    store_add_event(store, 2, 11, "queued", text, &error);
    int64_t last = store_add_event(store, 1, 12, "placed", text, &error);
    CHECK(first > 0 && last == first + 2 && store_last_event(store) == last);
    CHECK(store_events(store, 0, 0, 100, see, text, &error) == 0 && events_seen == 3);
    last_seen = 0;
    CHECK(store_events(store, 1, first, 100, see, text, &error) == 0 && events_seen == 4 && last_seen == last);
    CHECK(store_get_meta(store, "host", value, sizeof value, &error) == 0 && !*value);
    CHECK(store_set_meta(store, "host", "a", &error) == 0 && store_set_meta(store, "host", "b", &error) == 0);
    CHECK(store_get_meta(store, "host", value, sizeof value, &error) == 0);
    CHECK_STRING(value, "b");
    CHECK(store_set_host(store, "n1", "draining", 5, &error) == 0 && store_set_host(store, "n1", "open", 6, &error) == 0);
    CHECK(store_get_host(store, "n1", value, sizeof value, &since, &error) == 0 && since == 6);
    CHECK_STRING(value, "open");
    CHECK(store_commit(store, &error) == 0);
    char copy[300];
    snprintf(copy, sizeof copy, "%s/copy.db", folder);
    CHECK(store_backup(store, copy, &error) == 0 && bit_file_exists(copy) && store_bytes(store) > 0);
    store_close(store);
}

static void test_foreign_files(void)
{
    char path[300];
    sqlite3 *db;
    snprintf(path, sizeof path, "%s/state.db", folder);
    REQUIRE(sqlite3_open(path, &db) == SQLITE_OK);
    sqlite3_exec(db, "PRAGMA user_version=99", NULL, NULL, NULL);
    sqlite3_close(db);
    CHECK(store_open(folder, &error) == NULL && error.code == BIT_EDATA && strstr(error.text, "newer bitd"));
    bit_error_clear(&error);
    REQUIRE(bit_file_write(path, "this is no database, and long enough to be looked at as one", 60, &error) == 0);
    CHECK(store_open(folder, &error) == NULL && error.code == BIT_EDATA);
    bit_error_clear(&error);
    unlink(path);
    REQUIRE(sqlite3_open(path, &db) == SQLITE_OK);
    sqlite3_exec(db, "PRAGMA application_id=5; CREATE TABLE x(y)", NULL, NULL, NULL);
    sqlite3_close(db);
    CHECK(store_open(folder, &error) == NULL && strstr(error.text, "not a store of bitd"));
    bit_error_clear(&error);
}

/* A store of the first version, with jobs that follow each other, is brought to this one; a copy of it stays. */
static void test_upgrade(void)
{
    static const char rows[] =
        "INSERT INTO job(token,name,out,spec,file,ranks_least,ranks_most,threads,parts,priority,engine,state,cause,why,wish,due,has_needs,"
        " starts_without_progress,budget,submitted,changed,parent,idx,version) VALUES"
        " ('t','a','/runs/a','{}','/a.json',1,2,1,4,0,0,'done','none','','none',0,0,0,5,1,2,NULL,NULL,'0.1'),"
        " (NULL,'b','/runs/b','{}','/b.json',1,2,1,4,7,0,'waiting','none','','none',0,1,0,5,1,2,NULL,NULL,'0.1');"
        "INSERT INTO need VALUES(2,1,'ok'); INSERT INTO event(job,time,name,context) VALUES(1,1,'submitted','{}');"
        "UPDATE sqlite_sequence SET seq=9 WHERE name='job'; PRAGMA user_version=1; PRAGMA application_id=0x62697464";
    char path[300], file[4096], *schema;
    size_t size;
    sqlite3 *db;
    struct store_job back, ended;
    const char *source = getenv("top_srcdir");
    snprintf(file, sizeof file, "%s/tests/daemon/schema-1.sql", source ? source : ".");
    snprintf(path, sizeof path, "%s/state.db", folder);
    unlink(path);
    REQUIRE(bit_file_read(file, 1 << 16, &schema, &size, &error) == 0);
    REQUIRE(sqlite3_open(path, &db) == SQLITE_OK);
    CHECK(sqlite3_exec(db, schema, NULL, NULL, NULL) == SQLITE_OK && sqlite3_exec(db, rows, NULL, NULL, NULL) == SQLITE_OK);
    sqlite3_close(db);
    struct store *store = open_store();
    REQUIRE(store != NULL);
    REQUIRE(store_read_job(store, 2, true, &back, &error) == 0);
    CHECK(back.needs == 1 && back.need[0].on == 1 && back.priority == 7 && back.rank_bytes == STORE_UNKNOWN && !*back.data && !*back.options);
    CHECK(store_next_id(store) == 10); /* numbers are never given twice */
    back.life.state = STATE_PENDING;
    CHECK(store_set_job(store, &back, &error) == 0);
    snprintf(back.data, sizeof back.data, "hash");
    back.rank_bytes = 5;
    CHECK(store_set_note(store, &back, &error) == 0);
    store_job_free(&back);
    REQUIRE(store_read_job(store, 2, false, &back, &error) == 0);
    CHECK(back.life.state == STATE_PENDING && back.rank_bytes == 5);
    CHECK_STRING(back.data, "hash");
    REQUIRE(store_read_job(store, 1, false, &ended, &error) == 0);
    ended.life.state = STATE_QUEUED;
    CHECK(store_set_job(store, &ended, &error) == -1 && strstr(error.text, "does not leave its end"));
    bit_error_clear(&error);
    store_job_free(&back);
    store_job_free(&ended);
    store_close(store);
    bit_free(schema);
    snprintf(path, sizeof path, "%s/state.db.v1", folder);
    CHECK(bit_file_exists(path));
}

static const struct unit_test tests[] = {
    {"round_trip", test_round_trip}, {"uncommitted", test_uncommitted}, {"refusals", test_refusals},
    {"events_and_values", test_events_and_values}, {"foreign_files", test_foreign_files}, {"upgrade", test_upgrade},
};

int main(int argc, char **argv)
{
    if (!mkdtemp(folder))
        return 1;
    int code = unit_main("store", tests, sizeof tests / sizeof *tests, argc, argv);
    bit_folder_remove(folder, &error);
    return code;
}
