/* The reducer of one rank, and without memory. Of several: tests/comm/ranks.c. */
#include "tests/unit.h"

#include "bit/comm.h"
#include "bit/memory.h"

static struct bit_table *table_of(size_t count, const size_t *sizes)
{
    struct bit_table *table = bit_table_create(NULL);
    for (size_t i = 0; i < count; i++) {
        char name[16];
        snprintf(name, sizeof name, "p%zu", i);
        bit_table_add(table, name, BIT_KERNEL, 0, 1, &sizes[i], NULL);
    }
    return table;
}

static void test_exchange_memory_failures(void)
{
    const size_t sizes[] = {5000, 3000};
    struct bit_table *table = table_of(2, sizes);
    size_t before = bit_memory_used();
    for (size_t n = 1; n <= 2; n++) {
        struct bit_error error = {0};
        bit_memory_fail_at(n);
        CHECK(bit_reducer_create(bit_group_self(), table, NULL, &error) == NULL);
        CHECK(error.code == BIT_EENVIRONMENT);
    }
    bit_memory_fail_at(0);
    CHECK(bit_memory_used() == before);
    bit_table_destroy(table);
}

static void test_alone(void)
{
    const size_t sizes[] = {50, 30};
    struct bit_error error = {0};
    struct bit_table *table = table_of(2, sizes);
    struct bit_reducer *r = bit_reducer_create(bit_group_self(), table, NULL, &error);
    float block[96];
    REQUIRE(r != NULL);
    for (int i = 0; i < 96; i++)
        block[i] = (float)i;
    CHECK(bit_reducer_start(r, block, &error) == 0);
    bit_reducer_ready(r, 64);
    bit_reducer_ready(r, 0);
    CHECK(bit_reducer_finish(r, &error) == 0 && bit_reducer_gather(r, block, &error) == 0);
    for (int i = 0; i < 96; i++)
        CHECK(block[i] == (float)i);
    CHECK(bit_reducer_share(r)->elements == 96);
    bit_reducer_destroy(r);
    bit_table_destroy(table);
}

int main(int argc, char **argv)
{
    static const struct unit_test tests[] = {{"memory failures", test_exchange_memory_failures}, {"alone", test_alone}};
    return unit_main("reducer", tests, sizeof tests / sizeof *tests, argc, argv);
}
