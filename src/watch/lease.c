/* Which of the suspicious ranks looks at all the others. Each reads one small file a period; all reading all would be the square. */
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <unistd.h>

#include "bit/file.h"
#include "bit/record.h"
#include "bit/watch.h"

enum { LINE = 64, FEW = 64 };

static int claim_read(const char *path, uint64_t id, int *rank, uint64_t *turns)
{
    char line[LINE + 1] = "", end;
    uint64_t whose;
    int file = open(path, O_RDONLY | O_CLOEXEC);
    if (file < 0)
        return -1;
    ssize_t size = pread(file, line, LINE, 0);
    close(file);
    return size == LINE && sscanf(line, "%" SCNx64 " %d %" SCNu64 "%c", &whose, rank, turns, &end) == 4 && whose == id ? 0 : -1;
}

static void claim_write(const char *path, uint64_t id, int rank, uint64_t turns)
{
    char line[LINE + 1], text[LINE];
    int file = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0666);
    if (file < 0)
        return;
    snprintf(text, sizeof text, "%016" PRIx64 " %d %" PRIu64, id, rank, turns);
    snprintf(line, sizeof line, "%-*s\n", LINE - 1, text);
    ssize_t written = pwrite(file, line, LINE, 0);
    (void)written; /* then it is somebody else's turn */
    close(file);
}

bool bit_lease_take(const char *folder, uint64_t id, int rank, int ranks, double now, struct bit_lease *j)
{
    char path[PATH_MAX];
    uint64_t turns = 0;
    int who = -1;
    if (bit_path_join(path, sizeof path, folder, BIT_RECORD_LEASE, NULL))
        return true;
    if (claim_read(path, id, &who, &turns))
        who = -1;
    if (who != j->rank || turns != j->turns)
        j->since = now;
    j->rank = who;
    j->turns = turns;
    bool idle = who < 0 || now - j->since > bit_watch_silence(ranks);
    if (who != rank && !idle)
        return false;
    claim_write(path, id, rank, turns + 1);
    j->wrote = true;
    /* Of several that wrote, the last one finds itself there next time. A few need not wait for that. */
    return who == rank || (who < 0 && ranks <= FEW);
}
