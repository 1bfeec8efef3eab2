/* The processes below this one. As this process is a subreaper (prctl(2)), whatever loses its parent becomes its child, so that
 * following the parents finds all of them, and wait() finds none exactly when none is left. */
#include <dirent.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "daemon/keeper.h"

struct process {
    pid_t pid, parent;
    char state;
    unsigned long long start_ticks;
    bool is_ours;
};

/* Of /proc/PID/stat; the name in parentheses may hold anything. -1: there is no such process. */
static int read_process(pid_t pid, struct process *p)
{
    char path[64], text[1024];
    long parent;
    snprintf(path, sizeof path, "/proc/%ld/stat", (long)pid);
    FILE *file = fopen(path, "re");
    if (!file)
        return -1;
    size_t size = fread(text, 1, sizeof text - 1, file);
    fclose(file);
    text[size] = 0;
    const char *rest = strrchr(text, ')');
    if (!rest || sscanf(rest + 1, " %c %ld %*d %*d %*d %*d %*u %*u %*u %*u %*u %*u %*u %*d %*d %*d %*d %*d %*d %llu", &p->state,
                        &parent, &p->start_ticks) != 3)
        return -1;
    p->pid = pid;
    p->parent = (pid_t)parent;
    p->is_ours = false;
    return 0;
}

struct keeper_identity keeper_identity(pid_t pid)
{
    struct process p;
    struct keeper_identity identity = {pid, 0};
    if (read_process(pid, &p) == 0)
        identity.start_ticks = p.start_ticks;
    return identity;
}

static int compare_numbers(const void *a, const void *b)
{
    const struct process *p = a, *q = b;
    return (p->pid > q->pid) - (p->pid < q->pid);
}

/* All processes of the machine, those below this one marked. The caller frees. */
static struct process *read_family(size_t *count)
{
    struct process *list = NULL;
    size_t room = 0;
    *count = 0;
    DIR *folder = opendir("/proc");
    for (struct dirent *entry; folder && (entry = readdir(folder));) {
        long pid = strtol(entry->d_name, NULL, 10);
        if (pid <= 0)
            continue;
        if (*count == room) {
            struct process *more = realloc(list, (room += 256) * sizeof *list);
            if (!more)
                break;
            list = more;
        }
        *count += read_process((pid_t)pid, &list[*count]) == 0;
    }
    if (folder)
        closedir(folder);
    /* A child may have a smaller number than its parent: marked until nothing changes. */
    qsort(list, *count, sizeof *list, compare_numbers);
    pid_t self = getpid();
    for (bool more = true; more;) {
        more = false;
        for (size_t i = 0; i < *count; i++) {
            const struct process key = {.pid = list[i].parent}, *parent;
            if (list[i].is_ours)
                continue;
            parent = bsearch(&key, list, *count, sizeof *list, compare_numbers);
            list[i].is_ours = list[i].parent == self || (parent && parent->is_ours);
            more |= list[i].is_ours;
        }
    }
    return list;
}

/* A number may be another process's by now: the descriptor holds one process, whose start time is compared before it is signalled. */
static void send_signal(const struct process *p, int signal_number)
{
#ifdef SYS_pidfd_open
    int file = (int)syscall(SYS_pidfd_open, p->pid, 0);
    if (file >= 0) {
        if (keeper_identity(p->pid).start_ticks == p->start_ticks)
            syscall(SYS_pidfd_send_signal, file, signal_number, NULL, 0);
        close(file);
        return;
    }
    if (errno != ENOSYS && errno != EPERM)
        return;
#endif
    if (keeper_identity(p->pid).start_ticks == p->start_ticks)
        kill(p->pid, signal_number);
}

int keeper_signal_family(int signal_number)
{
    size_t count;
    int living = 0;
    struct process *list = read_family(&count);
    for (size_t i = 0; i < count; i++) {
        if (!list[i].is_ours)
            continue;
        living += list[i].state != 'Z';
        if (signal_number)
            send_signal(&list[i], signal_number);
        if (signal_number == SIGTERM)
            send_signal(&list[i], SIGCONT);
    }
    free(list);
    return living;
}

bool keeper_catches(pid_t pid, int signal_number)
{
    char path[64], line[256];
    unsigned long long mask = 0, both = 0;
    snprintf(path, sizeof path, "/proc/%ld/status", (long)pid);
    FILE *file = fopen(path, "re");
    while (file && fgets(line, sizeof line, file))
        if (sscanf(line, "SigIgn: %llx", &mask) == 1 || sscanf(line, "SigCgt: %llx", &mask) == 1)
            both |= mask;
    if (file)
        fclose(file);
    return both >> (signal_number - 1) & 1;
}

/* ---- shared memory ---- */

enum { SEGMENTS = 1024 };
static char segments[SEGMENTS][128];
static int segment_count;

static void note_segment(const char *path)
{
    static const char *const kinds[] = {"vader_segment.", "sm_segment.", "psm", "mpich_shar_tmp"};
    const char *name = path + strlen("/dev/shm/");
    size_t length = strcspn(path, "\n");
    bool is_segment = false;
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
        is_segment |= strncmp(name, kinds[i], strlen(kinds[i])) == 0;
    if (!is_segment || length >= sizeof segments[0] || segment_count == SEGMENTS)
        return;
    for (int i = 0; i < segment_count; i++)
        if (strncmp(segments[i], path, length) == 0 && segments[i][length] == 0)
            return;
    memcpy(segments[segment_count], path, length);
    segments[segment_count++][length] = 0;
}

void keeper_segments_note(void)
{
    size_t count;
    struct process *list = read_family(&count);
    for (size_t i = 0; i < count; i++) {
        char path[64], line[PATH_MAX + 128];
        if (!list[i].is_ours)
            continue;
        snprintf(path, sizeof path, "/proc/%ld/maps", (long)list[i].pid);
        FILE *file = fopen(path, "re");
        while (file && fgets(line, sizeof line, file)) {
            const char *found = strstr(line, " /dev/shm/");
            if (found)
                note_segment(found + 1);
        }
        if (file)
            fclose(file);
    }
    free(list);
}

void keeper_segments_remove(void)
{
    struct stat status;
    for (int i = 0; i < segment_count; i++)
        if (lstat(segments[i], &status) == 0 && status.st_uid == getuid() && S_ISREG(status.st_mode))
            unlink(segments[i]);
    segment_count = 0;
}
