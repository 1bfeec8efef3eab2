/* From one network's weights into another's: the backbone as it is, the head class by class. */
#include <string.h>

#include "bit/memory.h"
#include "bit/start.h"
#include "bit/text.h"

/* ---- backbone ---- */

static bool same_shape(const struct bit_parameter *a, const struct bit_parameter *b)
{
    return a->dimensions == b->dimensions && !memcmp(a->shape, b->shape, (size_t)a->dimensions * sizeof *a->shape);
}

static int take_backbone(const struct bit_table *table, const float *from, const struct bit_table *onto, float *to, struct bit_error *error)
{
    for (size_t i = 0; i < onto->count; i++) {
        const struct bit_parameter *p = &onto->items[i];
        if (p->head)
            continue;
        int n = bit_table_find(table, p->name);
        if (n < 0 || !same_shape(p, &table->items[n]))
            return bit_fail(error, BIT_EUSAGE, "the weights to begin with have %s %s: model.depth, model.width and model.norm must be theirs",
                            n < 0 ? "no" : "another shape of", p->name);
        memcpy(to + p->offset, from + table->items[n].offset, p->count * sizeof *to);
    }
    return 0;
}

/* ---- head ---- */

/* Begins of the lines of a text, and its number of lines. */
struct names { size_t count; const char **line; };

static int split(const char *text, struct names *names, struct bit_error *error)
{
    names->count = bit_text_lines(text);
    names->line = bit_allocate(names->count + 1, sizeof *names->line, "names of classes", error);
    if (!names->line)
        return -1;
    const char *c = text;
    for (size_t i = 0; i < names->count; i++, c = strchr(c, '\n') + 1)
        names->line[i] = c;
    names->line[names->count] = c;
    return 0;
}

static int compare(const char *a, const char *b)
{
    size_t m = strcspn(a, "\n"), n = strcspn(b, "\n");
    int order = memcmp(a, b, m < n ? m : n);
    return order ? order : (m > n) - (m < n);
}

/* Where the classes of the new head stand in the old one; -1: nowhere. Names of a run are sorted, those of files need not be. */
static void match(const struct names *old, const struct names *new, long *place)
{
    for (size_t j = 0; j < new->count; j++) {
        place[j] = -1;
        for (size_t i = 0; i < old->count && place[j] < 0; i++)
            if (!compare(old->line[(i + j) % old->count], new->line[j]))
                place[j] = (long)((i + j) % old->count);
    }
}

static size_t last_of(const struct bit_parameter *p)
{
    return p->shape[p->dimensions - 1];
}

/* Class place[j] becomes class j, in each of the parts of the last dimension that count the classes. */
static void take_classes(const struct bit_parameter *p, const float *from, const struct bit_parameter *onto, float *to, const long *place)
{
    const size_t parts = (size_t)onto->per_class, old = last_of(p) / parts, new = last_of(onto) / parts;
    for (size_t row = 0; row < onto->count / new; row++)
        for (size_t j = 0; j < new; j++)
            if (place[j] >= 0)
                to[onto->offset + row * new + j] = from[p->offset + row * old + (size_t)place[j]];
}

/* The same shape, but for the number of classes. */
static bool fits(const struct bit_parameter *p, const struct bit_parameter *onto, size_t classes)
{
    const int last = p->dimensions - 1;
    if (!onto->per_class)
        return same_shape(p, onto);
    return p->dimensions == onto->dimensions && p->shape[last] == classes * (size_t)onto->per_class &&
           !memcmp(p->shape, onto->shape, (size_t)last * sizeof *p->shape);
}

/* Of the head that `onto` has, as the table of a generation does not say which parameters are its head's. 0: it has no such head. */
static size_t classes_of(const struct bit_table *table, const struct bit_table *onto)
{
    for (size_t i = onto->count; i-- > 0;) {
        const int n = onto->items[i].head && onto->items[i].per_class ? bit_table_find(table, onto->items[i].name) : -1;
        if (n >= 0)
            return last_of(&table->items[n]) / (size_t)onto->items[i].per_class;
    }
    return 0;
}

const char *bit_start_misfit(const struct bit_table *table, const struct bit_table *onto)
{
    const size_t classes = classes_of(table, onto);
    for (size_t i = 0; i < onto->count; i++) {
        const struct bit_parameter *p = &onto->items[i];
        const int n = p->head ? bit_table_find(table, p->name) : -1;
        if (p->head && (n < 0 || !fits(&table->items[n], p, classes)))
            return p->name;
    }
    return NULL;
}

static int take_head(const struct bit_table *table, const float *from, const struct bit_table *onto, float *to, const long *place,
                     struct bit_error *error)
{
    const char *misfit = bit_start_misfit(table, onto);
    if (misfit)
        return bit_fail(error, BIT_EUSAGE, "the weights to begin with have %s (%s): model.head_from can be zero only",
                        bit_table_find(table, misfit) < 0 ? "no head of this kind" : "a head of other shapes", misfit);
    for (size_t i = 0; i < onto->count; i++) {
        const struct bit_parameter *p = &onto->items[i];
        if (!p->head)
            continue;
        const struct bit_parameter *theirs = &table->items[bit_table_find(table, p->name)];
        if (p->per_class)
            take_classes(theirs, from, p, to, place);
        else
            memcpy(to + p->offset, from + theirs->offset, p->count * sizeof *to);
    }
    return 0;
}

int bit_start_take(const struct bit_table *table, const float *from, const char *from_classes, enum bit_start_head head,
                   const struct bit_table *onto, float *to, const char *to_classes, size_t *taken, struct bit_error *error)
{
    struct names old = {0}, new = {0};
    const size_t count = classes_of(onto, onto), theirs = classes_of(table, onto);
    long *place = NULL;
    *taken = 0;
    if (take_backbone(table, from, onto, to, error) || head == BIT_START_ZERO)
        return error->code ? -1 : 0;
    if (head == BIT_START_SAME && theirs && theirs != count)
        return bit_fail(error, BIT_EUSAGE, "model.head_from: the weights to begin with have %zu classes, this run %zu", theirs, count);
    if ((place = bit_allocate(count, sizeof *place, "places of classes", error)) && head == BIT_START_NAMES &&
        !split(from_classes, &old, error) && !split(to_classes, &new, error)) {
        for (size_t j = 0; j < count; j++)
            place[j] = -1;
        match(&old, &new, place);
    }
    for (size_t j = 0; place && j < count; j++) {
        if (head == BIT_START_SAME)
            place[j] = (long)j;
        *taken += place[j] >= 0;
    }
    if (!error->code)
        take_head(table, from, onto, to, place, error);
    bit_free(place);
    bit_free(old.line);
    bit_free(new.line);
    return error->code ? -1 : 0;
}
