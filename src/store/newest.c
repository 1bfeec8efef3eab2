#include "store/newest.h"

#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <unistd.h>

#include "bit/file.h"
#include "store/generations.h"

enum { LINE = 32 }; /* always as long, so that writing it again needs no space */

void newest_write(const char *folder, uint64_t step)
{
    char path[PATH_MAX], line[LINE + 1];
    if (bit_path_join(path, sizeof path, folder, STORE_NEWEST_NAME, NULL))
        return;
    int file = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0666);
    if (file < 0)
        return;
    snprintf(line, sizeof line, "step-%-*" PRIu64 "\n", LINE - 6, step);
    ssize_t written = pwrite(file, line, LINE, 0);
    (void)written;
    close(file);
}

bool newest_read(const char *folder, uint64_t *step)
{
    char path[PATH_MAX], line[LINE + 1] = "", end;
    if (bit_path_join(path, sizeof path, folder, STORE_NEWEST_NAME, NULL))
        return false;
    int file = open(path, O_RDONLY | O_CLOEXEC);
    if (file < 0)
        return false;
    ssize_t size = pread(file, line, LINE, 0);
    close(file);
    return size == LINE && sscanf(line, "step-%" SCNu64 "%c", step, &end) == 2;
}

void newest_refresh(const char *folder)
{
    char path[PATH_MAX], name[ENTRY_NAME], step[64];
    generation_name(0, step, sizeof step);
    private_name(".tmp-", step, name, sizeof name); /* if it is left behind, it is cleaned up */
    if (bit_path_join(path, sizeof path, folder, name, NULL))
        return;
    int file = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
    if (file >= 0) {
        close(file);
        unlink(path);
    }
}
