/* The all-reduce of gradients: buckets are summed over the ranks by a thread of its own while the backward pass goes on. */
#include <errno.h>
#include <pthread.h>
#include <stdint.h>
#include <sys/prctl.h>
#include <time.h>

#include "bit/clock.h"
#include "bit/memory.h"
#include "bit/wait.h"
#include "comm/internal.h"

struct bit_reducer {
    struct bit_group *world;
    struct bit_share share;
    struct bit_exchange exchange; /* the thread's while `active`, else the caller's */
    bool comm_made, threaded;
    pthread_t thread;
    pthread_mutex_t lock;         /* of all below */
    pthread_cond_t wake, finished;
    bool quit, active, waiting;   /* a reduction is on; the caller stands in finish */
    bool lost;                    /* MPI failed: nothing may be called any more */
    size_t from;                  /* elements from here on are final */
    size_t next_start;            /* when `from` reaches this, another bucket may start; SIZE_MAX: none is left */
    struct bit_error error;
    struct bit_reducer_times times;
};

/* Two ways to wait for messages: while the caller computes on the same core, and while it waits for us. */
static const struct bit_wait relaxed = {.spin = 0, .shortest = 20e-6, .longest = 500e-6};
static const struct bit_wait eager = {.spin = 1e-3, .shortest = 10e-6, .longest = 50e-6};

static void wait_for_wake(struct bit_reducer *r, double seconds)
{
    struct timespec until;
    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_nsec += (long)(seconds * 1e9);
    until.tv_sec += until.tv_nsec / 1000000000;
    until.tv_nsec %= 1000000000;
    pthread_cond_timedwait(&r->wake, &r->lock, &until);
}

/* Called with the lock held, after an advance that achieved nothing. */
static void rest(struct bit_reducer *r, struct bit_wait *wait, bool *was_waiting)
{
    if (r->waiting != *was_waiting) {
        *wait = r->waiting ? eager : relaxed;
        *was_waiting = r->waiting;
        bit_wait_restart(wait);
    }
    double sleep = bit_wait_pause(wait);
    if (sleep > 0) {
        wait_for_wake(r, sleep);
    } else {
        pthread_mutex_unlock(&r->lock);
        bit_sleep(0);
        pthread_mutex_lock(&r->lock);
    }
}

static void note_next(struct bit_reducer *r)
{
    const struct bit_exchange *x = &r->exchange;
    r->next_start = x->next < x->buckets.count ? bit_bucket_edge(&x->buckets, x->next, 0) : SIZE_MAX;
}

/* The thread: sleeps until there is a bucket to move, then polls until none is on its way. */
static void *drive(void *argument)
{
    struct bit_reducer *r = argument;
    struct bit_wait wait = relaxed;
    bool was_waiting = false;
    prctl(PR_SET_TIMERSLACK, 1000UL, 0UL, 0UL, 0UL); /* or each short sleep lasts 50 us longer */
    pthread_mutex_lock(&r->lock);
    bit_wait_restart(&wait);
    while (!r->quit) {
        if (!r->active || !bit_exchange_has_work(&r->exchange, r->from)) {
            pthread_cond_wait(&r->wake, &r->lock);
            bit_wait_restart(&wait);
            continue;
        }
        double start = bit_clock_seconds();
        size_t from = r->from;
        struct bit_error error = {0};
        bool progress;
        pthread_mutex_unlock(&r->lock);
        int bad = bit_exchange_advance(&r->exchange, from, &progress, &error);
        pthread_mutex_lock(&r->lock);
        note_next(r);
        if (bad) {
            r->error = error;
            r->lost = true;
        }
        if (bad || bit_exchange_finished(&r->exchange)) {
            r->active = false;
            pthread_cond_signal(&r->finished);
        } else if (progress) {
            bit_wait_restart(&wait);
        } else {
            rest(r, &wait, &was_waiting);
        }
        r->times.busy += bit_clock_seconds() - start;
    }
    pthread_mutex_unlock(&r->lock);
    return NULL;
}

/* The same without a thread, until all is moved. */
static int drive_here(struct bit_reducer *r, size_t from, struct bit_error *error)
{
    struct bit_wait wait = eager;
    bit_wait_restart(&wait);
    while (!bit_exchange_finished(&r->exchange)) {
        bool progress;
        if (bit_exchange_advance(&r->exchange, from, &progress, error)) {
            r->lost = true;
            return -1;
        }
        if (progress)
            bit_wait_restart(&wait);
        else
            bit_sleep(bit_wait_pause(&wait));
    }
    return 0;
}

static int start_thread(struct bit_reducer *r, struct bit_error *error)
{
    errno = pthread_create(&r->thread, NULL, drive, r);
    if (errno)
        return bit_fail_errno(error, BIT_EENVIRONMENT, "cannot start the reduction's thread");
    r->threaded = true;
    return 0;
}

static int make_communicator(struct bit_reducer *r, struct bit_error *error)
{
    if (bit_comm_check(MPI_Comm_dup(bit_comm_of(r->world), &r->exchange.comm), "make a communicator", error))
        return -1;
    r->comm_made = true;
    MPI_Comm_set_errhandler(r->exchange.comm, MPI_ERRORS_RETURN);
    return 0;
}

struct bit_reducer *bit_reducer_create(struct bit_group *world, const struct bit_table *table,
                                       const struct bit_reducer_options *options, struct bit_error *error)
{
    size_t bucket_elements = options ? options->bucket_elements : 0;
    struct bit_buckets buckets = bit_buckets_make(table->elements, bucket_elements, world->size);
    struct bit_reducer *r = bit_allocate(1, sizeof *r, "the reduction", error);
    if (r) {
        pthread_condattr_t monotonic;
        pthread_condattr_init(&monotonic);
        pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
        pthread_mutex_init(&r->lock, NULL);
        pthread_cond_init(&r->wake, &monotonic);
        pthread_cond_init(&r->finished, NULL);
        pthread_condattr_destroy(&monotonic);
        r->world = world;
        if (world->size > 1 && bit_comm_of(world) == MPI_COMM_NULL)
            bit_fail(error, BIT_EINTERNAL, "bit_reducer_create: several ranks, and no MPI behind the group");
        else if (!bit_share_create(table, bucket_elements, world->rank, world->size, &r->share, error))
            bit_exchange_init(&r->exchange, &buckets, world->rank, error);
    }
    /* Whoever lacks memory must say so before the others wait for it. */
    if (world->size == 1 ? error->code != BIT_OK : bit_group_agree(world, error) != 0)
        goto bad;
    if (world->size == 1)
        return r;
    if (make_communicator(r, error) == 0 && bit_comm_threaded() && !(options && options->no_thread))
        start_thread(r, error);
    if (bit_group_agree(world, error))
        goto bad;
    return r;
bad:
    bit_reducer_destroy(r);
    return NULL;
}

void bit_reducer_destroy(struct bit_reducer *r)
{
    if (!r)
        return;
    if (r->threaded) {
        pthread_mutex_lock(&r->lock);
        r->quit = true;
        pthread_cond_signal(&r->wake);
        pthread_mutex_unlock(&r->lock);
        pthread_join(r->thread, NULL);
    }
    if (r->comm_made && !r->lost) /* freeing is collective: not with lost ranks */
        MPI_Comm_free(&r->exchange.comm);
    bit_exchange_free(&r->exchange);
    bit_share_destroy(&r->share);
    pthread_cond_destroy(&r->finished);
    pthread_cond_destroy(&r->wake);
    pthread_mutex_destroy(&r->lock);
    bit_free(r);
}

const struct bit_share *bit_reducer_share(const struct bit_reducer *r)
{
    return &r->share;
}

static int refuse(struct bit_reducer *r, struct bit_error *error)
{
    if (r->lost)
        return bit_fail(error, BIT_EENVIRONMENT, "%s", r->error.code ? r->error.text : "MPI failed before");
    return bit_fail(error, BIT_EINTERNAL, "reducer: a reduction was started and not finished");
}

int bit_reducer_start(struct bit_reducer *r, float *gradient, struct bit_error *error)
{
    pthread_mutex_lock(&r->lock);
    int bad = r->lost || r->active;
    if (!bad) {
        bit_exchange_start(&r->exchange, BIT_EXCHANGE_REDUCE, gradient);
        r->from = r->exchange.buckets.elements + 1; /* nothing is final yet */
        note_next(r);
        r->active = !bit_exchange_finished(&r->exchange);
        r->waiting = false;
    }
    pthread_mutex_unlock(&r->lock);
    return bad ? refuse(r, error) : 0;
}

void bit_reducer_ready(struct bit_reducer *r, size_t from)
{
    pthread_mutex_lock(&r->lock);
    if (from < r->from)
        r->from = from;
    if (r->active && r->threaded) {
        if (r->next_start != SIZE_MAX && r->from <= r->next_start)
            pthread_cond_signal(&r->wake);
    } else if (r->active && !r->lost && bit_exchange_has_work(&r->exchange, r->from)) {
        double start = bit_clock_seconds();
        bool progress;
        if (bit_exchange_advance(&r->exchange, r->from, &progress, &r->error))
            r->lost = true; /* finish tells */
        r->times.busy += bit_clock_seconds() - start;
    }
    pthread_mutex_unlock(&r->lock);
}

int bit_reducer_finish(struct bit_reducer *r, struct bit_error *error)
{
    double start = bit_clock_seconds();
    int bad = 0;
    bit_reducer_ready(r, 0);
    pthread_mutex_lock(&r->lock);
    if (r->threaded) {
        r->waiting = true;
        pthread_cond_signal(&r->wake);
        while (r->active)
            pthread_cond_wait(&r->finished, &r->lock);
        r->waiting = false;
    } else if (r->active) {
        bad = r->lost ? -1 : drive_here(r, 0, &r->error);
        r->active = false;
        r->times.busy += bit_clock_seconds() - start;
    }
    bad = bad || r->lost;
    r->times.exposed += bit_clock_seconds() - start;
    pthread_mutex_unlock(&r->lock);
    return bad ? refuse(r, error) : 0;
}

/* The caller has nothing else to do meanwhile, so it moves the data itself. */
int bit_reducer_gather(struct bit_reducer *r, float *block, struct bit_error *error)
{
    double start = bit_clock_seconds();
    if (r->lost || r->active)
        return refuse(r, error);
    bit_exchange_start(&r->exchange, BIT_EXCHANGE_GATHER, block);
    int result = drive_here(r, 0, error);
    r->times.busy += bit_clock_seconds() - start;
    r->times.exposed += bit_clock_seconds() - start;
    return result;
}

void bit_reducer_time(struct bit_reducer *r, struct bit_reducer_times *times)
{
    pthread_mutex_lock(&r->lock);
    *times = r->times;
    pthread_mutex_unlock(&r->lock);
    times->bytes = r->exchange.bytes;
}
