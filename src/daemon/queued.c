/* The second copy of jobs that were never started. */
#include "daemon/queued.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "bit/file.h"
#include "bit/log.h"
#include "bit/memory.h"
#include "daemon/rebuild.h"

enum { LEAST_BYTES = 16 << 20 }; /* a file of less is not written anew while bitd runs */

static void path_of(const char *state, char path[PATH_MAX]) { snprintf(path, PATH_MAX, "%.4000s/queued.jsonl", state); }

/* ---- reading ---- */

struct line { int64_t id; off_t at; bool is_gone; };

static int by_id(const void *a, const void *b)
{
    const struct line *x = a, *y = b;
    return x->id != y->id ? (x->id < y->id ? -1 : 1) : x->at < y->at ? -1 : 1;
}

static bool parse(const char *text, ssize_t size, struct line *line, int *record)
{
    long long id;
    *record = 0;
    if (text[size - 1] != '\n' || sscanf(text, "{\"id\":%18lld,\"record\":%n", &id, record) != 1 || !*record || id < 1)
        return false;
    line->id = id;
    line->is_gone = !strncmp(text + *record, "null}", 5);
    return true;
}

/* The last line of each number that waits, by numbers, in *lines (free with free); how many. */
static size_t find_last(FILE *file, struct line **lines)
{
    struct line *list = NULL, line;
    size_t count = 0, room = 0, kept = 0, capacity = 0;
    char *text = NULL;
    off_t at = 0;
    int record;
    for (ssize_t size; (size = getline(&text, &capacity, file)) > 0; at += size) {
        if (!parse(text, size, &line, &record))
            continue;
        struct line *grown = count < room ? list : realloc(list, (room = 2 * room + 64) * sizeof *list);
        if (!grown)
            break;
        list = grown;
        line.at = at;
        list[count++] = line;
    }
    free(text);
    if (count)
        qsort(list, count, sizeof *list, by_id);
    for (size_t i = 0; i < count; i++)
        if ((i + 1 == count || list[i + 1].id != list[i].id) && !list[i].is_gone)
            list[kept++] = list[i];
    *lines = list;
    return kept;
}

void queued_read(const char *state, void (*take)(void *context, const char *record), void *context)
{
    char path[PATH_MAX], *text = NULL;
    struct line *lines = NULL, line;
    size_t capacity = 0;
    int record;
    path_of(state, path);
    FILE *file = fopen(path, "re");
    size_t count = file ? find_last(file, &lines) : 0;
    for (size_t i = 0; i < count; i++) {
        ssize_t size = fseeko(file, lines[i].at, SEEK_SET) ? -1 : getline(&text, &capacity, file);
        if (size <= 2 || !parse(text, size, &line, &record))
            continue;
        text[size - 2] = 0; /* the outer brace */
        take(context, text + record);
    }
    free(text);
    free(lines);
    if (file)
        fclose(file);
}

/* ---- writing ---- */

void queued_add(struct daemon *d, int64_t id, const struct bit_text *record)
{
    bit_text_add(&d->queued.lines, "{\"id\":%lld,\"record\":", (long long)id);
    if (record)
        bit_text_add(&d->queued.lines, "%s", record->data);
    else
        bit_text_add(&d->queued.lines, "null");
    bit_text_add(&d->queued.lines, "}\n");
}

/* All that wait, into a new file; the former one stays beside it where `keeps`. */
static int write_anew(struct daemon *d, bool keeps, struct bit_error *error)
{
    char path[PATH_MAX], old[PATH_MAX + 8];
    path_of(d->config.state, path);
    snprintf(old, sizeof old, "%s.old", path);
    bit_text_free(&d->queued.lines);
    d->queued.lines = (struct bit_text){0};
    if (keeps && bit_file_exists(path) && rename(path, old))
        return bit_fail_errno(error, BIT_EENVIRONMENT, "cannot rename %s", path);
    for (struct job *job = d->jobs; job; job = job->next) {
        job->has_record = false;
        if (job->row.attempt.number == 0 || job->row.engine == ENGINE_SWEEP)
            rebuild_note(job);
    }
    const struct bit_text *t = &d->queued.lines;
    int result = t->failed ? bit_fail(error, BIT_EENVIRONMENT, "out of memory: jobs that wait") : bit_file_write_cache(path, t->size ? t->data : "", t->size, error);
    d->queued.bytes = (int64_t)t->size;
    d->queued.limit = 4 * d->queued.bytes > LEAST_BYTES ? 4 * d->queued.bytes : LEAST_BYTES;
    bit_text_free(&d->queued.lines);
    d->queued.lines = (struct bit_text){0};
    if (d->queued.file >= 0)
        close(d->queued.file);
    d->queued.file = result ? -1 : open(path, O_WRONLY | O_APPEND | O_CLOEXEC);
    return result;
}

void queued_flush(struct daemon *d)
{
    struct bit_error error = {0};
    struct bit_text *t = &d->queued.lines;
    if (!t->size)
        return;
    /* Where the file could not be written, the next line that is due tries it anew, with all. */
    bool failed = t->failed || d->queued.file < 0 || write(d->queued.file, t->data, t->size) != (ssize_t)t->size;
    d->queued.bytes += (int64_t)t->size;
    bit_text_free(t);
    *t = (struct bit_text){0};
    if ((failed || d->queued.bytes > d->queued.limit) && write_anew(d, false, &error))
        bit_log(BIT_LOG_WARNING, "jobs that wait are in the store alone: %s", error.text);
}

int queued_start(struct daemon *d, struct bit_error *error)
{
    char path[PATH_MAX];
    int64_t any;
    struct line *lines = NULL;
    struct bit_error ignored = {0};
    path_of(d->config.state, path);
    FILE *file = fopen(path, "re");
    bool waits = file && find_last(file, &lines) > 0;
    free(lines);
    if (file)
        fclose(file);
    if (waits && store_list(d->store, ~0U, 0, 1, &any, &ignored) == 0)
        return bit_fail(error, BIT_EDATA, "the queue in %s is empty, and %s has jobs that wait: its state.db was lost. bitd --rebuild DIR, with the folder of the "
                        "runs, makes it anew; without that file the queue begins anew", d->config.state, path);
    return write_anew(d, true, error);
}
