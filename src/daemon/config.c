/* bitd.conf: lines KEY = VALUE. */
#include <errno.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "bit/file.h"
#include "bit/host.h"
#include "bit/memory.h"
#include "daemon/daemon.h"
#include "daemon/place.h"
#include "daemon/slurm.h"

static int set_text(char *to, size_t size, const char *key, const char *value, struct bit_error *error)
{
    if (strlen(value) >= size)
        return bit_fail(error, BIT_EUSAGE, "%s: at most %zu characters", key, size - 1);
    strcpy(to, value);
    return 0;
}

static int set_folder(char *to, const char *key, const char *value, struct bit_error *error)
{
    const char *home = getenv("HOME");
    char path[PATH_MAX + 8];
    if (!strncmp(value, "~/", 2) && home) {
        snprintf(path, sizeof path, "%s/%s", home, value + 2);
        value = path;
    }
    if (*value != '/')
        return bit_fail(error, BIT_EUSAGE, "%s: expected an absolute path, found '%s'", key, value);
    return set_text(to, PATH_MAX, key, value, error);
}

static int set_number(double *to, const char *key, const char *value, double least, double most, struct bit_error *error)
{
    char *end;
    errno = 0;
    *to = strtod(value, &end);
    if (end == value || *end || errno || !(*to >= least && *to <= most))
        return bit_fail(error, BIT_EUSAGE, "%s: expected a number from %.0f to %.0f, found '%s'", key, least, most, value);
    return 0;
}

static int set_int(int *to, const char *key, const char *value, int least, int most, struct bit_error *error)
{
    double x;
    if (set_number(&x, key, value, least, most, error))
        return -1;
    *to = (int)x;
    return *to == x ? 0 : bit_fail(error, BIT_EUSAGE, "%s: expected a whole number, found '%s'", key, value);
}

static int set_flag(bool *to, const char *key, const char *value, struct bit_error *error)
{
    *to = !strcmp(value, "yes");
    return *to || !strcmp(value, "no") ? 0 : bit_fail(error, BIT_EUSAGE, "%s: expected yes or no, found '%s'", key, value);
}

/* Words with blanks between them, behind those that are there. */
static int add_words(char *list, size_t width, int *count, const char *key, const char *value, struct bit_error *error)
{
    char copy[4096], *rest = copy, *word;
    if (set_text(copy, sizeof copy, key, value, error))
        return -1;
    while ((word = strsep(&rest, " \t")))
        if (*word) {
            if (*count == CONFIG_WORDS || strlen(word) >= width)
                return bit_fail(error, BIT_EUSAGE, "%s: at most %d words of %zu characters", key, CONFIG_WORDS, width - 1);
            strcpy(list + (size_t)(*count)++ * width, word);
        }
    return 0;
}

static int add_host(struct daemon_config *c, const char *value, struct bit_error *error)
{
    struct config_host host;
    char rest;
    host.memory = 0;
    int got = sscanf(value, "%63s %d %lf %c", host.name, &host.cores, &host.memory, &rest);
    if ((got != 2 && got != 3) || host.cores < 1 || host.cores > 4096 || !(host.memory >= 0 && host.memory < 1e12))
        return bit_fail(error, BIT_EUSAGE, "host: expected NAME CORES or NAME CORES MEGABYTES, found '%s'", value);
    host.memory *= 1e6;
    if (c->hosts == CONFIG_HOSTS)
        return bit_fail(error, BIT_EUSAGE, "host: at most %d hosts", CONFIG_HOSTS);
    c->host[c->hosts++] = host;
    return 0;
}

static int fail_key(const char *key, struct bit_error *error)
{
    static const char *const names[] = {"state", "socket", "runs", "programs", "launch", "path", "listen", "allowed_hosts", "environment",
                                        "notify", "host", "engine", "slurm_partition", "slurm_account", "slurm_options",
                                        "slurm_cluster", "slurm_interval", "slurm_lead", "slurm_submissions", "budget", "keep_logs_days", "keep_generations_days", "keep_generations", "retention_seconds", "preempt_margin", "room_mb", "allow_root"};
    const char *near = bit_text_nearest(key, names, sizeof names / sizeof *names);
    return bit_fail(error, BIT_EUSAGE, "there is no key '%s'%s%s%s", key, near ? "; did you mean " : "", near ? near : "", near ? "?" : "");
}

static int set_engine(enum daemon_engine *to, const char *key, const char *value, struct bit_error *error)
{
    *to = !strcmp(value, "slurm") ? ENGINE_SLURM : ENGINE_LOCAL;
    return *to == ENGINE_SLURM || !strcmp(value, "local") ? 0 : bit_fail(error, BIT_EUSAGE, "%s: expected local or slurm, found '%s'", key, value);
}

/* Options of sbatch, behind those that are there: a later one counts. */
static int add_options(struct daemon_config *c, const char *key, const char *option, const char *value, struct bit_error *error)
{
    size_t used = strlen(c->slurm_options);
    int size = snprintf(c->slurm_options + used, sizeof c->slurm_options - used, "%s%s%s", used ? " " : "", option, value);
    if (size < 0 || (size_t)size >= sizeof c->slurm_options - used)
        return bit_fail(error, BIT_EUSAGE, "%s: at most %zu characters of options", key, sizeof c->slurm_options - 1);
    return slurm_options_check(c->slurm_options, error) ? bit_fail_at(error, "%s", key) : 0;
}

static int set_slurm(struct daemon_config *c, const char *key, const char *value, struct bit_error *error)
{
    if (!strcmp(key, "slurm_partition"))
        return add_options(c, key, "--partition=", value, error);
    if (!strcmp(key, "slurm_account"))
        return add_options(c, key, "--account=", value, error);
    if (!strcmp(key, "slurm_options"))
        return add_options(c, key, "", value, error);
    if (!strcmp(key, "slurm_cluster")) {
        if (strspn(value, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-") != strlen(value))
            return bit_fail(error, BIT_EUSAGE, "%s: expected the name of one cluster, found '%s'", key, value);
        return set_text(c->slurm_cluster, sizeof c->slurm_cluster, key, value, error);
    }
    if (!strcmp(key, "slurm_interval"))
        return set_int(&c->slurm_interval, key, value, 5, 600, error);
    if (!strcmp(key, "slurm_lead"))
        return set_int(&c->slurm_lead, key, value, 1, 65535, error);
    if (!strcmp(key, "slurm_submissions"))
        return set_int(&c->slurm_submissions, key, value, 1, 100000, error);
    return fail_key(key, error);
}

int config_set(struct daemon_config *c, const char *key, const char *value, struct bit_error *error)
{
    if (!strcmp(key, "state"))
        return set_folder(c->state, key, value, error);
    if (!strcmp(key, "socket"))
        return set_folder(c->socket, key, value, error);
    if (!strcmp(key, "runs"))
        return set_folder(c->runs, key, value, error);
    if (!strcmp(key, "programs"))
        return set_folder(c->programs, key, value, error);
    if (!strcmp(key, "launch"))
        return set_folder(c->launch, key, value, error);
    if (!strcmp(key, "notify"))
        return set_folder(c->notify, key, value, error);
    if (!strcmp(key, "path"))
        return set_text(c->path, sizeof c->path, key, value, error);
    if (!strcmp(key, "listen"))
        return set_text(c->listen, sizeof c->listen, key, value, error);
    if (!strcmp(key, "allowed_hosts"))
        return add_words(c->allowed[0], sizeof c->allowed[0], &c->allowed_count, key, value, error);
    if (!strcmp(key, "environment"))
        return add_words(c->environment[0], sizeof c->environment[0], &c->environment_count, key, value, error);
    if (!strcmp(key, "host"))
        return add_host(c, value, error);
    if (!strcmp(key, "engine"))
        return set_engine(&c->engine, key, value, error);
    if (!strncmp(key, "slurm_", 6))
        return set_slurm(c, key, value, error);
    if (!strcmp(key, "keep_logs_days"))
        return set_number(&c->keep_logs_days, key, value, 0, 100000, error);
    if (!strcmp(key, "keep_generations_days"))
        return set_number(&c->keep_generations_days, key, value, 0, 100000, error);
    if (!strcmp(key, "keep_generations"))
        return set_int(&c->keep_generations, key, value, 1, 1000000, error);
    if (!strcmp(key, "retention_seconds"))
        return set_number(&c->retention_seconds, key, value, 1, 1e6, error);
    if (!strcmp(key, "budget"))
        return set_int(&c->budget, key, value, 1, 1000, error);
    if (!strcmp(key, "preempt_margin"))
        return set_int(&c->margin, key, value, 0, 1000000, error);
    if (!strcmp(key, "room_mb")) {
        if (set_number(&c->room, key, value, 0, 1e9, error))
            return -1;
        c->room *= 1e6;
        return 0;
    }
    if (!strcmp(key, "allow_root"))
        return set_flag(&c->allow_root, key, value, error);
    return fail_key(key, error);
}

static char *trim(char *text)
{
    while (*text == ' ' || *text == '\t')
        text++;
    size_t size = strlen(text);
    while (size && strchr(" \t\r", text[size - 1]))
        text[--size] = 0;
    return text;
}

static int read_file(const char *path, struct daemon_config *c, struct bit_error *error)
{
    char *data, *rest, *line;
    size_t size;
    int result = 0, number = 0;
    if (bit_file_read(path, 1 << 20, &data, &size, error))
        return -1;
    rest = data;
    while (!result && (line = strsep(&rest, "\n"))) {
        char *key = trim(line), *value = strchr(key, '=');
        number++;
        if (!*key || *key == '#')
            continue;
        if (!value) {
            result = bit_fail(error, BIT_EUSAGE, "expected KEY = VALUE");
        } else {
            *value++ = 0;
            result = config_set(c, trim(key), trim(value), error);
        }
    }
    bit_free(data);
    return result ? bit_fail_at(error, "%s:%d", path, number) : 0;
}

static void default_folders(struct daemon_config *c)
{
    const char *state = getenv("XDG_STATE_HOME"), *home = getenv("HOME");
    struct passwd *user = home ? NULL : getpwuid(getuid());
    char self[PATH_MAX - 64] = "";
    home = home ? home : user ? user->pw_dir : "/";
    if (state && *state == '/')
        snprintf(c->state, sizeof c->state, "%.4000s/bitd", state);
    else
        snprintf(c->state, sizeof c->state, "%.4000s/.local/state/bitd", home);
    daemon_socket_path(c->socket, sizeof c->socket);
    snprintf(c->runs, sizeof c->runs, "%.4000s/runs", home);
    if (readlink("/proc/self/exe", self, sizeof self - 1) > 0 && strrchr(self, '/'))
        *strrchr(self, '/') = 0;
    snprintf(c->programs, sizeof c->programs, "%s", self);
    snprintf(c->launch, sizeof c->launch, "%s/bit-launch", self);
    if (access(c->launch, X_OK)) /* in a build folder of a checkout */
        snprintf(c->launch, sizeof c->launch, "%s/../launcher/bit-launch", self);
}

int config_read(const char *path, struct daemon_config *c, struct bit_error *error)
{
    char found[PATH_MAX];
    const char *config = getenv("XDG_CONFIG_HOME"), *home = getenv("HOME");
    memset(c, 0, sizeof *c);
    default_folders(c);
    snprintf(c->path, sizeof c->path, "/usr/local/bin:/usr/bin:/bin");
    c->budget = DAEMON_BUDGET;
    c->margin = 10;
    c->room = 200e6;
    c->keep_generations = 1;
    c->retention_seconds = 3600;
    c->slurm_interval = 30;
    c->slurm_lead = 120;
    c->slurm_submissions = 120;
    if (path)
        return read_file(path, c, error);
    snprintf(found, sizeof found, "%s%s/bit/bitd.conf", config ? config : home ? home : "", config ? "" : "/.config");
    if (bit_file_exists(found))
        return read_file(found, c, error);
    return bit_file_exists("/etc/bit/bitd.conf") ? read_file("/etc/bit/bitd.conf", c, error) : 0;
}
