/* HTTP by libmicrohttpd in bitd's own loop: who may connect, what a request may be, answers that wait for the commit. */
#include "daemon/http.h"

#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <linux/tcp.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "bit/file.h"
#include "bit/log.h"
#include "bit/memory.h"
#include "daemon/page.h"

enum { CONNECTIONS = 256, TOKEN_BYTES = 32 };
static const double PATIENCE = 2, PATIENCE_BEFORE = 15; /* seconds in which a request has to be whole, and in which its first byte has to come */

/* A connection. A request is whole when api_answer has been called for it; until then it must hurry. */
struct peer {
    struct peer *next;
    int fd;
    double since;                 /* it was accepted, or its last answer was sent */
    bool is_whole, is_local;
    struct exchange *exchange;
};

struct exchange {
    struct request request;
    struct peer *peer;
    struct MHD_Connection *connection;
    struct exchange *next;        /* among those that wait for the commit */
    bool is_answered, is_waiting;
    size_t limit;                 /* of the body */
};

struct http {
    struct MHD_Daemon *mhd;
    struct watch local, tcp, loop;
    struct peer *peers;           /* newest first */
    int peer_count;
    struct exchange *waiting;
    struct stream *streams;
    char token[2 * TOKEN_BYTES + 1];
    bool must_run, accepts_local; /* accepts_local: of the connection that is being added */
};

struct stream **stream_list(struct daemon *d) { return &d->http->streams; }

/* ---- what a request may be ---- */

static const char *header(struct exchange *e, const char *name) { return MHD_lookup_connection_value(e->connection, MHD_HEADER_KIND, name); }

static bool is_equal(const char *a, const char *b, size_t size)
{
    volatile unsigned char difference = 0;
    for (size_t i = 0; i < size; i++)
        difference |= (unsigned char)(a[i] ^ b[i]);
    return difference == 0;
}

static bool has_token(struct exchange *e)
{
    const char *value = header(e, "Authorization"), *token = e->request.daemon->http->token;
    return value && strlen(value) == 7 + strlen(token) && !strncasecmp(value, "Bearer ", 7) && is_equal(value + 7, token, strlen(token));
}

/* By name and port, exactly: a page of another site whose name has come to mean this host is not let in. */
static bool has_good_host(struct exchange *e)
{
    const struct daemon_config *c = &e->request.daemon->config;
    const char *host = header(e, "Host");
    if (e->request.is_local)
        return true;
    for (int i = 0; host && i < c->allowed_count; i++)
        if (!strcmp(host, c->allowed[i]))
            return true;
    return host && !strcmp(host, c->listen);
}

static bool is_own_origin(struct exchange *e)
{
    const char *origin = header(e, "Origin"), *site = header(e, "Sec-Fetch-Site"), *host = header(e, "Host");
    if (site && strcmp(site, "same-origin") != 0 && strcmp(site, "none") != 0)
        return false;
    if (!origin)
        return true;
    return host && !strncmp(origin, "http://", 7) && !strcmp(origin + 7, host);
}

/* Before a byte of the body is read; false: it is answered. One check in front of all paths. */
static bool check(struct exchange *e)
{
    struct request *r = &e->request;
    const char *type = header(e, "Content-Type"), *length = header(e, "Content-Length");
    bool is_post = !strcmp(r->method, "POST"), is_get = !strcmp(r->method, "GET");
    if (!is_post && !is_get)
        api_fail(r, 405, "only GET and POST are known here");
    else if (!has_good_host(e))
        api_fail(r, 403, "this name is not one of bitd's (allowed_hosts)");
    else if (!is_own_origin(e))
        api_fail(r, 403, "requests of other sites are not answered");
    else if (!r->is_local && !has_token(e) && !page_find(r->url)) /* the page's files are public: it asks for the token */
        api_fail(r, 401, "Authorization: Bearer TOKEN is needed; the token is in the file `token` of the state folder");
    else if (is_get && length && strcmp(length, "0") != 0)
        api_fail(r, 400, "a GET has no body");
    else if (is_post && (!type || strncasecmp(type, "application/json", 16) != 0 || (type[16] && type[16] != ';' && type[16] != ' ')))
        api_fail(r, 415, "Content-Type: application/json is needed");
    else if (is_post && length && strtoull(length, NULL, 10) > e->limit)
        api_fail(r, 413, "at most %zu bytes", e->limit);
    else
        return true;
    return false;
}

/* ---- answers ---- */

static void add_headers(struct MHD_Response *response, const struct request *r)
{
    static const char *const always[][2] = {
        {"Content-Security-Policy", PAGE_SECURITY_POLICY},
        {"X-Content-Type-Options", "nosniff"}, {"Referrer-Policy", "no-referrer"}, {"Cross-Origin-Resource-Policy", "same-origin"},
        {"Cross-Origin-Opener-Policy", "same-origin"}, {"Cache-Control", "no-store"}};
    char number[32];
    for (size_t i = 0; i < sizeof always / sizeof *always; i++)
        MHD_add_response_header(response, always[i][0], always[i][1]);
    MHD_add_response_header(response, "Content-Type", r->is_stream ? "text/event-stream" : r->page ? r->page->type : r->type ? r->type : "application/json");
    if (r->next >= 0) {
        snprintf(number, sizeof number, "%lld", (long long)r->next);
        MHD_add_response_header(response, "Bit-Next", number);
    }
    if (r->status == 401)
        MHD_add_response_header(response, "WWW-Authenticate", "Bearer");
}

static enum MHD_Result send_answer(struct exchange *e)
{
    struct request *r = &e->request;
    struct MHD_Response *response = NULL;
    if (r->text.failed)
        api_fail(r, 503, "out of memory");
    if (r->is_stream && !(response = stream_create(r->daemon, e->connection, r->after))) {
        r->is_stream = false;
        api_fail(r, 503, "too many streams of events");
    }
    if (r->page)
        response = MHD_create_response_from_buffer(r->page->size, (void *)r->page->data, MHD_RESPMEM_PERSISTENT);
    else if (!response)
        response = MHD_create_response_from_buffer(r->text.size, r->text.size ? r->text.data : (char *)"", MHD_RESPMEM_MUST_COPY);
    if (!response)
        return MHD_NO;
    add_headers(response, r);
    enum MHD_Result result = MHD_queue_response(e->connection, (unsigned)r->status, response);
    MHD_destroy_response(response);
    return result;
}

static enum MHD_Result take_query(void *context, enum MHD_ValueKind kind, const char *name, const char *value)
{
    struct request *r = context;
    (void)kind;
    if (r->queries < API_QUERY) {
        r->query[r->queries].name = name;
        r->query[r->queries++].value = value;
    }
    return MHD_YES;
}

/* The whole request is there. What it changes has to be on disk before its answer goes out. */
static enum MHD_Result answer(struct exchange *e)
{
    struct daemon *d = e->request.daemon;
    const char *last = header(e, "Last-Event-ID");
    e->is_answered = e->peer->is_whole = true;
    if (!e->request.status) {
        MHD_get_connection_values(e->connection, MHD_GET_ARGUMENT_KIND, take_query, &e->request);
        api_answer(&e->request);
        if (e->request.is_stream && last)
            e->request.after = strtoll(last, NULL, 10);
    }
    if (!store_is_dirty(d->store))
        return send_answer(e);
    e->is_waiting = true;
    e->next = d->http->waiting;
    d->http->waiting = e;
    MHD_suspend_connection(e->connection);
    return MHD_YES;
}

void http_committed(struct daemon *d)
{
    while (d->http->waiting) {
        struct exchange *e = d->http->waiting;
        d->http->waiting = e->next;
        e->is_waiting = false;
        MHD_resume_connection(e->connection);
        d->http->must_run = true;
    }
    if (d->http->streams) {
        stream_send(d);
        d->http->must_run = true;
    }
}

/* ---- what libmicrohttpd calls ---- */

static enum MHD_Result take_body(struct exchange *e, const char *data, size_t *size)
{
    struct request *r = &e->request;
    if (r->status) { /* refused: the rest is read and dropped */
        *size = 0;
        return MHD_YES;
    }
    char *grown = r->size + *size > e->limit ? NULL : realloc(r->body, r->size + *size + 1);
    if (!grown) {
        api_fail(r, 413, "at most %zu bytes", e->limit);
    } else {
        r->body = grown;
        memcpy(r->body + r->size, data, *size);
        r->size += *size;
        r->body[r->size] = 0;
    }
    *size = 0;
    return MHD_YES;
}

static struct exchange *begin(struct daemon *d, struct MHD_Connection *connection, const char *url, const char *method)
{
    const union MHD_ConnectionInfo *info = MHD_get_connection_info(connection, MHD_CONNECTION_INFO_SOCKET_CONTEXT);
    struct peer *peer = info ? info->socket_context : NULL;
    struct exchange *e = peer ? bit_allocate(1, sizeof *e, "a request", NULL) : NULL;
    if (!e)
        return NULL;
    e->request = (struct request){.daemon = d, .method = method, .url = url, .is_local = peer->is_local, .next = -1};
    e->connection = connection;
    e->peer = peer;
    e->limit = !strcmp(url, "/api/v1/jobs") ? API_SUBMISSION : API_BODY;
    peer->exchange = e;
    return e;
}

static enum MHD_Result handle(void *context, struct MHD_Connection *connection, const char *url, const char *method, const char *version,
                              const char *data, size_t *size, void **exchange)
{
    struct exchange *e = *exchange;
    (void)version;
    if (!e) {
        e = *exchange = begin(context, connection, url, method);
        if (!e || check(e))
            return e ? MHD_YES : MHD_NO;
        e->is_answered = e->peer->is_whole = true; /* without waiting for the body, which nobody wants */
        return send_answer(e);
    }
    if (e->is_answered)
        return e->is_waiting ? MHD_YES : send_answer(e);
    return *size ? take_body(e, data, size) : answer(e);
}

static void completed(void *context, struct MHD_Connection *connection, void **exchange, enum MHD_RequestTerminationCode code)
{
    struct daemon *d = context;
    struct exchange *e = *exchange;
    (void)connection;
    (void)code;
    if (!e)
        return;
    for (struct exchange **place = &d->http->waiting; *place; place = &(*place)->next)
        if (*place == e) {
            *place = e->next;
            break;
        }
    e->peer->exchange = NULL;
    e->peer->is_whole = false;
    e->peer->since = daemon_now();
    free(e->request.body);
    bit_text_free(&e->request.text);
    bit_free(e);
    *exchange = NULL;
}

static void connected(void *context, struct MHD_Connection *connection, void **socket_context, enum MHD_ConnectionNotificationCode code)
{
    struct daemon *d = context;
    if (code == MHD_CONNECTION_NOTIFY_STARTED) {
        const union MHD_ConnectionInfo *info = MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD);
        for (struct peer *p = d->http->peers; p && info; p = p->next)
            if (p->fd == info->connect_fd)
                *socket_context = p;
        return;
    }
    for (struct peer **place = &d->http->peers; *place; place = &(*place)->next)
        if (*place == *socket_context) {
            struct peer *gone = *place;
            *place = gone->next;
            d->http->peer_count--;
            bit_free(gone);
            break;
        }
    *socket_context = NULL;
}

/* ---- accepting ---- */

/* The unfinished connection that has been there longest makes room for a new one. */
static void close_oldest(struct http *http)
{
    struct peer *oldest = NULL;
    for (struct peer *p = http->peers; p; p = p->next)
        if (!p->is_whole && p->fd >= 0)
            oldest = p;
    if (oldest)
        shutdown(oldest->fd, SHUT_RDWR);
    http->must_run = true;
}

static bool is_ours(int fd)
{
    struct ucred peer;
    socklen_t size = sizeof peer;
    return getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &size) == 0 && peer.uid == getuid();
}

static void accept_one(struct daemon *d, int listener, bool is_local)
{
    struct sockaddr_storage address;
    socklen_t size = sizeof address;
    struct http *http = d->http;
    int fd = accept4(listener, (struct sockaddr *)&address, &size, SOCK_CLOEXEC | SOCK_NONBLOCK);
    if (fd < 0)
        return;
    if (is_local && !is_ours(fd)) {
        close(fd);
        return;
    }
    if (http->peer_count >= CONNECTIONS - 8)
        close_oldest(http);
    struct peer *peer = http->peer_count < CONNECTIONS ? bit_allocate(1, sizeof *peer, "a connection", NULL) : NULL;
    if (!peer) {
        close(fd);
        return;
    }
    *peer = (struct peer){.next = http->peers, .fd = fd, .since = daemon_now(), .is_local = is_local};
    http->peers = peer;
    http->peer_count++;
    if (MHD_add_connection(http->mhd, fd, (struct sockaddr *)&address, size) != MHD_YES) {
        /* It has closed the descriptor, and told connected() only when it had got as far as that. */
        if (http->peers == peer && peer->fd == fd) {
            http->peers = peer->next;
            http->peer_count--;
            bit_free(peer);
        }
    }
    http->must_run = true;
}

static void local_ready(struct watch *watch) { accept_one(watch->context, watch->fd, true); }
static void tcp_ready(struct watch *watch) { accept_one(watch->context, watch->fd, false); }
static void loop_ready(struct watch *watch) { ((struct daemon *)watch->context)->http->must_run = true; }

/* ---- start ---- */

static int listen_local(struct daemon *d, struct bit_error *error)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    char folder[PATH_MAX];
    struct stat status;
    const char *path = d->config.socket;
    snprintf(folder, sizeof folder, "%s", path);
    *strrchr(folder, '/') = 0;
    if (strlen(path) >= sizeof address.sun_path)
        return bit_fail(error, BIT_EUSAGE, "socket: %s is longer than %zu characters", path, sizeof address.sun_path - 1);
    if (bit_folder_create(folder, error))
        return -1;
    if (lstat(folder, &status) || !S_ISDIR(status.st_mode) || status.st_uid != getuid() || (status.st_mode & 077 && chmod(folder, 0700)))
        return bit_fail(error, BIT_EENVIRONMENT, "socket: %s has to be a folder of this user's (mode 0700)", folder);
    strcpy(address.sun_path, path);
    unlink(path); /* a former bitd's: the lock of the state folder is ours */
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0 || bind(fd, (struct sockaddr *)&address, sizeof address) || listen(fd, 128))
        return bit_fail_errno(error, BIT_EENVIRONMENT, "socket: cannot listen at %s", path);
    d->http->local = (struct watch){fd, local_ready, d};
    return daemon_watch(d, &d->http->local);
}

/* Made once, for this user only to read. */
static int read_token(struct daemon *d, struct bit_error *error)
{
    char path[PATH_MAX], *data;
    unsigned char random[TOKEN_BYTES];
    size_t size;
    snprintf(path, sizeof path, "%.4000s/token", d->config.state);
    if (bit_file_exists(path)) {
        if (bit_file_read(path, 1024, &data, &size, error))
            return -1;
        snprintf(d->http->token, sizeof d->http->token, "%s", data);
        d->http->token[strcspn(d->http->token, "\n")] = 0;
        bit_free(data);
        return strlen(d->http->token) == 2 * TOKEN_BYTES ? 0 : bit_fail(error, BIT_EDATA, "%s: expected 64 hex digits; remove it for a new one", path);
    }
    if (getrandom(random, sizeof random, 0) != sizeof random)
        return bit_fail_errno(error, BIT_EENVIRONMENT, "no random numbers");
    for (int i = 0; i < TOKEN_BYTES; i++)
        snprintf(d->http->token + 2 * i, 3, "%02x", random[i]);
    return bit_file_write(path, d->http->token, 2 * TOKEN_BYTES, error);
}

static int listen_tcp(struct daemon *d, struct bit_error *error)
{
    struct addrinfo hints = {.ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM, .ai_flags = AI_PASSIVE | AI_NUMERICSERV}, *found = NULL;
    char name[128], *colon;
    int yes = 1;
    d->http->tcp.fd = -1;
    if (!*d->config.listen)
        return 0;
    snprintf(name, sizeof name, "%s", d->config.listen);
    colon = strrchr(name, ':');
    if (!colon)
        return bit_fail(error, BIT_EUSAGE, "listen: expected ADDRESS:PORT, found '%s'", name);
    *colon = 0;
    int code = getaddrinfo(name, colon + 1, &hints, &found);
    if (code)
        return bit_fail(error, BIT_EUSAGE, "listen: %s: %s", d->config.listen, gai_strerror(code));
    int fd = socket(found->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd >= 0)
        setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
    int bad = fd < 0 || bind(fd, found->ai_addr, found->ai_addrlen) || listen(fd, 128);
    freeaddrinfo(found);
    if (bad)
        return bit_fail_errno(error, BIT_EENVIRONMENT, "listen: cannot listen at %s", d->config.listen);
    d->http->tcp = (struct watch){fd, tcp_ready, d};
    return read_token(d, error) || daemon_watch(d, &d->http->tcp) ? -1 : 0;
}

int http_start(struct daemon *d, struct bit_error *error)
{
    d->http = bit_allocate(1, sizeof *d->http, "the server", error);
    if (!d->http)
        return -1;
    d->http->mhd = MHD_start_daemon(MHD_USE_EPOLL | MHD_USE_NO_LISTEN_SOCKET | MHD_ALLOW_SUSPEND_RESUME, 0, NULL, NULL, handle, d,
                                    MHD_OPTION_NOTIFY_COMPLETED, completed, d, MHD_OPTION_NOTIFY_CONNECTION, connected, d,
                                    MHD_OPTION_CONNECTION_LIMIT, (unsigned)CONNECTIONS, MHD_OPTION_CONNECTION_TIMEOUT, 60U,
                                    MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)32768, MHD_OPTION_END);
    const union MHD_DaemonInfo *info = d->http->mhd ? MHD_get_daemon_info(d->http->mhd, MHD_DAEMON_INFO_EPOLL_FD) : NULL;
    if (!info)
        return bit_fail(error, BIT_EENVIRONMENT, "libmicrohttpd does not start");
    d->http->loop = (struct watch){info->epoll_fd, loop_ready, d};
    if (daemon_watch(d, &d->http->loop))
        return bit_fail_errno(error, BIT_EENVIRONMENT, "cannot watch the server");
    return listen_local(d, error) || listen_tcp(d, error) ? -1 : 0;
}

/* ---- in the loop ---- */

/* Seconds that a connection has for its next request. A browser opens some ahead of what it asks, and on a busy machine it takes longer than a request may:
 * one on which nothing has come yet has more. */
static double patience(const struct peer *peer)
{
    struct tcp_info info;
    socklen_t size = sizeof info;
    bool is_new = !peer->is_local && getsockopt(peer->fd, IPPROTO_TCP, TCP_INFO, &info, &size) == 0 && size >= offsetof(struct tcp_info, tcpi_bytes_received) + 8 &&
                  info.tcpi_bytes_received == 0;
    return is_new ? PATIENCE_BEFORE : PATIENCE;
}

void http_must_run(struct daemon *d) { d->http->must_run = true; }

/* libmicrohttpd wants to be called again though its descriptors are quiet: it has read more than it has handled. */
static bool has_more(struct daemon *d)
{
    MHD_UNSIGNED_LONG_LONG milliseconds;
    return d->http->must_run || (MHD_get_timeout(d->http->mhd, &milliseconds) == MHD_YES && milliseconds == 0);
}

void http_run(struct daemon *d)
{
    for (int i = 0; has_more(d) && i < 16; i++) {
        d->http->must_run = false;
        MHD_run(d->http->mhd);
    }
}

void http_sweep(struct daemon *d)
{
    double now = daemon_now();
    for (struct peer *p = d->http->peers; p; p = p->next)
        if (!p->is_whole && now >= p->since + patience(p)) {
            shutdown(p->fd, SHUT_RDWR);
            p->since = now;
            d->http->must_run = true;
        }
    stream_beat(d, now);
    http_run(d);
}

void http_shift_clock(struct daemon *d, double seconds)
{
    for (struct peer *p = d->http->peers; p; p = p->next)
        p->since += seconds;
    stream_shift_clock(d, seconds);
}

double http_timeout(struct daemon *d)
{
    double now = daemon_now(), wait = stream_beat(d, now);
    MHD_UNSIGNED_LONG_LONG milliseconds;
    if (d->http->must_run)
        return 0;
    for (struct peer *p = d->http->peers; p; p = p->next)
        if (!p->is_whole && p->since + PATIENCE - now < wait) {
            double left = p->since + patience(p) - now;
            wait = left < wait ? left : wait;
        }
    if (MHD_get_timeout(d->http->mhd, &milliseconds) == MHD_YES && (double)milliseconds / 1000 < wait)
        wait = (double)milliseconds / 1000;
    return wait < 0 ? 0 : wait;
}

void http_stop(struct daemon *d)
{
    daemon_unwatch(d, &d->http->local);
    close(d->http->local.fd);
    if (d->http->tcp.fd >= 0)
        close(d->http->tcp.fd);
    unlink(d->config.socket);
    stream_stop(d);
    queue_settle(d); /* answers that wait */
    for (int i = 0; i < 4; i++)
        MHD_run(d->http->mhd);
    MHD_stop_daemon(d->http->mhd);
}
