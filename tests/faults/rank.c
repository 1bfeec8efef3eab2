/* Stands between mpirun and a program, to know what the program ended with, which mpirun tells of the first rank only:
 *   rank FILE PROGRAM [ARGUMENT]...
 * runs PROGRAM and appends "RANK PID exit CODE KB" or "RANK PID signal NUMBER KB" to FILE (KB: its peak of memory), then ends in
 * the same way. Signals to the process group reach both; this one ignores them. When it is killed, so is the program. With
 * FAULT_PRELOAD in the environment the program, not this one, is started with it in LD_PRELOAD; with FAULT_VARIABLE
 * (RANK:NAME=VALUE) one rank gets a variable more. */
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

static int rank(void)
{
    const char *value = getenv("OMPI_COMM_WORLD_RANK");
    value = value ? value : getenv("PMI_RANK");
    return value ? atoi(value) : 0;
}

static void start(char **program, pid_t parent)
{
    char *preload = getenv("FAULT_PRELOAD"), *variable = getenv("FAULT_VARIABLE"), *end;
    if (preload && *preload)
        setenv("LD_PRELOAD", preload, 1);
    if (variable && strtol(variable, &end, 10) == rank() && *end == ':')
        putenv(end + 1);
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != parent)
        raise(SIGKILL);
    execv(program[0], program);
    perror(program[0]);
    _exit(127);
}

static void note(const char *file, pid_t child, int status, long kilobytes)
{
    char line[128];
    int size = snprintf(line, sizeof line, "%d %ld %s %d %ld\n", rank(), (long)child,
                        WIFSIGNALED(status) ? "signal" : "exit",
                        WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status), kilobytes);
    int to = open(file, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0666);
    if (to < 0 || write(to, line, (size_t)size) != size)
        perror(file);
    close(to);
}

int main(int argc, char **argv)
{
    static const int ignored[] = {SIGTERM, SIGINT, SIGHUP, SIGUSR1, SIGUSR2, SIGCONT, SIGQUIT};
    struct rusage usage;
    pid_t self = getpid();
    int status;
    if (argc < 3) {
        fprintf(stderr, "usage: rank FILE PROGRAM [ARGUMENT]...\n");
        return 64;
    }
    pid_t child = fork();
    if (child < 0) {
        perror("fork");
        return 71;
    }
    if (child == 0)
        start(argv + 2, self);
    for (size_t i = 0; i < sizeof ignored / sizeof *ignored; i++)
        signal(ignored[i], SIG_IGN);
    while (wait4(child, &status, 0, &usage) != child)
        ;
    note(argv[1], child, status, usage.ru_maxrss);
    if (WIFSIGNALED(status)) {
        prctl(PR_SET_DUMPABLE, 0);
        signal(WTERMSIG(status), SIG_DFL);
        raise(WTERMSIG(status));
    }
    return WEXITSTATUS(status);
}
