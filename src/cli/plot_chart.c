/* One chart as SVG: axes, grid, curves; or areas stacked upon each other. */
#include <math.h>
#include <string.h>

#include "cli/plot.h"

enum { WIDTH = 720, HEIGHT = 260, LEFT = 64, RIGHT = 24, TOP = 12, BOTTOM = 30 };

struct frame { double x0, x1, y0, y1; int logarithmic; };

static double place_x(const struct frame *f, double x)
{
    double span = f->x1 > f->x0 ? f->x1 - f->x0 : 1;
    return LEFT + (x - f->x0) / span * (WIDTH - LEFT - RIGHT);
}

static double place_y(const struct frame *f, double y)
{
    double share = f->logarithmic ? log(y / f->y0) / log(f->y1 / f->y0) : (y - f->y0) / (f->y1 - f->y0);
    return HEIGHT - BOTTOM - share * (HEIGHT - TOP - BOTTOM);
}

/* 1, 2 or 5 times a power of ten, so that about `parts` of them make up the span. */
static double tick_of(double span, int parts)
{
    double raw = span / parts, power = pow(10, floor(log10(raw))), lead = raw / power;
    return power * (lead < 1.5 ? 1 : lead < 3.5 ? 2 : lead < 7.5 ? 5 : 10);
}

static double total_of(const struct plot_chart *c, size_t row)
{
    double sum = 0;
    for (size_t i = 0; i < c->curve_count; i++) {
        double y = c->curves[i].table->rows[row].at[c->curves[i].column];
        sum += isfinite(y) ? y : 0;
    }
    return sum;
}

static void widen(double x, double y, struct frame *f)
{
    if (!isfinite(x) || !isfinite(y))
        return;
    f->x0 = fmin(f->x0, x), f->x1 = fmax(f->x1, x);
    f->y0 = fmin(f->y0, y), f->y1 = fmax(f->y1, y);
}

/* False when there is nothing to draw. */
static int find_frame(const struct plot_chart *c, struct frame *f)
{
    *f = (struct frame){INFINITY, -INFINITY, INFINITY, -INFINITY, 0};
    for (size_t i = 0; i < c->curve_count; i++)
        for (size_t row = 0; row < c->curves[i].table->count; row++) {
            const struct plot_row *r = &c->curves[i].table->rows[row];
            widen(r->at[PLOT_STEP], r->at[c->curves[i].column], f);
            if (c->stacked && isfinite(r->at[c->curves[i].column]))
                widen(r->at[PLOT_STEP], total_of(c, row), f);
        }
    if (!(f->x1 >= f->x0))
        return 0;
    f->logarithmic = c->may_be_log && f->y0 > 0 && f->y1 / f->y0 > 50;
    if (f->logarithmic) {
        f->y0 = pow(10, floor(log10(f->y0)));
        f->y1 = pow(10, ceil(log10(f->y1)));
        return 1;
    }
    if (c->from_zero || c->stacked)
        f->y0 = fmin(f->y0, 0);
    double margin = f->y1 > f->y0 ? 0.04 * (f->y1 - f->y0) : fmax(fabs(f->y1) * 0.1, 1e-6);
    f->y1 += margin;
    f->y0 -= f->y0 == 0 ? 0 : margin;
    return 1;
}

static void add_line(struct bit_text *t, double y, double value, int percent)
{
    bit_text_add(t, "<line class=grid x1=%d x2=%d y1=%.1f y2=%.1f />", LEFT, WIDTH - RIGHT, y, y);
    bit_text_add(t, "<text class=tick x=%d y=%.1f text-anchor=end>%.4g%s</text>", LEFT - 6, y + 4,
                 percent ? value * 100 : value, percent ? "%" : "");
}

static void add_axes(struct bit_text *t, const struct plot_chart *c, const struct frame *f)
{
    if (f->logarithmic) {
        double step = pow(10, ceil(log10(f->y1 / f->y0) / 6));
        for (double y = f->y0; y <= f->y1 * 1.0001; y *= step)
            add_line(t, place_y(f, y), y, c->percent);
    } else {
        double step = tick_of(f->y1 - f->y0, 5);
        for (double y = ceil(f->y0 / step); y * step <= f->y1; y++)
            add_line(t, place_y(f, y * step), y == 0 ? 0 : y * step, c->percent);
    }
    double step = f->x1 > f->x0 ? tick_of(f->x1 - f->x0, 7) : 1;
    step = step < 1 ? 1 : step;
    for (double x = ceil(f->x0 / step); x * step <= f->x1; x++)
        bit_text_add(t, "<text class=tick x=%.1f y=%d text-anchor=middle>%.0f</text>", place_x(f, x * step),
                     HEIGHT - BOTTOM + 18, x * step);
}

/* A curve has gaps where numbers are missing; a number alone is drawn as a dot. */
static void add_curve(struct bit_text *t, const struct plot_curve *curve, size_t colour, const struct frame *f)
{
    const struct plot_table *table = curve->table;
    int pen = 0, dots = table->count <= 60;
    bit_text_add(t, "<path class=c%zu d='", colour);
    for (size_t i = 0; i < table->count; i++) {
        double y = table->rows[i].at[curve->column];
        if (isfinite(y))
            bit_text_add(t, "%s%.1f %.1f", pen ? "L" : "M", place_x(f, table->rows[i].at[PLOT_STEP]), place_y(f, y));
        pen = isfinite(y);
    }
    bit_text_add(t, "'/>");
    for (size_t i = 0; i < table->count && dots; i++)
        if (isfinite(table->rows[i].at[curve->column]))
            bit_text_add(t, "<circle class=f%zu r=2.5 cx=%.1f cy=%.1f />", colour,
                         place_x(f, table->rows[i].at[PLOT_STEP]), place_y(f, table->rows[i].at[curve->column]));
}

/* Curve `number` of a stack: the area between the sums without and with it. */
static void add_area(struct bit_text *t, const struct plot_chart *c, size_t number, const struct frame *f)
{
    struct plot_chart below = *c, with = *c;
    const struct plot_table *table = c->curves[number].table;
    below.curve_count = number;
    with.curve_count = number + 1;
    bit_text_add(t, "<path class=a%zu d='", number);
    for (size_t i = 0; i < table->count; i++)
        bit_text_add(t, "%s%.1f %.1f", i ? "L" : "M", place_x(f, table->rows[i].at[PLOT_STEP]),
                     place_y(f, total_of(&with, i)));
    for (size_t i = table->count; i-- > 0;)
        bit_text_add(t, "L%.1f %.1f", place_x(f, table->rows[i].at[PLOT_STEP]), place_y(f, total_of(&below, i)));
    bit_text_add(t, "Z'/>");
}

void plot_chart_add(struct bit_text *t, const struct plot_chart *c, int number)
{
    struct frame f;
    if (!find_frame(c, &f))
        return;
    bit_text_add(t, "<section><h2>%s <small>%s%s</small></h2><div class=key>", c->title, c->unit,
                 f.logarithmic ? ", logarithmic" : "");
    for (size_t i = 0; i < c->curve_count; i++) {
        bit_text_add(t, "<span class=k%zu>", i);
        plot_add_escaped(t, c->curves[i].name);
        bit_text_add(t, "</span> ");
    }
    bit_text_add(t, "<output></output></div>\n<svg viewBox='0 0 %d %d' data-chart=%d data-x0=%.17g data-x1=%.17g "
                 "data-left=%d data-right=%d role=img aria-label='%s'>", WIDTH, HEIGHT, number, f.x0, f.x1, LEFT,
                 WIDTH - RIGHT, c->title);
    add_axes(t, c, &f);
    for (size_t i = 0; i < c->curve_count; i++) {
        if (c->stacked)
            add_area(t, c, i, &f);
        else
            add_curve(t, &c->curves[i], i, &f);
    }
    bit_text_add(t, "<line class=cursor y1=%d y2=%d x1=-9 x2=-9 /></svg></section>\n", TOP, HEIGHT - BOTTOM);
}
