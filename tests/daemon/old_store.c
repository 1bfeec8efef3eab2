/* Stores of former bitds, for the kill campaign.
 *     old_store make FILE SCHEMA.sql VERSION ENDED QUEUED RUNS   so many jobs, past-1 ..., that ended or wait (each for the one before it)
 *     old_store check FILE VERSION JOBS                          0: it is whole, of that version, and has so many jobs, each once */
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bit/file.h"
#include "bit/memory.h"

static sqlite3 *db;

static int run(const char *sql)
{
    if (sqlite3_exec(db, sql, NULL, NULL, NULL) == SQLITE_OK)
        return 0;
    fprintf(stderr, "old_store: %s: %s\n", sql, sqlite3_errmsg(db));
    return -1;
}

static int add_job(int number, int ended, const char *runs)
{
    char *sql = sqlite3_mprintf(
        "INSERT INTO job(token,name,out,spec,file,ranks_least,ranks_most,threads,parts,priority,engine,state,cause,why,wish,due,has_needs,"
        "starts_without_progress,budget,submitted,changed,parent,idx,version) VALUES('t-%d','past-%d','%q/past-%d','{}','/past.json',1,1,1,4,%d,0,"
        "%Q,'none','','none',0,%d,0,5,1,2,NULL,NULL,'0.0'); INSERT INTO event(job,time,name,context) VALUES(%d,1,'submitted','{}');",
        number, number, runs, number, number % 7, number <= ended ? "done" : "waiting", number > ended, number);
    int result = run(sql);
    sqlite3_free(sql);
    sql = number > ended ? sqlite3_mprintf("INSERT INTO need VALUES(%d,%d,'ok')", number, number > ended + 1 ? number - 1 : number) : NULL;
    result = result ? result : sql ? run(sql) : 0;
    sqlite3_free(sql);
    return result;
}

static int make(char **words)
{
    struct bit_error error = {0};
    char *schema, text[128];
    size_t size;
    int ended = atoi(words[3]), queued = atoi(words[4]);
    if (bit_file_read(words[1], 1 << 16, &schema, &size, &error)) {
        fprintf(stderr, "old_store: %s\n", error.text);
        return 1;
    }
    snprintf(text, sizeof text, "PRAGMA user_version=%d; PRAGMA application_id=0x62697464", atoi(words[2]));
    int result = run(schema) || run(text) || run("PRAGMA journal_mode=WAL; BEGIN");
    for (int number = 1; !result && number <= ended + queued; number++)
        result = add_job(number, ended, words[5]);
    bit_free(schema);
    return result || run("COMMIT") ? 1 : 0;
}

/* The first column of the first row; NULL: there is none. */
static char *one(const char *sql)
{
    sqlite3_stmt *s;
    char *text = NULL;
    if (sqlite3_prepare_v2(db, sql, -1, &s, NULL) == SQLITE_OK && sqlite3_step(s) == SQLITE_ROW)
        text = sqlite3_mprintf("%s", sqlite3_column_text(s, 0));
    sqlite3_finalize(s);
    return text;
}

static int expect(const char *sql, const char *expected)
{
    char *found = one(sql);
    int result = found && !strcmp(found, expected) ? 0 : 1;
    if (result)
        fprintf(stderr, "%s: %s, expected %s\n", sql, found ? found : sqlite3_errmsg(db), expected);
    sqlite3_free(found);
    return result;
}

int main(int argc, char **argv)
{
    int result = 64;
    if (argc < 5 || sqlite3_open(argv[2], &db) != SQLITE_OK)
        fprintf(stderr, "usage: old_store make FILE SCHEMA.sql VERSION ENDED QUEUED RUNS | old_store check FILE VERSION JOBS\n");
    else if (argc == 8 && !strcmp(argv[1], "make"))
        result = make(argv + 2);
    else if (argc == 5 && !strcmp(argv[1], "check"))
        result = expect("PRAGMA integrity_check", "ok") || expect("PRAGMA user_version", argv[3]) || expect("SELECT count(*) FROM job", argv[4]) ||
                 expect("SELECT count(DISTINCT token) FROM job", argv[4]) || expect("SELECT count(*) FROM event WHERE name='submitted'", argv[4]);
    sqlite3_close(db);
    return result;
}
