/* bitd: the loop around its parts. */
#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <pwd.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/file.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "bit/clock.h"
#include "bit/file.h"
#include "bit/log.h"
#include "bit/memory.h"
#include "bit/options.h"
#include "daemon/engine.h"
#include "daemon/linger.h"
#include "daemon/points.h"
#include "daemon/queued.h"
#include "daemon/rebuild.h"

struct options { const char *config; struct bit_option_list set, rebuild; bool version, allow_root; };

#define AT(member) .at = offsetof(struct options, member)
static const struct bit_option known[] = {
    {"--config", "FILE", "instead of ~/.config/bit/bitd.conf or /etc/bit/bitd.conf", BIT_OPTION_FILE, AT(config)},
    {"--set", "KEY=VALUE", "a line of the configuration, over the file's; may be repeated", BIT_OPTION_LIST, AT(set)},
    {"--rebuild", "DIR", "makes a lost queue anew from folders of runs, or folders of those, and ends; may be repeated", BIT_OPTION_LIST, AT(rebuild)},
    {"--allow-root", NULL, "run as root, as in a container with nobody else in it: jobs run as root, too", BIT_OPTION_FLAG, AT(allow_root)},
    {"--version", NULL, "the version", BIT_OPTION_FLAG, AT(version)},
};
static const struct bit_usage usage = {
    "bitd", "",
    "Keeps a queue of jobs, starts each on its hosts, resumes what fails, and answers `bit submit` and its kin. Runs in the\n"
    "foreground until TERM or INT; jobs go on without it, and it takes them up again when it is started anew.",
    known, sizeof known / sizeof *known, .least = 0, .most = 0};

double daemon_now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_REALTIME, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

void daemon_give_up(struct daemon *d, const struct bit_error *error)
{
    bit_log(BIT_LOG_ERROR, "%s; bitd ends, its jobs go on", error->text);
    (void)d;
    _exit(BIT_EENVIRONMENT);
}

/* ---- descriptors ---- */

int daemon_watch(struct daemon *d, struct watch *watch)
{
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = watch};
    return epoll_ctl(d->epoll, EPOLL_CTL_ADD, watch->fd, &event);
}

void daemon_unwatch(struct daemon *d, struct watch *watch) { epoll_ctl(d->epoll, EPOLL_CTL_DEL, watch->fd, NULL); }

static void signal_ready(struct watch *watch)
{
    struct signalfd_siginfo info;
    struct daemon *d = watch->context;
    if (read(watch->fd, &info, sizeof info) == sizeof info)
        d->is_ending = true;
}

static int start_watching(struct daemon *d, struct watch *signals, struct bit_error *error)
{
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGINT);
    sigaddset(&set, SIGHUP);
    sigprocmask(SIG_BLOCK, &set, NULL);
    signal(SIGPIPE, SIG_IGN);
    d->epoll = epoll_create1(EPOLL_CLOEXEC);
    *signals = (struct watch){signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK), signal_ready, d};
    if (d->epoll < 0 || signals->fd < 0 || daemon_watch(d, signals))
        return bit_fail_errno(error, BIT_EENVIRONMENT, "cannot watch signals");
    return 0;
}

/* ---- the state folder ---- */

/* A folder of ours that nobody else gets into. */
static int own_folder(const char *path, struct bit_error *error)
{
    struct stat status;
    mode_t mask = umask(0077);
    int result = bit_folder_create(path, error);
    umask(mask);
    if (result)
        return -1;
    if (lstat(path, &status) || !S_ISDIR(status.st_mode) || status.st_uid != getuid() || status.st_mode & 077)
        return bit_fail(error, BIT_EENVIRONMENT, "%s has to be a folder of this user's that nobody else may enter (mode 0700)", path);
    return 0;
}

static int open_state(struct daemon *d, struct bit_error *error)
{
    char path[PATH_MAX];
    if (own_folder(d->config.state, error) || store_check_folder(d->config.state, error))
        return -1;
    umask(0077);
    snprintf(path, sizeof path, "%.4000s/attempts", d->config.state);
    if (bit_folder_create(path, error))
        return -1;
    snprintf(path, sizeof path, "%.4000s/jobs", d->config.state);
    if (bit_folder_create(path, error))
        return -1;
    snprintf(path, sizeof path, "%.4000s/lock", d->config.state);
    d->lock = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (d->lock < 0)
        return bit_fail_errno(error, BIT_EENVIRONMENT, "cannot open %s", path);
    if (flock(d->lock, LOCK_EX | LOCK_NB))
        return bit_fail(error, BIT_EENVIRONMENT, "another bitd works in %s", d->config.state);
    d->store = store_open(d->config.state, error);
    daemon_point(POINT_opened);
    return d->store ? 0 : -1;
}

/* A store that came here from another host: its processes are not ours to judge. */
static int check_host(struct daemon *d, struct bit_error *error)
{
    char host[64];
    if (store_get_meta(d->store, "host", host, sizeof host, error))
        return -1;
    if (*host && strcmp(host, d->host))
        bit_log(BIT_LOG_WARNING, "%s was last used on host %s: jobs that ran there count as lost", d->config.state, host);
    return store_set_meta(d->store, "host", d->host, error);
}

static void tell_systemd(const char *text)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    const char *path = getenv("NOTIFY_SOCKET");
    if (!path || strlen(path) >= sizeof address.sun_path)
        return;
    strcpy(address.sun_path, path);
    if (*path == '@')
        address.sun_path[0] = 0;
    int file = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (file >= 0) {
        sendto(file, text, strlen(text), MSG_NOSIGNAL, (struct sockaddr *)&address, (socklen_t)(offsetof(struct sockaddr_un, sun_path) + strlen(path)));
        close(file);
    }
}

/* ---- the loop ---- */

/* Milliseconds for which nothing is due; -1: for ever. */
static int rest(struct daemon *d)
{
    double due = queue_next_due(d), now = daemon_now(), wait = due > 0 ? due - now : INFINITY, http = http_timeout(d);
    wait = wait < http ? wait : http;
    if (store_is_dirty(d->store))
        return 0; /* a request came in while answers went out */
    if (isinf(wait))
        return -1;
    return wait <= 0 ? 0 : wait > 3600 ? 3600000 : (int)(wait * 1000) + 1;
}

static double clock_ahead(void)
{
    struct timespec t;
    clock_gettime(CLOCK_BOOTTIME, &t);
    return daemon_now() - ((double)t.tv_sec + 1e-9 * (double)t.tv_nsec);
}

/* When somebody sets the clock, all that waits for a time would wait for a day, or be late at once. */
static void follow_clock(struct daemon *d)
{
    double ahead = clock_ahead(), moved = ahead - d->ahead;
    d->ahead = ahead;
    if (fabs(moved) < 1)
        return;
    bit_log(BIT_LOG_WARNING, "the clock was set, %.0f s %s", fabs(moved), moved > 0 ? "forward" : "back");
    queue_shift_clock(d, moved);
    http_shift_clock(d, moved);
    d->rested += moved;
}

static void turn(struct daemon *d)
{
    struct epoll_event events[64];
    int count = epoll_wait(d->epoll, events, 64, rest(d));
    follow_clock(d);
    double now = daemon_now();
    for (int i = 0; i < count; i++) {
        struct watch *watch = events[i].data.ptr;
        watch->ready(watch);
    }
    queue_tick(d, now);
    http_run(d);
    queue_settle(d);
    http_run(d); /* sends what waited for the commit */
    daemon_point(POINT_answered);
    http_sweep(d);
    if (now - d->rested > 1) {
        daemon_point(POINT_resting);
        store_rest(d->store);
        daemon_point(POINT_rested);
        d->rested = now;
    }
}

static int start(struct daemon *d, struct bit_error *error)
{
    d->ahead = clock_ahead();
    d->queued.file = -1;
    process_boot(d->boot, sizeof d->boot);
    if (open_state(d, error) || hosts_start(d, error) || check_host(d, error) || http_start(d, error) || slurm_start(d, error) || queue_load(d, error) || queued_start(d, error))
        return -1;
    daemon_point(POINT_loaded);
    queue_settle(d);
    d->started = daemon_now();
    return 0;
}

static void warn_of_logout(void)
{
    const struct passwd *user = getpwuid(getuid());
    if (user && linger_is_missing("", user->pw_name))
        bit_log(BIT_LOG_WARNING, "the service manager of %s ends bitd and its jobs when %s logs out; loginctl enable-linger %s prevents that", user->pw_name,
                user->pw_name, user->pw_name);
}

static int run(struct daemon *d)
{
    struct bit_error error = {0};
    struct watch signals;
    if (start_watching(d, &signals, &error) || start(d, &error)) {
        bit_log(BIT_LOG_ERROR, "%s", error.text);
        return error.code;
    }
    bit_log(BIT_LOG_INFO, "version %s, %d job(s) in the queue, %d host(s); answers at %s", PACKAGE_VERSION, d->job_count, d->hosts, d->config.socket);
    warn_of_logout();
    tell_systemd("READY=1");
    while (!d->is_ending)
        turn(d);
    tell_systemd("STOPPING=1");
    http_stop(d);
    queue_settle(d);
    store_close(d->store);
    bit_log(BIT_LOG_INFO, "ends; its jobs go on");
    return BIT_OK;
}

static int configure(struct daemon *d, const struct options *o, struct bit_error *error)
{
    if (config_read(o->config, &d->config, error))
        return -1;
    for (size_t i = 0; i < o->set.count; i++) {
        char text[8192], *value;
        snprintf(text, sizeof text, "%s", o->set.value[i]);
        value = strchr(text, '=');
        if (!value)
            return bit_fail(error, BIT_EUSAGE, "--set %s: expected KEY=VALUE", text);
        *value++ = 0;
        if (config_set(&d->config, text, value, error))
            return bit_fail_at(error, "--set");
    }
    if (getuid() == 0 && !d->config.allow_root && !o->allow_root)
        return bit_fail(error, BIT_EUSAGE, "does not run as root: start it as the user whose jobs it is to run (or, where there is nobody else, with "
                        "--allow-root)");
    return 0;
}

static int rebuild(struct daemon *d, const struct options *o)
{
    struct bit_error error = {0};
    if (open_state(d, &error) || rebuild_run(d->store, d->config.state, o->rebuild.value, o->rebuild.count, &error)) {
        bit_log(BIT_LOG_ERROR, "%s", error.text);
        return error.code;
    }
    store_close(d->store);
    return BIT_OK;
}

int main(int argc, char **argv)
{
    struct options o = {0};
    struct bit_operands operands;
    struct bit_error error = {0};
    static struct daemon d;
    bit_file_streams();
    bit_log_init("bitd", BIT_LOG_INFO);
    int parsed = bit_options_parse(&usage, argc, argv, &o, &operands, &error);
    if (parsed > 0)
        return BIT_OK;
    if (parsed == 0 && o.version) {
        puts("bitd " PACKAGE_VERSION);
        return BIT_OK;
    }
    if (parsed < 0 || configure(&d, &o, &error)) {
        bit_log(BIT_LOG_ERROR, "%s", error.text);
        return error.code;
    }
    return o.rebuild.count ? rebuild(&d, &o) : run(&d);
}
