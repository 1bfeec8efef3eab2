#include "run/peers.h"

#include <stdio.h>
#include <string.h>

#include "bit/compute.h"
#include "bit/host.h"
#include "bit/memory.h"
#include "bit/text.h"
#include "run/run.h"

struct peer {
    char host[64], version[32], isa[64], backend[32], threads[16];
};

static void describe(const struct run *run, struct peer *peer)
{
    bit_host_name(peer->host, sizeof peer->host);
    snprintf(peer->version, sizeof peer->version, "%s", PACKAGE_VERSION);
    bit_compute_describe(peer->isa, sizeof peer->isa);
    snprintf(peer->backend, sizeof peer->backend, "%s", bit_backend_name(run->backend));
    snprintf(peer->threads, sizeof peer->threads, "%d", run->threads);
}

static bool differs(const struct peer *a, const struct peer *b)
{
    return strcmp(a->version, b->version) || strcmp(a->isa, b->isa) || strcmp(a->backend, b->backend) ||
           strcmp(a->threads, b->threads);
}

static void add_peer(struct bit_text *text, int rank, const struct peer *p)
{
    bit_text_add(text, "%srank %d (%s): version %s, %s, %s, %s threads", text->size ? "; " : "", rank, p->host, p->version,
                 p->isa, p->backend, p->threads);
}

static int name_differences(const struct peer *all, int size, struct bit_error *error)
{
    enum { NAMED = 8 };
    struct bit_text text = {0};
    int different = 0;
    for (int r = 1; r < size; r++)
        if (differs(&all[0], &all[r]) && ++different <= NAMED) {
            if (different == 1)
                add_peer(&text, 0, &all[0]);
            add_peer(&text, r, &all[r]);
        }
    if (different)
        bit_fail(error, BIT_EUSAGE, "the ranks cannot compute the same bits, %d of %d differ from rank 0: %s. Use the same "
                 "program on machines of one kind, or a backend that all of them have", different, size,
                 text.data ? text.data : "?");
    bit_text_free(&text);
    return different ? -1 : 0;
}

int peers_compare(struct run *run)
{
    struct peer mine = {0};
    size_t size = (size_t)run->world->size;
    struct peer *all = bit_allocate(size, sizeof *all, "descriptions of the ranks", &run->error);
    describe(run, &mine);
    if (run_agree(run) == 0 && bit_group_gather(run->world, &mine, sizeof mine, all, &run->error) == 0)
        name_differences(all, run->world->size, &run->error);
    bit_free(all);
    return run->error.code == BIT_OK ? 0 : -1;
}

void peers_machine(const struct run *run, char *buffer, size_t size)
{
    char machine[64];
    bit_compute_describe(machine, sizeof machine);
    snprintf(buffer, size, "%s, %s, %d thread%s", bit_backend_name(run->backend), machine, run->threads,
             run->threads == 1 ? "" : "s");
}
