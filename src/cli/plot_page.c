/* The page around the charts: style, numbers for the script, the script. */
#include <math.h>
#include <string.h>

#include "cli/plot.h"

static const char style[] =
    "body{font:15px/1.4 system-ui,sans-serif;margin:1.5rem auto;max-width:1520px;padding:0 1rem;color:#1b1f24;"
    "background:#fff}h1{font-size:1.4rem;margin:0}h2{font-size:1rem;margin:0}small{font-weight:400;color:#667}"
    "main{display:grid;grid-template-columns:repeat(auto-fit,minmax(min(100%,520px),1fr));gap:1.5rem;margin-top:1rem}"
    "svg{width:100%;height:auto;display:block}.grid{stroke:#8884;stroke-width:1}.tick{font-size:11px;fill:#667}"
    ".cursor{stroke:#8888}path{fill:none;stroke-width:1.5;stroke-linejoin:round}"
    ".key{font-size:13px;min-height:1.3em}.key span:before{content:'\\25A0  '}output{float:right;color:#667}"
    ":root{--c0:#2463b0;--c1:#c2541b;--c2:#2e8540;--c3:#8d4aa8;--c4:#a8810f;--c5:#667}"
    "@media(prefers-color-scheme:dark){body{background:#15181c;color:#dde}small,output{color:#99a}.tick{fill:#99a}"
    ":root{--c0:#6aa5ee;--c1:#f0915c;--c2:#6cc381;--c3:#c690dd;--c4:#dcb953;--c5:#99a}}";

/* Shows the values under the pointer, in all charts at once. */
static const char script[] =
    "const D=JSON.parse(document.getElementById('data').textContent);\n"
    "const S=[...document.querySelectorAll('svg[data-chart]')];\n"
    "const near=(xs,x)=>{let a=0,b=xs.length-1;while(b-a>1){const m=a+b>>1;xs[m]<x?a=m:b=m}"
    "return Math.abs(xs[a]-x)<=Math.abs(xs[b]-x)?a:b};\n"
    "const show=x=>{for(const s of S){const d=s.dataset,x0=+d.x0,x1=+d.x1,l=+d.left,r=+d.right;\n"
    " const p=l+(x-x0)/((x1-x0)||1)*(r-l),c=s.querySelector('.cursor');c.setAttribute('x1',p);c.setAttribute('x2',p);\n"
    " const t=[];let at;for(const v of D[d.chart]){if(!v.x.length)continue;const i=near(v.x,x);at=at===undefined?v.x[i]:at;\n"
    "  if(v.y[i]!=null)t.push(v.name+' '+(v.percent?(v.y[i]*100).toFixed(2)+'%':(+v.y[i].toPrecision(5))))}\n"
    " s.parentNode.querySelector('output').textContent='step '+at+': '+t.join(', ')}};\n"
    "for(const s of S)s.addEventListener('pointermove',e=>{const d=s.dataset,b=s.getBoundingClientRect(),\n"
    " p=(e.clientX-b.left)/b.width*s.viewBox.baseVal.width;\n"
    " show(+d.x0+(p-d.left)/(d.right-d.left)*(d.x1-d.x0))});\n";

void plot_add_escaped(struct bit_text *t, const char *text)
{
    for (const char *c = text; *c; c++) {
        const char *entity = *c == '&' ? "&amp;" : *c == '<' ? "&lt;" : *c == '>' ? "&gt;" : *c == '"' ? "&quot;" : NULL;
        if (entity)
            bit_text_add(t, "%s", entity);
        else
            bit_text_add(t, "%c", *c);
    }
}

void plot_add_base64(struct bit_text *text, const unsigned char *data, size_t size)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    char block[65];
    size_t used = 0;
    for (size_t i = 0; i < size; i += 3) {
        unsigned value = (unsigned)data[i] << 16 | (i + 1 < size ? (unsigned)data[i + 1] << 8 : 0) | (i + 2 < size ? data[i + 2] : 0);
        block[used++] = digits[value >> 18];
        block[used++] = digits[value >> 12 & 63];
        block[used++] = i + 1 < size ? digits[value >> 6 & 63] : '=';
        block[used++] = i + 2 < size ? digits[value & 63] : '=';
        if (used < 64 && i + 3 < size)
            continue;
        block[used] = 0;
        bit_text_add(text, "%s", block);
        used = 0;
    }
}

static void add_numbers(struct bit_text *t, const struct plot_table *table, enum plot_column column)
{
    bit_text_add(t, "[");
    for (size_t i = 0; i < table->count; i++) {
        double x = table->rows[i].at[column];
        if (isfinite(x))
            bit_text_add(t, i ? ",%.7g" : "%.7g", x);
        else
            bit_text_add(t, i ? ",null" : "null");
    }
    bit_text_add(t, "]");
}

static void add_steps(struct bit_text *t, const struct plot_table *table)
{
    bit_text_add(t, "[");
    for (size_t i = 0; i < table->count; i++)
        bit_text_add(t, i ? ",%.0f" : "%.0f", table->rows[i].at[PLOT_STEP]);
    bit_text_add(t, "]");
}

/* A JSON text within a script element, which a "</script>" in it would end. */
static void add_script_string(struct bit_text *t, const char *string)
{
    struct bit_text quoted = {0};
    bit_text_add_json(&quoted, string);
    for (const char *c = quoted.data ? quoted.data : "\"\""; *c; c++)
        bit_text_add(t, *c == '<' ? "\\u003c" : "%c", *c);
    bit_text_free(&quoted);
}

static void add_data(struct bit_text *t, const struct plot_chart *charts, size_t count)
{
    bit_text_add(t, "<script id=data type='application/json'>[");
    for (size_t i = 0; i < count; i++) {
        bit_text_add(t, i ? ",\n[" : "[");
        for (size_t j = 0; j < charts[i].curve_count; j++) {
            const struct plot_curve *curve = &charts[i].curves[j];
            bit_text_add(t, "%s{\"name\":", j ? "," : "");
            add_script_string(t, curve->name);
            bit_text_add(t, ",\"percent\":%s,\"x\":", charts[i].percent ? "true" : "false");
            add_steps(t, curve->table);
            bit_text_add(t, ",\"y\":");
            add_numbers(t, curve->table, curve->column);
            bit_text_add(t, "}");
        }
        bit_text_add(t, "]");
    }
    bit_text_add(t, "]</script>\n");
}

static void add_summary(struct bit_text *t, const struct plot_metrics *m)
{
    if (m->steps.count) {
        const struct plot_row *last = &m->steps.rows[m->steps.count - 1];
        bit_text_add(t, "step %.0f, epoch %.4g, loss %.4g", last->at[PLOT_STEP], last->at[PLOT_EPOCH],
                     last->at[PLOT_LOSS]);
    }
    if (m->metrics.count) {
        struct bit_metric best = m->metrics.item[0];
        char text[32];
        double step = 0;
        best.value = NAN;
        for (size_t i = 0; i < m->evaluations.count; i++) {
            const struct plot_row *row = &m->evaluations.rows[i];
            if (bit_metric_is_better(&best, row->at[PLOT_METRIC], best.value)) {
                best.value = row->at[PLOT_METRIC];
                step = row->at[PLOT_STEP];
            }
        }
        bit_metric_text(&best, text, sizeof text);
        if (!isnan(best.value)) {
            bit_text_add(t, "%sbest ", m->steps.count ? "; " : "");
            plot_add_escaped(t, best.title);
            bit_text_add(t, " %s at step %.0f", text, step);
        }
    }
    if (m->bad_lines)
        bit_text_add(t, "; %zu line%s could not be read", m->bad_lines, m->bad_lines == 1 ? "" : "s");
}

/* The metrics of one form as a chart: shares and plain numbers have scales of their own. */
static void fill_metrics(struct plot_chart *chart, const struct plot_metrics *m, enum bit_metric_form form)
{
    *chart = (struct plot_chart){.title = form == BIT_METRIC_SHARE ? "Validation" : "Validation, other numbers",
                                 .unit = form == BIT_METRIC_SHARE ? "of images" : "", .percent = form == BIT_METRIC_SHARE};
    for (int i = 0; i < m->metrics.count; i++)
        if (m->metrics.item[i].form == form)
            chart->curves[chart->curve_count++] = (struct plot_curve){m->metrics.item[i].title, &m->evaluations,
                                                                      (enum plot_column)(PLOT_METRIC + i)};
}

/* A curve for each number of images a class. */
static struct plot_chart probe_chart(const struct plot_metrics *m)
{
    struct plot_chart chart = {.title = "Probe", .unit = "of test images, by few images a class and regression; median over draws", .percent = 1};
    for (int i = 0; i < m->shot_count; i++)
        chart.curves[chart.curve_count++] = (struct plot_curve){m->shot_names[i], &m->probes, (enum plot_column)(PLOT_METRIC + i)};
    return chart;
}

void plot_page_begin(struct bit_text *t, const char *title, const char *more)
{
    bit_text_add(t, "<!DOCTYPE html>\n<html lang=en><head><meta charset=utf-8><meta name=viewport "
                 "content='width=device-width'><title>");
    plot_add_escaped(t, title);
    bit_text_add(t, "</title>\n<style>%s", style);
    for (int i = 0; i < BIT_METRICS; i++)
        bit_text_add(t, ".c%d{stroke:var(--c%d)}.f%d,.a%d{fill:var(--c%d)}.k%d{color:var(--c%d)}", i, i % 6, i, i, i % 6, i, i % 6);
    bit_text_add(t, "%s</style></head>\n<body><h1>", more);
    plot_add_escaped(t, title);
    bit_text_add(t, "</h1>");
}

void plot_page_end(struct bit_text *t, const struct plot_chart *charts, size_t count)
{
    add_data(t, charts, count);
    bit_text_add(t, "<script>\n%s</script></body></html>\n", script);
}

void plot_page(struct bit_text *t, const struct plot_metrics *m, const char *name)
{
    const struct plot_table *s = &m->steps, *e = &m->evaluations;
    struct plot_chart charts[] = {
        {"Loss", "mean over the batch", {{"training", s, PLOT_LOSS}, {"validation", e, PLOT_LOSS}}, 2, .from_zero = 1},
        {.title = ""}, {.title = ""}, /* the head's metrics: shares, numbers */
        probe_chart(m),
        {"Learning rate", "", {{"rate", s, PLOT_RATE}}, 1, .from_zero = 1, .may_be_log = 1},
        {"Speed", "images a second", {{"images/s", s, PLOT_SPEED}}, 1, .from_zero = 1},
        {"Gradient norm", "", {{"gradient", s, PLOT_GRADIENT_NORM}}, 1, .may_be_log = 1},
        {"Weight norm", "", {{"weights", s, PLOT_WEIGHT_NORM}}, 1, .may_be_log = 1},
        {"Time", "share of a step", {{"data", s, PLOT_DATA}, {"forward", s, PLOT_FORWARD},
          {"backward", s, PLOT_BACKWARD}, {"reduce", s, PLOT_REDUCE}, {"update", s, PLOT_UPDATE},
          {"checkpoint", s, PLOT_CHECKPOINT}}, 6, .stacked = 1, .percent = 1},
    };
    size_t count = sizeof charts / sizeof *charts;
    fill_metrics(&charts[1], m, BIT_METRIC_SHARE);
    fill_metrics(&charts[2], m, BIT_METRIC_NUMBER);
    plot_page_begin(t, name, "");
    bit_text_add(t, "<small>");
    add_summary(t, m);
    bit_text_add(t, "</small>\n<main>\n");
    for (size_t i = 0; i < count; i++)
        plot_chart_add(t, &charts[i], (int)i);
    bit_text_add(t, "</main>\n");
    plot_page_end(t, charts, count);
}
