#include "bit/log.h"

#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "bit/clock.h"
#include "bit/text.h"

static struct {
    pthread_mutex_t lock;
    char program[32];
    enum bit_log_level level;
    int rank, ranks;
    int file;
    int live, quiet;
} state = {.lock = PTHREAD_MUTEX_INITIALIZER, .program = "bit", .level = BIT_LOG_INFO, .ranks = 1, .file = -1};

void bit_log_init(const char *program, enum bit_log_level level)
{
    pthread_mutex_lock(&state.lock);
    snprintf(state.program, sizeof state.program, "%s", program);
    state.level = level;
    pthread_mutex_unlock(&state.lock);
}

void bit_log_rank(int rank, int ranks)
{
    pthread_mutex_lock(&state.lock);
    state.rank = rank;
    state.ranks = ranks;
    pthread_mutex_unlock(&state.lock);
}

void bit_log_quiet(int on)
{
    pthread_mutex_lock(&state.lock);
    state.quiet = on;
    pthread_mutex_unlock(&state.lock);
}

int bit_log_open(const char *path, struct bit_error *error)
{
    int file = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0666);
    if (file < 0)
        return bit_fail_errno(error, BIT_EENVIRONMENT, "cannot open the log file %s", path);
    bit_log_close();
    pthread_mutex_lock(&state.lock);
    state.file = file;
    pthread_mutex_unlock(&state.lock);
    return 0;
}

void bit_log_close(void)
{
    pthread_mutex_lock(&state.lock);
    if (state.file >= 0)
        close(state.file);
    state.file = -1;
    pthread_mutex_unlock(&state.lock);
}

void bit_log_live(int on)
{
    pthread_mutex_lock(&state.lock);
    state.live = on;
    pthread_mutex_unlock(&state.lock);
}

/* Losing a log line must not stop a run, so a failed write is dropped. */
static void write_line(int file, const char *line, size_t size)
{
    ssize_t written = write(file, line, size);
    (void)written;
}

void bit_log(enum bit_log_level level, const char *format, ...)
{
    static const char *const names[] = {"error", "warning", "info", "debug"};
    if (level > state.level)
        return;
    char raw[BIT_ERROR_TEXT + 256], text[sizeof raw + 256];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(raw, sizeof raw, format, arguments);
    va_end(arguments);
    bit_text_escape(text, sizeof text, raw, "\n\t\\"); /* names of files may hold anything */

    char line[sizeof text + 128], stamp[32], who[32] = "", mark[16] = "";
    pthread_mutex_lock(&state.lock);
    if (state.ranks > 1)
        snprintf(who, sizeof who, "rank %d: ", state.rank);
    if (level <= BIT_LOG_WARNING)
        snprintf(mark, sizeof mark, "%s: ", names[level]);
    if (level <= BIT_LOG_WARNING || (state.rank == 0 && !state.quiet)) {
        int size = snprintf(line, sizeof line, "%s%s: %s%s%s\n", state.live ? "\r\033[K" : "", state.program,
                            level <= BIT_LOG_WARNING ? who : "", mark, text);
        write_line(STDERR_FILENO, line, (size_t)size < sizeof line ? (size_t)size : sizeof line - 1);
    }
    if (state.file >= 0) {
        bit_clock_stamp(stamp, sizeof stamp);
        int size = snprintf(line, sizeof line, "%s %s %s%s\n", stamp, names[level], who, text);
        write_line(state.file, line, (size_t)size < sizeof line ? (size_t)size : sizeof line - 1);
    }
    pthread_mutex_unlock(&state.lock);
}
