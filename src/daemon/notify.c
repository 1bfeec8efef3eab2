/* The notify program: started with JSON on its standard input when a job ends or is held; it has ten seconds. */
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "bit/log.h"
#include "bit/memory.h"
#include "daemon/daemon.h"

/* A grandchild does the waiting, so that neither a slow program nor its end is bitd's business. In the child: only system calls. */
static void become_program(const struct daemon *d, const char *text, size_t size)
{
    char *words[] = {(char *)d->config.notify, NULL}, path[sizeof d->config.path + 8] = "PATH=", *variables[] = {path, NULL};
    sigset_t none;
    int ends[2];
    strcat(path, d->config.path);
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    if (fork() != 0)
        _exit(0);
    setsid();
    alarm(10); /* kept by what is run */
    if (pipe(ends) || fcntl(ends[1], F_SETPIPE_SZ, 1 << 16) < 0 || write(ends[1], text, size) != (ssize_t)size)
        _exit(126);
    close(ends[1]);
    if (dup2(ends[0], 0) != 0 || chdir("/"))
        _exit(126);
    execve(d->config.notify, words, variables);
    _exit(127);
}

void notify_job(struct daemon *d, const struct job *job)
{
    struct bit_text t = {0};
    if (!*d->config.notify)
        return;
    json_job(&t, &job->row, NULL);
    bit_text_add(&t, "\n");
    pid_t pid = t.failed || t.size > 60000 ? -1 : fork();
    if (pid == 0)
        become_program(d, t.data, t.size);
    if (pid < 0)
        bit_log(BIT_LOG_ERROR, "cannot start %s", d->config.notify);
    else
        waitpid(pid, NULL, 0);
    bit_text_free(&t);
}
