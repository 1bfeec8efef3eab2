/* Starting and ending MPI, and the group of all its ranks. */
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "bit/wait.h"
#include "comm/internal.h"
#include "comm/launcher.h"

enum { START_SECONDS = 1800 }; /* the default of watchdog.start_seconds: the job is not read yet */

static struct {
    bool up, threaded;
    MPI_Comm comm;
    struct bit_group group;
} world;

int bit_comm_check(int result, const char *what, struct bit_error *error)
{
    char text[MPI_MAX_ERROR_STRING] = "";
    int length = 0;
    if (result == MPI_SUCCESS)
        return 0;
    if (MPI_Error_string(result, text, &length) != MPI_SUCCESS)
        snprintf(text, sizeof text, "error %d", result);
    return bit_fail(error, BIT_EENVIRONMENT, "MPI could not %s: %s. A rank or the network was lost; start the job "
                    "again, it goes on from its last checkpoint", what, text);
}

/* Completes a collective without keeping the core busy: the others may be computing or writing a checkpoint on it. */
static int wait_for(MPI_Request *request, const char *what, struct bit_error *error)
{
    struct bit_wait wait = {.spin = 200e-6, .shortest = 20e-6, .longest = 1e-3};
    bit_wait_restart(&wait);
    for (;;) {
        int done = 0;
        if (bit_comm_check(MPI_Test(request, &done, MPI_STATUS_IGNORE), what, error))
            return -1;
        if (done)
            return 0;
        bit_sleep(bit_wait_pause(&wait));
    }
}

static int world_broadcast(struct bit_group *g, void *data, size_t bytes, int root, struct bit_error *error)
{
    (void)g;
    for (size_t at = 0; at < bytes;) {
        MPI_Request request;
        size_t count = bytes - at < INT_MAX ? bytes - at : (size_t)1 << 30;
        if (bit_comm_check(MPI_Ibcast((char *)data + at, (int)count, MPI_BYTE, root, world.comm, &request),
                           "broadcast", error) || wait_for(&request, "broadcast", error))
            return -1;
        at += count;
    }
    return 0;
}

/* A chunk of every rank's bytes lands at a stride of `bytes`: an MPI type with that extent says so. */
static int gather_chunk(const char *mine, char *all, size_t count, size_t bytes, struct bit_error *error)
{
    MPI_Datatype chunk, strided;
    MPI_Request request;
    int result = -1;
    if (bit_comm_check(MPI_Type_contiguous((int)count, MPI_BYTE, &chunk), "make a type", error))
        return -1;
    if (!bit_comm_check(MPI_Type_create_resized(chunk, 0, (MPI_Aint)bytes, &strided), "make a type", error)) {
        if (!bit_comm_check(MPI_Type_commit(&strided), "make a type", error) &&
            !bit_comm_check(MPI_Iallgather(mine, (int)count, MPI_BYTE, all, 1, strided, world.comm, &request),
                            "gather", error))
            result = wait_for(&request, "gather", error);
        MPI_Type_free(&strided);
    }
    MPI_Type_free(&chunk);
    return result;
}

static int world_gather(struct bit_group *g, const void *mine, size_t bytes, void *all, struct bit_error *error)
{
    enum { CHUNK = 1 << 28 };
    MPI_Request request;
    (void)g;
    if (bytes <= CHUNK) {
        if (bit_comm_check(MPI_Iallgather(mine, (int)bytes, MPI_BYTE, all, (int)bytes, MPI_BYTE, world.comm, &request),
                           "gather", error))
            return -1;
        return wait_for(&request, "gather", error);
    }
    for (size_t at = 0; at < bytes; at += CHUNK) {
        size_t count = bytes - at < CHUNK ? bytes - at : CHUNK;
        if (gather_chunk((const char *)mine + at, (char *)all + at, count, bytes, error))
            return -1;
    }
    return 0;
}

static const struct bit_group_operations operations = {world_broadcast, world_gather};

static int find_neighbours(struct bit_error *error)
{
    MPI_Comm node;
    if (bit_comm_check(MPI_Comm_split_type(world.comm, MPI_COMM_TYPE_SHARED, world.group.rank, MPI_INFO_NULL, &node),
                       "find the ranks of this machine", error))
        return -1;
    MPI_Comm_rank(node, &world.group.node_rank);
    MPI_Comm_size(node, &world.group.node_size);
    MPI_Comm_free(&node);
    return 0;
}

/* Over TCP, Open MPI asks the receiver before it sends more than 64 KB. Question and answer wait behind the data of other
 * messages, and meanwhile a link runs dry: four hosts reached 72 to 79 % of a line of 1 Gbit/s, and without asking 95 %,
 * all that plain TCP does. Receivers are ready, or hold back no more than the buckets on their way. */
static void prepare_transport(void)
{
#ifdef OPEN_MPI
    if (getenv("OMPI_MCA_btl_tcp_eager_limit") || getenv("OMPI_MCA_btl_tcp_max_send_size"))
        return;
    setenv("OMPI_MCA_btl_tcp_eager_limit", "1048576", 0);
    setenv("OMPI_MCA_btl_tcp_max_send_size", "1048576", 0);
#endif
}

/* Nobody watches a rank before it knows the others, and when one of them dies within MPI_Init, or never gets there, Open MPI 4.1 may
 * wait for ever: then SIGALRM ends the process. */
static char start_text[256];
static volatile sig_atomic_t starting, asked_to_stop; /* within MPI_Init; how often asked to stop there */

static void say_in_handler(const char *text)
{
    ssize_t ignored = write(STDERR_FILENO, text, strlen(text));
    (void)ignored;
}

static void start_is_late(int signal)
{
    (void)signal;
    if (asked_to_stop) {
        say_in_handler("bitrun: stopped as asked, while MPI was still starting; nothing had begun, run again\n");
        _exit(BIT_EAGAIN);
    }
    say_in_handler(start_text);
    _exit(BIT_ELATE);
}

void bit_comm_hurry(int signal)
{
    enum { GRACE = 10 };
    if (!starting)
        return;
    if (asked_to_stop) {
        if (signal == SIGTERM || signal == SIGINT)
            start_is_late(signal);
        return;
    }
    asked_to_stop = 1;
    unsigned left = alarm(GRACE);
    if (left && left < GRACE)
        alarm(left);
    if (signal == SIGTERM || signal == SIGINT)
        say_in_handler("bitrun: asked to stop while MPI is still starting: ends within 10 s, at once when asked again\n");
}

/* What SIGALRM did before goes to `old`. */
static void limit_start(struct sigaction *old)
{
    const char *text = getenv("BIT_START_SECONDS");
    struct sigaction mine = {.sa_handler = start_is_late};
    sigset_t alarms;
    char *end;
    long seconds = text ? strtol(text, &end, 10) : START_SECONDS;
    if (text && (*end || !*text || seconds < 0))
        seconds = START_SECONDS;
    if (seconds > INT_MAX)
        seconds = 0;
    snprintf(start_text, sizeof start_text, "bitrun: the ranks have not found each other within %ld s (BIT_START_SECONDS): one may have died "
             "or not begun, or the network between hosts does not work; start the job again, it goes on from its last checkpoint\n", seconds);
    sigemptyset(&alarms);
    sigaddset(&alarms, SIGALRM);
    sigaction(SIGALRM, &mine, old);
    pthread_sigmask(SIG_UNBLOCK, &alarms, NULL);
    alarm((unsigned)seconds); /* 0: no limit */
    starting = 1;
}

static void end_limit(const struct sigaction *old)
{
    struct sigaction now;
    starting = 0;
    alarm(0);
    if (sigaction(SIGALRM, NULL, &now) == 0 && now.sa_handler == start_is_late) /* otherwise it is MPI's by now */
        sigaction(SIGALRM, old, NULL);
}

static int connect_ranks(int *argc, char ***argv, struct bit_error *error)
{
    int level = MPI_THREAD_SINGLE;
    if (bit_comm_check(MPI_Init_thread(argc, argv, MPI_THREAD_MULTIPLE, &level), "start", error))
        return -1;
    world.up = true;
    if (level < MPI_THREAD_FUNNELED) {
        bit_comm_fini();
        return bit_fail(error, BIT_EENVIRONMENT, "this MPI library does not allow threads (it grants "
                        "MPI_THREAD_SINGLE, MPI_THREAD_FUNNELED is the least): use one built with thread support");
    }
    world.threaded = level == MPI_THREAD_MULTIPLE;
    MPI_Comm_set_errhandler(MPI_COMM_WORLD, MPI_ERRORS_RETURN);
    if (bit_comm_check(MPI_Comm_dup(MPI_COMM_WORLD, &world.comm), "make a communicator", error)) {
        bit_comm_fini();
        return -1;
    }
    MPI_Comm_set_errhandler(world.comm, MPI_ERRORS_RETURN);
    world.group = (struct bit_group){.operations = &operations, .context = &world};
    MPI_Comm_rank(world.comm, &world.group.rank);
    MPI_Comm_size(world.comm, &world.group.size);
    if (launcher_check(world.group.size, error) || find_neighbours(error)) {
        bit_comm_fini();
        return -1;
    }
    return 0;
}

int bit_comm_init(int *argc, char ***argv, struct bit_error *error)
{
    struct sigaction old;
    if (world.up)
        return bit_fail(error, BIT_EINTERNAL, "bit_comm_init: called twice");
    prepare_transport();
    limit_start(&old);
    int result = connect_ranks(argc, argv, error);
    end_limit(&old);
    return result;
}

void bit_comm_fini(void)
{
    if (!world.up)
        return;
    if (world.group.operations)
        MPI_Comm_free(&world.comm);
    MPI_Finalize();
    memset(&world, 0, sizeof world);
}

struct bit_group *bit_comm_world(void)
{
    return world.up ? &world.group : bit_group_self();
}

MPI_Comm bit_comm_of(const struct bit_group *group)
{
    return group->operations == &operations ? world.comm : MPI_COMM_NULL;
}

bool bit_comm_threaded(void)
{
    return world.threaded;
}

int bit_comm_swap(struct bit_group *g, const float *out, int to, float *in, int from, size_t count, struct bit_error *error)
{
    return bit_comm_check(MPI_Sendrecv(out, (int)count, MPI_FLOAT, to, 0, in, (int)count, MPI_FLOAT, from, 0, bit_comm_of(g),
                                       MPI_STATUS_IGNORE), "exchange messages", error);
}
