/* Telling the world that a rank is late: the file by which one process takes it on, the outcome, the log. */
#include <cjson/cJSON.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "bit/clock.h"
#include "bit/file.h"
#include "bit/memory.h"
#include "bit/text.h"
#include "bit/watch.h"

enum { OUTCOME_LIMIT = 1 << 20, FIRST_RANKS = 64 };

/* ---- outcome.json ---- */

static cJSON *read_outcome(const char *folder)
{
    char path[PATH_MAX], *data;
    size_t size;
    cJSON *object = NULL;
    struct bit_error ignored = {0};
    if (bit_path_join(path, sizeof path, folder, "outcome.json", &ignored) == 0 &&
        bit_file_read(path, OUTCOME_LIMIT, &data, &size, &ignored) == 0) {
        object = cJSON_ParseWithLength(data, size);
        bit_free(data);
    }
    if (!cJSON_IsObject(object)) {
        cJSON_Delete(object);
        object = cJSON_CreateObject();
    }
    return object;
}

/* In its old place when it is there already. Takes `value`. */
static void put(cJSON *object, const char *name, cJSON *value)
{
    if (!cJSON_HasObjectItem(object, name))
        cJSON_AddItemToObject(object, name, value);
    else if (!cJSON_ReplaceItemInObjectCaseSensitive(object, name, value))
        cJSON_Delete(value);
}

static void put_verdict(cJSON *object, const struct bit_verdict *v)
{
    const cJSON *step = cJSON_GetObjectItemCaseSensitive(object, "step");
    if (!cJSON_IsNumber(step) || step->valuedouble != (double)v->step)
        put(object, "weights_hash", cJSON_CreateNull()); /* it was an earlier step's */
    put(object, "step", cJSON_CreateNumber((double)v->step));
    put(object, "late_rank", cJSON_CreateNumber(v->rank));
    put(object, "late_host", cJSON_CreateString(v->host));
    put(object, "late_process", cJSON_CreateNumber((double)v->process));
    put(object, "late_phase", cJSON_CreateString(bit_phase_name(v->phase)));
    put(object, "late_seconds", cJSON_CreateNumber(v->seconds));
}

/* A member a line, as bitrun writes it. */
static void print(const cJSON *object, struct bit_text *t)
{
    for (const cJSON *item = object->child; item; item = item->next) {
        char *value = cJSON_PrintUnformatted(item);
        bit_text_add(t, "%s\"%s\": %s", item == object->child ? "{" : ",\n ", item->string, value ? value : "null");
        cJSON_free(value);
    }
    bit_text_add(t, "\n}\n");
}

int bit_outcome_amend(const char *folder, enum bit_code code, const char *message, const struct bit_verdict *verdict,
                      struct bit_error *error)
{
    char path[PATH_MAX], now[32];
    struct bit_text t = {0};
    cJSON *object = read_outcome(folder);
    int result = -1;
    bit_clock_stamp(now, sizeof now);
    put(object, "state", cJSON_CreateString("failed"));
    put(object, "reason", cJSON_CreateString(bit_code_name(code)));
    put(object, "message", cJSON_CreateString(message));
    put(object, "exit_code", cJSON_CreateNumber(code));
    if (verdict)
        put_verdict(object, verdict);
    cJSON_DeleteItemFromObjectCaseSensitive(object, "written");
    put(object, "ended", cJSON_CreateString(now));
    print(object, &t);
    if (t.failed || !object)
        bit_fail(error, BIT_EENVIRONMENT, "out of memory: outcome.json");
    else if (bit_path_join(path, sizeof path, folder, "outcome.json", error) == 0)
        result = bit_file_write(path, t.data, t.size, error);
    bit_text_free(&t);
    cJSON_Delete(object);
    return result;
}

void bit_outcome_member(const char *folder, const char *name, char *value, size_t size)
{
    cJSON *object = read_outcome(folder);
    const cJSON *item = cJSON_GetObjectItemCaseSensitive(object, name);
    snprintf(value, size, "%s", cJSON_IsString(item) ? item->valuestring : "");
    cJSON_Delete(object);
}

/* ---- the verdict's own file ---- */

static const char LATE[] = "heartbeat/late";

static int write_late(const char *path, const struct bit_verdict *v, struct bit_error *error)
{
    char text[512];
    int file = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
    if (file < 0 && errno == EEXIST)
        return 0;
    if (file < 0)
        return bit_fail_errno(error, BIT_EENVIRONMENT, "cannot create %s", path);
    int size = snprintf(text, sizeof text, "%016" PRIx64 " %d %d %s %ld %s %" PRIu64 " %.3f %.3f\n", v->id, (int)v->kind, v->rank,
                        v->host, v->process, bit_phase_name(v->phase), v->step, v->seconds, v->limit);
    ssize_t written = write(file, text, (size_t)size);
    (void)written; /* that it is there says enough */
    close(file);
    return 1;
}

bool bit_watch_condemned(const char *folder, uint64_t id, struct bit_verdict *verdict)
{
    char path[PATH_MAX], text[512], phase[16];
    struct bit_verdict v = {0};
    int kind;
    if (bit_path_join(path, sizeof path, folder, LATE, NULL))
        return false;
    int file = open(path, O_RDONLY | O_CLOEXEC);
    if (file < 0)
        return false;
    ssize_t size = read(file, text, sizeof text - 1);
    close(file);
    text[size > 0 ? size : 0] = 0;
    bool read = sscanf(text, "%" SCNx64 " %d %d %63s %ld %15s %" SCNu64 " %lf %lf", &v.id, &kind, &v.rank, v.host, &v.process, phase,
                       &v.step, &v.seconds, &v.limit) == 9;
    if (!read || v.id != id)
        return false;
    v.kind = (enum bit_lateness)kind;
    v.phase = bit_phase_find(phase);
    if (verdict)
        *verdict = v;
    return true;
}

/* The log may be locked by a thread that hangs, and stderr may be a pipe that nobody reads: neither is waited for. */
static void tell(const char *folder, const char *message)
{
    char path[PATH_MAX], stamp[32], line[2048];
    bit_clock_stamp(stamp, sizeof stamp);
    if (bit_path_join(path, sizeof path, folder, "log.txt", NULL) == 0) {
        int file = open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0666);
        if (file >= 0) {
            dprintf(file, "%s error watchdog: %s\n", stamp, message);
            close(file);
        }
    }
    struct pollfd ready = {.fd = STDERR_FILENO, .events = POLLOUT};
    int size = snprintf(line, sizeof line, "watchdog: %s\n", message);
    if (poll(&ready, 1, 0) == 1 && (ready.revents & POLLOUT)) {
        ssize_t written = write(STDERR_FILENO, line, (size_t)size < sizeof line ? (size_t)size : sizeof line - 1);
        (void)written;
    }
}

/* A rank that was cut off, or a launcher, may come back when the run has been started anew: then there is nothing to say. */
static bool is_ours(const char *folder, uint64_t id)
{
    struct bit_heart heart;
    double changed;
    for (int r = 0; r < FIRST_RANKS; r++)
        if (bit_heart_read(folder, r, &heart, &changed) == 0)
            return heart.id == id;
    return true;
}

int bit_watch_condemn(const char *folder, const struct bit_verdict *verdict, struct bit_error *error)
{
    char path[PATH_MAX], message[1024], state[16];
    if (bit_path_join(path, sizeof path, folder, LATE, error))
        return -1;
    if (!is_ours(folder, verdict->id))
        return 0;
    int mine = write_late(path, verdict, error);
    if (mine != 1)
        return mine;
    bit_verdict_text(verdict, message, sizeof message);
    bit_outcome_member(folder, "state", state, sizeof state);
    /* A run that has ended already, and hangs on its way out, keeps its end. */
    bool ended = !strcmp(state, "finished") || !strcmp(state, "stopped") || !strcmp(state, "failed");
    tell(folder, message); /* first: the others leave when they see the outcome */
    int result = ended ? 0 : bit_outcome_amend(folder, BIT_ELATE, message, verdict, error);
    return result ? -1 : 1;
}
