#include "store/generations.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "bit/file.h"
#include "bit/host.h"
#include "bit/log.h"
#include "bit/memory.h"
#include "bit/wait.h"
#include "store/newest.h"
#include "store/points.h"

/* Length of "step-" and at least twelve digits at the start of `name`; 0: it is not one. */
static size_t parse_step(const char *name, uint64_t *step)
{
    size_t n = 5;
    if (strncmp(name, "step-", 5))
        return 0;
    for (*step = 0; isdigit((unsigned char)name[n]) && n < 5 + 16; n++)
        *step = *step * 10 + (uint64_t)(name[n] - '0');
    return n >= 5 + 12 && (n == 5 + 12 || name[5] != '0') ? n : 0;
}

static bool ends_as(const char *rest, const char *ending)
{
    size_t length = strlen(ending);
    return !strncmp(rest, ending, length) && (rest[length] == 0 || rest[length] == '-');
}

/* False: nothing of ours. */
static bool classify(const char *name, struct entry *entry)
{
    static const struct { const char *prefix; enum entry_kind kind; } hidden[] = {
        {".tmp-", ENTRY_TEMPORARY}, {".old-", ENTRY_OLD}, {".replaced-", ENTRY_REPLACED}};
    size_t length = strlen(name), digits;
    if (length >= ENTRY_NAME)
        return false;
    memcpy(entry->name, name, length + 1);
    for (size_t i = 0; i < sizeof hidden / sizeof *hidden; i++)
        if (!strncmp(name, hidden[i].prefix, strlen(hidden[i].prefix))) {
            entry->kind = hidden[i].kind;
            digits = parse_step(name + strlen(hidden[i].prefix), &entry->step);
            return digits && name[strlen(hidden[i].prefix) + digits] == '-';
        }
    if (!(digits = parse_step(name, &entry->step)))
        return false;
    if (!name[digits])
        entry->kind = ENTRY_GENERATION;
    else if (ends_as(name + digits, ".bad"))
        entry->kind = ENTRY_BAD;
    else if (ends_as(name + digits, ".superseded"))
        entry->kind = ENTRY_SUPERSEDED;
    else
        return false;
    return true;
}

static int compare(const void *a, const void *b)
{
    const struct entry *x = a, *y = b;
    return x->step != y->step ? (x->step < y->step ? -1 : 1) : strcmp(x->name, y->name);
}

int generations_scan(const char *folder, struct entry **list, size_t *count, struct bit_error *error)
{
    size_t capacity = 0;
    int result = 0;
    *list = NULL;
    *count = 0;
    DIR *stream = opendir(folder);
    if (!stream)
        return bit_fail_errno(error, BIT_ENOINPUT, "cannot open the folder %s", folder);
    struct dirent *d;
    while (!result && (errno = 0, d = readdir(stream))) {
        struct entry entry = {0};
        if (!classify(d->d_name, &entry))
            continue;
        if (*count == capacity) {
            capacity = capacity ? capacity * 2 : 64;
            struct entry *more = bit_allocate(capacity, sizeof *more, "the list of generations", error);
            if (!more) {
                result = -1;
                break;
            }
            if (*count)
                memcpy(more, *list, *count * sizeof *more);
            bit_free(*list);
            *list = more;
        }
        (*list)[(*count)++] = entry;
    }
    if (!result && errno)
        result = bit_fail_errno(error, BIT_EENVIRONMENT, "cannot read the folder %s", folder);
    closedir(stream);
    if (result) {
        bit_free(*list);
        *list = NULL;
        *count = 0;
    } else if (*count) {
        qsort(*list, *count, sizeof **list, compare);
    }
    return result;
}

void generation_name(uint64_t step, char *name, size_t size)
{
    snprintf(name, size, "step-%012llu", (unsigned long long)step);
}

/* The host's name as a part of a folder's name. */
static void host_part(char *host, size_t size)
{
    bit_host_name(host, size);
    for (char *c = host; *c; c++)
        if (!isalnum((unsigned char)*c) && *c != '.')
            *c = '_'; /* '-' parts the fields */
}

void private_name(const char *prefix, const char *name, char *buffer, size_t size)
{
    static atomic_uint number;
    char host[64];
    host_part(host, sizeof host);
    snprintf(buffer, size, "%s%s-%s-%ld-%u", prefix, name, host, (long)getpid(), atomic_fetch_add(&number, 1));
}

/* Whether the name's writer surely is dead: on our host, and no such process. */
static bool writer_dead(const char *name)
{
    char host[64], own[64];
    long pid;
    const char *rest = strstr(name, "step-");
    host_part(own, sizeof own);
    if (!rest || sscanf(rest, "step-%*[0-9]-%63[^-]-%ld-", host, &pid) != 2 || strcmp(host, own))
        return false;
    return pid > 0 && kill((pid_t)pid, 0) && errno == ESRCH;
}

int set_aside(const char *folder, const char *name, const char *ending, struct bit_error *error)
{
    char from[PATH_MAX], to[PATH_MAX], as[ENTRY_NAME + 32];
    if (bit_path_join(from, sizeof from, folder, name, error))
        return -1;
    for (int i = 1; i < 10000; i++) {
        snprintf(as, sizeof as, i == 1 ? "%s%s" : "%s%s-%d", name, ending, i);
        if (bit_path_join(to, sizeof to, folder, as, error))
            return -1;
        if (bit_file_exists(to))
            continue;
        if (rename(from, to)) {
            if (errno == ENOENT && bit_file_exists(folder)) {
                bit_log(BIT_LOG_WARNING, "%s was listed, and is not there", from); /* an old listing */
                return 0;
            }
            return bit_fail_errno(error, BIT_EENVIRONMENT, "cannot rename %s to %s", from, to);
        }
        return bit_file_sync(folder, error);
    }
    return bit_fail(error, BIT_EENVIRONMENT, "%s: no name left to set it aside", from);
}

int retire(const char *folder, const char *name, struct bit_error *error)
{
    char from[PATH_MAX], to[PATH_MAX], as[ENTRY_NAME + 128];
    private_name(".old-", name, as, sizeof as);
    if (bit_path_join(from, sizeof from, folder, name, error) || bit_path_join(to, sizeof to, folder, as, error))
        return -1;
    if (rename(from, to))
        return bit_fail_errno(error, BIT_EENVIRONMENT, "cannot rename %s to %s", from, to);
    store_point(STORE_POINT_retiring, 0);
    uint64_t step = 0;
    parse_step(name, &step);
    if (generation_erase(folder, as, step, error))
        return -1;
    store_point(STORE_POINT_retired, 0);
    return 0;
}

/* Removes what a dead writer left, renaming it first: a host with a stale directory cache may still resolve .tmp-NAME to a generation that was
 * committed since, and would delete that generation's files. A rename asks the file server, which knows that the name is gone. */
static int discard(const char *folder, const struct entry *e, struct bit_error *error)
{
    char from[PATH_MAX], to[PATH_MAX], as[ENTRY_NAME], name[64];
    generation_name(e->step, name, sizeof name);
    private_name(".old-", name, as, sizeof as);
    if (bit_path_join(from, sizeof from, folder, e->name, error) || bit_path_join(to, sizeof to, folder, as, error))
        return -1;
    if (rename(from, to))
        return errno == ENOENT ? 0 : bit_fail_errno(error, BIT_EENVIRONMENT, "cannot rename %s to %s", from, to);
    return generation_erase(folder, as, e->step, error);
}

/* A writer died between giving a step's former generation another name and giving the new one its name. */
static int restore(const char *folder, const struct entry *e, struct bit_error *error)
{
    char from[PATH_MAX], to[PATH_MAX], name[64];
    generation_name(e->step, name, sizeof name);
    if (bit_path_join(from, sizeof from, folder, e->name, error) || bit_path_join(to, sizeof to, folder, name, error))
        return -1;
    if (bit_file_exists(to))
        return discard(folder, e, error);
    if (rename(from, to)) {
        if (errno == ENOTEMPTY || errno == EEXIST) /* the new one is there, and this host sees it late */
            return discard(folder, e, error);
        return errno == ENOENT ? 0 : bit_fail_errno(error, BIT_EENVIRONMENT, "cannot rename %s to %s", from, to);
    }
    return bit_file_sync(folder, error);
}

int generations_clean(const char *folder, bool locked, struct bit_error *error)
{
    struct entry *list;
    size_t count;
    int result = 0;
    if (generations_scan(folder, &list, &count, error))
        return -1;
    for (size_t i = 0; i < count && !result; i++) {
        if (list[i].kind < ENTRY_TEMPORARY || !(locked || writer_dead(list[i].name)))
            continue;
        bit_log(BIT_LOG_INFO, "checkpoints: cleaning up %s, left by a killed run", list[i].name);
        result = (list[i].kind == ENTRY_REPLACED ? restore : discard)(folder, &list[i], error);
    }
    bit_free(list);
    return result;
}

/* A disk or file server that fails to read is no damage that is known: class no-input. */
static int read_class(int reason)
{
    return reason == ENOENT || reason == ENOTDIR ? BIT_EDATA : reason == EIO ? BIT_ENOINPUT : BIT_EENVIRONMENT;
}

static int check_size(const char *folder, const struct file_entry *f, struct bit_error *error)
{
    char path[PATH_MAX];
    struct stat status;
    if (bit_path_join(path, sizeof path, folder, f->name, error))
        return -1;
    if (stat(path, &status))
        return bit_fail_errno(error, read_class(errno), "cannot stat %s", path);
    if (!S_ISREG(status.st_mode) || (uint64_t)status.st_size != f->bytes)
        return bit_fail(error, BIT_EDATA, "%s has %lld bytes, its manifest says %llu", path, (long long)status.st_size,
                        (unsigned long long)f->bytes);
    return 0;
}

int generation_read(const char *path, struct manifest *m, char **text, size_t *size, struct bit_error *error)
{
    char name[PATH_MAX], *data = NULL;
    struct stat status;
    *m = (struct manifest){0};
    if (bit_path_join(name, sizeof name, path, MANIFEST_NAME, error))
        return -1;
    if (stat(name, &status) && errno == ENOENT)
        return bit_fail(error, BIT_EDATA, "%s is missing", name);
    if (stat(name, &status))
        return bit_fail_errno(error, read_class(errno), "cannot stat %s", name);
    if (!S_ISREG(status.st_mode))
        return bit_fail(error, BIT_EDATA, "%s is not a file", name);
    struct bit_error why = {0};
    if (bit_file_read(name, MANIFEST_LIMIT, &data, size, &why))
        return bit_fail(error, why.code == BIT_EDATA ? BIT_EDATA : errno == EIO ? BIT_ENOINPUT : BIT_EENVIRONMENT, "%s", why.text);
    int result = manifest_parse(data, *size, name, m, error);
    if (!result)
        result = check_size(path, &m->master, error);
    for (size_t i = 0; i < m->shards && !result; i++)
        result = check_size(path, &m->shard[i].file, error);
    if (result)
        manifest_free(m);
    if (result || !text)
        bit_free(data);
    else
        *text = data;
    return result;
}

int generation_check(const char *path, const struct manifest *m, struct bit_error *error)
{
    struct bit_error why;
    struct bit_wait wait = bit_wait_for(STORE_PATIENCE, 0.1);
    do {
        bit_error_clear(&why);
        size_t shard = 0;
        int result = check_size(path, &m->master, &why);
        while (!result && shard < m->shards)
            result = check_size(path, &m->shard[shard++].file, &why);
        if (!result)
            return 0;
    } while (bit_wait_more(&wait));
    return bit_fail(error, BIT_EENVIRONMENT, "%s; but the rank it is named after has written it: do all hosts have the same file system "
                    "there? A folder of checkpoints is shared by all", why.text);
}
