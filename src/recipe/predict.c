/* How long a step will take.
 *
 * step     = compute + exposed + gather + update / ranks
 * compute  = crowd * (fixed + M (forward + backward) + images * decode / threads) [+ cpu * bytes, where no core is free]
 *            as measured for a micro-batch, for M of them a rank; crowd: threads of a machine's ranks over its cores (1 where
 *            there are enough), relative to the same in the measurement. Passes measured at another network, size or micro-batch
 *            are scaled by arithmetic, fixed and update by the number of parameters. Images are decoded beside computing, for nothing
 *            where cores are free.
 * reduce   = G (1 - 1/r) / rate within a machine + G (1 - 1/H) / line between machines + latency * log2 ranks * buckets / window
 *            G bytes of gradients, r ranks on each of H machines: halving by neighbours first leaves each rank of a machine with
 *            its r-th part, and the r of them share the line. Beyond the ranks that were measured, ranks of a machine
 *            share what those moved together. gather: the same with its rates.
 * exposed  : buckets become ready in the last backward pass, from the end of the table, after the share of its arithmetic that
 *            lies behind them; each takes reduce / buckets and waits for the one before; what ends after the pass is exposed. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "bit/comm.h"
#include "bit/machine.h"
#include "recipe/recipe.h"

enum { BUCKET = BIT_BUCKET_DEFAULT, WINDOW = BIT_BUCKET_WINDOW };
static const double LATENCY = 20e-6; /* of a network that was not measured */

static bool same_network(const struct bit_machine_compute *c, const struct bit_job *job, const char *model)
{
    return !strcmp(c->model, model) && c->size == job->data.size && c->micro_batch == job->micro_batch;
}

/* How near a measurement comes to what the job does. */
struct nearness {
    bool network; /* measured with the job's network, image size and micro-batch */
    bool threads; /* measured with as many threads */
    bool no_busier; /* the cores were at most as busy as they will be */
    double load; /* threads a core in the measurement */
    double excess; /* load over that of the job */
};

/* Criteria in falling weight: network, threads, cores no busier than they will be; then the load nearest to the one to come. */
static bool is_nearer(const struct nearness *a, const struct nearness *b)
{
    if (a->network != b->network)
        return a->network;
    if (a->threads != b->threads)
        return a->threads;
    if (a->no_busier != b->no_busier)
        return a->no_busier;
    return a->no_busier ? a->load > b->load : a->excess < b->excess;
}

/* The measurement in the job's precision that is nearest to the job, the first of equals; NULL: none has that precision. The job
 * runs `here` processes of `threads` threads on a machine of `cores` cores (0: as many as the measured machine has). */
static const struct bit_machine_compute *choose(const struct bit_machine *m, const struct bit_job *job, int threads, int here,
                                                double cores)
{
    const struct bit_machine_compute *best = NULL;
    struct nearness nearest = {0};
    char model[16];
    snprintf(model, sizeof model, "R%dx%d", job->model.depth, job->model.width);
    for (int i = 0; i < m->computes; i++) {
        const struct bit_machine_compute *c = &m->compute[i];
        double load = (double)c->processes * c->threads / c->cores;
        double load_to_come = (double)here * threads / (cores > 0 ? cores : c->cores);
        struct nearness near = {same_network(c, job, model), c->threads == threads, load <= load_to_come * 1.001, load,
                                load / load_to_come};
        if (!strcmp(c->precision, job->precision) && (!best || is_nearer(&near, &nearest))) {
            nearest = near;
            best = c;
        }
    }
    return best;
}

static double crowd_of(int processes, int threads, double cores)
{
    return fmax(1, processes * threads / cores);
}

/* Arithmetic of a parameter's gradients, in proportion: its numbers times the pixels that its block works on. */
static double arithmetic(const struct bit_parameter *p, int size)
{
    static const double shrink[] = {2, 4, 8, 16, 32, 1e9}; /* root, blocks 1 to 4, head */
    double side = p->block >= 0 && p->block < 5 ? ceil(size / shrink[p->block]) : 1;
    return p->kind == BIT_KERNEL ? (double)p->count * side * side : 0;
}

/* What of the reduction is left after a backward pass of `backward` seconds. */
static double expose(const struct bit_table *table, int size, double backward, double reduce)
{
    size_t buckets = (table->elements + BUCKET - 1) / BUCKET, p = table->count;
    double all = 0, done = 0, end = 0;
    for (size_t i = 0; i < table->count; i++)
        all += arithmetic(&table->items[i], size);
    for (size_t b = 0; b < buckets; b++) {
        size_t from = table->elements > (b + 1) * BUCKET ? table->elements - (b + 1) * BUCKET : 0;
        while (p > 0 && (p == table->count || table->items[p].offset > from))
            done += arithmetic(&table->items[--p], size);
        end = fmax(end, backward * done / all) + reduce / (double)buckets;
    }
    return fmax(0, end - backward);
}

struct figures { double within, between; /* bytes: a rank's within its machine; a machine's to others */ };

static double moving(const struct figures *f, const struct bit_machine *m, int here, double within, double line)
{
    double shared = m->node.ranks && here > m->node.ranks ? (double)here / m->node.ranks : 1;
    return (f->within > 0 ? f->within * shared / within : 0) + (f->between > 0 ? f->between / line : 0);
}

static int check(const struct bit_machine *m, const struct bit_machine_compute *c, const struct bit_job *job, int here,
                 int nodes, double line, struct bit_error *error)
{
    if (!c)
        return bit_fail(error, BIT_EUSAGE, "--machine: computing in %s was not measured: bit bench step --precision %s --fit FILE",
                        job->precision, job->precision);
    if (here > 1 && !m->node.ranks)
        return bit_fail(error, BIT_EUSAGE, "--machine: ranks of one machine were not measured together: bit bench reduce --ranks %d "
                        "--fit FILE", here);
    if (nodes > 1 && !m->network.ranks && !(line > 0))
        return bit_fail(error, BIT_EUSAGE, "--machine: the network was not measured: bit bench reduce --ranks %d --fit FILE -- --host "
                        "A,B,...", nodes);
    return 0;
}

int bit_predict(const struct bit_plan *plan, const struct bit_machine *m, int ranks, int per_node, double cores,
                int micro_batches, double line, struct bit_prediction *p, struct bit_error *error)
{
    const struct bit_job *job = plan->recipe->job;
    const int threads = plan->recipe->threads;
    int here = per_node > 0 && per_node < ranks ? per_node : ranks, nodes = (ranks + here - 1) / here;
    const struct bit_machine_compute *c = choose(m, job, threads, here, cores);
    char model[16];
    if (check(m, c, job, here, nodes, line, error))
        return -1;
    cores = cores > 0 ? cores : c->cores;
    struct bit_table *table = bit_model_make_table(&plan->recipe->training_model, error);
    if (!table)
        return -1;
    snprintf(model, sizeof model, "R%dx%d", job->model.depth, job->model.width);
    *p = (struct bit_prediction){.ranks = ranks, .nodes = nodes, .micro_batches = micro_batches,
                                 .batch = ranks * micro_batches * job->micro_batch, .scaled = strcmp(c->model, model) != 0};
    double scale = plan->flops_an_image * job->micro_batch / (c->flops_an_image * c->micro_batch) * c->threads / threads;
    double parameters = (double)table->elements / c->parameters;
    double crowd = crowd_of(here, threads, cores) / crowd_of(c->processes, c->threads, c->cores);
    double bytes = (double)table->elements * sizeof(float), buckets = ceil((double)table->elements / BUCKET);
    const struct figures f = {.within = bytes * (1 - 1.0 / here), .between = bytes * (1 - 1.0 / nodes)};
    bool full = here * threads >= cores;
    double backward = crowd * scale * c->backward, latency;
    latency = nodes > 1 ? m->network.ranks ? m->network.latency : LATENCY : m->node.latency;
    double waiting = latency * log2(ranks) * buckets / WINDOW;

    p->line = line > 0 ? line : m->network.reduce;
    p->compute = crowd * (parameters * c->fixed + micro_batches * scale * (c->forward + c->backward));
    if (full) /* loaders and the reducer's thread need the cores, too */
        p->compute += crowd * micro_batches * job->micro_batch * m->decode / threads +
                      (f.within * m->node.cpu + f.between / here * m->network.cpu) * here / cores;
    p->reduce = ranks > 1 ? moving(&f, m, here, m->node.reduce, p->line) + waiting : 0;
    p->gather = ranks > 1 ? moving(&f, m, here, m->node.gather, line > 0 ? line : m->network.gather) + waiting : 0;
    p->exposed = expose(table, job->data.size, backward, p->reduce);
    p->update = crowd * parameters * c->update / ranks;
    p->step = p->compute + p->exposed + p->gather + p->update;
    p->images_per_second = p->batch / p->step;
    p->efficiency = (p->compute + p->update) / p->step;
    bit_table_destroy(table);
    return 0;
}

void bit_prediction_print(const struct bit_prediction *p, FILE *stream)
{
    fprintf(stream, "  predicted       %.4g s a step: computing %.4g, reduction %.3g (exposed %.3g), gathering %.3g, update %.3g\n",
            p->step, p->compute, p->reduce, p->exposed, p->gather, p->update);
    fprintf(stream, "                  %.2f images/s; %.1f %% of the step is not waiting for other ranks%s\n", p->images_per_second,
            100 * p->efficiency, p->scaled ? "; computing scaled from another network" : "");
}

void bit_prediction_json(const struct bit_prediction *p, struct bit_text *t)
{
    bit_text_add(t, "{\"ranks\":%d,\"nodes\":%d,\"batch\":%d,\"line_bytes_per_second\":%.9g,\"compute_seconds\":%.9g,"
                 "\"reduce_seconds\":%.9g,\"exposed_seconds\":%.9g,\"gather_seconds\":%.9g,\"update_seconds\":%.9g,"
                 "\"step_seconds\":%.9g,\"images_per_second\":%.9g,\"efficiency\":%.6g,\"scaled\":%s}", p->ranks, p->nodes, p->batch,
                 p->line, p->compute, p->reduce, p->exposed, p->gather, p->update, p->step, p->images_per_second, p->efficiency,
                 p->scaled ? "true" : "false");
}
