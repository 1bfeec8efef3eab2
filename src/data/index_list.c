/* Reads a list file: lines of "path<TAB>class[,class...]". Classes get their numbers in bytewise order of their names;
 * images stay in the order of the file. */
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "bit/memory.h"
#include "index.h"
#include "kind.h"
#include "list_line.h"

enum { MOST_ERRORS = 8, MOST_LABELS = 4096 };

/* Class names as they are met: a hash table of their numbers. */
struct names {
    struct bit_bytes starts, texts;
    uint32_t *slots; /* number + 1; 0: free */
    size_t capacity, count;
};

static const char *name_at(const struct names *n, size_t i)
{
    return n->texts.data + ((const uint64_t *)n->starts.data)[i];
}

static size_t find_slot(const struct names *n, const char *name, size_t size)
{
    size_t at = bit_hash_bytes(name, size).low & (n->capacity - 1);
    while (n->slots[at]) {
        const char *other = name_at(n, n->slots[at] - 1);
        if (!strncmp(other, name, size) && !other[size])
            break;
        at = (at + 1) & (n->capacity - 1);
    }
    return at;
}

static int grow_slots(struct names *n, struct bit_error *error)
{
    size_t capacity = n->capacity ? n->capacity * 2 : 1024;
    uint32_t *slots = bit_allocate(capacity, sizeof *slots, "class names", error);
    if (!slots)
        return -1;
    bit_free(n->slots);
    n->slots = slots;
    n->capacity = capacity;
    for (size_t i = 0; i < n->count; i++)
        slots[find_slot(n, name_at(n, i), strlen(name_at(n, i)))] = (uint32_t)i + 1;
    return 0;
}

static int64_t name_number(struct names *n, const char *name, size_t size, struct bit_error *error)
{
    if (n->count * 2 >= n->capacity && grow_slots(n, error))
        return -1;
    size_t slot = find_slot(n, name, size);
    if (!n->slots[slot]) {
        uint64_t start = n->texts.size;
        if (n->count == INT32_MAX)
            return bit_fail(error, BIT_EDATA, "too many classes");
        if (bit_bytes_add(&n->starts, &start, sizeof start, error) || bit_bytes_add(&n->texts, name, size, error) ||
            bit_bytes_add(&n->texts, "", 1, error))
            return -1;
        n->slots[slot] = (uint32_t)++n->count;
    }
    return n->slots[slot] - 1;
}

static int compare_numbers(const void *a, const void *b, void *names)
{
    return strcmp(name_at(names, *(const uint32_t *)a), name_at(names, *(const uint32_t *)b));
}

/* Gives the classes to the builder in order and renumbers all labels. */
static int number_classes(struct bit_index_builder *b, struct names *n, struct bit_error *error)
{
    uint32_t *order = bit_allocate(n->count, sizeof *order, "class names", error);
    int32_t *rank = bit_allocate(n->count, sizeof *rank, "class names", error), *labels = (int32_t *)b->labels.data;
    int result = order && rank ? 0 : -1;
    for (size_t i = 0; !result && i < n->count; i++)
        order[i] = (uint32_t)i;
    if (!result)
        qsort_r(order, n->count, sizeof *order, compare_numbers, n);
    for (size_t i = 0; !result && i < n->count; i++) {
        rank[order[i]] = (int32_t)i;
        result = bit_index_add_class(b, name_at(n, order[i]), error) < 0 ? -1 : 0;
    }
    for (size_t i = 0; !result && i < b->labels.size / sizeof *labels; i++)
        labels[i] = rank[labels[i]];
    bit_free(order);
    bit_free(rank);
    return result;
}

/* Adds one name of a line; NULL when fine, else what is wrong with it. */
static const char *add_label(struct names *n, const char *name, size_t size, int32_t *labels, size_t count, bool *failed,
                             struct bit_error *error)
{
    if (!bit_index_name_ok(name, size))
        return size ? "a class name that is not UTF-8 or holds control characters" : "an empty class name";
    if (count == MOST_LABELS)
        return "too many classes on one line";
    int64_t number = name_number(n, name, size, error);
    *failed = number < 0;
    for (size_t i = 0; i < count && !*failed; i++)
        if (labels[i] == number)
            return "a class twice on one line";
    labels[count] = (int32_t)number;
    return NULL;
}

/* NULL when fine, else what is wrong with the line; *failed for lack of memory. */
static const char *parse_line(struct bit_index_builder *b, struct names *n, struct bit_list_reader *r, bool *failed,
                              struct bit_error *error)
{
    int32_t labels[MOST_LABELS];
    size_t count = 0;
    char *path, *name;
    bool archive;
    const char *problem = bit_list_split(r, &path, &name), *kind;
    for (bool more = true; more && !problem && !*failed; count++) {
        size_t whole = strcspn(name, ","), size = whole;
        const char *cut = bit_list_trim(name, &size);
        problem = add_label(n, cut, size, labels, count, failed, error);
        more = name[whole] == ',';
        name += whole + more;
    }
    if (problem || *failed)
        return problem;
    if ((kind = bit_kind_of_name(path, &archive)))
        bit_leftout_add(&b->left.odd[ODD_KIND], "", path, kind);
    *failed = bit_index_add_image(b, 0, path, 0, labels, count, error) != 0;
    return NULL;
}

static int read_lines(struct bit_index_builder *b, struct bit_list_reader *r, struct names *n, struct bit_error *error)
{
    size_t problems = 0;
    struct bit_error found = {0};
    bool failed = false;
    int more = 0;
    while (!failed && (more = bit_list_next(r, error)) > 0) {
        const char *problem = parse_line(b, n, r, &failed, error);
        if (!problem || problems++ >= MOST_ERRORS)
            continue;
        size_t used = strlen(found.text);
        snprintf(found.text + used, sizeof found.text - used, "%s%s:%llu: %s", problems > 1 ? "\n" : "", b->source,
                 (unsigned long long)r->number, problem);
    }
    char rest[48] = "";
    if (problems > MOST_ERRORS)
        snprintf(rest, sizeof rest, "\nand %zu more", problems - MOST_ERRORS);
    if (problems)
        return bit_fail(error, BIT_EDATA, "%.*s%s", (int)(sizeof found.text - sizeof rest), found.text, rest);
    return failed || more < 0 ? -1 : 0;
}

int bit_index_list(struct bit_index_builder *b, const char *path, struct bit_error *error)
{
    struct stat status;
    struct names n = {0};
    struct bit_list_reader r;
    char folder[PATH_MAX];
    b->kind = BIT_INDEX_LIST;
    b->source = path;
    snprintf(folder, sizeof folder, "%s", path);
    if (strrchr(folder, '/'))
        strrchr(folder, '/')[strrchr(folder, '/') == folder] = 0;
    if (bit_list_open(&r, path, folder, error))
        return -1;
    int result = fstat(fileno(r.file), &status) ? bit_fail_errno(error, BIT_EENVIRONMENT, "cannot stat %s", path) : 0;
    if (!result) {
        b->source_bytes = (uint64_t)status.st_size;
        result = bit_index_add_folder(b, "", status.st_mtim, error) < 0 || read_lines(b, &r, &n, error) ? -1 : 0;
    }
    bit_list_close(&r);
    if (!result && !b->images)
        result = bit_fail(error, BIT_EDATA, "%s: holds no lines", path);
    if (!result)
        result = number_classes(b, &n, error);
    if (!result)
        result = bit_index_twins(b, error) || bit_index_name_notes(b, error) ? -1 : 0;
    if (!result)
        bit_leftout_tell(&b->left, &b->notes);
    bit_bytes_free(&n.starts);
    bit_bytes_free(&n.texts);
    bit_free(n.slots);
    return result;
}
