#include "bit/table.h"

#include <stdint.h>
#include <stdio.h>

#include "bit/memory.h"
#include "tests/unit.h"

static struct bit_table *build(const char *second, size_t channels, struct bit_error *e)
{
    struct bit_table *t = bit_table_create(e);
    if (t && (bit_table_add(t, "root/kernel", BIT_KERNEL, 0, 4, (size_t[]){3, 3, 3, 5}, e) != 0 ||
              bit_table_add(t, second, BIT_GAMMA, 1, 1, (size_t[]){channels}, e) != 1 ||
              bit_table_add(t, "head/bias", BIT_BIAS, 5, 1, (size_t[]){16}, e) != 2)) {
        bit_table_destroy(t);
        t = NULL;
    }
    return t;
}

static void layout(void)
{
    struct bit_error e = {0};
    struct bit_table *t = build("gamma", 5, &e);
    REQUIRE(t != NULL);
    CHECK(t->count == 3 && t->numbers == 135 + 5 + 16 && t->elements == 144 + 16 + 16);
    CHECK(t->items[0].offset == 0 && t->items[0].count == 135);
    CHECK(t->items[1].offset == 144 && t->items[1].block == 1 && t->items[1].kind == BIT_GAMMA);
    CHECK(t->items[2].offset == 160 && t->items[2].count == 16);
    CHECK(bit_table_find(t, "head/bias") == 2 && bit_table_find(t, "root/kernel") == 0);
    CHECK(bit_table_find(t, "root") == -1);
    bit_table_destroy(t);
    bit_table_destroy(NULL);
}

static void refusals(void)
{
    struct bit_error e = {0};
    struct bit_table *t = build("gamma", 5, &e);
    char name[BIT_PARAMETER_NAME + 1];
    REQUIRE(t != NULL);
    size_t count = t->count, elements = t->elements, numbers = t->numbers;
    memset(name, 'n', sizeof name - 1);
    name[sizeof name - 1] = 0;
    CHECK(bit_table_add(t, name, BIT_KERNEL, 0, 1, (size_t[]){1}, &e) == -1 && e.code == BIT_EINTERNAL);
    bit_error_clear(&e);
    CHECK(bit_table_add(t, "x", BIT_KERNEL, 0, 5, (size_t[]){1, 1, 1, 1, 1}, &e) == -1 && e.code == BIT_EINTERNAL);
    bit_error_clear(&e);
    CHECK(bit_table_add(t, "x", BIT_KERNEL, 0, 0, NULL, &e) == -1 && e.code == BIT_EINTERNAL);
    bit_error_clear(&e);
    /* Sizes that overflow in the product, in the padding, and in the sum. */
    CHECK(bit_table_add(t, "x", BIT_KERNEL, 0, 2, (size_t[]){SIZE_MAX / 2, 3}, &e) == -1 && e.code == BIT_EUSAGE);
    bit_error_clear(&e);
    CHECK(bit_table_add(t, "x", BIT_KERNEL, 0, 1, (size_t[]){SIZE_MAX - 3}, &e) == -1 && e.code == BIT_EUSAGE);
    bit_error_clear(&e);
    CHECK(bit_table_add(t, "x", BIT_KERNEL, 0, 1, (size_t[]){SIZE_MAX - 100}, &e) == -1 && e.code == BIT_EUSAGE);
    CHECK(t->count == count && t->elements == elements && t->numbers == numbers);
    bit_table_destroy(t);
}

static void many_parameters(void)
{
    struct bit_error e = {0};
    struct bit_table *t = bit_table_create(&e);
    char name[32];
    REQUIRE(t != NULL);
    for (int i = 0; i < 1000; i++) {
        snprintf(name, sizeof name, "parameter-%d", i);
        CHECK(bit_table_add(t, name, BIT_BETA, 0, 1, (size_t[]){(size_t)i % 40 + 1}, &e) == i);
    }
    for (size_t i = 1; i < t->count; i++) {
        const struct bit_parameter *p = &t->items[i - 1], *q = p + 1;
        CHECK(q->offset % BIT_TABLE_PAD == 0 && q->offset >= p->offset + p->count &&
              q->offset < p->offset + p->count + BIT_TABLE_PAD);
    }
    CHECK(bit_table_find(t, "parameter-777") == 777);
    bit_table_destroy(t);
}

static void equality(void)
{
    struct bit_error e = {0};
    struct bit_table *a = build("gamma", 5, &e), *b = build("gamma", 5, &e);
    struct bit_table *other_name = build("delta", 5, &e), *other_shape = build("gamma", 6, &e);
    REQUIRE(a && b && other_name && other_shape);
    CHECK(bit_table_equal(a, b));
    CHECK(!bit_table_equal(a, other_name) && !bit_table_equal(a, other_shape));
    CHECK(bit_table_add(b, "more", BIT_BETA, 5, 1, (size_t[]){1}, &e) == 3 && !bit_table_equal(a, b));
    bit_table_destroy(a), bit_table_destroy(b), bit_table_destroy(other_name), bit_table_destroy(other_shape);
}

static void hashing(void)
{
    struct bit_error e = {0};
    struct bit_table *t = build("gamma", 5, &e), *other = build("delta", 5, &e);
    float block[144 + 16 + 16];
    REQUIRE(t && other);
    for (size_t i = 0; i < t->elements; i++)
        block[i] = (float)i;
    struct bit_hash h = bit_table_hash(t, block);
    CHECK(bit_hash_equal(h, bit_table_hash(t, block)));
    block[140] = -1; /* padding does not count */
    CHECK(bit_hash_equal(h, bit_table_hash(t, block)));
    block[175] += 1;
    CHECK(!bit_hash_equal(h, bit_table_hash(t, block)));
    block[175] -= 1;
    CHECK(bit_hash_equal(h, bit_table_hash(t, block)));
    block[0] = -0.0f; /* bits, not values */
    CHECK(!bit_hash_equal(h, bit_table_hash(t, block)));
    block[0] = 0;
    CHECK(!bit_hash_equal(h, bit_table_hash(other, block)));
    bit_table_destroy(t), bit_table_destroy(other);
}

static void allocation_failures(void)
{
    size_t used = bit_memory_used();
    for (size_t n = 1;; n++) {
        struct bit_error e = {0};
        bit_memory_fail_at(n);
        struct bit_table *t = build("gamma", 5, &e);
        bit_memory_fail_at(0);
        if (t) {
            CHECK(n == 3); /* the table and its first items */
            bit_table_destroy(t);
            break;
        }
        CHECK(e.code == BIT_EENVIRONMENT);
    }
    CHECK(bit_memory_used() == used);
}

int main(int argc, char **argv)
{
    static const struct unit_test tests[] = {
        {"layout", layout}, {"refusals", refusals}, {"many parameters", many_parameters}, {"equality", equality},
        {"hashing", hashing}, {"allocation failures", allocation_failures},
    };
    return unit_main("table", tests, sizeof tests / sizeof *tests, argc, argv);
}
