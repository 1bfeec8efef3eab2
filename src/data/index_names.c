/* Names of classes that are not what they seem. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "bit/memory.h"
#include "bit/text.h"
#include "index.h"

/* ---- names that training does not know ---- */

enum { SHOWN = 3, COMPARED = 100000 };

/* The training class that looks like `name` or is written nearly so, or NULL; *alike says which. */
static const char *find_similar(const struct bit_index *classes, const char *name, bool *alike)
{
    char *look = bit_text_look(name, NULL);
    const char *similar = NULL;
    int count = bit_index_classes(classes), limit = (int)strlen(name) / 3;
    *alike = false;
    for (int i = 0; look && !*alike && i < count && i < COMPARED; i++) {
        const char *other = bit_index_class_name(classes, i);
        char *others = bit_text_look(other, NULL);
        *alike = others && !strcmp(look, others);
        bit_free(others);
        int distance = *alike ? 0 : bit_text_distance(name, other, limit);
        if (distance <= limit) {
            similar = other;
            limit = distance - 1;
        }
    }
    bit_free(look);
    return similar;
}

int bit_index_unknown(const char *source, const struct bit_index_header *block, uint64_t number, const struct bit_index *classes,
                      struct bit_error *error)
{
    char shown[512], other[512], difference[96], hint[1024] = "", more[64] = "";
    const char *name = bit_index_text(block, CLASS_START, number);
    uint64_t unknown = 0;
    bool alike;
    for (uint64_t i = number; i < block->classes; i++)
        unknown += bit_index_find_class(classes, bit_index_text(block, CLASS_START, i)) < 0;
    if (unknown > 1)
        snprintf(more, sizeof more, "; nor are %llu more", (unsigned long long)unknown - 1);
    const char *similar = find_similar(classes, name, &alike);
    bit_text_escape(shown, sizeof shown, name, "\\");
    if (similar) {
        bit_text_escape(other, sizeof other, similar, "\\");
        bit_text_difference(name, similar, difference, sizeof difference);
        snprintf(hint, sizeof hint, alike ? "; it looks like its class '%s', but %s (macOS writes accents apart: convmv --nfc, or rename one)"
                 : "; did you mean '%s' (%s)?", other, difference);
    }
    return bit_fail(error, BIT_EDATA, "%s: class '%s' is not among the %d classes of the training data%s%s", source, shown,
                    bit_index_classes(classes), more, hint);
}

/* ---- names within one set ---- */

struct look { char *text; uint64_t number; };

static int compare_looks(const void *a, const void *b)
{
    const struct look *x = a, *y = b;
    int order = strcmp(x->text, y->text);
    return order ? order : x->number < y->number ? -1 : 1;
}

static const char *name_of(const struct bit_index_builder *b, uint64_t number)
{
    return b->class_text.data + ((const uint64_t *)(const void *)b->class_starts.data)[number];
}

static void tell_alike(struct bit_index_builder *b, const struct look *looks)
{
    char first[512], second[512], difference[96];
    uint64_t told = 0;
    for (uint64_t i = 1; i < b->classes; i++) {
        const char *one = name_of(b, looks[i - 1].number), *two = name_of(b, looks[i].number);
        if (strcmp(looks[i].text, looks[i - 1].text) || told++ >= SHOWN)
            continue;
        bit_text_escape(first, sizeof first, one, "\\");
        bit_text_escape(second, sizeof second, two, "\\");
        bit_text_difference(one, two, difference, sizeof difference);
        bit_text_add(&b->notes, "!the classes '%s' and '%s' look alike and are two: %s\n", first, second, difference);
    }
    if (told > SHOWN)
        bit_text_add(&b->notes, "!and %llu more classes look like another one\n", (unsigned long long)told - SHOWN);
}

/* The parts of a data set, named as classes: the folder given is one too high. */
static void tell_parts(struct bit_index_builder *b)
{
    static const char *const parts[] = {"train", "training", "val", "valid", "validation", "test", "testing", "dev", "eval"};
    char names[256] = "";
    size_t found = 0, used = 0;
    for (uint64_t i = 0; i < b->classes && b->classes <= 8; i++)
        for (size_t p = 0; p < sizeof parts / sizeof *parts; p++)
            if (!strcasecmp(name_of(b, i), parts[p]) && ++found)
                used += (size_t)snprintf(names + used, sizeof names - used, "%s'%s'", used ? ", " : "", parts[p]);
    if (found >= 2 || (found && b->classes == 1))
        bit_text_add(&b->notes, "!the classes are named %s, like the parts of a data set: is this one folder too high? Then set data.train "
                     "and data.val to the folders in it\n", names);
}

int bit_index_name_notes(struct bit_index_builder *b, struct bit_error *error)
{
    struct look *looks = bit_allocate(b->classes ? b->classes : 1, sizeof *looks, "class names", error);
    int result = looks ? 0 : -1;
    for (uint64_t i = 0; !result && i < b->classes; i++) {
        looks[i] = (struct look){bit_text_look(name_of(b, i), error), i};
        result = looks[i].text ? 0 : -1;
    }
    if (!result) {
        qsort(looks, b->classes, sizeof *looks, compare_looks);
        tell_alike(b, looks);
        tell_parts(b);
    }
    for (uint64_t i = 0; looks && i < b->classes; i++)
        bit_free(looks[i].text);
    bit_free(looks);
    return result;
}
