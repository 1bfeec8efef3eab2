/* What bit makes of a run's files for the page: thumbnails of pictures that it could not use or mistook, and what its predictions say. These bytes are
 * hostile: bit reads them in a process of its own, with little time and memory, and only what it has made anew is sent. One is made at a time; who asks
 * meanwhile is told to ask again. */
#include <cjson/cJSON.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "bit/file.h"
#include "bit/json.h"
#include "bit/log.h"
#include "bit/memory.h"
#include "bit/record.h"
#include "daemon/api.h"

enum { SECONDS = 10, STALE_SECONDS = 30, MADE_BYTES = 1 << 20 };
static const rlim_t MEMORY = (rlim_t)2 << 30;

/* Undoes bit_text_escape, in place; false when it is not such a text. */
static bool unescape(char *text)
{
    char *to = text, *end;
    for (char *from = text; *from; from++) {
        if (*from != '\\') {
            *to++ = *from;
            continue;
        }
        char code[3] = {from[1] ? from[2] : 0, from[1] && from[2] ? from[3] : 0, 0};
        switch (*++from) {
            case 't': *to++ = '\t'; break;
            case 'n': *to++ = '\n'; break;
            case 'r': *to++ = '\r'; break;
            case '\\': *to++ = '\\'; break;
            case 'x':
                *to = (char)strtol(code, &end, 16);
                if (end != code + 2 || !*to++)
                    return false;
                from += 2;
                break;
            default: return false;
        }
    }
    *to = 0;
    return true;
}

/* The path in line `number` (from 1) of the run's list; false: it has no such line. */
static bool find_picture(const char *out, int64_t number, char *path, size_t size)
{
    struct bit_error ignored = {0};
    char list[PATH_MAX], *line = NULL;
    size_t capacity = 0;
    bool found = false;
    FILE *file = bit_path_join(list, sizeof list, out, BIT_RECORD_QUARANTINE, &ignored) ? NULL : fopen(list, "re");
    for (int64_t n = 1; file && n <= number && getline(&line, &capacity, file) > 0; n++) {
        char *from = strchr(line, '\t'), *end = from ? strchr(from + 1, '\t') : NULL;
        if (n < number || !end)
            continue;
        *end = 0;
        found = strlen(from + 1) < size && unescape(strcpy(path, from + 1)) && *path == '/';
    }
    free(line);
    if (file)
        fclose(file);
    return found;
}

/* In a grandchild of bitd: system calls only. Leaves `none` where nothing could be made, and takes `busy` away. */
static void make(char *const *words, const char *none, const char *busy)
{
    static char *const environment[] = {NULL};
    const struct rlimit memory = {MEMORY, MEMORY}, seconds = {SECONDS, SECONDS};
    int status = -1, null = open("/dev/null", O_RDWR);
    pid_t pid = fork();
    if (pid == 0) {
        for (int stream = 0; stream < 3; stream++)
            dup2(null, stream);
        setrlimit(RLIMIT_AS, &memory);
        setrlimit(RLIMIT_CPU, &seconds);
        alarm(SECONDS);
        execve(words[0], words, environment);
        _exit(127);
    }
    if (pid < 0 || waitpid(pid, &status, 0) != pid || status != 0)
        close(open(none, O_WRONLY | O_CREAT, 0600));
    unlink(busy);
    _exit(0);
}

/* Whether nobody makes one just now; then it is ours to make. */
static bool take_turn(const char *busy)
{
    struct stat status;
    if (stat(busy, &status) == 0 && daemon_now() - (double)status.st_mtim.tv_sec > STALE_SECONDS)
        unlink(busy);
    int file = open(busy, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (file >= 0)
        close(file);
    return file >= 0;
}

static void start(char *const *words, const char *none, const char *busy)
{
    pid_t pid = fork();
    if (pid == 0) {
        sigset_t nothing;
        sigemptyset(&nothing);
        sigprocmask(SIG_SETMASK, &nothing, NULL);
        if (fork() == 0) /* it does the waiting: neither a slow picture nor its end is bitd's business */
            make(words, none, busy);
        _exit(0);
    }
    if (pid > 0)
        waitpid(pid, NULL, 0);
    else
        unlink(busy);
}

/* Files of the folder `thumbnails`: what was made, that nothing can be, and that somebody is at work. */
struct place { char folder[PATH_MAX], made[PATH_MAX + 64], none[PATH_MAX + 64], busy[PATH_MAX + 64]; };

static void find_place(const struct daemon *d, int64_t id, const char *what, const char *ending, struct place *place)
{
    snprintf(place->folder, sizeof place->folder, "%.4000s/thumbnails", d->config.state);
    snprintf(place->made, sizeof place->made, "%s/%lld-%s.%s", place->folder, (long long)id, what, ending);
    snprintf(place->none, sizeof place->none, "%s/%lld-%s.none", place->folder, (long long)id, what);
    snprintf(place->busy, sizeof place->busy, "%s/busy", place->folder);
}

/* bit WORD... */
static void begin(struct request *r, const struct place *place, const char *const *words)
{
    char program[PATH_MAX + 8], *all[8] = {program};
    snprintf(program, sizeof program, "%s/bit", r->daemon->config.programs);
    for (int i = 0; words[i] && i < 6; i++)
        all[i + 1] = (char *)(uintptr_t)words[i];
    if (mkdir(place->folder, 0700) && errno != EEXIST) {
        api_fail(r, 503, "cannot create %s: %s", place->folder, strerror(errno));
        return;
    }
    if (take_turn(place->busy))
        start(all, place->none, place->busy);
    r->status = 202;
    bit_text_add(&r->text, "{}\n");
}

static bool send_made(struct request *r, const struct place *place, const char *type)
{
    struct bit_error ignored = {0};
    char *data = NULL;
    size_t size = 0;
    if (bit_file_read(place->made, MADE_BYTES, &data, &size, &ignored))
        return false;
    r->text = (struct bit_text){.data = data, .size = size, .capacity = size + 1};
    r->type = type;
    return true;
}

/* found: whether there is a picture at all, whose path `picture` is then. */
static void send_picture(struct request *r, int64_t id, const char *what, bool found, const char *picture)
{
    struct place place;
    find_place(r->daemon, id, what, "jpg", &place);
    const char *const words[] = {"thumbnail", picture, "--out", place.made, NULL};
    if (!found || access(place.none, F_OK) == 0)
        api_fail(r, 404, "nothing can be seen of it");
    else if (!send_made(r, &place, "image/jpeg"))
        begin(r, &place, words);
}

void api_thumbnail(struct request *r, int64_t id, int64_t number, const char *out)
{
    char picture[PATH_MAX], what[32];
    snprintf(what, sizeof what, "%lld", (long long)number);
    send_picture(r, id, what, find_picture(out, number, picture, sizeof picture), picture);
}

/* ---- predictions ---- */

/* Whether a file is there and not older than the run's predictions. */
static bool is_fresh(const char *path, const struct stat *predictions)
{
    struct stat status;
    return stat(path, &status) == 0 && (status.st_mtim.tv_sec > predictions->st_mtim.tv_sec ||
                                        (status.st_mtim.tv_sec == predictions->st_mtim.tv_sec && status.st_mtim.tv_nsec >= predictions->st_mtim.tv_nsec));
}

void api_report(struct request *r, int64_t id, const char *out)
{
    struct place place;
    struct stat predictions;
    char path[PATH_MAX];
    struct bit_error ignored = {0};
    find_place(r->daemon, id, "report", "json", &place);
    const char *const words[] = {"report", "--json", out, "-o", place.made, NULL};
    if (bit_path_join(path, sizeof path, out, BIT_RECORD_PREDICTIONS, &ignored) || stat(path, &predictions) || !S_ISREG(predictions.st_mode))
        api_fail(r, 404, "there are no predictions yet: the evaluation after the last step writes them, and so does bitrun JOB --evaluate --predictions %s/%s", out, BIT_RECORD_PREDICTIONS);
    else if (is_fresh(place.none, &predictions))
        api_fail(r, 404, "its predictions cannot be read");
    else if (!is_fresh(place.made, &predictions) || !send_made(r, &place, NULL))
        begin(r, &place, words);
}

/* Pictures of another report are gone for good: the numbers of mistakes have changed. */
static void forget_older(const char *path, const struct stat *report)
{
    struct stat status;
    if (stat(path, &status) == 0 && !is_fresh(path, report))
        unlink(path);
}

void api_mistake(struct request *r, int64_t id, int64_t number)
{
    struct place place, own;
    struct stat report;
    struct bit_error ignored = {0};
    char what[32];
    find_place(r->daemon, id, "report", "json", &place);
    cJSON *json = bit_json_read(place.made, MADE_BYTES, &ignored);
    const cJSON *list = cJSON_GetObjectItemCaseSensitive(cJSON_GetObjectItemCaseSensitive(json, "predictions"), "mistakes");
    const char *path = number <= cJSON_GetArraySize(list) ? bit_json_string(cJSON_GetArrayItem(list, (int)number - 1), "path", "") : "";
    snprintf(what, sizeof what, "mistake-%lld", (long long)number);
    find_place(r->daemon, id, what, "jpg", &own);
    if (stat(place.made, &report) == 0) {
        forget_older(own.made, &report);
        forget_older(own.none, &report);
    }
    send_picture(r, id, what, *path == '/', path);
    cJSON_Delete(json);
}
