/* The files of an attempt. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "daemon/keeper.h"
#include "daemon/points.h"

static int fail(const char *what, const char *path)
{
    fprintf(stderr, "bit-keeper: cannot %s %s: %s\n", what, path, strerror(errno));
    return 74;
}

static int name_files(struct keeper_files *f, const char *prefix)
{
    const char *slash = strrchr(prefix, '/');
    if (*prefix != '/' || strlen(prefix) + sizeof ".end.tmp" > PATH_MAX) {
        fprintf(stderr, "bit-keeper: --attempt %s: expected an absolute path\n", prefix);
        return 64;
    }
    snprintf(f->start, sizeof f->start, "%s.start", prefix);
    snprintf(f->end, sizeof f->end, "%s.end", prefix);
    snprintf(f->temporary, sizeof f->temporary, "%s.end.tmp", prefix);
    snprintf(f->log, sizeof f->log, "%s.log", prefix);
    snprintf(f->folder, sizeof f->folder, "%.*s", (int)(slash - prefix) + (slash == prefix), prefix);
    return 0;
}

static int reserve_end(struct keeper_files *f)
{
    f->reserve = open(f->temporary, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    if (f->reserve < 0)
        return fail("create", f->temporary);
    errno = posix_fallocate(f->reserve, 0, KEEPER_RECORD_BYTES);
    return errno ? fail("reserve room for", f->temporary) : 0;
}

int keeper_files_open(struct keeper_files *f, const char *prefix)
{
    int code = name_files(f, prefix);
    if (code)
        return code;
    f->lock = open(f->start, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (f->lock < 0)
        return fail("open", f->start);
    if (flock(f->lock, LOCK_EX | LOCK_NB)) {
        if (errno != EWOULDBLOCK)
            return fail("lock", f->start);
        fprintf(stderr, "bit-keeper: another keeper has the attempt %s\n", prefix);
        return 75;
    }
    if (access(f->end, F_OK) == 0) {
        fprintf(stderr, "bit-keeper: the attempt %s is over: %s is there\n", prefix, f->end);
        return 75;
    }
    code = reserve_end(f);
    if (code)
        return code;
    f->output = open(f->log, O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    return f->output < 0 ? fail("open", f->log) : 0;
}

static int write_at_start(int file, const char *text, size_t size)
{
    for (size_t done = 0; done < size;) {
        ssize_t n = pwrite(file, text + done, size - done, (off_t)done);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return -1;
        done += (size_t)n;
    }
    return 0;
}

static void read_boot(char *boot, size_t size)
{
    FILE *file = fopen("/proc/sys/kernel/random/boot_id", "re");
    *boot = 0;
    if (!file)
        return;
    if (fgets(boot, (int)size, file))
        boot[strcspn(boot, "\n")] = 0;
    fclose(file);
}

int keeper_files_start(const struct keeper_files *f, const struct keeper_identity *keeper,
                       const struct keeper_identity *program)
{
    char text[512], boot[64];
    read_boot(boot, sizeof boot);
    int used = snprintf(text, sizeof text, "{\"v\":1,\"pid\":%ld,\"start_ticks\":%llu,\"boot\":\"%s\"", (long)keeper->pid,
                        keeper->start_ticks, boot);
    if (program->pid)
        used += snprintf(text + used, sizeof text - (size_t)used, ",\"program\":%ld,\"program_start_ticks\":%llu",
                         (long)program->pid, program->start_ticks);
    used += snprintf(text + used, sizeof text - (size_t)used, "}\n");
    if (write_at_start(f->lock, text, (size_t)used) || ftruncate(f->lock, used) || fsync(f->lock)) {
        fail("write", f->start);
        return -1;
    }
    return 0;
}

/* ---- the end record ---- */

/* The length of the UTF-8 sequence at `text`, of which `left` bytes are there; 0: none. */
static size_t sequence_length(const unsigned char *text, size_t left)
{
    size_t n = text[0] < 0x80 ? 1 : text[0] >= 0xc2 && text[0] < 0xe0 ? 2 : (text[0] & 0xf0) == 0xe0 ? 3 : (text[0] & 0xf8) == 0xf0 ? 4 : 0;
    if (!n || n > left)
        return 0;
    for (size_t i = 1; i < n; i++)
        if ((text[i] & 0xc0) != 0x80)
            return 0;
    if ((n == 3 && text[0] == 0xe0 && text[1] < 0xa0) || (n == 3 && text[0] == 0xed && text[1] > 0x9f) ||
        (n == 4 && text[0] == 0xf0 && text[1] < 0x90) || (n == 4 && (text[0] > 0xf4 || (text[0] == 0xf4 && text[1] > 0x8f))))
        return 0;
    return n;
}

/* Adds text as the inside of a JSON string: at most two bytes for each, control characters as blanks. Gives where it ends. */
static char *add_quoted(char *to, const char *text, size_t size)
{
    for (size_t i = 0; i < size;) {
        const unsigned char *c = (const unsigned char *)text + i;
        size_t n = sequence_length(c, size - i);
        i += n ? n : 1;
        if (n == 1 && (*c == '"' || *c == '\\' || *c == '\n')) {
            *to++ = '\\';
            *to++ = *c == '\n' ? 'n' : (char)*c;
        } else if (n == 1 && (*c < 0x20 || *c == 0x7f)) {
            *to++ = ' ';
        } else if (n) {
            memcpy(to, c, n);
            to += n;
        } else {
            *to++ = '?';
        }
    }
    *to = 0;
    return to;
}

/* The last whole lines of the log, without the last newline. */
static size_t last_lines(int log, char *text, size_t room)
{
    struct stat status;
    if (fstat(log, &status) || status.st_size == 0)
        return 0;
    off_t from = status.st_size > (off_t)room ? status.st_size - (off_t)room : 0;
    ssize_t got = pread(log, text, room, from);
    if (got <= 0)
        return 0;
    size_t size = (size_t)got;
    if (from) {
        char *line = memchr(text, '\n', size);
        size_t skip = line && line + 1 < text + size ? (size_t)(line + 1 - text) : 0;
        memmove(text, text + skip, size -= skip);
    }
    while (size && text[size - 1] == '\n')
        size--;
    return size;
}

static size_t format_end(char *text, const struct keeper_files *f, const struct keeper_identity *keeper, const struct keeper_end *end)
{
    char boot[64], why[2 * sizeof end->why], last[1500];
    struct rusage usage;
    read_boot(boot, sizeof boot);
    getrusage(RUSAGE_CHILDREN, &usage);
    add_quoted(why, end->why, strlen(end->why));
    int used = snprintf(
        text, KEEPER_RECORD_BYTES,
        "{\"v\":1,\"ran\":%s,\"code\":%d,\"killed\":%s,\"asked\":%s,\"begun\":%.3f,\"ended\":%.3f,\"user_seconds\":%.3f,"
        "\"system_seconds\":%.3f,\"max_rss_bytes\":%lld,\"orphans\":%d,\"why\":\"%s\",\"pid\":%ld,\"start_ticks\":%llu,"
        "\"boot\":\"%s\",\"last\":\"",
        end->ran ? "true" : "false", end->code, end->killed ? "true" : "false", end->asked ? "true" : "false", end->begun,
        end->ended, (double)usage.ru_utime.tv_sec + 1e-6 * (double)usage.ru_utime.tv_usec,
        (double)usage.ru_stime.tv_sec + 1e-6 * (double)usage.ru_stime.tv_usec, 1024LL * usage.ru_maxrss, end->orphans, why,
        (long)keeper->pid, keeper->start_ticks, boot);
    char *to = add_quoted(text + used, last, last_lines(f->output, last, sizeof last));
    return (size_t)(to - text) + (size_t)sprintf(to, "\"}\n");
}

static int sync_folder(const char *path)
{
    int folder = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (folder < 0)
        return -1;
    int bad = fsync(folder);
    close(folder);
    return bad;
}

/* After a failed fsync the kernel takes the pages for clean: they are written again. */
static int try_end(struct keeper_files *f, const char *text, size_t size, bool *renamed)
{
    if (*renamed)
        return sync_folder(f->folder);
    if (access(f->temporary, F_OK)) { /* somebody has removed it: what is open has no name any more */
        int file = open(f->temporary, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
        if (file < 0)
            return -1;
        close(f->reserve);
        f->reserve = file;
    }
    if (write_at_start(f->reserve, text, size) || ftruncate(f->reserve, (off_t)size) || fsync(f->reserve))
        return -1;
    daemon_point(POINT_keeper_filled);
    if (rename(f->temporary, f->end))
        return -1;
    daemon_point(POINT_keeper_renamed);
    *renamed = true;
    return sync_folder(f->folder);
}

int keeper_files_end(struct keeper_files *f, const struct keeper_identity *keeper, const struct keeper_end *end)
{
    char text[KEEPER_RECORD_BYTES];
    size_t size = format_end(text, f, keeper, end);
    bool told = false, renamed = false;
    while (try_end(f, text, size, &renamed)) {
        if (!told)
            fail("write (it is tried every second)", f->end);
        told = true;
        if (access(f->folder, F_OK) && (errno == ENOENT || errno == ENOTDIR))
            return -1;
        nanosleep(&(struct timespec){.tv_sec = 1}, NULL);
    }
    return 0;
}

/* ---- the log ---- */

void keeper_files_trim_log(const struct keeper_files *f, off_t limit)
{
    enum { BLOCK = 4096, HEAD = 16 * BLOCK };
    struct stat status;
    if (!limit || fstat(f->output, &status) || (off_t)status.st_blocks * 512 <= limit)
        return;
    off_t to = (status.st_size - limit / 2) / BLOCK * BLOCK;
    if (to > HEAD)
        fallocate(f->output, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, HEAD, to - HEAD);
}
