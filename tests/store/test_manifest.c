/* manifest.json: round trip, and refusal of everything that is not exactly right. */
#include <stdbool.h>
#include <stdint.h>

#include "store/manifest.h"
#include "tests/store/state.h"
#include "tests/unit.h"

static struct manifest sample(struct shard_entry *shards, size_t count)
{
    struct manifest m = {.producer = "bit 0.0", .stamp = "2026-01-31T12:34:56Z", .checkpoint = state_checkpoint(100),
                         .has_momentum = true, .table = state_table(1), .statistics = state_statistics(),
                         .master = {.name = MASTER_NAME, .bytes = 7000, .checksum = {1, 2}}, .shards = count, .shard = shards};
    m.checkpoint.weights_hash = (struct bit_hash){3, 4};
    m.checkpoint.momentum_hash = (struct bit_hash){5, 6};
    m.checkpoint.statistics_hash = (struct bit_hash){7, UINT64_MAX};
    for (size_t i = 0; i < count; i++) {
        struct shard_entry *s = &shards[i];
        *s = (struct shard_entry){.file = {.bytes = 1 << 20, .checksum = {8 + i, 9}}, .weights_at = 4096};
        shard_name(i, count, s->file.name);
        shard_range(m.table->elements, i, count, &s->first, &s->count);
        s->momentum_at = 4096 + 4 * s->count;
        s->statistics_at = i ? 0 : 4096 + 8 * s->count;
    }
    return m;
}

static void sample_free(struct manifest *m)
{
    bit_table_destroy(m->table);
    bit_table_destroy(m->statistics);
}

static struct bit_text text_of(size_t shards)
{
    static struct shard_entry entries[STORE_SHARDS];
    struct bit_text text = {0};
    struct manifest m = sample(entries, shards);
    if (manifest_write(&m, &text, NULL))
        abort();
    sample_free(&m);
    return text;
}

static int code_of(const char *text, size_t size, struct bit_error *error)
{
    struct manifest m;
    bit_error_clear(error);
    int result = manifest_parse(text, size, "m", &m, error);
    manifest_free(&m);
    return result ? (int)error->code : 0;
}

/* The text with its first `from` replaced by `to`, sealed anew with a right checksum. */
static int code_with(const char *from, const char *to, struct bit_error *error)
{
    struct bit_text text = text_of(3), changed = {0};
    size_t end = text.size - (sizeof MANIFEST_TRAILER - 1) - 32 - 3;
    char *at = strstr(text.data, from), hex[BIT_HASH_TEXT];
    if (!at || at >= text.data + end)
        abort();
    bit_text_add(&changed, "%.*s%s%.*s", (int)(at - text.data), text.data, to,
                 (int)(text.data + end - at - (ptrdiff_t)strlen(from)), at + strlen(from));
    bit_hash_text(bit_hash_bytes(changed.data, changed.size), hex);
    bit_text_add(&changed, MANIFEST_TRAILER "%s\"}\n", hex);
    int code = code_of(changed.data, changed.size, error);
    bit_text_free(&text);
    bit_text_free(&changed);
    return code;
}

static void test_round_trip(void)
{
    static struct shard_entry entries[8];
    for (size_t shards = 1; shards <= 8; shards += 7) {
        struct manifest m = sample(entries, shards), n;
        struct bit_text text = {0};
        struct bit_error error = {0};
        REQUIRE(manifest_write(&m, &text, &error) == 0);
        REQUIRE(manifest_parse(text.data, text.size, "m", &n, &error) == 0);
        CHECK(n.checkpoint.step == 100 && n.checkpoint.samples == 6400 && n.checkpoint.epoch == 100.0 / 7);
        CHECK(!strcmp(n.checkpoint.job, m.checkpoint.job) && !strcmp(n.checkpoint.model, m.checkpoint.model));
        CHECK(!strcmp(n.checkpoint.classes, m.checkpoint.classes) && !strcmp(n.checkpoint.extra, m.checkpoint.extra));
        CHECK(bit_hash_equal(n.checkpoint.statistics_hash, m.checkpoint.statistics_hash));
        CHECK(n.has_momentum && n.shards == shards && bit_table_equal(n.table, m.table));
        CHECK(bit_table_equal(n.statistics, m.statistics));
        CHECK(!memcmp(n.shard, entries, shards * sizeof *entries));
        manifest_free(&n);
        bit_text_free(&text);
        sample_free(&m);
    }
}

static void test_absent(void)
{
    static struct shard_entry entries[2];
    struct manifest m = sample(entries, 2), n;
    struct bit_text text = {0};
    struct bit_error error = {0};
    bit_table_destroy(m.statistics);
    m.statistics = NULL;
    m.has_momentum = false;
    m.checkpoint.extra = NULL;
    m.checkpoint.classes = "caf\xe9\n\xff\n"; /* not UTF-8 */
    for (int i = 0; i < 2; i++)
        entries[i].momentum_at = entries[i].statistics_at = 0;
    REQUIRE(manifest_write(&m, &text, &error) == 0);
    CHECK(bit_text_is_utf8(text.data, text.size));
    REQUIRE(manifest_parse(text.data, text.size, "m", &n, &error) == 0);
    CHECK(!n.statistics && !n.has_momentum && !n.checkpoint.extra && !strcmp(n.checkpoint.classes, "caf\xe9\n\xff\n"));
    manifest_free(&n);
    bit_text_free(&text);
    sample_free(&m);
}

static void test_every_flip(void)
{
    struct bit_text text = text_of(3);
    struct bit_error error;
    size_t passed = 0;
    for (size_t i = 0; i < text.size * 8; i++) {
        text.data[i / 8] ^= (char)(1 << i % 8);
        passed += code_of(text.data, text.size, &error) != BIT_EDATA;
        text.data[i / 8] ^= (char)(1 << i % 8);
    }
    CHECK(passed == 0);
    CHECK(code_of(text.data, text.size, &error) == 0);
    bit_text_free(&text);
}

static void test_every_cut(void)
{
    struct bit_text text = text_of(2);
    struct bit_error error;
    size_t passed = 0;
    for (size_t size = 0; size < text.size; size++) {
        char *cut = bit_allocate(size + 1, 1, "cut", NULL);
        memcpy(cut, text.data, size);
        passed += code_of(cut, size, &error) != BIT_EDATA;
        bit_free(cut);
    }
    CHECK(passed == 0);
    bit_text_add(&text, " ");
    CHECK(code_of(text.data, text.size, &error) == BIT_EDATA);
    bit_text_free(&text);
}

/* Right checksum, wrong contents: what a program with a bug, or a hand, could write. */
static void test_strict(void)
{
    static const struct { const char *from, *to, *says; } cases[] = {
        {"\"step\":100", "\"step\":100,\"step\":100", "twice"},
        {"\"step\":100", "\"step\":100,\"stepp\":1", "unknown"},
        {"\"step\":100", "\"Step\":100", "missing"},
        {"\"step\":100", "\"step\":-1", "whole number"},
        {"\"step\":100", "\"step\":1.5", "whole number"},
        {"\"step\":100", "\"step\":1e999", "whole number"},
        {"\"step\":100", "\"step\":9007199254740993", "whole number"},
        {"\"step\":100", "\"step\":\"100\"", "whole number"},
        {"\"epoch\":", "\"epoch\":-", "number"},
        {"\"format\":\"bit-checkpoint\"", "\"format\":\"other\"", "format"},
        {"\"version\":1", "\"version\":0", "version"},
        {"\"block\":1048576", "\"block\":4096", "block"},
        {"model.h5", "../../x", "expected"},
        {"shard-0001-of-0003.h5", "shard-0000-of-0003.h5", "expected"},
        {"\"first\":0", "\"first\":16", "range"},
        {"\"weights_at\":4096", "\"weights_at\":4097", "range"},
        {"\"weights_at\":4096", "\"weights_at\":0", "range"},
        {"\"weights_at\":4096", "\"weights_at\":1048500", "range"},
        {"\"statistics_at\":0", "\"statistics_at\":64", "range"},
        {"\"elements\":", "\"elements\":1", "add up"},
        {"\"kernel\"", "\"colonel\"", "kind"},
        {"[7,7,3,8]", "[7,7,3,8,1]", "shape"},
        {"[7,7,3,8]", "[7,7,3,0]", "shape"},
        {"[7,7,3,8]", "[]", "shape"},
        {"[7,7,3,8]", "[7,7,8,3]", "table_hash"},
        {"[7,7,3,8]", "[70368744177664,70368744177664,70368744177664]", "shape"},
        {"resnet/odd/one", "/resnet/odd/one", "name"},
        {"\"momentum_hash\":\"", "\"momentum_hash\":\"x", "hash"},
        {"\"weights_hash\":\"0000000000000003", "\"weights_hash\":\"000000000000000G", "hash"},
        {"\"classes\":", "\"classes_hex\":", "digits"},
        {"{\"format\"", "[{\"format\"", "JSON"},
        {"\"job\":\"", "\"job\":\"\xff", "UTF-8"},
        {"\"job\":\"", "\"job\":5,\"jobb\":\"", "text"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct bit_error error = {0};
        int code = code_with(cases[i].from, cases[i].to, &error);
        CHECK(code == BIT_EDATA);
        CHECK(strstr(error.text, cases[i].says) != NULL);
        if (code != BIT_EDATA || !strstr(error.text, cases[i].says))
            printf("\n  %s -> %s: %d %s\n", cases[i].from, cases[i].to, code, error.text);
    }
}

static void test_future(void)
{
    struct bit_error error = {0};
    CHECK(code_with("\"version\":1", "\"version\":2,\"new\":[]", &error) == BIT_EUSAGE);
    CHECK(strstr(error.text, "format version 2") && strstr(error.text, "bit 0.0"));
}

static void test_no_memory(void)
{
    struct bit_text text = text_of(3);
    struct bit_error error;
    int code = -1;
    size_t before = bit_memory_used();
    for (size_t n = 1; n < 1000 && code; n++) {
        bit_memory_fail_at(n);
        code = code_of(text.data, text.size, &error);
        CHECK(code == 0 || code == BIT_EENVIRONMENT);
        CHECK(bit_memory_used() == before);
    }
    bit_memory_fail_at(0);
    CHECK(code == 0);
    bit_text_free(&text);
}

static void test_ranges(void)
{
    uint64_t first, count, end = 0;
    for (size_t n = 1; n < 200; n += 7) {
        end = 0;
        for (size_t i = 0; i < n; i++, end += count) {
            shard_range(16 * 97, i, n, &first, &count);
            CHECK(first == end && count % 16 == 0);
        }
        CHECK(end == 16 * 97);
    }
}

int main(int argc, char **argv)
{
    static const struct unit_test tests[] = {
        {"round trip", test_round_trip}, {"absent parts", test_absent}, {"every bit flipped", test_every_flip},
        {"every cut", test_every_cut}, {"strict", test_strict}, {"future version", test_future},
        {"no memory", test_no_memory}, {"ranges", test_ranges},
    };
    return unit_main("manifest", tests, sizeof tests / sizeof *tests, argc, argv);
}
