/* Clients of bitd that honest ones do not write: bytes as they are, crowds of slow connections, and submissions as fast as they go.
 *     pressure SOCKET raw              sends standard input, prints what comes back, until the end or for five seconds
 *     pressure SOCKET crowd N SECONDS  N connections that send a byte a second each; meanwhile an honest request every 20 ms: prints the
 *                                      median and the longest time of those, in milliseconds, and how many failed
 *     pressure SOCKET get N PATH...    asks for each path N times: prints the sum of their medians, and the longest, in milliseconds
 *     pressure SOCKET submit CLIENTS SECONDS BODY-FILE   each client submits BODY again and again, OUT in it replaced by a number of its own:
 *                                      prints submissions a second, and the median and the 99th percentile of their time in milliseconds */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "bit/clock.h"

static const char *path;

static int reach(void)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);
    snprintf(address.sun_path, sizeof address.sun_path, "%s", path);
    if (fd >= 0 && connect(fd, (struct sockaddr *)&address, sizeof address)) {
        close(fd);
        return -1;
    }
    return fd;
}

/* The answer's bytes; -1 when it did not come within five seconds. keep: the connection stays open, so one answer with a length is read. */
static ssize_t listen_to(int fd, char *answer, size_t size)
{
    size_t got = 0;
    double since = bit_clock_seconds();
    while (got < size - 1 && bit_clock_seconds() - since < 5) {
        struct pollfd p = {.fd = fd, .events = POLLIN};
        if (poll(&p, 1, 100) <= 0)
            continue;
        ssize_t n = read(fd, answer + got, size - 1 - got);
        if (n <= 0)
            break;
        got += (size_t)n;
        answer[got] = 0;
        const char *end = strstr(answer, "\r\n\r\n"), *length = strcasestr(answer, "content-length:");
        if (end && length && length < end && got >= (size_t)(end + 4 - answer) + strtoul(length + 15, NULL, 10))
            break;
    }
    answer[got] = 0;
    return got ? (ssize_t)got : -1;
}

static int raw(void)
{
    static char request[1 << 22], answer[1 << 20];
    size_t size = fread(request, 1, sizeof request, stdin), sent = 0;
    int fd = reach();
    if (fd < 0)
        return 2;
    signal(SIGPIPE, SIG_IGN);
    while (sent < size) {
        ssize_t n = write(fd, request + sent, size - sent);
        if (n <= 0)
            break;
        sent += (size_t)n;
    }
    if (listen_to(fd, answer, sizeof answer) > 0)
        fputs(answer, stdout);
    return 0;
}

static int compare(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return x < y ? -1 : x > y;
}

/* Seconds of one honest request; -1: it failed. */
static double ask(const char *what)
{
    static char answer[1 << 22];
    char request[512];
    int size = snprintf(request, sizeof request, "GET %s HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", what);
    double since = bit_clock_seconds();
    int fd = reach();
    bool good = fd >= 0 && write(fd, request, (size_t)size) == size && listen_to(fd, answer, sizeof answer) > 0 &&
                !strncmp(answer, "HTTP/1.1 200", 12);
    if (fd >= 0)
        close(fd);
    return good ? bit_clock_seconds() - since : -1;
}

static int crowd(int count, double seconds)
{
    static double times[100000];
    int *fds = calloc((size_t)count, sizeof *fds), asked = 0, failed = 0;
    double begin = bit_clock_seconds(), last = 0;
    if (!fds)
        return 2;
    signal(SIGPIPE, SIG_IGN);
    for (int i = 0; i < count; i++)
        fds[i] = -1;
    while (bit_clock_seconds() - begin < seconds && asked < 100000) {
        if (bit_clock_seconds() - last >= 1) {
            last = bit_clock_seconds();
            for (int i = 0; i < count; i++) {
                if (fds[i] >= 0 && send(fds[i], "G", 1, MSG_DONTWAIT) == 1)
                    continue;
                if (fds[i] >= 0)
                    close(fds[i]);
                fds[i] = reach();
                if (i % 64 == 63 && (times[asked] = ask("/api/v1/hosts")) >= 0)
                    asked++;
            }
        }
        double t = ask("/api/v1/hosts");
        if (t < 0)
            failed++;
        else
            times[asked++] = t;
        usleep(20000);
    }
    qsort(times, (size_t)asked, sizeof *times, compare);
    printf("%.1f %.1f %d\n", asked ? 1000 * times[asked / 2] : 0, asked ? 1000 * times[asked - 1] : 0, failed);
    free(fds);
    return 0;
}

static int get(int count, int paths, char **list)
{
    static double times[10000];
    double sum = 0, longest = 0;
    for (int p = 0; p < paths; p++) {
        for (int i = 0; i < count; i++)
            if ((times[i] = ask(list[p])) < 0)
                return fprintf(stderr, "pressure: no good answer to %s\n", list[p]), 1;
        qsort(times, (size_t)count, sizeof *times, compare);
        sum += times[count / 2];
        longest = times[count - 1] > longest ? times[count - 1] : longest;
    }
    printf("%.1f %.1f\n", 1000 * sum, 1000 * longest);
    return 0;
}

/* ---- submissions ---- */

static void submit_on(int client, double seconds, const char *body, int results)
{
    char request[65536], text[49152], answer[65536], *place;
    double begin = bit_clock_seconds();
    int fd = -1;
    signal(SIGPIPE, SIG_IGN);
    for (int i = 0; bit_clock_seconds() - begin < seconds; i++) {
        place = strstr(body, "OUT");
        snprintf(text, sizeof text, "%.*s/tmp/pressure-%d-%d%s", (int)(place - body), body, client, i, place + 3);
        int size = snprintf(request, sizeof request, "POST /api/v1/jobs HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: %zu\r\n\r\n%s",
                            strlen(text), text);
        double since = bit_clock_seconds();
        fd = fd < 0 ? reach() : fd;
        if (fd < 0 || write(fd, request, (size_t)size) != size || listen_to(fd, answer, sizeof answer) < 0 || strncmp(answer, "HTTP/1.1 201", 12) != 0) {
            fprintf(stderr, "%.300s\n", fd < 0 ? strerror(errno) : answer);
            exit(1);
        }
        double took = bit_clock_seconds() - since;
        if (write(results, &took, sizeof took) != sizeof took)
            exit(1);
    }
    exit(0);
}

static int submit(int clients, double seconds, const char *file)
{
    static double times[1000000];
    static char body[49152];
    int ends[2], count = 0, status, bad = 0;
    FILE *f = fopen(file, "r");
    if (!f || !fread(body, 1, sizeof body - 1, f) || !strstr(body, "OUT") || pipe(ends))
        return 2;
    fclose(f);
    fcntl(ends[1], F_SETPIPE_SZ, 1 << 20);
    for (int c = 0; c < clients; c++)
        if (fork() == 0)
            submit_on(c, seconds, body, ends[1]);
    close(ends[1]);
    while (count < 1000000 && read(ends[0], &times[count], sizeof *times) == sizeof *times)
        count++;
    while (wait(&status) > 0)
        bad |= status != 0;
    qsort(times, (size_t)count, sizeof *times, compare);
    printf("%.0f %.1f %.1f\n", count / seconds, count ? 1000 * times[count / 2] : 0, count ? 1000 * times[count * 99 / 100] : 0);
    return bad;
}

int main(int argc, char **argv)
{
    path = argc > 1 ? argv[1] : "";
    if (argc == 3 && !strcmp(argv[2], "raw"))
        return raw();
    if (argc == 5 && !strcmp(argv[2], "crowd"))
        return crowd(atoi(argv[3]), atof(argv[4]));
    if (argc >= 5 && !strcmp(argv[2], "get") && atoi(argv[3]) > 0 && atoi(argv[3]) <= 10000)
        return get(atoi(argv[3]), argc - 4, argv + 4);
    if (argc == 6 && !strcmp(argv[2], "submit"))
        return submit(atoi(argv[3]), atof(argv[4]), argv[5]);
    fprintf(stderr, "usage: pressure SOCKET raw | crowd N SECONDS | get N PATH... | submit CLIENTS SECONDS BODY-FILE\n");
    return 64;
}
