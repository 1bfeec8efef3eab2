/* Requests to bitd, from the first byte of HTTP to the end of the JSON inside: whatever the bytes are, it answers by HTTP or closes, and what it
 * has on disk can be committed. The real server and store, in one process; jobs stay in the queue, for nothing is started. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "bit/error.h"
#include "bit/file.h"
#include "bit/log.h"
#include "daemon/daemon.h"
#include "daemon/queued.h"
#include "tests/fuzz/mutate.h"

static struct daemon d;

/* What bitd's main.c has. */
double daemon_now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_REALTIME, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

void daemon_give_up(struct daemon *daemon, const struct bit_error *error)
{
    (void)daemon;
    fprintf(stderr, "%s\n", error->text);
    abort();
}

int daemon_watch(struct daemon *daemon, struct watch *watch)
{
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = watch};
    return epoll_ctl(daemon->epoll, EPOLL_CTL_ADD, watch->fd, &event);
}

void daemon_unwatch(struct daemon *daemon, struct watch *watch) { epoll_ctl(daemon->epoll, EPOLL_CTL_DEL, watch->fd, NULL); }

static void start(void)
{
    struct bit_error error = {0};
    char folder[] = "/dev/shm/bit-fuzz-request-XXXXXX", elsewhere[] = "/tmp/bit-fuzz-request-XXXXXX", *place;
    bit_log_init("fuzz", BIT_LOG_ERROR);
    place = mkdtemp(folder);
    place = place ? place : mkdtemp(elsewhere);
    d.epoll = epoll_create1(EPOLL_CLOEXEC);
    if (!place || d.epoll < 0)
        abort();
    snprintf(d.config.state, sizeof d.config.state, "%s", place);
    snprintf(d.config.runs, sizeof d.config.runs, "%s/runs", place);
    snprintf(d.config.socket, sizeof d.config.socket, "%s/sock/http", place);
    snprintf(d.config.launch, sizeof d.config.launch, "/bin/false");
    d.config.budget = 5;
    d.is_ending = true; /* starts nothing */
    d.store = store_open(place, &error);
    d.queued.file = -1;
    if (!d.store || hosts_start(&d, &error) || http_start(&d, &error) || queue_load(&d, &error) || queued_start(&d, &error)) {
        fprintf(stderr, "%s\n", error.text);
        abort();
    }
}

static int reach(void)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    memcpy(address.sun_path, d.config.socket, strlen(d.config.socket) + 1);
    if (fd < 0 || connect(fd, (struct sockaddr *)&address, sizeof address))
        abort();
    return fd;
}

/* A turn of bitd's loop; whether there was anything to do. */
static bool turn(void)
{
    struct epoll_event events[16];
    int count = epoll_wait(d.epoll, events, 16, 0);
    for (int i = 0; i < count; i++) {
        struct watch *watch = events[i].data.ptr;
        watch->ready(watch);
    }
    http_run(&d);
    queue_settle(&d);
    http_run(&d);
    return count > 0;
}

static void cancel_all(void)
{
    for (struct job *job = d.jobs; job; job = job->next)
        queue_feed(job, EVENT_CANCEL, 0, false, "");
    queue_settle(&d);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char answer[65536];
    if (!d.store)
        start();
    int fd = reach();
    if (send(fd, data, size, MSG_NOSIGNAL) < 0 && size)
        abort();
    for (int i = 0; i < 8 && turn(); i++)
        ;
    ssize_t got = recv(fd, answer, sizeof answer, 0);
    if (got > 0 && (got < 9 || memcmp(answer, "HTTP/1.", 7) != 0))
        abort();
    close(fd);
    for (int i = 0; i < 4 && turn(); i++)
        ;
    if (d.job_count > 100)
        cancel_all();
    return 0;
}

#define POST(path, body) "POST " path " HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n" body
#define JOB "{\\\"model\\\":{\\\"depth\\\":14,\\\"width\\\":1},\\\"data\\\":{\\\"train\\\":\\\"/train\\\",\\\"size\\\":32},\\\"schedule\\\":{\\\"steps\\\":9,\\\"batch\\\":8}}"

/* Bodies in one chunk of its length: a mutation inside keeps them whole. */
size_t fuzz_seed(int which, uint8_t *data, size_t capacity)
{
    static const char *const plain[] = {
        "GET /api/v1/about HTTP/1.1\r\nHost: x\r\n\r\n", "GET /api/v1/jobs?state=queued,held&before=9&limit=3 HTTP/1.1\r\nHost: x\r\n\r\n",
        "GET /api/v1/jobs/1/log?attempt=1&from=-5&limit=9 HTTP/1.1\r\nHost: x\r\n\r\n", "GET /api/v1/jobs/1/curves?points=7 HTTP/1.1\r\nHost: x\r\n\r\n",
        "GET /api/v1/events?after=3 HTTP/1.1\r\nHost: x\r\nLast-Event-ID: 2\r\n\r\n", "GET /metrics HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: x\r\n\r\nGET /api/v1/queue HTTP/1.0\r\n\r\n", POST("/api/v1/jobs/1/cancel", "0\r\n\r\n"),
        POST("/api/v1/jobs/1/priority", "e\r\n{\"priority\":7}\r\n0\r\n\r\n"),
        POST("/api/v1/hosts/localhost/drain", "2\r\n{}\r\n0\r\n\r\n"), "GET /api/v1/jobs/1/quarantine/1 HTTP/1.1\r\nHost: x\r\nOrigin: http://x\r\n\r\n"};
    static const char *const bodies[] = {
        "{\"job\":\"" JOB "\",\"name\":\"a\",\"out\":\"/out/a\",\"ranks\":[1,2],\"threads\":1,\"priority\":3,\"token\":\"t\",\"after\":[{\"id\":1,\"kind\":\"any\"}]}",
        "{\"job\":\"" JOB "\",\"file\":\"/x.json\",\"ranks\":[1,1],\"threads\":1,\"engine\":\"local\"}", "{\"job\":\"{}\"}"};
    size_t plains = sizeof plain / sizeof *plain, all = plains + sizeof bodies / sizeof *bodies;
    int size = 0;
    if ((size_t)which < plains)
        size = snprintf((char *)data, capacity, "%s", plain[which]);
    else if ((size_t)which < all)
        size = snprintf((char *)data, capacity, POST("/api/v1/jobs", "%zx\r\n%s\r\n0\r\n\r\n"), strlen(bodies[(size_t)which - plains]),
                        bodies[(size_t)which - plains]);
    return size > 0 && (size_t)size < capacity ? (size_t)size : 0;
}
