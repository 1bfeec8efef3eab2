/* For targets that read files by their path: the bytes as a file, and texts as the inputs to start from. In a header, as libFuzzer's builds are one source a
 * target. */
#ifndef TESTS_FUZZ_FUZZ_FILE_H
#define TESTS_FUZZ_FUZZ_FILE_H

#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Writes the bytes into a new file below /tmp; path: of that form, ending in XXXXXX. The caller unlinks it. */
static inline void fuzz_file_write(char *path, const void *data, size_t size)
{
    int file = mkstemp(path);
    if (file < 0 || write(file, data, size) != (ssize_t)size)
        abort();
    close(file);
}

/* One of several texts, for fuzz_seed. */
static inline size_t fuzz_file_seed(const char *const *texts, int count, int which, uint8_t *data, size_t capacity)
{
    size_t size = which < count ? strlen(texts[which]) : 0;
    if (size > capacity)
        return 0;
    memcpy(data, which < count ? texts[which] : "", size);
    return size;
}

#endif
