/* Hosts, Slurm, and bitd itself. */
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "bit/json.h"
#include "daemon/api.h"
#include "daemon/task.h"

enum { NUMBER = 17 };

/* ---- hosts ---- */

static void add_host(struct request *r, int h)
{
    static const char *const states[] = {"open", "draining"};
    const struct daemon_host *host = &r->daemon->host_list[h];
    const char *comma = "";
    bit_text_add(&r->text, "{\"name\":");
    bit_text_add_json(&r->text, host->name);
    bit_text_add(&r->text, ",\"cores\":%d,\"free\":%d,\"state\":\"%s\"", host->cores, hosts_free(r->daemon, h), states[host->state]);
    bit_json_add_member(&r->text, "since", host->since > 0 ? host->since : NAN, NUMBER);
    bit_text_add(&r->text, ",\"jobs\":[");
    for (const struct job *job = r->daemon->jobs; job; job = job->next)
        if (job->hosts[h]) {
            bit_text_add(&r->text, "%s%lld", comma, (long long)job->row.id);
            comma = ",";
        }
    bit_text_add(&r->text, "]}");
}

/* null where there is none. */
static void add_slurm(struct request *r)
{
    const struct daemon *d = r->daemon;
    char path[PATH_MAX];
    int running = 0, pending = 0;
    if (!environment_find(d, "squeue", path)) {
        bit_text_add(&r->text, "null");
        return;
    }
    for (const struct job *job = d->jobs; job; job = job->next) {
        pending += job->row.life.state == STATE_PENDING;
        running += job->row.engine == ENGINE_SLURM && (job->row.life.state == STATE_RUNNING || job->row.life.state == STATE_STOPPING);
    }
    bit_text_add(&r->text, "{\"default\":%s,\"running\":%d,\"pending\":%d", d->config.engine == ENGINE_SLURM ? "true" : "false", running, pending);
    bit_json_add_member(&r->text, "answered", d->slurm.answered > 0 ? d->slurm.answered : NAN, NUMBER);
    bit_json_add_member(&r->text, "silent", d->slurm.silent > 0 ? d->slurm.silent : NAN, NUMBER);
    bit_text_add(&r->text, "}");
}

void api_hosts(struct request *r)
{
    bit_text_add(&r->text, "{\"hosts\":[");
    for (int h = 0; h < r->daemon->hosts; h++) {
        bit_text_add(&r->text, h ? "," : "");
        add_host(r, h);
    }
    bit_text_add(&r->text, "],\"slurm\":");
    add_slurm(r);
    bit_text_add(&r->text, "}\n");
}

void api_set_host(struct request *r, const char *name, bool drain)
{
    struct bit_error error = {0};
    if (hosts_set_state(r->daemon, name, drain, &error)) {
        api_fail_error(r, &error);
        return;
    }
    for (int h = 0; h < r->daemon->hosts; h++)
        if (!strcmp(r->daemon->host_list[h].name, name))
            add_host(r, h);
    bit_text_add(&r->text, "\n");
}

/* ---- the daemon ---- */

/* How the page is reached: for bit page. */
static void add_ways(struct request *r)
{
    const struct daemon_config *c = &r->daemon->config;
    char path[PATH_MAX];
    bool is_any = !strncmp(c->listen, "0.0.0.0:", 8) || !strncmp(c->listen, "[::]:", 5);
    snprintf(path, sizeof path, "%.4000s/token", c->state);
    bit_text_add(&r->text, ",\"socket\":");
    bit_text_add_json(&r->text, c->socket);
    bit_text_add(&r->text, ",\"address\":");
    bit_text_add_json(&r->text, is_any && c->allowed_count ? c->allowed[0] : c->listen);
    bit_text_add(&r->text, ",\"token_file\":");
    bit_text_add_json(&r->text, *c->listen ? path : "");
}

void api_about(struct request *r)
{
    struct daemon *d = r->daemon;
    struct bit_error error = {0};
    int64_t counts[DAEMON_STATES];
    if (store_count_states(d->store, counts, &error)) {
        api_fail_error(r, &error);
        return;
    }
    bit_text_add(&r->text, "{\"version\":\"%s\",\"host\":", PACKAGE_VERSION);
    bit_text_add_json(&r->text, d->host);
    bit_text_add(&r->text, ",\"uid\":%u,\"pid\":%ld", (unsigned)getuid(), (long)getpid());
    bit_json_add_member(&r->text, "started", d->started, NUMBER);
    bit_json_add_member(&r->text, "now", daemon_now(), NUMBER);
    if (r->is_local)
        add_ways(r);
    bit_text_add(&r->text, ",\"states\":{");
    for (int s = 0; s < DAEMON_STATES; s++)
        bit_text_add(&r->text, "%s\"%s\":%lld", s ? "," : "", daemon_state_name((enum daemon_state)s), (long long)counts[s]);
    bit_text_add(&r->text, "},\"store_bytes\":%lld}\n", (long long)store_bytes(d->store));
}

void api_backup(struct request *r)
{
    struct daemon *d = r->daemon;
    struct bit_error error = {0};
    struct stat status = {0};
    char path[PATH_MAX];
    snprintf(path, sizeof path, "%.4000s/backup.db", d->config.state);
    if (store_is_dirty(d->store) && store_commit(d->store, &error))
        daemon_give_up(d, &error);
    if (store_backup(d->store, path, &error)) {
        api_fail_error(r, &error);
        return;
    }
    stat(path, &status);
    bit_text_add(&r->text, "{\"bytes\":%lld}\n", (long long)status.st_size);
}
