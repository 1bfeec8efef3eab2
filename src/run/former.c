#include "run/former.h"

#include <cjson/cJSON.h>

bool former_checkpoint(const char *text, uint64_t *step)
{
    cJSON *object = text ? cJSON_Parse(text) : NULL;
    const cJSON *item = cJSON_GetObjectItemCaseSensitive(object, "checkpoint_step");
    bool known = cJSON_IsNumber(item) && item->valuedouble >= 0 && item->valuedouble < 9007199254740992.0;
    if (known)
        *step = (uint64_t)item->valuedouble;
    cJSON_Delete(object);
    return known;
}

void former_add(struct bit_text *t, const char *text)
{
    static const char *const names[] = {
        "step", "steps", "epoch", "checkpoint_step", "resumes", "rollbacks", "bad_images", "seconds", "top1", "top5",
        "validation_loss", "validation_images", "evaluated_step", "best_top1", "best_step", "weights_hash"};
    cJSON *object = cJSON_Parse(text);
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        const cJSON *item = cJSON_GetObjectItemCaseSensitive(object, names[i]);
        char *value = item ? cJSON_PrintUnformatted(item) : NULL;
        bit_text_add(t, ",\n \"%s\": %s", names[i], value ? value : "null");
        cJSON_free(value);
    }
    cJSON_Delete(object);
}
