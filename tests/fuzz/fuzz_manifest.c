/* Manifests: whatever the text is, it is refused, or what was read can be written and read again. The text is tried as it
 * is, and with a right checksum, which otherwise hides everything behind it. */
#include <stdlib.h>
#include <string.h>

#include "store/manifest.h"
#include "tests/fuzz/mutate.h"
#include "tests/store/state.h"

static void try_text(const char *text, size_t size)
{
    struct bit_error error = {0};
    struct manifest m, again;
    struct bit_text out = {0};
    if (manifest_parse(text, size, "fuzz", &m, &error))
        return;
    if (manifest_write(&m, &out, &error) || manifest_parse(out.data, out.size, "again", &again, &error) ||
        !bit_table_equal(m.table, again.table) || m.checkpoint.step != again.checkpoint.step || m.shards != again.shards)
        abort();
    manifest_free(&again);
    manifest_free(&m);
    bit_text_free(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    enum { TAIL = sizeof MANIFEST_TRAILER - 1 + 32 + 3 };
    char *text = malloc(size + TAIL + 1), hex[BIT_HASH_TEXT];
    memcpy(text, data, size);
    text[size] = 0;
    try_text(text, size);
    size_t body = size >= TAIL && text[size - TAIL] == ',' ? size - TAIL : size;
    bit_hash_text(bit_hash_bytes(text, body), hex);
    snprintf(text + body, TAIL + 1, MANIFEST_TRAILER "%s\"}\n", hex);
    try_text(text, body + TAIL);
    free(text);
    return 0;
}

/* With everything, and with as little as possible. */
size_t fuzz_seed(int which, uint8_t *data, size_t capacity)
{
    struct shard_entry shards[3] = {0};
    struct bit_text text = {0};
    struct manifest m = {.producer = "bit 0.0", .stamp = "2026-01-31T12:34:56Z", .checkpoint = state_checkpoint(100),
                         .has_momentum = !which, .table = state_table(0), .statistics = which ? NULL : state_statistics(),
                         .master = {.name = MASTER_NAME, .bytes = 7000}, .shards = which ? 1 : 3, .shard = shards};
    if (which) {
        m.checkpoint.extra = NULL;
        m.checkpoint.classes = "caf\xe9\n";
    }
    for (size_t i = 0; i < m.shards; i++) {
        shards[i].file.bytes = 1 << 20;
        shard_name(i, m.shards, shards[i].file.name);
        shard_range(m.table->elements, i, m.shards, &shards[i].first, &shards[i].count);
        shards[i].weights_at = 4096;
        shards[i].momentum_at = which ? 0 : 4096 + 4 * shards[i].count;
        shards[i].statistics_at = which || i ? 0 : 4096 + 8 * shards[i].count;
    }
    size_t size = manifest_write(&m, &text, NULL) || text.size > capacity ? 0 : text.size;
    memcpy(data, text.data, size);
    bit_text_free(&text);
    bit_table_destroy(m.table);
    bit_table_destroy(m.statistics);
    return which > 1 ? 0 : size;
}
