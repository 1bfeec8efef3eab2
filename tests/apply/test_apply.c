/* The small parts of applying trained networks: rankings, fields of CSV, and what parts of an embedding survive. */
#include <fcntl.h>
#include <math.h>
#include <sys/stat.h>
#include <unistd.h>

#include "apply/csv.h"
#include "apply/parts.h"
#include "apply/ranking.h"
#include "bit/file.h"
#include "../unit.h"

static void test_ranking(void)
{
    static const float outputs[] = {1, 3, -2, 3, 0};
    int32_t class[5];
    float p[5];
    ranking_top(outputs, 5, false, 3, class, p);
    CHECK(class[0] == 1 && class[1] == 3 && class[2] == 0); /* of equal ones the lower class */
    double sum = exp(1 - 3) + 2 + exp(-5) + exp(-3);
    CHECK(fabs(p[0] - 1 / sum) < 1e-6 && fabs(p[2] - exp(-2) / sum) < 1e-6);
    ranking_top(outputs, 5, true, 5, class, p);
    CHECK(class[3] == 4 && class[4] == 2 && fabs(p[3] - 0.5) < 1e-7 && fabs(p[0] - 1 / (1 + exp(-3))) < 1e-6);
    static const float large[] = {-1000, 1000, 999};
    ranking_top(large, 3, false, 3, class, p);
    CHECK(class[0] == 1 && fabs(p[0] - 1 / (1 + exp(-1))) < 1e-6 && p[2] == 0);
    static const float odd[] = {NAN, 1, NAN, -1};
    ranking_top(odd, 4, true, 4, class, p);
    CHECK(class[0] == 1 && class[1] == 3 && class[2] == 0 && class[3] == 2);
}

static void test_csv(void)
{
    static const struct { const char *word, *field; } words[] = {
        {"plain", "plain"}, {"", ""}, {"a,b", "\"a,b\""}, {"say \"x\"", "\"say \"\"x\"\"\""}, {"two\nlines", "\"two\nlines\""}, {" a ", " a "},
    };
    for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
        struct bit_text t = {0};
        bit_text_add(&t, "%s", "");
        csv_add(&t, words[i].word);
        CHECK_STRING(t.data, words[i].field);
        bit_text_free(&t);
    }
}

/* ---- parts ---- */

enum { MICRO = 3, CHANNELS = 2, OUTPUTS = 4, BATCHES = 6 };
static const struct part_shape shape = {BATCHES, MICRO, CHANNELS, OUTPUTS};
static char folder[64];

static void numbers_of(uint64_t number, struct part_rows *r, uint64_t *images, float *features, float *outputs)
{
    *r = (struct part_rows){(int)(number % (MICRO + 1)), images, features, outputs};
    for (int i = 0; i < r->good; i++)
        images[i] = number * MICRO + (uint64_t)i;
    for (int i = 0; i < r->good * CHANNELS; i++)
        features[i] = (float)number + (float)i / 16;
    for (int i = 0; i < r->good * OUTPUTS; i++)
        outputs[i] = -(float)number - (float)i / 16;
}

static void append(int rank, const uint64_t *batches, size_t count)
{
    struct bit_error error = {0};
    struct part_rows r;
    uint64_t images[MICRO];
    float features[MICRO * CHANNELS], outputs[MICRO * OUTPUTS];
    struct part *part = part_open(folder, rank, &shape, &error);
    REQUIRE(part != NULL);
    for (size_t i = 0; i < count; i++) {
        numbers_of(batches[i], &r, images, features, outputs);
        CHECK(part_append(part, batches[i], &r, &error) == 0);
    }
    CHECK(part_close(part, &error) == 0);
}

/* Which micro-batches are there, as bits; their numbers are compared. */
static unsigned found(void)
{
    struct bit_error error = {0};
    struct part_place places[BATCHES];
    struct part_rows want, got;
    uint64_t images[2][MICRO];
    float features[2][MICRO * CHANNELS], outputs[2][MICRO * OUTPUTS];
    unsigned bits = 0;
    if (parts_scan(folder, &shape, places, &error))
        return ~0u;
    struct parts *parts = parts_open(folder, &shape, &error);
    got = (struct part_rows){0, images[1], features[1], outputs[1]};
    for (uint64_t i = 0; i < BATCHES; i++) {
        if (places[i].file < 0)
            continue;
        bits |= 1u << i;
        numbers_of(i, &want, images[0], features[0], outputs[0]);
        CHECK(parts_read(parts, &places[i], &got, &error) == 0);
        CHECK(got.good == want.good && !memcmp(images[0], images[1], (size_t)want.good * sizeof **images));
        CHECK(!memcmp(features[0], features[1], (size_t)want.good * CHANNELS * sizeof(float)));
        CHECK(!memcmp(outputs[0], outputs[1], (size_t)want.good * OUTPUTS * sizeof(float)));
    }
    parts_close(parts);
    return bits;
}

static void path_of(int rank, char *path)
{
    sprintf(path, "%s/part-%06d", folder, rank);
}

static void begin(void)
{
    strcpy(folder, "/tmp/parts-XXXXXX");
    REQUIRE(mkdtemp(folder) != NULL);
}

static void end(void)
{
    struct bit_error error = {0};
    bit_folder_remove(folder, &error);
}

static void test_parts_of_ranks(void)
{
    begin();
    CHECK(found() == 0);
    append(0, (const uint64_t[]){0, 2, 4}, 3);
    append(1, (const uint64_t[]){1, 3}, 2);
    CHECK(found() == 037);
    append(0, (const uint64_t[]){5}, 1); /* a later start goes on in the same file */
    CHECK(found() == 077);
    end();
}

/* Cut off at every byte: what is whole before stays, and what is appended afterwards is found. */
static void test_parts_torn(void)
{
    char path[128];
    uint64_t size = 0, last;
    begin();
    path_of(0, path);
    append(0, (const uint64_t[]){1, 2}, 2);
    bit_file_size(path, &size, NULL);
    last = size - part_bytes(&shape, 2) - (size - part_bytes(&shape, 1) - part_bytes(&shape, 2)) / 2;
    for (uint64_t cut = 0; cut < size; cut++) {
        unlink(path);
        append(0, (const uint64_t[]){1, 2}, 2);
        CHECK(truncate(path, (off_t)cut) == 0);
        CHECK(found() == (cut >= last ? 02u : 0u));
        append(0, (const uint64_t[]){3}, 1);
        CHECK(found() == (cut >= last ? 012u : 010u));
    }
    end();
}

/* A flipped byte anywhere costs its record and those behind it, and is never taken for good. */
static void test_parts_damaged(void)
{
    char path[128];
    uint64_t size = 0;
    begin();
    path_of(0, path);
    append(0, (const uint64_t[]){1, 2}, 2);
    bit_file_size(path, &size, NULL);
    for (uint64_t at = 0; at < size; at++) {
        unsigned char byte;
        unlink(path);
        append(0, (const uint64_t[]){1, 2}, 2);
        int file = open(path, O_RDWR);
        CHECK(pread(file, &byte, 1, (off_t)at) == 1);
        byte ^= 0x10;
        CHECK(pwrite(file, &byte, 1, (off_t)at) == 1);
        close(file);
        unsigned bits = found();
        CHECK(bits == 0 || bits == 02);
    }
    end();
}

int main(int argc, char **argv)
{
    static const struct unit_test tests[] = {
        {"ranking", test_ranking}, {"csv", test_csv}, {"parts_of_ranks", test_parts_of_ranks}, {"parts_torn", test_parts_torn},
        {"parts_damaged", test_parts_damaged},
    };
    return unit_main("apply", tests, sizeof tests / sizeof *tests, argc, argv);
}
