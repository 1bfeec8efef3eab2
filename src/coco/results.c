/* Result files: what was detected. */
#include <stdio.h>
#include <stdlib.h>

#include "bit/coco.h"
#include "bit/json.h"
#include "bit/memory.h"
#include "coco/fields.h"

static const double ID_MOST = BIT_JSON_WHOLE_LIMIT - 1;

struct reader { struct bit_coco_results *results; size_t capacity; };

static int read_result(struct bit_fields *f, void *context)
{
    enum { IMAGE, CATEGORY, BOX, SCORE };
    struct reader *r = context;
    struct bit_coco_result result = {0};
    int key, failed = 0;
    while (!failed && (key = bit_fields_next(f)) >= 0)
        failed = key == BOX     ? bit_fields_box(f, result.box)
                 : key == SCORE ? bit_fields_number(f, &result.score)
                                : bit_fields_whole(f, -ID_MOST, ID_MOST, key == IMAGE ? &result.image : &result.category);
    if (failed || key == BIT_FIELDS_FAILED || bit_fields_need(f, 1u << IMAGE | 1u << CATEGORY | 1u << BOX | 1u << SCORE) ||
        bit_fields_grow((void **)&r->results->results, r->results->count, &r->capacity, sizeof result, "results", f->error))
        return -1;
    r->results->results[r->results->count++] = result;
    return 0;
}

int bit_coco_results_read(const char *path, struct bit_coco_results *results, struct bit_error *error)
{
    static const char *const keys[] = {"image_id", "category_id", "bbox", "score", NULL};
    struct reader r = {.results = results};
    struct bit_json_stream *s = bit_json_stream_open(path, false, error);
    *results = (struct bit_coco_results){0};
    if (!s)
        return -1;
    int failed = bit_fields_array(s, "results", read_result, keys, &r, error) || bit_json_stream_next(s, error) != BIT_JSON_END;
    bit_json_stream_close(s);
    if (failed)
        bit_coco_results_free(results);
    return failed ? -1 : 0;
}

void bit_coco_results_free(struct bit_coco_results *results)
{
    bit_free(results->results);
    *results = (struct bit_coco_results){0};
}

/* What a reader of the text gets, which is not the float32 itself: nine digits tell any two of them apart, no more. */
static void add_rounded(struct bit_text *text, double *value)
{
    char digits[32];
    snprintf(digits, sizeof digits, "%.9g", (double)(float)*value);
    *value = strtod(digits, NULL);
    bit_text_add(text, "%s", digits);
}

void bit_coco_result_add(struct bit_text *text, struct bit_coco_result *result)
{
    bit_text_add(text, "{\"image_id\":%lld,\"category_id\":%lld,\"bbox\":[", (long long)result->image, (long long)result->category);
    for (int i = 0; i < 4; i++) {
        add_rounded(text, &result->box[i]);
        bit_text_add(text, i < 3 ? "," : "],\"score\":");
    }
    add_rounded(text, &result->score);
    bit_text_add(text, "}");
}
