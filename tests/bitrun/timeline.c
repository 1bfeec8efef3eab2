/* timeline FILE: is it a timeline as bitrun --trace writes it? JSON, complete events, spans of a row that nest. Prints, for
 * each rank, how often each span occurs, and how often and for what share of its time its reduction lies within a
 * backward pass. */
#include <cjson/cJSON.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bit/file.h"
#include "bit/memory.h"

struct span { const char *name; int rank, row; double start, end; };

static struct span *spans;
static int count, names;

static int fail(const char *what, const struct span *s)
{
    fprintf(stderr, "%s: %s of rank %d, row %d, %.3f to %.3f\n", what, s->name, s->rank, s->row, s->start, s->end);
    exit(1);
}

static double number(const cJSON *event, const char *key)
{
    const cJSON *item = cJSON_GetObjectItemCaseSensitive(event, key);
    if (!cJSON_IsNumber(item)) {
        fprintf(stderr, "an event without %s: %s\n", key, cJSON_PrintUnformatted(event));
        exit(1);
    }
    return item->valuedouble;
}

static void take(const cJSON *event)
{
    const char *name = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(event, "name"));
    const char *kind = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(event, "ph"));
    if (name && kind && !strcmp(kind, "M")) {
        names++;
        return;
    }
    if (!name || !kind || strcmp(kind, "X")) {
        fprintf(stderr, "not an event that we write: %s\n", cJSON_PrintUnformatted(event));
        exit(1);
    }
    struct span *s = &spans[count++];
    *s = (struct span){name, (int)number(event, "pid"), (int)number(event, "tid"), number(event, "ts"), 0};
    s->end = s->start + number(event, "dur");
    if (s->end < s->start)
        fail("a negative length", s);
}

static int compare(const void *a, const void *b)
{
    const struct span *x = a, *y = b;
    if (x->rank != y->rank || x->row != y->row)
        return x->rank != y->rank ? x->rank - y->rank : x->row - y->row;
    if (x->start != y->start)
        return x->start < y->start ? -1 : 1;
    return (x->end < y->end) - (x->end > y->end);
}

/* Sorted: an inner span follows the outer one. Numbers are rounded to a nanosecond. */
static void check_nesting(void)
{
    const struct span *open[64];
    int depth = 0;
    for (int i = 0; i < count; i++) {
        const struct span *s = &spans[i];
        if (i && (s->rank != s[-1].rank || s->row != s[-1].row))
            depth = 0;
        while (depth && open[depth - 1]->end <= s->start + 0.0025)
            depth--;
        if (depth && s->end > open[depth - 1]->end + 0.0025)
            fail("a span that ends after the one around it", s);
        if (depth == 64)
            fail("nested too deep", s);
        open[depth++] = s;
    }
}

/* Time that spans `a` of the rank share with spans `b`, over the time of `a`; *meeting: pairs that do. */
static double overlap(int rank, const char *a, const char *b, int *meeting)
{
    double shared = 0, all = 0;
    *meeting = 0;
    for (int i = 0; i < count; i++) {
        if (spans[i].rank != rank || strcmp(spans[i].name, a))
            continue;
        all += spans[i].end - spans[i].start;
        for (int j = 0; j < count; j++) {
            if (spans[j].rank != rank || strcmp(spans[j].name, b))
                continue;
            double start = spans[i].start > spans[j].start ? spans[i].start : spans[j].start;
            double end = spans[i].end < spans[j].end ? spans[i].end : spans[j].end;
            shared += end > start ? end - start : 0;
            *meeting += end > start;
        }
    }
    return all > 0 ? shared / all : 0;
}

static void print_rank(int rank)
{
    printf("rank %d:", rank);
    for (int i = 0; i < count; i++) {
        int times = 0, first = 1;
        for (int j = 0; j < count; j++)
            if (spans[j].rank == rank && !strcmp(spans[j].name, spans[i].name)) {
                first = first && j >= i;
                times++;
            }
        if (spans[i].rank == rank && first)
            printf(" %s %d;", spans[i].name, times);
    }
    int meeting;
    double share = overlap(rank, "reduce bucket", "backward", &meeting);
    printf(" overlap %d times, %.0f %%\n", meeting, 100 * share);
}

int main(int argc, char **argv)
{
    struct bit_error error = {0};
    char *text;
    size_t size;
    if (argc != 2 || bit_file_read(argv[1], 1 << 28, &text, &size, &error)) {
        fprintf(stderr, "%s\n", error.text);
        return 1;
    }
    cJSON *array = cJSON_Parse(text), *event;
    int ranks = 0;
    if (!cJSON_IsArray(array)) {
        fprintf(stderr, "%s is not a JSON array\n", argv[1]);
        return 1;
    }
    spans = calloc((size_t)cJSON_GetArraySize(array) + 1, sizeof *spans);
    cJSON_ArrayForEach(event, array)
        take(event);
    qsort(spans, (size_t)count, sizeof *spans, compare);
    check_nesting();
    for (int i = 0; i < count; i++)
        ranks = spans[i].rank >= ranks ? spans[i].rank + 1 : ranks;
    printf("%d spans, %d names\n", count, names);
    for (int r = 0; r < ranks; r++)
        print_rank(r);
    free(spans);
    cJSON_Delete(array);
    bit_free(text);
    return 0;
}
