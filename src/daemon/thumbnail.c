/* Thumbnails of pictures that a run could not use. Their bytes are hostile: bit decodes them in a process of its own, with little time and memory, and
 * only what it has made anew is sent. One is made at a time; who asks meanwhile is told to ask again. */
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
#include "bit/log.h"
#include "bit/memory.h"
#include "bit/record.h"
#include "daemon/api.h"

enum { SECONDS = 10, STALE_SECONDS = 30, THUMBNAIL_BYTES = 1 << 20 };
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

static void start(const struct daemon *d, const char *picture, const char *made, const char *none, const char *busy)
{
    char program[PATH_MAX + 8];
    snprintf(program, sizeof program, "%s/bit", d->config.programs);
    char *words[] = {program, "thumbnail", (char *)(uintptr_t)picture, "--out", (char *)(uintptr_t)made, NULL};
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

void api_thumbnail(struct request *r, int64_t id, int64_t number, const char *out)
{
    char folder[PATH_MAX], made[PATH_MAX + 64], none[PATH_MAX + 64], busy[PATH_MAX + 64], picture[PATH_MAX], *data = NULL;
    struct bit_error ignored = {0};
    size_t size = 0;
    snprintf(folder, sizeof folder, "%.4000s/thumbnails", r->daemon->config.state);
    snprintf(made, sizeof made, "%s/%lld-%lld.jpg", folder, (long long)id, (long long)number);
    snprintf(none, sizeof none, "%s/%lld-%lld.none", folder, (long long)id, (long long)number);
    snprintf(busy, sizeof busy, "%s/busy", folder);
    if (bit_file_read(made, THUMBNAIL_BYTES, &data, &size, &ignored) == 0) {
        r->text = (struct bit_text){.data = data, .size = size, .capacity = size + 1};
        r->type = "image/jpeg";
    } else if (access(none, F_OK) == 0 || !find_picture(out, number, picture, sizeof picture)) {
        api_fail(r, 404, "nothing can be seen of it");
    } else if (mkdir(folder, 0700) && errno != EEXIST) {
        api_fail(r, 503, "cannot create %s: %s", folder, strerror(errno));
    } else {
        if (take_turn(busy))
            start(r->daemon, picture, made, none, busy);
        r->status = 202;
        bit_text_add(&r->text, "{}\n");
    }
}
