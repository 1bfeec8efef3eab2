/* One copy of an index for all ranks of a machine: in memory without a name that one of them made, and that nobody can change or
 * cut off any more. It goes with the last process that has it. */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "bit/file.h"
#include "index.h"

static const char memory_name[] = "bit-index";
enum { SEALS = F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE | F_SEAL_SEAL };

/* Each process has pages of its own only where it writes. */
static struct bit_index_header *map(int file, size_t bytes)
{
    void *block = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_NORESERVE, file, 0);
    return block == MAP_FAILED ? NULL : block;
}

int bit_index_publish(const struct bit_index_header *block, uint64_t bytes, struct bit_index_header **mapped)
{
    int file = memfd_create(memory_name, MFD_CLOEXEC | MFD_ALLOW_SEALING);
    if (file < 0)
        return -1;
    if (!bit_file_write_all(file, block, bytes) && !fcntl(file, F_ADD_SEALS, SEALS) && (*mapped = map(file, bytes)))
        return file;
    close(file);
    return -1;
}

/* Opens it only when it is such memory: the number may be something else's on this machine. */
static int open_published(long process, long descriptor)
{
    char path[64], target[64], expected[64];
    snprintf(path, sizeof path, "/proc/%ld/fd/%ld", process, descriptor);
    int size = snprintf(expected, sizeof expected, "/memfd:%s", memory_name);
    ssize_t length = readlink(path, target, sizeof target);
    if (length < size || memcmp(target, expected, (size_t)size))
        return -1;
    return open(path, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
}

struct bit_index_header *bit_index_adopt(long process, long descriptor, uint64_t bytes, const uint64_t hash[2])
{
    struct bit_index_header *block = NULL;
    int file = open_published(process, descriptor);
    if (file < 0)
        return NULL;
    int seals = fcntl(file, F_GET_SEALS);
    if (seals >= 0 && (seals & SEALS) == SEALS && lseek(file, 0, SEEK_END) == (off_t)bytes)
        block = map(file, bytes);
    close(file);
    if (block && !bit_index_check(block, bytes, false, NULL) && !memcmp(block->hash, hash, sizeof block->hash))
        return block;
    if (block)
        munmap(block, bytes);
    return NULL;
}
