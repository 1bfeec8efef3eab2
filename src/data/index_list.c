/* Reads a list file: lines of "path<TAB>class[,class...]". Classes get their numbers in bytewise order of their names;
 * images stay in the order of the file. */
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "bit/memory.h"
#include "index.h"

enum { MOST_ERRORS = 8, MOST_LABELS = 4096 };

/* Class names as they are met: a hash table of their numbers. */
struct names {
    struct bit_pool starts, texts;
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
        if (bit_pool_add(&n->starts, &start, sizeof start, error) || bit_pool_add(&n->texts, name, size, error) ||
            bit_pool_add(&n->texts, "", 1, error))
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

static const char *path_problem(const char *path)
{
    if (!*path)
        return "no path before the tab";
    if (*path == '/')
        return "absolute path: expected one below the list's folder";
    if (strlen(path) >= PATH_MAX - 1)
        return "path too long";
    for (const char *at = path; *at;) {
        size_t size = strcspn(at, "/");
        if (!size || (size == 1 && *at == '.') || (size == 2 && !memcmp(at, "..", 2)))
            return "path with an empty, '.' or '..' part: expected one below the list's folder";
        at += size;
        if (*at && !*++at)
            return "path ends with '/'";
    }
    return NULL;
}

/* NULL when fine, else what is wrong with the line; *failed for lack of memory. */
static const char *parse_line(struct bit_index_builder *b, struct names *n, char *line, size_t size, bool *failed,
                              struct bit_error *error)
{
    int32_t labels[MOST_LABELS];
    size_t count = 0;
    if (memchr(line, 0, size))
        return "a zero byte";
    char *tab = strchr(line, '\t');
    if (!tab)
        return "no tab: expected path<TAB>class[,class...]";
    *tab = 0;
    const char *problem = path_problem(line);
    if (problem)
        return problem;
    for (char *name = tab + 1;; count++) {
        size_t length = strcspn(name, ",");
        if (!bit_index_name_ok(name, length))
            return length ? "a class name that is not UTF-8 or holds control characters" : "an empty class name";
        if (count == MOST_LABELS)
            return "too many classes on one line";
        int64_t number = name_number(n, name, length, error);
        if (number < 0) {
            *failed = true;
            return NULL;
        }
        for (size_t i = 0; i < count; i++)
            if (labels[i] == number)
                return "a class twice on one line";
        labels[count] = (int32_t)number;
        name += length;
        if (!*name++)
            break;
    }
    *failed = bit_index_add_image(b, 0, line, 0, labels, count + 1, error) != 0;
    return NULL;
}

static int read_lines(struct bit_index_builder *b, FILE *file, const char *path, struct names *n,
                      struct bit_error *error)
{
    char *line = NULL;
    size_t capacity = 0, problems = 0;
    uint64_t number = 0;
    struct bit_error found = {0};
    bool failed = false;
    ssize_t size;
    while (!failed && (errno = 0, size = getline(&line, &capacity, file)) >= 0) {
        number++;
        while (size && (line[size - 1] == '\n' || line[size - 1] == '\r'))
            line[--size] = 0;
        if (!size)
            continue;
        const char *problem = parse_line(b, n, line, (size_t)size, &failed, error);
        if (!problem || problems++ >= MOST_ERRORS)
            continue;
        size_t used = strlen(found.text);
        snprintf(found.text + used, sizeof found.text - used, "%s%s:%llu: %s", problems > 1 ? "\n" : "", path,
                 (unsigned long long)number, problem);
    }
    bool unread = !failed && !feof(file);
    if (unread)
        bit_fail_errno(error, BIT_EENVIRONMENT, "cannot read %s", path);
    free(line);
    char more[48] = "";
    if (problems > MOST_ERRORS)
        snprintf(more, sizeof more, "\nand %zu more", problems - MOST_ERRORS);
    if (problems)
        return bit_fail(error, BIT_EDATA, "%.*s%s", (int)(sizeof found.text - sizeof more), found.text, more);
    return failed || unread ? -1 : 0;
}

int bit_index_list(struct bit_index_builder *b, const char *path, struct bit_error *error)
{
    struct stat status;
    struct names n = {0};
    b->kind = BIT_INDEX_LIST;
    b->source = path;
    FILE *file = fopen(path, "rbe");
    if (!file)
        return bit_fail_errno(error, BIT_ENOINPUT, "cannot open %s", path);
    int result = fstat(fileno(file), &status) ? bit_fail_errno(error, BIT_EENVIRONMENT, "cannot stat %s", path) : 0;
    if (!result) {
        b->source_bytes = (uint64_t)status.st_size;
        result = bit_index_add_folder(b, "", status.st_mtim, error) < 0 || read_lines(b, file, path, &n, error) ? -1 : 0;
    }
    fclose(file);
    if (!result && !b->images)
        result = bit_fail(error, BIT_EDATA, "%s: holds no lines", path);
    if (!result)
        result = number_classes(b, &n, error);
    bit_pool_free(&n.starts);
    bit_pool_free(&n.texts);
    bit_free(n.slots);
    return result;
}
