#include "bit/trace.h"

#include <pthread.h>
#include <stdio.h>
#include <string.h>

#include "bit/memory.h"

enum { SPANS = 4096 /* of a ring: a power of two */, ROWS = 512 };

struct span { const char *name; long number; double start, end; };

/* One thread writes at `head`, the one that drains reads at `tail`. */
struct bit_trace_row {
    char name[32];
    bool told, owned; /* its name is in the timeline; a living thread's or nobody's in particular */
    atomic_uint head, tail, lost;
    struct span spans[SPANS];
};

atomic_bool bit_trace_on;

static struct {
    pthread_mutex_t lock; /* of all below */
    pthread_key_t key;    /* tells when a thread ends */
    bool keyed;
    struct bit_trace_row *rows[ROWS];
    int count;
} state = {.lock = PTHREAD_MUTEX_INITIALIZER};

static __thread struct { char name[32]; struct bit_trace_row *row; } mine = {.name = "main"};

static void name_row(char name[32], const char *text, int number)
{
    if (number < 0)
        snprintf(name, 32, "%s", text);
    else
        snprintf(name, 32, "%.20s %d", text, number);
}

static void disown(void *row)
{
    pthread_mutex_lock(&state.lock);
    ((struct bit_trace_row *)row)->owned = false;
    pthread_mutex_unlock(&state.lock);
}

/* A row of this name that nobody owns any more, or a new one. */
static struct bit_trace_row *take_row(const char *name)
{
    struct bit_trace_row *row = NULL;
    pthread_mutex_lock(&state.lock);
    for (int i = 0; i < state.count && !row; i++)
        if (!state.rows[i]->owned && !strcmp(state.rows[i]->name, name))
            row = state.rows[i];
    if (!row && state.count < ROWS && (row = bit_allocate(1, sizeof *row, "a timeline", NULL))) {
        snprintf(row->name, sizeof row->name, "%s", name);
        state.rows[state.count++] = row;
    }
    if (row)
        row->owned = true;
    pthread_mutex_unlock(&state.lock);
    return row;
}

static struct bit_trace_row *own_row(void)
{
    if (mine.row)
        return mine.row;
    mine.row = take_row(mine.name);
    pthread_mutex_lock(&state.lock);
    if (!state.keyed)
        state.keyed = !pthread_key_create(&state.key, disown);
    if (state.keyed)
        pthread_setspecific(state.key, mine.row);
    pthread_mutex_unlock(&state.lock);
    return mine.row;
}

void bit_trace_thread(const char *name, int number)
{
    name_row(mine.name, name, number);
}

struct bit_trace_row *bit_trace_row(const char *name, int number)
{
    char text[32];
    name_row(text, name, number);
    return take_row(text);
}

void bit_trace_record(struct bit_trace_row *row, const char *name, long number, double start)
{
    double end = bit_clock_seconds();
    if (!row && !(row = own_row()))
        return;
    unsigned head = atomic_load_explicit(&row->head, memory_order_relaxed);
    if (head - atomic_load_explicit(&row->tail, memory_order_acquire) == SPANS) {
        atomic_fetch_add(&row->lost, 1);
        return;
    }
    row->spans[head % SPANS] = (struct span){name, number, start, end};
    atomic_store_explicit(&row->head, head + 1, memory_order_release);
}

static void add_span(struct bit_text *t, const struct span *s, int rank, int row, double origin)
{
    bit_text_add(t, ",\n{\"name\":\"%s\",\"ph\":\"X\",\"pid\":%d,\"tid\":%d,\"ts\":%.3f,\"dur\":%.3f", s->name, rank, row,
                 1e6 * (s->start - origin), 1e6 * (s->end - s->start));
    if (s->number >= 0)
        bit_text_add(t, ",\"args\":{\"number\":%ld}", s->number);
    bit_text_add(t, "}");
}

static void drain_row(struct bit_trace_row *row, int rank, int number, double origin, struct bit_text *t)
{
    unsigned head = atomic_load_explicit(&row->head, memory_order_acquire), tail = atomic_load(&row->tail);
    if (head != tail && !row->told) {
        bit_text_add(t, ",\n{\"name\":\"thread_name\",\"ph\":\"M\",\"pid\":%d,\"tid\":%d,\"args\":{\"name\":\"%s\"}}", rank,
                     number, row->name);
        row->told = true;
    }
    for (; tail != head; tail++)
        add_span(t, &row->spans[tail % SPANS], rank, number, origin);
    atomic_store_explicit(&row->tail, tail, memory_order_release);
    unsigned lost = atomic_exchange(&row->lost, 0);
    if (lost) {
        const double now = bit_clock_seconds();
        add_span(t, &(struct span){"spans lost", (long)lost, now, now}, rank, number, origin);
    }
}

void bit_trace_drain(int rank, double origin, struct bit_text *text)
{
    pthread_mutex_lock(&state.lock);
    int count = state.count;
    pthread_mutex_unlock(&state.lock);
    for (int i = 0; i < count; i++) /* rows never move, nor go before bit_trace_clear */
        drain_row(state.rows[i], rank, i, origin, text);
}

void bit_trace_clear(void)
{
    atomic_store(&bit_trace_on, false);
    pthread_mutex_lock(&state.lock);
    for (int i = 0; i < state.count; i++)
        bit_free(state.rows[i]);
    state.count = 0;
    mine.row = NULL;
    if (state.keyed)
        pthread_key_delete(state.key);
    state.keyed = false;
    pthread_mutex_unlock(&state.lock);
}
