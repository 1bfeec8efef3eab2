/* reuse PID PROGRAM ARGUMENT...: runs a program under a process number of our choice (clone3 with set_tid: Linux 5.5, root); waits for its end.
 * 77: that number is taken, or we may not. */
#include <linux/sched.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

int main(int argc, char **argv)
{
    int status = 0;
    pid_t wanted = argc > 2 ? (pid_t)atoi(argv[1]) : 0;
    struct clone_args args = {.exit_signal = SIGCHLD, .set_tid = (uintptr_t)&wanted, .set_tid_size = 1};
    long pid = wanted > 0 ? syscall(SYS_clone3, &args, sizeof args) : -1;
    if (pid == 0) {
        execvp(argv[2], argv + 2);
        _exit(127);
    }
    if (pid < 0) {
        perror("reuse");
        return 77;
    }
    waitpid((pid_t)pid, &status, 0);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}
