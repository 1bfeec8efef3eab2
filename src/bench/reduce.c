/* bit bench reduce: `bit` is no MPI program, so it starts bitrun --bench-reduce under mpirun and becomes that mpirun. */
#include <errno.h>
#include <limits.h>
#include <omp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "bit/memory.h"
#include "bit/model.h"
#include "bench/bench.h"
#include "bench/reduction.h"

enum { WORDS = 256 };

/* Beside this program, as built and as installed; else wherever the shell would find it. */
static const char *find_bitrun(char path[PATH_MAX])
{
    ssize_t length = readlink("/proc/self/exe", path, PATH_MAX - 16);
    if (length > 0) {
        path[length] = 0;
        char *slash = strrchr(path, '/');
        strcpy(slash ? slash + 1 : path, "bitrun");
        if (!access(path, X_OK))
            return path;
    }
    return strcpy(path, "bitrun");
}

static int count_elements(const struct bench_options *o, size_t *elements, struct bit_error *error)
{
    struct bit_model_options options;
    union bit_any_head head;
    bench_model_options(o, &head, &options);
    struct bit_table *table = bit_model_make_table(&options, error);
    *elements = table ? table->elements : 0;
    bit_table_destroy(table);
    return table ? 0 : -1;
}

struct words { char *word[WORDS]; int count; };

static void add(struct words *w, const char *word)
{
    if (w->count + 1 < WORDS)
        w->word[w->count++] = (char *)word;
}

/* MPIRUN may hold several words. Without options of the user's: ranks are not bound, and may be more than the cores. */
static void add_mpirun(struct words *w, const struct bench_options *o, char *mpirun, const char *ranks)
{
    bool open_mpi = !strcmp(BIT_MPI_KIND, "openmpi");
    char *rest;
    for (char *word = strtok_r(mpirun, " ", &rest); word; word = strtok_r(NULL, " ", &rest))
        add(w, word);
    add(w, "-n");
    add(w, ranks);
    if (open_mpi && geteuid() == 0)
        add(w, "--allow-run-as-root");
    if (!o->mpirun_count && open_mpi) {
        add(w, "--bind-to");
        add(w, "none");
        add(w, "--oversubscribe");
    } else if (!o->mpirun_count && !strcmp(BIT_MPI_KIND, "mpich")) {
        add(w, "-bind-to");
        add(w, "none");
    }
    for (int i = 0; i < o->mpirun_count; i++)
        add(w, o->mpirun_options[i]);
}

int bench_reduce(const struct bench_options *o)
{
    struct bit_error error = {0};
    struct words words = {.count = 0};
    char bitrun[PATH_MAX], ranks[16], threads[16], how[256 + PATH_MAX];
    const char *named = getenv("MPIRUN");
    char *mpirun = bit_copy_text(named && *named ? named : BIT_MPIRUN, &error);
    size_t elements;
    if (!mpirun || count_elements(o, &elements, &error))
        return bit_cli_error(&error);
    if (o->fit && !o->mpirun_count) { /* what each rank computes, all at once */
        struct bench_options step = *o;
        step.copies = o->ranks < BENCH_COPIES ? o->ranks : BENCH_COPIES;
        step.quiet = o->json; /* one object */
        int code = bench_step(&step);
        if (code)
            return code;
    }
    snprintf(ranks, sizeof ranks, "%d", o->ranks);
    snprintf(threads, sizeof threads, "%d", o->threads);
    reduction_options_write(&(struct reduction_options){.elements = elements, .bucket_elements = (size_t)o->bucket, .rounds = o->repeat,
        .threads = o->threads, .compute_seconds = o->seconds, .json = o->json, .fit = o->fit}, how, sizeof how);
    add_mpirun(&words, o, mpirun, ranks);
    add(&words, find_bitrun(bitrun));
    add(&words, "--bench-reduce");
    add(&words, how);
    setenv("OMP_NUM_THREADS", threads, 0);
    setenv("OMP_PROC_BIND", "false", 0);
    if (o->ranks * o->threads > omp_get_num_procs())
        setenv("OMP_WAIT_POLICY", "passive", 0);
    fflush(stdout);
    execvp(words.word[0], words.word);
    bit_fail_errno(&error, errno == ENOENT ? BIT_ENOINPUT : BIT_EENVIRONMENT, "cannot start %s (name another in MPIRUN)",
                   words.word[0]);
    bit_free(mpirun);
    return bit_cli_error(&error);
}
