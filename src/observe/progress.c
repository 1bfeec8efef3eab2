#include "bit/observe.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "bit/clock.h"
#include "bit/log.h"

static const double DRAW_SECONDS = 0.2, LINE_SECONDS = 10, LIVE_LINE_SECONDS = 60, WINDOW_SECONDS = 2;

/* Whether what this process writes to stderr reaches a terminal. Under mpirun it is a pipe to the launcher, so the
 * launcher's own stderr is looked at; BIT_PROGRESS=live or plain has the last word. */
static bool is_terminal(void)
{
    const char *wish = getenv("BIT_PROGRESS");
    char link[64], target[256];
    if (wish)
        return !strcmp(wish, "live");
    if (isatty(STDERR_FILENO))
        return true;
    if (!getenv("OMPI_COMM_WORLD_SIZE") && !getenv("PMI_SIZE"))
        return false;
    snprintf(link, sizeof link, "/proc/%ld/fd/2", (long)getppid());
    ssize_t size = readlink(link, target, sizeof target - 1);
    if (size <= 0)
        return false;
    target[size] = 0;
    return !strncmp(target, "/dev/pts/", 9) || !strncmp(target, "/dev/tty", 8);
}

void bit_progress_start(struct bit_progress *p, bool quiet, uint64_t step, uint64_t steps, double epochs)
{
    *p = (struct bit_progress){.active = !quiet, .steps = steps, .epochs = epochs};
    p->live = p->active && is_terminal();
    p->lined = bit_clock_seconds();
    bit_progress_pause(p, step);
}

void bit_progress_pause(struct bit_progress *p, uint64_t step)
{
    p->window_start = bit_clock_seconds();
    p->window_step = step;
}

static void measure(struct bit_progress *p, uint64_t step, double now)
{
    double span = now - p->window_start;
    if (step <= p->window_step || (p->speed > 0 && span < WINDOW_SECONDS))
        return;
    double speed = (double)(step - p->window_step) / (span > 1e-9 ? span : 1e-9);
    /* The first steps say little; later ones move the figure slowly. */
    p->speed = p->speed > 0 ? 0.7 * p->speed + 0.3 * speed : speed;
    if (span >= WINDOW_SECONDS)
        bit_progress_pause(p, step);
}

static void describe(const struct bit_progress *p, const struct bit_progress_state *s, char *text, size_t size)
{
    char left[32];
    bit_clock_duration(p->speed > 0 ? (double)(p->steps - s->step) / p->speed : NAN, left, sizeof left);
    snprintf(text, size, "epoch %.2f/%.4g  step %llu/%llu  loss %.4f  rate %.3g  %.4g images/s  %s left", s->epoch,
             p->epochs, (unsigned long long)s->step, (unsigned long long)p->steps, s->loss, s->rate, p->speed * s->batch,
             left);
}

static void draw(struct bit_progress *p, const char *text)
{
    char line[512];
    int size = snprintf(line, sizeof line, "\r\033[K%s", text);
    ssize_t written = write(STDERR_FILENO, line, (size_t)size);
    (void)written;
    p->drawn = true;
    bit_log_live(1);
}

/* Soon after the start, then at a steady pace, and the last step. */
static bool line_is_due(const struct bit_progress *p, uint64_t step, double now)
{
    double pace = p->live ? LIVE_LINE_SECONDS : LINE_SECONDS;
    double wait = p->live ? pace : p->lines == 0 ? 0 : p->lines == 1 ? 1 : p->lines == 2 ? 3 : pace;
    return step == p->steps || now - p->lined >= wait;
}

void bit_progress_step(struct bit_progress *p, const struct bit_progress_state *s)
{
    char text[400];
    double now = bit_clock_seconds();
    if (!p->active)
        return;
    measure(p, s->step, now);
    bool line = line_is_due(p, s->step, now), redraw = p->live && now - p->drawn_at >= DRAW_SECONDS;
    if (!line && !redraw)
        return;
    describe(p, s, text, sizeof text);
    if (line) {
        bit_log(BIT_LOG_INFO, "%s", text);
        p->lined = now;
        p->lines++;
    }
    if (redraw) {
        draw(p, text);
        p->drawn_at = now;
    }
}

void bit_progress_end(struct bit_progress *p)
{
    if (p->drawn) {
        ssize_t written = write(STDERR_FILENO, "\r\033[K", 4);
        (void)written;
        bit_log_live(0);
        p->drawn = false;
    }
}
