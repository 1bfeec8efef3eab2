/* bit submit: hands a job to bitd. */
#include <cjson/cJSON.h>
#include <limits.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

#include "bit/json.h"
#include "bit/memory.h"
#include "bit/sweep.h"
#include "bit/text.h"
#include "cli/cli.h"
#include "cli/client.h"

struct options {
    const char *ranks, *name, *out, *token, *engine, *sbatch, *socket;
    uint64_t threads;
    int priority;
    struct bit_option_list set, after;
    bool json;
};

#define AT(member) .at = offsetof(struct options, member)
static const struct bit_option known[] = {
    {"-n", "N|MIN-MAX", "ranks; MIN-MAX: as many as there is room for at each start (default 1)", BIT_OPTION_TEXT, AT(ranks)},
    {"--ranks", "N|MIN-MAX", NULL, BIT_OPTION_TEXT, AT(ranks)},
    {"--threads", "T", "threads, and so cores, of a rank (default: the job's; where that is 0, a host's cores shared out)", BIT_OPTION_COUNT, AT(threads), 1, 4096},
    {"--priority", "P", "larger starts earlier; an hour of waiting counts as one (default 0)", BIT_OPTION_INT, AT(priority), -1000000, 1000000},
    {"--after", "ID[:ok|:any]", "only after that job has ended, well (ok, the default) or in any way; may be repeated", BIT_OPTION_LIST, AT(after)},
    {"--name", "NAME", "letters, digits, '.', '_', '-' (default: the job's)", BIT_OPTION_TEXT, AT(name)},
    {"--out", "DIR", "folder of the run (default: runs/NAME)", BIT_OPTION_FILE, AT(out)},
    {"--set", "KEY=VALUE", "changes a key of the job; may be repeated", BIT_OPTION_LIST, AT(set)},
    {"--engine", "local|slurm", "where it runs: on bitd's own hosts, or as a job of Slurm's (default: as bitd is configured)", BIT_OPTION_TEXT, AT(engine)},
    {"--sbatch", "OPTIONS", "of a job that Slurm runs: options of sbatch, one word each ('--time=8:00:00 --partition=cpu')", BIT_OPTION_TEXT, AT(sbatch)},
    {"--token", "TEXT", "the same token again gives the job that the first made, and no second one", BIT_OPTION_TEXT, AT(token)},
    {"--socket", "FILE", "where bitd listens (default: BIT_SOCKET, else its own default)", BIT_OPTION_FILE, AT(socket)},
    {"--json", NULL, "prints the job as JSON", BIT_OPTION_FLAG, AT(json)},
};
const struct bit_usage bit_submit_usage = {
    "bit submit", "JOB.json",
    "Hands a job to bitd, which starts it when there is room, resumes it when something fails, and has it on disk when this command\n"
    "ends. The job is what the file says now; changing the file later changes nothing. A sweep (see bit help sweep) becomes a job that has\n"
    "one for each of its trials.",
    known, sizeof known / sizeof *known, .least = 1, .most = 1};

static int add_ranks(struct bit_text *t, const char *ranks, struct bit_error *error)
{
    unsigned least, most;
    char rest;
    if (!ranks)
        return 0;
    int got = sscanf(ranks, "%u-%u%c", &least, &most, &rest);
    if (got == 1 && strspn(ranks, "0123456789") == strlen(ranks))
        most = least;
    else if (got != 2)
        return bit_fail(error, BIT_EUSAGE, "-n %s: expected a number of ranks, or MIN-MAX", ranks);
    if (least < 1 || most < least)
        return bit_fail(error, BIT_EUSAGE, "-n %s: expected a number of ranks, or MIN-MAX", ranks);
    bit_text_add(t, ",\"ranks\":[%u,%u]", least, most);
    return 0;
}

static int add_needs(struct bit_text *t, const struct bit_option_list *after, struct bit_error *error)
{
    bit_text_add(t, ",\"after\":[");
    for (size_t i = 0; i < after->count; i++) {
        char word[64], *kind;
        int64_t id;
        snprintf(word, sizeof word, "%s", after->value[i]);
        kind = strchr(word, ':');
        if (kind)
            *kind++ = 0;
        if (client_id(word, &id, error))
            return bit_fail_at(error, "--after %s", after->value[i]);
        if (kind && strcmp(kind, "ok") != 0 && strcmp(kind, "any") != 0)
            return bit_fail(error, BIT_EUSAGE, "--after %s: expected ID, ID:ok or ID:any", after->value[i]);
        bit_text_add(t, "%s{\"id\":%lld,\"kind\":\"%s\"}", i ? "," : "", (long long)id, kind ? kind : "ok");
    }
    bit_text_add(t, "]");
    return 0;
}

/* For a request that may have to be sent a second time. */
static void make_token(char token[33])
{
    unsigned char random[16] = {0};
    if (getrandom(random, sizeof random, 0) < 0)
        snprintf((char *)random, sizeof random, "%ld", (long)getpid());
    for (int i = 0; i < 16; i++)
        snprintf(token + 2 * i, 3, "%02x", random[i]);
}

/* An absolute path of a folder that need not be there; "..", which bitd refuses, is resolved as far as the path exists. */
static int make_absolute(const char *path, const char *name, char out[PATH_MAX], struct bit_error *error)
{
    char folder[PATH_MAX], text[2 * PATH_MAX];
    if (!getcwd(folder, sizeof folder))
        return bit_fail_errno(error, BIT_EENVIRONMENT, "the current folder");
    if (!path)
        snprintf(text, sizeof text, "%s/runs/%s", folder, name);
    else
        snprintf(text, sizeof text, "%s%s%s", *path == '/' ? "" : folder, *path == '/' ? "" : "/", path);
    if (realpath(text, out))
        return 0;
    if (strlen(text) >= PATH_MAX)
        return bit_fail(error, BIT_EUSAGE, "--out %s is too long", text);
    strcpy(out, text);
    return 0;
}

/* text: of the job, or of the sweep, whole. */
static int build(const struct options *o, const char *path, const char *name, const char *text, struct bit_text *t, struct bit_error *error)
{
    char token[33], out[PATH_MAX], file[PATH_MAX];
    make_token(token);
    if (make_absolute(o->out, o->name ? o->name : name, out, error) || make_absolute(path, "", file, error))
        return -1;
    bit_text_add(t, "{\"job\":");
    bit_text_add_json(t, text);
    bit_text_add(t, ",\"file\":");
    bit_text_add_json(t, file);
    bit_text_add(t, ",\"out\":");
    bit_text_add_json(t, out);
    bit_text_add(t, ",\"token\":");
    bit_text_add_json(t, o->token ? o->token : token);
    if (o->name) {
        bit_text_add(t, ",\"name\":");
        bit_text_add_json(t, o->name);
    }
    if (o->engine) {
        bit_text_add(t, ",\"engine\":");
        bit_text_add_json(t, o->engine);
    }
    if (o->sbatch) {
        bit_text_add(t, ",\"options\":");
        bit_text_add_json(t, o->sbatch);
    }
    if (o->threads)
        bit_text_add(t, ",\"threads\":%llu", (unsigned long long)o->threads);
    bit_text_add(t, ",\"priority\":%d", o->priority);
    if (add_ranks(t, o->ranks, error) || add_needs(t, &o->after, error))
        return -1;
    bit_text_add(t, "}");
    return t->failed ? bit_fail(error, BIT_EENVIRONMENT, "out of memory: the submission") : 0;
}

static int print(const struct options *o, const cJSON *job)
{
    char *text = o->json ? cJSON_PrintUnformatted(job) : NULL;
    if (text)
        puts(text);
    else
        printf("job %lld: %s, %s; its folder: %s\n", (long long)bit_json_number(job, "id", 0), bit_json_string(job, "name", ""),
               bit_json_string(job, "state", ""), bit_json_string(job, "out", ""));
    free(text);
    return BIT_OK;
}

static int send_job(const struct options *o, const char *path, const char *name, const char *text)
{
    struct bit_error error = {0}, first = {0};
    struct bit_text t = {0};
    cJSON *answer = NULL;
    if (build(o, path, name, text, &t, &error) == 0) {
        /* Once more where the answer was lost: the token sees to it that there is one job. */
        answer = client_json(o->socket, "/api/v1/jobs", t.data, &first);
        if (!answer && first.code == BIT_EENVIRONMENT && !strstr(first.text, "no bitd answers"))
            answer = client_json(o->socket, "/api/v1/jobs", t.data, &error);
        else if (!answer)
            error = first;
    }
    int code = answer ? print(o, answer) : bit_cli_error(&error);
    cJSON_Delete(answer);
    bit_text_free(&t);
    return code;
}

static int send_sweep(const struct options *o, const char *path)
{
    struct bit_error error = {0};
    struct bit_sweep *sweep = bit_cli_sweep(path, o->set.value, o->set.count, &error);
    int code = sweep ? send_job(o, path, sweep->name, sweep->text) : (int)error.code;
    bit_sweep_destroy(sweep);
    return code;
}

int bit_cli_submit(int argc, char **argv)
{
    struct options o = {0};
    struct bit_operands operands;
    struct bit_error error = {0};
    int code;
    if (!bit_cli_parse(&bit_submit_usage, argc, argv, &o, &operands, &code))
        return code;
    const char *path = operands.word[0];
    if (bit_sweep_is_file(path))
        return send_sweep(&o, path);
    const struct bit_job *job = bit_cli_job(path, o.set.value, o.set.count, &error);
    code = job ? send_job(&o, path, job->name, job->canonical) : (int)error.code;
    bit_job_destroy(job);
    return code;
}
