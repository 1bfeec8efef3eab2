/* bit page: the way to the page of bitd. */
#include <cjson/cJSON.h>
#include <limits.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "bit/json.h"
#include "cli/cli.h"
#include "cli/client.h"

struct options { const char *socket; int port; bool json; };
#define AT(member) .at = offsetof(struct options, member)
static const struct bit_option known[] = {
    {"--port", "N", "port of your own machine that the command for ssh uses (default 8080)", BIT_OPTION_INT, AT(port), 1, 65535},
    {"--json", NULL, "as JSON", BIT_OPTION_FLAG, AT(json)},
    {"--socket", "FILE", "where bitd listens (default: BIT_SOCKET, else its own default)", BIT_OPTION_FILE, AT(socket)},
};
const struct bit_usage bit_page_usage = {
    "bit page", "", "How to see the page of bitd in a browser: jobs, curves, sweeps. Prints an address to open, or the command that leads to one.\n"
    "With a TCP address (listen in bitd.conf) the address holds the token, which is as good as a password: hand it on to nobody.",
    known, sizeof known / sizeof *known, .least = 0, .most = 0};

/* The first line of a file without its end; false where it cannot be read. */
static bool read_line(const char *path, char *line, size_t size)
{
    FILE *file = *path ? fopen(path, "re") : NULL;
    bool got = file && fgets(line, (int)size, file);
    if (file)
        fclose(file);
    if (got)
        line[strcspn(line, "\n")] = 0;
    return got && *line;
}

/* Whether an address answers on this machine alone. */
static bool is_loopback(const char *address) { return !strncmp(address, "127.", 4) || !strncmp(address, "[::1]", 5) || !strncmp(address, "localhost:", 10); }

static void print_tcp(const char *host, const char *address, const char *token)
{
    const char *port = strrchr(address, ':');
    printf("Open in a browser%s:\n\n    http://%s/#token=%s\n\n", is_loopback(address) ? " on this machine" : "", address, token);
    if (is_loopback(address) && port)
        printf("From another machine, leave this running there and open the same address:\n\n    ssh -N -L %s:%s %s\n\n", port + 1, address, host);
    printf("The token is as good as a password; it leaves the address as soon as the page has it.\n");
}

static void print_socket(const char *host, const char *socket, int port)
{
    const char *user = getenv("USER");
    printf("bitd listens on a Unix socket, which browsers cannot open by themselves. On the machine where your browser is, leave this running:\n\n"
           "    ssh -N -L %d:%s %s%s%s\n\nand open\n\n    http://localhost:%d/\n\n", port, socket, user ? user : "", user ? "@" : "", host, port);
    printf("Whoever can reach port %d there can do what you can do here; on a machine that others use, too, take a TCP address with a token:\n"
           "start bitd with --set listen=127.0.0.1:%d, and bit page prints its address.\n", port, port);
    printf("Without a browser: bit status, bit status ID --watch, bit logs ID -f.\n");
}

static void print_json(const char *host, const char *listen, const char *token, const char *socket)
{
    cJSON *json = cJSON_CreateObject();
    char address[512];
    snprintf(address, sizeof address, "http://%.200s/#token=%.200s", listen, token);
    cJSON_AddStringToObject(json, "host", host);
    cJSON_AddStringToObject(json, "socket", socket);
    if (*listen)
        cJSON_AddStringToObject(json, "address", address);
    else
        cJSON_AddNullToObject(json, "address");
    char *text = cJSON_PrintUnformatted(json);
    puts(text ? text : "");
    free(text);
    cJSON_Delete(json);
}

int bit_cli_page(int argc, char **argv)
{
    struct options o = {.port = 8080};
    struct bit_operands operands;
    struct bit_error error = {0};
    char token[256] = "";
    int code = BIT_OK;
    if (!bit_cli_parse(&bit_page_usage, argc, argv, &o, &operands, &code))
        return code;
    cJSON *about = client_json(o.socket, "/api/v1/about", NULL, &error);
    if (!about)
        return bit_cli_error(&error);
    const char *host = bit_json_string(about, "host", "localhost"), *listen = bit_json_string(about, "address", "");
    const char *socket = bit_json_string(about, "socket", "");
    if (*listen && !read_line(bit_json_string(about, "token_file", ""), token, sizeof token)) {
        bit_fail(&error, BIT_EENVIRONMENT, "cannot read the token in %s", bit_json_string(about, "token_file", ""));
        code = bit_cli_error(&error);
    } else if (o.json) {
        print_json(host, listen, token, socket);
    } else if (*listen) {
        print_tcp(host, listen, token);
    } else {
        print_socket(host, socket, o.port);
    }
    cJSON_Delete(about);
    return code;
}
