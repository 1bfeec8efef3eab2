/* The subcommands of `bit`. Each gets its own arguments (argv[0] is its name) and returns the process's exit code. */
#ifndef BIT_CLI_H
#define BIT_CLI_H

#include "bit/error.h"
#include "bit/job.h"
#include "bit/options.h"
#include "bit/recipe.h"

int bit_cli_bench(int argc, char **argv);
int bit_cli_plan(int argc, char **argv);
int bit_cli_check(int argc, char **argv);
int bit_cli_ckpt(int argc, char **argv);
int bit_cli_coco(int argc, char **argv);
int bit_cli_end(int argc, char **argv);
int bit_cli_watch(int argc, char **argv);
int bit_cli_limits(int argc, char **argv);
int bit_cli_dedup(int argc, char **argv);
int bit_cli_thumbnail(int argc, char **argv);
int bit_cli_plot(int argc, char **argv);
int bit_cli_suite(int argc, char **argv);
int bit_cli_compare(int argc, char **argv);
int bit_cli_labels(int argc, char **argv);
int bit_cli_compose(int argc, char **argv);
int bit_cli_report(int argc, char **argv);
int bit_cli_predict(int argc, char **argv);
int bit_cli_embed(int argc, char **argv);
int bit_cli_probe(int argc, char **argv);

struct bit_command {
    const char *name;
    int (*run)(int argc, char **argv);
    const char *help;
    const struct bit_usage *usage;
};
extern const struct bit_usage bit_plan_usage, bit_check_usage, bit_bench_usage, bit_ckpt_usage, bit_end_usage, bit_watch_usage, bit_limits_usage,
    bit_plot_usage, bit_coco_usage, bit_compare_usage, bit_report_usage, bit_suite_usage, bit_predict_usage, bit_embed_usage,
    bit_probe_usage, bit_thumbnail_usage;
extern const struct bit_usage bit_dedup_usage;
extern const struct bit_usage bit_labels_usage, bit_compose_usage;
extern const struct bit_command bit_commands[];
extern const size_t bit_command_count;

/* Prints "bit: text" and returns the exit code of the error. */
int bit_cli_error(const struct bit_error *error);
/* Takes a command line apart; false when there is nothing left to do: help was printed (*code 0), or it was wrong and that was said. */
bool bit_cli_parse(const struct bit_usage *usage, int argc, char **argv, void *options, struct bit_operands *operands, int *code);
/* For what only the command itself can tell to be wrong in its command line: prints it, and returns exit code 64. */
int bit_cli_usage(const struct bit_usage *usage, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* Reads a job and prints all its problems; NULL with `error` when it has errors. */
const struct bit_job *bit_cli_job(const char *path, const char *const *overrides, size_t override_count,
                                  struct bit_error *error);
struct bit_sweep;
/* The same of a sweep. */
struct bit_sweep *bit_cli_sweep(const char *path, const char *const *overrides, size_t override_count, struct bit_error *error);
/* Settles what *job leaves open, in place, as a run on these data would; *images becomes the number that is trained on (few-shot). index:
 * the training images, or NULL where only their number is known. Nothing open: *job stays, without choices. -1 with `error`. */
int bit_cli_settle(const struct bit_job **job, const struct bit_index *index, uint64_t *images, int classes, struct bit_choices *choices,
                   struct bit_error *error);
/* Clients of bitd: in submit.c and queue.c. */
int bit_cli_submit(int argc, char **argv);
int bit_cli_status(int argc, char **argv);
int bit_cli_logs(int argc, char **argv);
int bit_cli_checkpoint(int argc, char **argv);
int bit_cli_pause(int argc, char **argv);
int bit_cli_resume(int argc, char **argv);
int bit_cli_cancel(int argc, char **argv);
int bit_cli_priority(int argc, char **argv);
int bit_cli_rerun(int argc, char **argv);
int bit_cli_queue(int argc, char **argv);
int bit_cli_hosts(int argc, char **argv);
int bit_cli_page(int argc, char **argv);
extern const struct bit_usage bit_page_usage;
extern const struct bit_usage bit_submit_usage, bit_status_usage, bit_logs_usage, bit_checkpoint_usage, bit_pause_usage, bit_resume_usage, bit_cancel_usage,
    bit_priority_usage, bit_rerun_usage, bit_queue_usage, bit_hosts_usage;
/* bit help states: the states of bitd's jobs and their causes. */
void bit_cli_help_states(void);
/* bit help sweep: how a job file becomes many jobs. */
void bit_cli_help_sweep(void);
/* Flushes stdout: a full disk or closed pipe must not pass for success. Returns `code`, or 74. */
int bit_cli_finish(int code);

#endif
