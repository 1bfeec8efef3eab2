/* Asking bitd: HTTP over its Unix socket, by libcurl. */
#include "cli/client.h"

#include <cjson/cJSON.h>
#include <curl/curl.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bit/json.h"
#include "bit/memory.h"
#include "daemon/place.h"

enum { ANSWER_LIMIT = 64 << 20, SECONDS = 60 };

static size_t take_body(char *data, size_t one, size_t count, void *context)
{
    struct client_answer *answer = context;
    size_t size = one * count;
    char *grown = answer->size + size > ANSWER_LIMIT ? NULL : realloc(answer->text, answer->size + size + 1);
    if (!grown)
        return 0;
    memcpy(grown + answer->size, data, size);
    answer->text = grown;
    answer->size += size;
    answer->text[answer->size] = 0;
    return size;
}

static size_t take_header(char *data, size_t one, size_t count, void *context)
{
    static const char name[] = "Bit-Next:";
    struct client_answer *answer = context;
    size_t size = one * count;
    char copy[64];
    if (size > sizeof name && size < sizeof copy && !strncasecmp(data, name, sizeof name - 1)) {
        memcpy(copy, data, size);
        copy[size] = 0;
        answer->next = strtoll(copy + sizeof name - 1, NULL, 10);
    }
    return size;
}

static const char *find_socket(const char *given, char *buffer, size_t size)
{
    if (given)
        return given;
    if (getenv("BIT_SOCKET"))
        return getenv("BIT_SOCKET");
    daemon_socket_path(buffer, size);
    return buffer;
}

static int fail(CURLcode code, const char *socket, struct bit_error *error)
{
    if (code == CURLE_COULDNT_CONNECT)
        return bit_fail(error, BIT_EENVIRONMENT, "no bitd answers at %s: start one (bitd), or say by --socket or BIT_SOCKET where it listens", socket);
    return bit_fail(error, BIT_EENVIRONMENT, "bitd at %s: %s", socket, curl_easy_strerror(code));
}

int client_ask(const char *socket, const char *path, const char *body, struct client_answer *answer, struct bit_error *error)
{
    char buffer[4200], url[1024];
    struct curl_slist *headers = NULL;
    long status = 0;
    *answer = (struct client_answer){.next = -1};
    socket = find_socket(socket, buffer, sizeof buffer);
    CURL *curl = curl_easy_init();
    if (!curl)
        return bit_fail(error, BIT_EENVIRONMENT, "libcurl does not start");
    snprintf(url, sizeof url, "http://localhost%s", path);
    curl_easy_setopt(curl, CURLOPT_URL, url);
    curl_easy_setopt(curl, CURLOPT_UNIX_SOCKET_PATH, socket);
    curl_easy_setopt(curl, CURLOPT_PROXY, "");
    curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(curl, CURLOPT_TIMEOUT, (long)SECONDS);
    curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, take_body);
    curl_easy_setopt(curl, CURLOPT_WRITEDATA, answer);
    curl_easy_setopt(curl, CURLOPT_HEADERFUNCTION, take_header);
    curl_easy_setopt(curl, CURLOPT_HEADERDATA, answer);
    if (body) {
        headers = curl_slist_append(headers, "Content-Type: application/json");
        headers = curl_slist_append(headers, "Expect:");
        curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers);
        curl_easy_setopt(curl, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)strlen(body));
        curl_easy_setopt(curl, CURLOPT_POSTFIELDS, body);
    }
    CURLcode code = curl_easy_perform(curl);
    curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &status);
    curl_slist_free_all(headers);
    curl_easy_cleanup(curl);
    answer->status = (int)status;
    if (code == CURLE_OK)
        return 0;
    client_free(answer);
    return fail(code, socket, error);
}

void client_free(struct client_answer *answer)
{
    free(answer->text);
    answer->text = NULL;
    answer->size = 0;
}

int client_check(const struct client_answer *answer, struct bit_error *error)
{
    struct bit_error ignored = {0};
    if (answer->status >= 200 && answer->status < 300)
        return 0;
    cJSON *json = answer->text ? bit_json_parse(answer->text, answer->size, &ignored) : NULL;
    cJSON *problems = cJSON_GetObjectItemCaseSensitive(json, "problems"), *problem;
    enum bit_code code = answer->status == 404 ? BIT_ENOINPUT : answer->status >= 500 ? BIT_EENVIRONMENT : BIT_EUSAGE;
    cJSON_ArrayForEach(problem, problems)
        fprintf(stderr, "bit: %s\n", cJSON_GetStringValue(problem));
    bit_fail(error, code, "%s", bit_json_string(json, "error", "bitd refuses, and does not say why"));
    cJSON_Delete(json);
    return -1;
}

struct cJSON *client_json(const char *socket, const char *path, const char *body, struct bit_error *error)
{
    struct client_answer answer;
    cJSON *json = NULL;
    if (client_ask(socket, path, body, &answer, error))
        return NULL;
    if (client_check(&answer, error) == 0)
        json = bit_json_parse(answer.text ? answer.text : "", answer.size, error);
    client_free(&answer);
    return json;
}

int client_id(const char *word, int64_t *id, struct bit_error *error)
{
    char *end;
    errno = 0;
    *id = strtoll(word, &end, 10);
    if (*word < '1' || *word > '9' || *end || errno)
        return bit_fail(error, BIT_EUSAGE, "'%s' is not the number of a job; bit status lists them", word);
    return 0;
}
