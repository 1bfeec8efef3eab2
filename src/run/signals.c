#include "run/signals.h"

#include <signal.h>
#include <stddef.h>

#include "bit/comm.h"

static volatile sig_atomic_t save, stop;

/* While MPI starts nothing looks at `stop`: there a wish to stop has a time limit of its own. */
static void note(int number)
{
    if (number == SIGUSR1 || number == SIGCONT) {
        save = 1;
        return;
    }
    if (!stop)
        stop = number;
    bit_comm_hurry(number);
}

void signals_install(void)
{
    static const int numbers[] = {SIGUSR1, SIGCONT, SIGUSR2, SIGTERM, SIGINT};
    struct sigaction action = {.sa_handler = note, .sa_flags = SA_RESTART};
    struct sigaction ignore = {.sa_handler = SIG_IGN};
    sigemptyset(&action.sa_mask);
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++)
        sigaction(numbers[i], &action, NULL);
    sigaction(SIGPIPE, &ignore, NULL);
    sigaction(SIGXFSZ, &ignore, NULL); /* beyond the limit on a file's size: the write fails, and says so */
}

bool signals_save(void)
{
    return save;
}

void signals_saved(void)
{
    save = 0;
}

bool signals_stop(void)
{
    return stop;
}

int signals_number(void)
{
    return stop;
}

void signals_adopt(int number)
{
    if (!stop)
        stop = number;
}

const char *signals_name(void)
{
    int number = stop;
    return number == SIGTERM ? "TERM" : number == SIGINT ? "INT" : number == SIGUSR2 ? "USR2" : "";
}
