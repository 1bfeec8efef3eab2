/* bit bench --fit: what was measured goes into the machine's file; and company for a measurement on a full machine. */
#include <math.h>
#include <omp.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "bit/file.h"
#include "bit/machine.h"
#include "bench/bench.h"

void bench_model_options(const struct bench_options *o, union bit_any_head *head, struct bit_model_options *options)
{
    if (o->task == BENCH_DETECT)
        bit_detect_init(&head->detect, o->classes);
    else
        bit_classify_init(&head->classify, o->classes, BIT_SOFTMAX, NAN);
    *options = (struct bit_model_options){
        .depth = o->depth, .width = o->width, .head = &head->head, .norm = BIT_GROUP_NORM,
        .weight_standardization = true, .image_size = o->size, .micro_batch = o->micro_batch,
        .micro_batches = 1, .precision = o->precision, .training = !o->forward, .backend = o->backend};
}

int bench_fit_check(const char *path, struct bit_error *error)
{
    struct bit_machine machine;
    bool old = bit_file_exists(path);
    if (bit_machine_read(path, true, &machine, error) || bit_machine_write(path, &machine, error))
        return -1;
    if (!old)
        unlink(path);
    return 0;
}

int bench_fit_compute(const struct bench_options *o, double forward, double backward, double fixed, double update,
                      struct bit_error *error)
{
    struct bit_machine machine;
    struct bit_model_options options;
    union bit_any_head head;
    bench_model_options(o, &head, &options);
    struct bit_table *table = bit_model_make_table(&options, error);
    if (!table)
        return -1;
    struct bit_machine_compute compute = {
        .size = o->size, .micro_batch = o->micro_batch, .threads = o->threads, .processes = o->copies,
        .cores = omp_get_num_procs(), .flops_an_image = bit_plan_step_flops(&options), .parameters = (double)table->elements,
        .forward = forward, .backward = backward, .fixed = fixed, .update = update};
    bit_table_destroy(table);
    snprintf(compute.model, sizeof compute.model, "R%dx%d", o->depth, o->width);
    snprintf(compute.precision, sizeof compute.precision, "%s", o->precision == BIT_FLOAT32 ? "float32" : "bfloat16");
    snprintf(compute.backend, sizeof compute.backend, "%s", bit_backend_name(o->backend));
    return bit_machine_read(o->fit, true, &machine, error) || bit_machine_add(&machine, &compute, error) ||
           bit_machine_write(o->fit, &machine, error) ? -1 : 0;
}

int bench_fit_decode(const struct bench_options *o, double seconds, struct bit_error *error)
{
    struct bit_machine machine;
    if (bit_machine_read(o->fit, true, &machine, error))
        return -1;
    machine.decode = seconds;
    return bit_machine_write(o->fit, &machine, error);
}

size_t bench_company_start(int copies, void (*work)(const struct bench_options *options), const struct bench_options *o,
                           int *children)
{
    size_t started = 0;
    fflush(stdout);
    for (int i = 1; i < copies; i++) {
        pid_t child = fork();
        if (child == 0) {
            prctl(PR_SET_PDEATHSIG, SIGKILL);
            work(o);
            _exit(BIT_EENVIRONMENT); /* work never ends of itself, but for lack of memory */
        }
        if (child > 0)
            children[started++] = child;
    }
    return started;
}

int bench_company_end(const int *children, size_t count, struct bit_error *error)
{
    int result = 0;
    for (size_t i = 0; i < count; i++) {
        int status;
        kill(children[i], SIGKILL);
        if (waitpid(children[i], &status, 0) == children[i] && WIFEXITED(status))
            result = bit_fail(error, BIT_EENVIRONMENT, "one of the copies that measure at the same time ended early: is there "
                              "memory for all?");
    }
    return result;
}
