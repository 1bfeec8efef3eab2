/* The files of an attempt, and how a process is told from another with its number. */
#include <cjson/cJSON.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "bit/file.h"
#include "bit/json.h"
#include "bit/log.h"
#include "daemon/engine.h"

enum { RECORD_LIMIT = 64 * 1024 };

void attempt_path(const struct daemon *d, int64_t job, int number, const char *suffix, char path[PATH_MAX])
{
    snprintf(path, PATH_MAX, "%.3900s/attempts/%lld-%d%s", d->config.state, (long long)job, number, suffix);
}

static cJSON *read_json(const char *path, struct bit_error *error)
{
    cJSON *json = bit_json_read(path, RECORD_LIMIT, error);
    if (json && !cJSON_IsObject(json)) {
        cJSON_Delete(json);
        bit_fail(error, BIT_EDATA, "%s: expected an object", path);
        return NULL;
    }
    return json;
}

bool attempt_read_end(const struct job *job, struct end_record *record)
{
    char path[PATH_MAX];
    struct bit_error error = {0};
    attempt_path(job->daemon, job->row.id, job->row.attempt.number, ".end", path);
    *record = (struct end_record){.code = -1};
    if (!bit_file_exists(path))
        return false;
    cJSON *json = read_json(path, &error);
    if (!json || bit_json_whole(json, "v", 1) > 1) {
        bit_log(BIT_LOG_ERROR, "%s cannot be used: %s", path, json ? "it was written by a newer bit-keeper" : error.text);
        cJSON_Delete(json);
        return false;
    }
    record->ran = cJSON_IsTrue(cJSON_GetObjectItemCaseSensitive(json, "ran"));
    record->asked = cJSON_IsTrue(cJSON_GetObjectItemCaseSensitive(json, "asked"));
    record->code = (int)bit_json_whole(json, "code", 255);
    record->orphans = (int)bit_json_whole(json, "orphans", 0);
    snprintf(record->why, sizeof record->why, "%s", bit_json_string(json, "why", ""));
    cJSON_Delete(json);
    return true;
}

bool attempt_is_locked(const struct job *job)
{
    char path[PATH_MAX];
    attempt_path(job->daemon, job->row.id, job->row.attempt.number, ".start", path);
    int file = open(path, O_RDONLY | O_CLOEXEC);
    if (file < 0)
        return false;
    bool locked = flock(file, LOCK_EX | LOCK_NB) && errno == EWOULDBLOCK;
    close(file);
    return locked;
}

pid_t attempt_program(const struct job *job)
{
    char path[PATH_MAX];
    struct bit_error error = {0};
    attempt_path(job->daemon, job->row.id, job->row.attempt.number, ".start", path);
    cJSON *json = read_json(path, &error);
    pid_t pid = (pid_t)bit_json_whole(json, "program", 0);
    uint64_t ticks = bit_json_whole(json, "program_start_ticks", 0);
    cJSON_Delete(json);
    return pid > 0 && ticks > 0 && (uint64_t)process_start_ticks(pid) == ticks ? pid : 0;
}

int64_t process_start_ticks(pid_t pid)
{
    char path[64], text[1024], *rest;
    snprintf(path, sizeof path, "/proc/%ld/stat", (long)pid);
    FILE *file = fopen(path, "re");
    size_t size = file ? fread(text, 1, sizeof text - 1, file) : 0;
    if (file)
        fclose(file);
    text[size] = 0;
    rest = strrchr(text, ')'); /* the name before it may hold anything */
    if (!rest || strlen(rest) < 4 || rest[2] == 'Z' || rest[2] == 'X')
        return 0;
    rest += 2;
    for (int field = 3; field < 22 && rest; field++) {
        rest = strchr(rest, ' ');
        rest = rest ? rest + 1 : NULL;
    }
    return rest ? strtoll(rest, NULL, 10) : 0;
}

void process_boot(char *boot, size_t size)
{
    FILE *file = fopen("/proc/sys/kernel/random/boot_id", "re");
    if (!file || !fgets(boot, (int)size, file))
        snprintf(boot, size, "unknown");
    if (file)
        fclose(file);
    boot[strcspn(boot, "\n")] = 0;
}
