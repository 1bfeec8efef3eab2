#include "bit/log.h"

#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <unistd.h>

#include "bit/file.h"
#include "bit/memory.h"
#include "tests/unit.h"

static char scratch[64], stderr_path[80], log_path[80];
static int real_stderr;

/* stderr goes to a file between these two. */
static void capture(void)
{
    int file = open(stderr_path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
    dup2(file, STDERR_FILENO);
    close(file);
}

static char *captured(const char *path)
{
    char *data = NULL;
    size_t size;
    struct bit_error e = {0};
    dup2(real_stderr, STDERR_FILENO);
    return bit_file_read(path, 1 << 22, &data, &size, &e) ? NULL : data;
}

static void check_captured(const char *expected)
{
    char *text = captured(stderr_path);
    CHECK_STRING(text, expected);
    bit_free(text);
}

static void levels_and_ranks(void)
{
    bit_log_init("prog", BIT_LOG_INFO);
    bit_log_rank(0, 1);
    capture();
    bit_log(BIT_LOG_INFO, "one %d", 1);
    bit_log(BIT_LOG_DEBUG, "hidden");
    bit_log(BIT_LOG_WARNING, "careful");
    check_captured("prog: one 1\nprog: warning: careful\n");

    bit_log_rank(2, 4);
    capture();
    bit_log(BIT_LOG_INFO, "only rank 0 says this");
    bit_log(BIT_LOG_ERROR, "broken");
    check_captured("prog: rank 2: error: broken\n");

    bit_log_init("prog", BIT_LOG_ERROR);
    capture();
    bit_log(BIT_LOG_WARNING, "dropped");
    check_captured("");
}

static void live_line_is_cleared(void)
{
    bit_log_init("prog", BIT_LOG_INFO);
    bit_log_rank(0, 1);
    bit_log_live(1);
    capture();
    bit_log(BIT_LOG_INFO, "x");
    check_captured("\r\033[Kprog: x\n");
    bit_log_live(0);
}

static void *many_lines(void *who)
{
    for (int i = 0; i < 500; i++)
        bit_log(BIT_LOG_INFO, "line of %s", (const char *)who);
    return NULL;
}

static void file_lines_are_whole(void)
{
    struct bit_error e = {0};
    pthread_t ids[4];
    static char names[4][2] = {"a", "b", "c", "d"};
    bit_log_init("prog", BIT_LOG_INFO);
    bit_log_rank(1, 2); /* nothing on stderr */
    REQUIRE(bit_log_open(log_path, &e) == 0);
    for (int i = 0; i < 4; i++)
        REQUIRE(pthread_create(&ids[i], NULL, many_lines, names[i]) == 0);
    for (int i = 0; i < 4; i++)
        pthread_join(ids[i], NULL);
    bit_log_close();
    bit_log(BIT_LOG_INFO, "after close");
    char *text = captured(log_path);
    REQUIRE(text != NULL);
    int lines = 0, good = 0;
    for (char *line = strtok(text, "\n"); line; line = strtok(NULL, "\n"), lines++) {
        int year;
        char who, rest;
        good += sscanf(line, "%d-%*d-%*dT%*d:%*d:%*dZ info rank 1: line of %c%c", &year, &who, &rest) == 2 && year > 2000;
    }
    CHECK(lines == 2000 && good == 2000);
    bit_free(text);
    char nowhere[256];
    snprintf(nowhere, sizeof nowhere, "%s/nowhere/log", scratch);
    CHECK(bit_log_open(nowhere, &e) == -1 && e.code == BIT_EENVIRONMENT);
}

static void long_line_still_ends(void)
{
    static char big[10000];
    memset(big, 'x', sizeof big - 1);
    bit_log_init("prog", BIT_LOG_INFO);
    bit_log_rank(0, 1);
    capture();
    bit_log(BIT_LOG_INFO, "%s", big);
    bit_log(BIT_LOG_INFO, "next");
    char *text = captured(stderr_path);
    REQUIRE(text != NULL);
    CHECK(strstr(text, "xxx\nprog: next\n") != NULL);
    bit_free(text);
}

int main(int argc, char **argv)
{
    static const struct unit_test tests[] = {
        {"levels and ranks", levels_and_ranks}, {"live line is cleared", live_line_is_cleared},
        {"file lines are whole", file_lines_are_whole}, {"long line still ends", long_line_still_ends},
    };
    struct bit_error e = {0};
    snprintf(scratch, sizeof scratch, "/tmp/bit-test-log-XXXXXX");
    if (!mkdtemp(scratch))
        return 2;
    snprintf(stderr_path, sizeof stderr_path, "%s/stderr", scratch);
    snprintf(log_path, sizeof log_path, "%s/log", scratch);
    real_stderr = dup(STDERR_FILENO);
    int result = unit_main("log", tests, sizeof tests / sizeof *tests, argc, argv);
    return bit_folder_remove(scratch, &e) ? 1 : result;
}
