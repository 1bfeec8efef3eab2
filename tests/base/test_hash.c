#include "bit/hash.h"

#include <stdio.h>
#include <unistd.h>

#include "bit/memory.h"
#include "tests/unit.h"

/* The buffer and the values of xxHash's own sanity check (XXH3, 128 bits, seed 0). */
enum { BUFFER = 2400 };
static unsigned char buffer[BUFFER];
static const struct { size_t size; uint64_t low, high; } known[] = {
    {0, 0x6001C324468D497Full, 0x99AA06D3014798D8ull},    {1, 0xC44BDFF4074EECDBull, 0xA6CD5E9392000F6Aull},
    {6, 0x3E7039BDDA43CFC6ull, 0x082AFE0B8162D12Aull},    {12, 0x061A192713F69AD9ull, 0x6E3EFD8FC7802B18ull},
    {48, 0xF942219AED80F67Bull, 0xA002AC4E5478227Eull},
    {81, 0x5E8BAFB9F95FB803ull, 0x4952F58181AB0042ull},   {222, 0xF1AEBD597CEC6B3Aull, 0x337E09641B948717ull},
    {403, 0xCDEB804D65C6DEA4ull, 0x1B6DE21E332DD73Dull},  {512, 0x617E49599013CB6Bull, 0x18D2D110DCC9BCA1ull},
    {2048, 0xDD59E2C3A5F038E0ull, 0xF736557FD47073A5ull},
};

static void fill(void)
{
    uint64_t state = 2654435761u;
    for (size_t i = 0; i < BUFFER; i++) {
        buffer[i] = (unsigned char)(state >> 56);
        state *= 11400714785074694797ull;
    }
}

static void known_vectors(void)
{
    for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
        struct bit_hash h = bit_hash_bytes(buffer, known[i].size);
        CHECK(h.low == known[i].low && h.high == known[i].high);
    }
}

static void streaming_equals_whole(void)
{
    struct bit_error e = {0};
    struct bit_hasher *h = bit_hasher_create(&e);
    REQUIRE(h != NULL);
    for (size_t at = 0, step = 1; at < BUFFER; at += step, step = step % 97 + 13) {
        step = at + step > BUFFER ? BUFFER - at : step;
        bit_hasher_add(h, buffer + at, step);
    }
    CHECK(bit_hash_equal(bit_hasher_result(h), bit_hash_bytes(buffer, BUFFER)));
    bit_hasher_add(h, "x", 1); /* a result does not end the stream */
    CHECK(!bit_hash_equal(bit_hasher_result(h), bit_hash_bytes(buffer, BUFFER)));
    bit_hasher_destroy(h);
    bit_hasher_destroy(NULL);
}

static void text_and_back(void)
{
    char text[BIT_HASH_TEXT];
    struct bit_hash h = {0x0123456789abcdefull, 0x00000000000000ffull}, back = {0, 0};
    bit_hash_text(h, text);
    CHECK(!strcmp(text, "0123456789abcdef00000000000000ff"));
    CHECK(bit_hash_parse(text, &back) == 0 && bit_hash_equal(h, back));
    CHECK(!bit_hash_equal(h, (struct bit_hash){h.high, h.low ^ 1}));
    CHECK(!bit_hash_equal(h, (struct bit_hash){h.high ^ 1, h.low}));
    static const char *const bad[] = {"", "0123456789abcdef00000000000000f", "0123456789abcdef00000000000000fff",
                                      "0123456789ABCDEF00000000000000ff", "0123456789abcdefg0000000000000ff",
                                      "0123456789abcdef 0000000000000ff"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        back = h;
        CHECK(bit_hash_parse(bad[i], &back) == -1 && bit_hash_equal(h, back));
    }
}

static void whole_file(void)
{
    enum { SIZE = (1 << 20) + 17 }; /* more than a read block */
    char name[] = "/tmp/bit-test-hash-XXXXXX";
    struct bit_error e = {0};
    struct bit_hash h;
    size_t used = bit_memory_used();
    char *data = bit_allocate(SIZE, 1, "test", &e);
    int file = mkstemp(name);
    REQUIRE(data != NULL && file >= 0);
    for (size_t i = 0; i < SIZE; i++)
        data[i] = (char)(i * 31 >> 3);
    CHECK(write(file, data, SIZE) == SIZE);
    close(file);
    CHECK(bit_hash_file(name, &h, &e) == 0 && bit_hash_equal(h, bit_hash_bytes(data, SIZE)));
    for (size_t n = 1; n <= 2; n++) {
        bit_memory_fail_at(n);
        bit_error_clear(&e);
        CHECK(bit_hash_file(name, &h, &e) == -1 && e.code == BIT_EENVIRONMENT);
        bit_memory_fail_at(0);
    }
    unlink(name);
    bit_error_clear(&e);
    CHECK(bit_hash_file(name, &h, &e) == -1 && e.code == BIT_ENOINPUT && strstr(e.text, name));
    bit_error_clear(&e);
    CHECK(bit_hash_file("/tmp", &h, &e) == -1); /* a folder opens but does not read */
    bit_free(data);
    CHECK(bit_memory_used() == used);
}

int main(int argc, char **argv)
{
    static const struct unit_test tests[] = {
        {"known vectors", known_vectors}, {"streaming equals whole", streaming_equals_whole},
        {"text and back", text_and_back}, {"whole file", whole_file},
    };
    fill();
    return unit_main("hash", tests, sizeof tests / sizeof *tests, argc, argv);
}
