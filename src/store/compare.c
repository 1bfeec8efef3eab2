/* Two canonical JSON objects, key by key. */
#include <cjson/cJSON.h>
#include <stdio.h>
#include <string.h>

#include "bit/text.h"
#include "store/store.h"

enum { DEPTH = 8 };

struct difference { struct bit_text text; int count; };

static void value_text(const cJSON *item, char *buffer, size_t size)
{
    char *text = item ? cJSON_PrintUnformatted(item) : NULL;
    snprintf(buffer, size, "%.60s%s", text ? text : "absent", text && strlen(text) > 60 ? "..." : "");
    cJSON_free(text);
}

static void differ(struct difference *d, const char *path, const cJSON *a, const cJSON *b)
{
    char left[80], right[80];
    /* Early checkpoints say 0 where the classes were counted; the parameters' shapes are compared in any case. */
    if (!strcmp(path, "model.classes") && cJSON_IsNumber(a) && a->valuedouble == 0)
        return;
    if (++d->count > 12)
        return;
    value_text(a, left, sizeof left);
    value_text(b, right, sizeof right);
    bit_text_add(&d->text, "\n  %s: %s in the checkpoint, %s in the job", *path ? path : "model", left, right);
}

static void compare(struct difference *d, const char *path, const cJSON *a, const cJSON *b, int depth)
{
    if (!cJSON_IsObject(a) || !cJSON_IsObject(b) || depth == DEPTH) {
        if (!cJSON_Compare(a, b, 1))
            differ(d, path, a, b);
        return;
    }
    char name[256];
    for (const cJSON *x = a->child; x; x = x->next) {
        const cJSON *y = cJSON_GetObjectItemCaseSensitive(b, x->string);
        snprintf(name, sizeof name, "%s%s%s", path, *path ? "." : "", x->string);
        if (y)
            compare(d, name, x, y, depth + 1);
        else
            differ(d, name, x, NULL);
    }
    for (const cJSON *y = b->child; y; y = y->next)
        if (!cJSON_GetObjectItemCaseSensitive(a, y->string)) {
            snprintf(name, sizeof name, "%s%s%s", path, *path ? "." : "", y->string);
            differ(d, name, NULL, y);
        }
}

int model_compare(const char *checkpoint, const char *job, struct bit_error *error)
{
    if (!strcmp(checkpoint, job))
        return 0;
    struct difference d = {0};
    cJSON *a = cJSON_Parse(checkpoint), *b = cJSON_Parse(job);
    int result = 0;
    if (!a || !b) {
        result = bit_fail(error, BIT_EDATA, "the model of the %s is not JSON", a ? "job" : "checkpoint");
    } else {
        compare(&d, "", a, b, 0);
        if (d.count)
            result = bit_fail(error, BIT_EUSAGE, "the checkpoint holds another model than the job asks for:%s%s\n  set the keys "
                              "back, or choose another --out for a new run", d.text.data ? d.text.data : "",
                              d.count > 12 ? "\n  and more" : "");
    }
    bit_text_free(&d.text);
    cJSON_Delete(a);
    cJSON_Delete(b);
    return result;
}
