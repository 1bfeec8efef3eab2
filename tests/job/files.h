/* Folders of job files as test data, each with what is expected beside it. */
#ifndef BIT_TESTS_JOB_FILES_H
#define BIT_TESTS_JOB_FILES_H

#include <dirent.h>
#include <limits.h>
#include <stdio.h>

#include "bit/file.h"
#include "bit/job.h"
#include "bit/memory.h"
#include "tests/unit.h"

static inline int is_json(const struct dirent *entry)
{
    size_t length = strlen(entry->d_name);
    return length > 5 && !strcmp(entry->d_name + length - 5, ".json");
}

/* Calls `run` with folder/NAME for every NAME.json of the folder, in order of names; returns their number. */
static inline int each_file(const char *folder, void (*run)(const char *base))
{
    char path[PATH_MAX], base[PATH_MAX + 300];
    const char *top = getenv("top_srcdir");
    struct dirent **names;
    snprintf(path, sizeof path, "%s/%s", top ? top : ".", folder);
    int count = scandir(path, &names, is_json, alphasort);
    for (int i = 0; i < count; i++) {
        snprintf(base, sizeof base, "%s/%.*s", path, (int)strlen(names[i]->d_name) - 5, names[i]->d_name);
        run(base);
        free(names[i]);
    }
    if (count >= 0)
        free(names);
    return count;
}

/* base + suffix as text, or NULL when there is no such file. */
static inline char *read_beside(const char *base, const char *suffix, size_t *size)
{
    char path[PATH_MAX + 320], *text = NULL;
    snprintf(path, sizeof path, "%s%s", base, suffix);
    return bit_file_read(path, 16 << 20, &text, size, NULL) ? NULL : text;
}

/* The lines of `text` (changed: each is ended with 0). */
static inline size_t split_lines(char *text, const char **lines, size_t most)
{
    size_t count = 0;
    char *rest = NULL;
    for (char *line = text ? strtok_r(text, "\n", &rest) : NULL; line && count < most; line = strtok_r(NULL, "\n", &rest))
        lines[count++] = line;
    return count;
}

#endif
