/* Reading what Slurm's commands print. */
#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bit/text.h"
#include "daemon/slurm.h"

/* A whole number above 0 that ends at one of `ends` or with the text; -1: there is none. */
static int64_t number_at(const char *text, const char *ends)
{
    char *end;
    errno = 0;
    long long value = *text >= '0' && *text <= '9' ? strtoll(text, &end, 10) : -1;
    return value > 0 && !errno && (!*end || strchr(ends, *end)) ? value : -1;
}

static void copy_clean(char *to, size_t size, const char *from, size_t length)
{
    size_t n = 0;
    for (; n + 1 < size && n < length; n++)
        to[n] = (unsigned char)from[n] < 0x20 || from[n] == 0x7f ? '?' : from[n];
    to[n] = 0;
}

/* "bit-INSTANCE-ID": ID; -1: it is not ours. */
static int64_t job_of_name(const char *name, const char *instance)
{
    size_t size = strlen(instance);
    if (size == 0 || strncmp(name, "bit-", 4) != 0 || strncmp(name + 4, instance, size) != 0 || name[4 + size] != '-')
        return -1;
    return number_at(name + 4 + size + 1, "");
}

enum { FIELDS = 7 };

static bool take_line(const char *text, size_t length, const char *instance, struct slurm_line *line)
{
    const char *field[FIELDS];
    size_t size[FIELDS], at = 0;
    for (int f = 0; f < FIELDS; f++) {
        const char *end = f < FIELDS - 1 ? memchr(text + at, '|', length - at) : text + length;
        if (!end)
            return false;
        field[f] = text + at;
        size[f] = (size_t)(end - field[f]);
        at += size[f] + 1;
    }
    char name[128], number[32], comment[32], count[16];
    if (size[0] >= sizeof number || size[3] >= sizeof name || size[1] >= sizeof line->state)
        return false;
    *line = (struct slurm_line){0};
    copy_clean(number, sizeof number, field[0], size[0]);
    copy_clean(line->state, sizeof line->state, field[1], size[1]);
    copy_clean(comment, sizeof comment, field[2], size[2]);
    copy_clean(name, sizeof name, field[3], size[3]);
    copy_clean(count, sizeof count, field[4], size[4]);
    copy_clean(line->nodes, sizeof line->nodes, field[5], size[5]);
    copy_clean(line->reason, sizeof line->reason, field[6], size[6]);
    line->number = number_at(number, "");
    line->job = job_of_name(name, instance);
    int64_t attempt = number_at(comment, ""), nodes = number_at(count, "");
    line->node_count = nodes > 0 && nodes < 1000000 && size[4] < sizeof count ? (int)nodes : 0;
    line->attempt = attempt > 0 && attempt < 1000000000 && size[2] < sizeof comment ? (int)attempt : 0;
    return line->number > 0 && line->job > 0;
}

bool slurm_next_line(const char **text, const char *instance, struct slurm_line *line)
{
    while (**text) {
        const char *start = *text, *end = strchr(start, '\n');
        size_t length = end ? (size_t)(end - start) : strlen(start);
        *text = start + length + (end ? 1 : 0);
        if (end && take_line(start, length, instance, line)) /* a line that was cut off is no line */
            return true;
    }
    return false;
}

int64_t slurm_submitted(const char *text)
{
    static const char words[] = "Submitted batch job ";
    for (const char *at = text; at && *at; at = strchr(at, '\n'), at = at ? at + 1 : NULL) {
        bool said = !strncmp(at, words, sizeof words - 1);
        int64_t number = number_at(said ? at + sizeof words - 1 : at, said ? " \n\r" : ";\n\r");
        if (number > 0)
            return number;
    }
    return -1;
}

bool slurm_was_refused(int code, const char *text)
{
    static const char *const unsure[] = {"timed out", "Unable to contact", "ommunication", "Zero Bytes", "onnection", "Transport endpoint",
                                         "Unexpected message", "try again", "still be in"};
    if (code < 0)
        return false; /* it was killed in the midst of it */
    for (size_t i = 0; i < sizeof unsure / sizeof *unsure; i++)
        if (strstr(text, unsure[i]))
            return false;
    return strstr(text, "submission failed:") || !strstr(text, "sbatch:");
}

void slurm_last_line(const char *text, char *line, size_t size)
{
    const char *last = "", *next;
    size_t length = 0;
    for (; *text; text = next) {
        const char *end = strchr(text, '\n');
        size_t here = end ? (size_t)(end - text) : strlen(text);
        next = text + here + (end ? 1 : 0);
        if (here > strspn(text, " \t\r")) {
            last = text;
            length = here;
        }
    }
    copy_clean(line, size, last, length);
}

bool slurm_view_of(const char *state, enum slurm_view *view)
{
    static const struct { const char *state; enum slurm_view view; } known[] = {
        {"PENDING", SLURM_PENDING}, {"REQUEUED", SLURM_PENDING}, {"REQUEUE_HOLD", SLURM_PENDING}, {"REQUEUE_FED", SLURM_PENDING},
        {"SPECIAL_EXIT", SLURM_PENDING}, {"RESV_DEL_HOLD", SLURM_PENDING}, {"CONFIGURING", SLURM_PENDING},
        {"RUNNING", SLURM_RUNNING}, {"COMPLETING", SLURM_RUNNING}, {"SUSPENDED", SLURM_RUNNING}, {"STOPPED", SLURM_RUNNING},
        {"SIGNALING", SLURM_RUNNING}, {"STAGE_OUT", SLURM_RUNNING}, {"RESIZING", SLURM_RUNNING},
        {"COMPLETED", SLURM_ENDED}, {"CANCELLED", SLURM_ENDED}, {"FAILED", SLURM_ENDED}, {"TIMEOUT", SLURM_ENDED}, {"NODE_FAIL", SLURM_ENDED},
        {"PREEMPTED", SLURM_ENDED}, {"BOOT_FAIL", SLURM_ENDED}, {"DEADLINE", SLURM_ENDED}, {"OUT_OF_MEMORY", SLURM_ENDED}, {"REVOKED", SLURM_ENDED}};
    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        if (!strcmp(known[i].state, state)) {
            *view = known[i].view;
            return true;
        }
    return false;
}

bool slurm_is_held(const char *reason, bool has_run)
{
    return !strcmp(reason, "launch failed requeued held") || !strcmp(reason, "launch_failed_requeued_held") || !strcmp(reason, "JobHoldMaxRequeue") ||
           (has_run && !strcmp(reason, "JobHeldAdmin"));
}

void slurm_accounted(const char *text, const char *instance, int64_t job, char *state, size_t size)
{
    for (const char *at = text; at && *at; at = strchr(at, '\n'), at = at ? at + 1 : NULL) {
        char name[128], word[24];
        enum slurm_view view;
        size_t length = strcspn(at, "|\n");
        if (at[length] != '|' || length >= sizeof name)
            continue;
        copy_clean(name, sizeof name, at, length);
        const char *said = at + length + 1;
        copy_clean(word, sizeof word, said, strcspn(said, " |+\n")); /* "CANCELLED by 1000" */
        if (job_of_name(name, instance) == job && slurm_view_of(word, &view) && view == SLURM_ENDED)
            snprintf(state, size, "%s", word);
    }
}

bool slurm_options_have(const char *words, const char *name)
{
    size_t size = strlen(name);
    for (const char *at = words; *at; at += strcspn(at, " \t")) {
        at += strspn(at, " \t");
        if (!strncmp(at, name, size) && (!at[size] || strchr("= \t", at[size])))
            return true;
    }
    return false;
}

/* Nothing that names files, runs programs, sends mail, or changes what bitd relies on (name, comment, dependency, signal, output, requeue). */
bool slurm_option_is_known(const char *word)
{
    static const char *const known[] = {
        "--account", "--begin", "--cluster-constraint", "--constraint", "--core-spec", "--cores-per-socket", "--deadline", "--delay-boot",
        "--exclude", "--exclusive", "--gres", "--hint", "--licenses", "--mem", "--mem-per-cpu", "--network", "--nice", "--nodelist", "--nodes",
        "--ntasks-per-node", "--ntasks-per-socket", "--oversubscribe", "--partition", "--prefer", "--qos", "--reservation", "--sockets-per-node", "--spread-job", "--switches", "--threads-per-core", "--time", "--time-min", "--tmp", "--use-min-nodes"};
    size_t size = strcspn(word, "=");
    for (const char *c = word; *c; c++)
        if ((unsigned char)*c <= 0x20 || *c == 0x7f || strchr("\"'\\`$#|", *c))
            return false;
    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        if (strlen(known[i]) == size && !strncmp(known[i], word, size))
            return true;
    return false;
}

int slurm_options_check(const char *words, struct bit_error *error)
{
    char copy[STORE_WHY], *rest = copy, *word, shown[128];
    if (strlen(words) >= sizeof copy)
        return bit_fail(error, BIT_EUSAGE, "options of sbatch: at most %zu characters", sizeof copy - 1);
    strcpy(copy, words);
    while ((word = strsep(&rest, " \t")))
        if (*word && !slurm_option_is_known(word)) {
            bit_text_escape(shown, sizeof shown, word, "");
            return bit_fail(error, BIT_EUSAGE, "'%s' is not an option of sbatch that may be passed on: those of partition, account, time, memory, nodes "
                            "and the like may, one word each (--time=8:00:00)", shown);
        }
    return 0;
}
