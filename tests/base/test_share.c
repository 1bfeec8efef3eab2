/* Who owns what: parts are disjoint, complete, padded; and buckets count from the end. */
#include "tests/unit.h"

#include "bit/memory.h"
#include "bit/share.h"
#include "bit/tree.h"

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

static void check_cover(const struct bit_table *table, size_t bucket, int ranks)
{
    struct bit_error error = {0};
    unsigned char *owner = bit_allocate(table->elements, 1, "test", &error);
    size_t total = 0, largest = 0;
    for (int rank = 0; rank < ranks; rank++) {
        struct bit_share share;
        size_t end = 0;
        REQUIRE(bit_share_create(table, bucket, rank, ranks, &share, &error) == 0);
        for (size_t i = 0; i < share.count; i++) {
            struct bit_piece p = share.pieces[i];
            CHECK(p.offset % BIT_TABLE_PAD == 0 && p.count % BIT_TABLE_PAD == 0 && p.count > 0);
            CHECK(p.offset >= end && p.offset + p.count <= table->elements);
            end = p.offset + p.count;
            for (size_t e = p.offset; e < end; e++)
                owner[e]++;
            total += p.count;
        }
        largest = share.elements > largest ? share.elements : largest;
        bit_share_destroy(&share);
    }
    CHECK(total == table->elements);
    for (size_t e = 0; e < table->elements; e++)
        if (owner[e] != 1) {
            CHECK(owner[e] == 1);
            break;
        }
    struct bit_buckets b = bit_buckets_make(table->elements, bucket, ranks);
    CHECK(largest <= table->elements / (size_t)ranks + b.count * (BIT_TABLE_PAD + BIT_TABLE_PAD - 1));
    bit_free(owner);
}

static void test_cover(void)
{
    const size_t sizes[] = {3, 1000, 17, 64, 4096, 5, 2500};
    for (size_t count = 1; count <= sizeof sizes / sizeof *sizes; count++) {
        struct bit_table *table = table_of(count, sizes);
        for (int ranks = 1; ranks <= 9; ranks++)
            for (size_t bucket = 16; bucket < 20000; bucket = bucket * 3 + 5)
                check_cover(table, bucket, ranks);
        check_cover(table, 0, 4);
        bit_table_destroy(table);
    }
}

static void test_one_rank_has_one_piece(void)
{
    const size_t sizes[] = {5000, 3000};
    struct bit_error error = {0};
    struct bit_share share;
    struct bit_table *table = table_of(2, sizes);
    REQUIRE(bit_share_create(table, 512, 0, 1, &share, &error) == 0);
    CHECK(share.count == 1 && share.pieces[0].offset == 0 && share.pieces[0].count == table->elements);
    bit_share_destroy(&share);
    CHECK(bit_share_create(table, 512, 1, 1, &share, &error) == -1 && error.code == BIT_EINTERNAL);
    bit_table_destroy(table);
}

static void test_buckets_count_from_the_end(void)
{
    struct bit_buckets b = bit_buckets_make(1000 * 16, 300 * 16, 4);
    CHECK(b.count == 4);
    CHECK(bit_bucket_edge(&b, 0, 4) == 16000 && bit_bucket_edge(&b, 0, 0) == 11200);
    CHECK(bit_bucket_edge(&b, 3, 4) == 1600 && bit_bucket_edge(&b, 3, 0) == 0);
    CHECK(bit_bucket_edge(&b, 0, 1) - bit_bucket_edge(&b, 0, 0) == 75 * 16);
}

static void test_positions(void)
{
    /* 4 ranks: step 0 splits by bit 0 of the rank, step 1 by bit 1 */
    CHECK(bit_bucket_position(0, 4) == 0 && bit_bucket_position(1, 4) == 2);
    CHECK(bit_bucket_position(2, 4) == 1 && bit_bucket_position(3, 4) == 3);
    CHECK(bit_bucket_position(2, 3) == 2 && bit_bucket_position(0, 1) == 0);
    CHECK(bit_bucket_levels(8) == 3 && bit_bucket_levels(6) == -1 && bit_bucket_levels(1) == 0);
}

static void test_bytes(void)
{
    /* one rank sums nothing; of two, half a bucket each of the window; of three, what two others send */
    CHECK(bit_reduction_bytes(96, 0, 1) == 0);
    CHECK(bit_reduction_bytes(1 << 20, 1 << 10, 2) == BIT_BUCKET_WINDOW * 512 * sizeof(float));
    CHECK(bit_reduction_bytes(1 << 20, 1 << 10, 3) == BIT_BUCKET_WINDOW * 2 * 352 * sizeof(float));
    CHECK(bit_reduction_bytes(96, 0, 2) == BIT_BUCKET_WINDOW * 48 * sizeof(float));
}

static void test_momentum_window(void)
{
    CHECK(bit_momentum_window(100) == BIT_MOMENTUM_WINDOW_LEAST);
    CHECK(bit_momentum_window(1000000) == 1 << 19);
    CHECK(bit_momentum_window(1 << 22) == 1 << 22);
    CHECK(bit_momentum_window((size_t)1 << 30) == 1 << 22);
}

int main(int argc, char **argv)
{
    const struct unit_test tests[] = {
        {"cover", test_cover},
        {"one rank has one piece", test_one_rank_has_one_piece},
        {"buckets count from the end", test_buckets_count_from_the_end},
        {"positions", test_positions},
        {"bytes", test_bytes},
        {"momentum window", test_momentum_window},
    };
    return unit_main("share", tests, sizeof tests / sizeof *tests, argc, argv);
}
