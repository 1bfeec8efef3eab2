/* The campaign's own notes of a run, made from outside, and the fault at its moment:
 *   ledger RUN NOTES PROGRAM [WHEN N DELAY-MS SIGNAL VICTIM [AGAIN-MS [AGAIN-SIGNAL]]]
 * watches RUN/checkpoints and appends a line to NOTES
 *   commit TIME STEP WEIGHTS MOMENTUM SAMPLES   whenever a generation appears under its name, as its manifest says
 *   begin TIME                                  whenever the writing of one begins
 *   rank TIME PID RESIDENT-KB DESCRIPTORS       at each commit, for each process of the run
 *   fault TIME SIGNAL PID                       for each signal it sent
 * until it is killed. WHEN is commit or begin, N counts these from 1, or start (N is not used). VICTIM is rank:N, all, mpirun:PID or every
 * (mpirun:PID given as every:PID: it and all ranks); with AGAIN the signal, or AGAIN-SIGNAL, is sent so much later.
 * The run's processes are those of PROGRAM whose command line names RUN. */
#include <dirent.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/prctl.h>
#include <time.h>
#include <unistd.h>

enum { MOST = 64 };

struct fault {
    const char *when, *victim;
    long count, delay, again;
    int signal, then; /* then: the second one */
    int done;       /* sent so many times */
    double due;     /* 0: not yet known */
};

static const char *run, *program;
static FILE *notes;

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_REALTIME, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

/* A file of /proc; zero bytes become '\n'. */
static size_t read_small(const char *path, char *text, size_t capacity)
{
    FILE *file = fopen(path, "re");
    size_t size = file ? fread(text, 1, capacity - 1, file) : 0;
    if (file)
        fclose(file);
    text[size] = 0;
    for (size_t i = 0; i < size; i++)
        if (!text[i])
            text[i] = '\n';
    return size;
}

static int rank_of(pid_t pid)
{
    static char text[1 << 20];
    char path[64], *at;
    snprintf(path, sizeof path, "/proc/%d/environ", (int)pid);
    read_small(path, text, sizeof text);
    if (!(at = strstr(text, "OMPI_COMM_WORLD_RANK=")) && !(at = strstr(text, "PMIX_RANK=")) && !(at = strstr(text, "PMI_RANK=")))
        return 0;
    return atoi(strchr(at, '=') + 1);
}

static int belongs(const char *name)
{
    char path[PATH_MAX], line[16384], word[PATH_MAX + 2];
    snprintf(path, sizeof path, "/proc/%.20s/cmdline", name);
    size_t length = strlen(program);
    if (!read_small(path, line, sizeof line) || strncmp(line, program, length) || line[length] != '\n')
        return 0;
    snprintf(word, sizeof word, "\n%s\n", run);
    return strstr(line, word) != NULL;
}

static int find_ranks(pid_t *list)
{
    int count = 0;
    DIR *folder = opendir("/proc");
    for (struct dirent *d; folder && (d = readdir(folder)) && count < MOST;)
        if (d->d_name[0] >= '1' && d->d_name[0] <= '9' && belongs(d->d_name))
            list[count++] = (pid_t)atoi(d->d_name);
    if (folder)
        closedir(folder);
    return count;
}

static int count_descriptors(pid_t pid)
{
    char path[64];
    int count = 0;
    snprintf(path, sizeof path, "/proc/%d/fd", (int)pid);
    DIR *folder = opendir(path);
    while (folder && readdir(folder))
        count++;
    if (folder)
        closedir(folder);
    return count;
}

static void note_ranks(void)
{
    pid_t list[MOST];
    int count = find_ranks(list);
    for (int i = 0; i < count; i++) {
        char path[64], text[256];
        long pages = 0;
        snprintf(path, sizeof path, "/proc/%d/statm", (int)list[i]);
        if (read_small(path, text, sizeof text))
            sscanf(text, "%*d %ld", &pages);
        fprintf(notes, "rank %.3f %d %ld %d\n", now(), (int)list[i], pages * (sysconf(_SC_PAGESIZE) / 1024),
                count_descriptors(list[i]));
    }
}

static void value(const char *text, const char *name, char *out, size_t size)
{
    char key[64];
    snprintf(key, sizeof key, "\"%s\":", name);
    const char *at = strstr(text, key);
    size_t n = 0;
    snprintf(out, size, "-");
    if (!at)
        return;
    for (at += strlen(key); *at == ' ' || *at == '"'; at++)
        ;
    while (n + 1 < size && *at && !strchr("\",}\n ", *at))
        out[n++] = *at++;
    out[n] = 0;
}

/* Of a generation that has just got its name. */
static void note_commit(const char *name)
{
    static char text[1 << 20];
    char path[PATH_MAX], step[32], samples[32], weights[64], momentum[64];
    snprintf(path, sizeof path, "%s/checkpoints/%.200s/manifest.json", run, name);
    if (!read_small(path, text, sizeof text)) {
        fprintf(notes, "unreadable %.3f %s\n", now(), name);
        return;
    }
    value(text, "step", step, sizeof step);
    value(text, "samples", samples, sizeof samples);
    value(text, "weights_hash", weights, sizeof weights);
    value(text, "momentum_hash", momentum, sizeof momentum);
    fprintf(notes, "commit %.3f %s %s %s %s\n", now(), step, weights, momentum, samples);
}

static void strike(pid_t pid, int signal)
{
    if (pid > 1 && kill(pid, signal) == 0)
        fprintf(notes, "fault %.3f %d %d\n", now(), signal, (int)pid);
}

static void fire(struct fault *f)
{
    pid_t list[MOST];
    const char *number = strchr(f->victim, ':');
    int count = find_ranks(list), wanted = number ? atoi(number + 1) : -1;
    if (!strncmp(f->victim, "mpirun", 6) || !strncmp(f->victim, "every", 5))
        strike(wanted, f->signal);
    if (strncmp(f->victim, "mpirun", 6))
        for (int i = 0; i < count; i++)
            if (strncmp(f->victim, "rank", 4) || rank_of(list[i]) == wanted)
                strike(list[i], f->signal);
    f->done++;
    f->signal = f->then;
    f->due = f->again > 0 && f->done < 2 ? now() + 1e-3 * (double)f->again : 0;
}

static void count_down(struct fault *f, const char *what)
{
    if (f->when && !strcmp(f->when, what) && f->count > 0 && --f->count == 0)
        f->due = now() + 1e-3 * (double)f->delay;
}

static void see(struct fault *f, const char *name)
{
    if (!strncmp(name, ".tmp-", 5)) {
        fprintf(notes, "begin %.3f\n", now());
        count_down(f, "begin");
    } else if (!strncmp(name, "step-", 5) && !strchr(name, '.')) {
        count_down(f, "commit");
        note_commit(name);
        note_ranks();
    }
    fflush(notes);
}

static void read_events(struct fault *f, int watch)
{
    _Alignas(struct inotify_event) char buffer[1 << 16];
    ssize_t size = read(watch, buffer, sizeof buffer);
    for (ssize_t at = 0; at < size;) {
        const struct inotify_event *e = (const void *)(buffer + at);
        at += (ssize_t)sizeof *e + e->len;
        if (e->len && !((e->mask & IN_CREATE) && !strncmp(e->name, "step-", 5)))
            see(f, e->name);
    }
}

int main(int argc, char **argv)
{
    char folder[PATH_MAX];
    struct fault f = {0};
    prctl(PR_SET_PDEATHSIG, SIGTERM); /* also when the harness is killed */
    int watch = inotify_init1(IN_CLOEXEC | IN_NONBLOCK), watched = -1;
    if ((argc != 4 && (argc < 9 || argc > 11)) || watch < 0 || !(notes = fopen(argv[2], "ae"))) {
        fprintf(stderr, "usage: ledger RUN NOTES PROGRAM [WHEN N DELAY-MS SIGNAL VICTIM [AGAIN-MS [AGAIN-SIGNAL]]]\n");
        return 64;
    }
    run = argv[1];
    program = argv[3];
    if (argc > 4)
        f = (struct fault){argv[4], argv[8], atol(argv[5]), atol(argv[6]), argc > 9 ? atol(argv[9]) : 0, atoi(argv[7]),
                           atoi(argv[argc > 10 ? 10 : 7]), 0, 0};
    if (f.when && !strcmp(f.when, "start"))
        f.due = now() + 1e-3 * (double)f.delay;
    snprintf(folder, sizeof folder, "%.4000s/checkpoints", run);
    for (;;) {
        if (watched < 0)
            watched = inotify_add_watch(watch, folder, IN_CREATE | IN_MOVED_TO);
        double left = f.due > 0 ? f.due - now() : 1;
        if (f.due > 0 && left <= 0) {
            fire(&f);
            fflush(notes);
            continue;
        }
        struct pollfd p = {watch, POLLIN, 0};
        int wait = watched < 0 ? 2 : left > 0.1 ? 100 : (int)(left * 1000); /* the last millisecond spins */
        if (poll(&p, 1, wait) > 0)
            read_events(&f, watch);
    }
}
