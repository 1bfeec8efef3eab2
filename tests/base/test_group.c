#include "bit/group.h"

#include <math.h>

#include "bit/memory.h"
#include "tests/unit.h"

/* A group as one rank of several would see it: the other ranks' contributions are given beforehand. */
struct script {
    const void *all;      /* what gather delivers, this rank's part excepted; NULL: zeros */
    const int *codes;     /* the same when an int is asked for; NULL: `all` too */
    const void *root;     /* what broadcast delivers */
    int fail;             /* collectives fail from this call on; 0: never */
    int calls;
};

static int lost(struct script *s, struct bit_error *error)
{
    return s->fail && ++s->calls >= s->fail ? bit_fail(error, BIT_EENVIRONMENT, "a peer is gone") : 0;
}

static int script_broadcast(struct bit_group *g, void *data, size_t bytes, int root, struct bit_error *error)
{
    struct script *s = g->context;
    if (lost(s, error))
        return -1;
    if (root != g->rank)
        memcpy(data, s->root, bytes);
    return 0;
}

static int script_gather(struct bit_group *g, const void *mine, size_t bytes, void *all, struct bit_error *error)
{
    struct script *s = g->context;
    if (lost(s, error))
        return -1;
    if (s->codes && bytes == sizeof *s->codes)
        memcpy(all, s->codes, bytes * (size_t)g->size);
    else if (s->all)
        memcpy(all, s->all, bytes * (size_t)g->size);
    else
        memset(all, 0, bytes * (size_t)g->size);
    memcpy((char *)all + bytes * (size_t)g->rank, mine, bytes);
    return 0;
}

static const struct bit_group_operations script_operations = {script_broadcast, script_gather};

static void self(void)
{
    struct bit_group *g = bit_group_self();
    struct bit_error e = {0};
    double values[2] = {1.5, -2};
    int mine = 42, all = 0;
    CHECK(g->rank == 0 && g->size == 1 && g->node_rank == 0 && g->node_size == 1);
    CHECK(bit_group_broadcast(g, &mine, sizeof mine, 0, &e) == 0 && mine == 42);
    CHECK(bit_group_gather(g, &mine, sizeof mine, &all, &e) == 0 && all == 42);
    CHECK(bit_group_gather(g, NULL, 0, NULL, &e) == 0);
    CHECK(bit_group_barrier(g, &e) == 0);
    CHECK(bit_group_sum(g, values, 2, &e) == 0 && values[0] == 1.5 && values[1] == -2);
    CHECK(bit_group_agree(g, &e) == 0);
    bit_fail(&e, BIT_EDATA, "bad");
    CHECK(bit_group_agree(g, &e) == -1 && e.code == BIT_EDATA && !strcmp(e.text, "bad"));
}

static void agree_takes_the_lowest_rank(void)
{
    static const int codes[4] = {0, BIT_EDATA, 0, BIT_EUSAGE};
    struct bit_error theirs = {BIT_EDATA, "bad image"};
    struct script s = {.all = codes, .root = &theirs};
    struct bit_group g = {.rank = 2, .size = 4, .operations = &script_operations, .context = &s};
    struct bit_error e = {0};
    CHECK(bit_group_agree(&g, &e) == -1 && e.code == BIT_EDATA && !strcmp(e.text, "rank 1: bad image"));
    /* One that already says where it comes from is not prefixed again. */
    CHECK(bit_group_agree(&g, &e) == -1);
    strcpy(theirs.text, "rank 1: bad image");
    bit_error_clear(&e);
    CHECK(bit_group_agree(&g, &e) == -1 && !strcmp(e.text, "rank 1: bad image"));
    /* This rank failed, but a lower one did too: the lower one's error wins everywhere. */
    e = (struct bit_error){BIT_EINTERNAL, "mine"};
    g.rank = 3;
    CHECK(bit_group_agree(&g, &e) == -1 && e.code == BIT_EDATA);
    /* Nobody failed. */
    s.all = NULL;
    bit_error_clear(&e);
    CHECK(bit_group_agree(&g, &e) == 0 && e.code == BIT_OK);
}

static void a_lost_peer_is_reported(void)
{
    static const int codes[2] = {0, BIT_EDATA};
    struct bit_error e = {0};
    double value = 1;
    for (int call = 1; call <= 2; call++) {
        struct script s = {.all = codes, .root = &e, .fail = call};
        struct bit_group g = {.size = 2, .operations = &script_operations, .context = &s};
        bit_error_clear(&e);
        CHECK(bit_group_agree(&g, &e) == -1 && e.code == BIT_EENVIRONMENT);
    }
    struct script s = {.fail = 1};
    struct bit_group g = {.size = 2, .operations = &script_operations, .context = &s};
    bit_error_clear(&e);
    CHECK(bit_group_barrier(&g, &e) == -1);
    bit_error_clear(&e);
    size_t used = bit_memory_used();
    CHECK(bit_group_sum(&g, &value, 1, &e) == -1 && value == 1 && bit_memory_used() == used);
    bit_error_clear(&e);
    bit_memory_fail_at(1);
    CHECK(bit_group_sum(&g, &value, 1, &e) == -1 && value == 1 && e.code == BIT_EENVIRONMENT);
    bit_memory_fail_at(0);
}

/* Values chosen so that every other order of summation gives other bits. */
static void sum_is_a_tree(void)
{
    static const double all[5] = {1e16, 1, -1e16, 1, 0.5};
    static const int fine[5] = {0};
    struct script s = {.all = all, .codes = fine};
    struct bit_group g = {.size = 5, .operations = &script_operations, .context = &s};
    struct bit_error e = {0};
    for (g.rank = 0; g.rank < 5; g.rank++) {
        double value = all[g.rank];
        CHECK(bit_group_sum(&g, &value, 1, &e) == 0);
        CHECK(value == ((1e16 + 1) + (-1e16 + 1)) + 0.5);
        CHECK(value != (((1e16 + 1) - 1e16) + 1) + 0.5);
    }
    static const double pairs[4] = {1, 2, 3, 4}; /* two values of two ranks */
    double mine[2] = {1, 2};
    s.all = pairs, g.size = 2, g.rank = 0;
    CHECK(bit_group_sum(&g, mine, 2, &e) == 0 && mine[0] == 4 && mine[1] == 6);
    CHECK(bit_group_sum(&g, mine, 0, &e) == 0);
    /* a rank that failed before takes the others along, be it this one or another */
    static const int failed[2] = {BIT_OK, BIT_EDATA};
    static const struct bit_error theirs = {BIT_EDATA, "bad"};
    s.codes = failed, s.root = &theirs;
    CHECK(bit_group_sum(&g, mine, 2, &e) == -1 && mine[0] == 4 && !strcmp(e.text, "rank 1: bad"));
    s.codes = fine;
    e = (struct bit_error){BIT_EDATA, "mine"};
    CHECK(bit_group_sum(&g, mine, 2, &e) == -1 && mine[0] == 4 && !strcmp(e.text, "rank 0: mine"));
}

int main(int argc, char **argv)
{
    static const struct unit_test tests[] = {
        {"self", self}, {"agree takes the lowest rank", agree_takes_the_lowest_rank},
        {"a lost peer is reported", a_lost_peer_is_reported}, {"sum is a tree", sum_is_a_tree},
    };
    return unit_main("group", tests, sizeof tests / sizeof *tests, argc, argv);
}
