/* Looks of pictures and of turned ones, ledgers that were cut or damaged, sets with known copies, interruptions, failing allocations. */
#include "tests/unit.h"

#include <math.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "bit/dedup.h"
#include "bit/file.h"
#include "bit/log.h"
#include "bit/memory.h"
#include "dedup/ledger.h"
#include "tests/data/picture.h"

enum { SIDE = BIT_PRINT_SIDE };
static char folder[] = "/tmp/bit-dedup-XXXXXX", path[4096];

static const char *at(const char *name)
{
    snprintf(path, sizeof path, "%s/%s", folder, name);
    return path;
}

/* ---- looks ---- */

/* Soft shapes that no turn maps to themselves. */
static void paint(float *pixels, unsigned seed)
{
    for (int i = 0; i < BIT_PRINT_PIXELS; i++) {
        double x = i / 3 % SIDE, y = (double)(i / 3 / SIDE);
        double v = sin(x * (0.11 + 0.037 * (seed % 7)) + seed) * cos(y * (0.13 + 0.029 * (seed % 5)) - i % 3) + 0.7 * sin((x + 2 * y) * 0.08 + seed);
        pixels[i] = (float)(v / 1.7);
    }
}

/* The picture as bit_exif.h's orientations show it, by their definition. */
static void turn(const float *from, int number, float *to)
{
    for (int y = 0; y < SIDE; y++)
        for (int x = 0; x < SIDE; x++) {
            int b = SIDE - 1, sx[] = {x, b - x, b - x, x, y, y, b - y, b - y}, sy[] = {y, y, b - y, b - y, x, b - x, b - x, x};
            memcpy(to + (y * SIDE + x) * 3, from + (sy[number] * SIDE + sx[number]) * 3, 3 * sizeof *to);
        }
}

static void test_turned_looks(void)
{
    static float picture[BIT_PRINT_PIXELS], turned[BIT_PRINT_PIXELS];
    for (unsigned seed = 1; seed < 10; seed++) {
        struct bit_look looks[BIT_TURNS], one;
        int quality, other;
        paint(picture, seed);
        bit_look_at(picture, BIT_TURNS, looks, &quality);
        for (int t = 0; t < BIT_TURNS; t++) {
            turn(picture, t, turned);
            bit_look_at(turned, 1, &one, &other);
            CHECK(bit_look_distance(&one, &looks[t]) <= 2 && __builtin_popcountll(one.hash ^ looks[t].hash) <= 2);
            CHECK(abs(other - quality) <= 1);
            CHECK(bit_look_difference(turned, picture, t) < 1e-6);
            for (int s = 0; s < t; s++)
                CHECK(bit_look_distance(&looks[s], &looks[t]) > 10);
            CHECK(t == 0 || bit_look_difference(picture, picture, t) > 10);
        }
    }
}

static int by_size(const void *a, const void *b)
{
    return (*(const double *)a > *(const double *)b) - (*(const double *)a < *(const double *)b);
}

/* The transform by its definition: bits are those of coefficients that lie more than 4 above the median. */
static void test_look_by_definition(void)
{
    static float picture[BIT_PRINT_PIXELS];
    struct bit_look look;
    int quality, ones = 0, different = 0;
    double c[256], sorted[256];
    paint(picture, 3);
    bit_look_at(picture, 1, &look, &quality);
    for (int i = 0; i < 256; i++) {
        int u = 1 + i % 16, v = 1 + i / 16;
        c[i] = 0;
        for (int k = 0; k < SIDE * SIDE; k++) {
            const float *p = picture + 3 * k;
            double grey = (0.299 * p[0] + 0.587 * p[1] + 0.114 * p[2]) * 127.5;
            c[i] += grey * cos((k % SIDE + 0.5) * u * M_PI / SIDE) * cos((k / SIDE + 0.5) * v * M_PI / SIDE) * 2 / SIDE;
        }
    }
    memcpy(sorted, c, sizeof c);
    qsort(sorted, 256, sizeof *sorted, by_size);
    for (int i = 0; i < 256; i++) {
        int bit = look.wide[i / 64] >> i % 64 & 1;
        ones += bit;
        different += bit != (c[i] > sorted[127] + 4) && fabs(c[i] - sorted[127] - 4) > 1e-3;
    }
    CHECK(different == 0 && ones > 10 && ones <= 128 && quality > 30 && quality <= 100);
    for (int i = 0; i < BIT_PRINT_PIXELS; i++)
        picture[i] = 0.25f;
    bit_look_at(picture, 1, &look, &quality);
    CHECK(quality == 0);
}

/* ---- ledgers ---- */

static const struct bit_hash key = {1, 2};

static int blocks_of(struct bit_hash its_key, int add)
{
    struct bit_error error = {0};
    struct bit_ledger *l = bit_ledger_open(at("ledger"), its_key, &error);
    const void *data;
    size_t size;
    int count = 0;
    if (!l)
        return -1;
    while (bit_ledger_next(l, &data, &size, &error) == 1) {
        CHECK(size == (size_t)count * 100 && (!size || *(const char *)data == (char)count));
        count++;
    }
    for (int i = 0; i < add; i++) {
        char block[2000];
        memset(block, count + i, sizeof block);
        CHECK(!bit_ledger_add(l, block, (size_t)(count + i) * 100, &error));
    }
    CHECK(error.code == BIT_OK);
    bit_ledger_close(l);
    return count;
}

static void test_ledger(void)
{
    struct bit_error error = {0};
    struct stat status;
    unlink(at("ledger"));
    CHECK(blocks_of(key, 5) == 0 && blocks_of(key, 0) == 5);
    CHECK(!stat(at("ledger"), &status));
    /* Cut anywhere: whole blocks stay, and the next ones follow them. */
    for (off_t size = status.st_size - 1; size > 48; size -= 97) {
        CHECK(!truncate(at("ledger"), size));
        int left = blocks_of(key, 0);
        CHECK(left >= 0 && left < 5 && blocks_of(key, 5 - left) == left && blocks_of(key, 0) == 5);
    }
    /* A changed byte ends it there. */
    FILE *file = fopen(at("ledger"), "r+");
    REQUIRE(file != NULL);
    fseek(file, status.st_size - 50, SEEK_SET);
    fputc('!', file);
    fclose(file);
    CHECK(blocks_of(key, 1) == 4 && blocks_of(key, 0) == 5);
    /* One process at a time; another key begins anew. */
    struct bit_ledger *l = bit_ledger_open(at("ledger"), key, &error);
    CHECK(l && !bit_ledger_open(at("ledger"), key, &error) && error.code == BIT_EENVIRONMENT && strstr(error.text, "in use"));
    bit_ledger_close(l);
    CHECK(blocks_of((struct bit_hash){1, 3}, 2) == 0 && blocks_of((struct bit_hash){1, 3}, 0) == 2);
}

/* ---- sets ---- */

static void put(const char *name, const void *data, size_t size)
{
    struct bit_error error = {0};
    char parent[4096];
    snprintf(parent, sizeof parent, "%s", at(name));
    *strrchr(parent, '/') = 0;
    bit_folder_create(parent, &error);
    picture_write(at(name), data, size);
}

static void put_picture(const char *name, const struct picture *p)
{
    struct bytes b = picture_make(p);
    put(name, b.data, b.size);
    free(b.data);
}

/* 40 pictures upstream; tests 0 to 7 of set 1 are copies of one kind each, the others are strangers. */
static void make_sets(void)
{
    static const unsigned char grey[40 * 30] = {0};
    struct bytes flat = picture_grey(grey, 40, 30);
    char name[100];
    for (unsigned i = 0; i < 40; i++) {
        snprintf(name, sizeof name, "up/%c/%02u.jpg", "ab"[i % 2], i);
        put_picture(name, &(struct picture){.width = 320, .height = 240, .colour = YCC420, .varied = true, .seed = i});
    }
    put_picture("test/a/same-file.jpg", &(struct picture){.width = 320, .height = 240, .colour = YCC420, .varied = true, .seed = 0});
    put_picture("test/a/quality-30.jpg", &(struct picture){.width = 320, .height = 240, .colour = YCC420, .varied = true, .seed = 2, .quality = 30});
    put_picture("test/a/progressive.jpg", &(struct picture){.width = 320, .height = 240, .colour = YCC420, .varied = true, .seed = 4, .progressive = true});
    put_picture("test/b/as.png", &(struct picture){.width = 320, .height = 240, .colour = PNG_RGB, .varied = true, .seed = 6});
    for (unsigned i = 100; i < 110; i++) {
        snprintf(name, sizeof name, "test/b/stranger-%u.jpg", i);
        put_picture(name, &(struct picture){.width = 320, .height = 240, .colour = YCC420, .varied = true, .seed = i});
    }
    put("test/b/broken.jpg", "no picture", 10);
    put("up/b/broken-too.jpg", "no picture either", 17);
    put("test/b/flat.png", flat.data, flat.size);
    put("up/b/flat-too.png", flat.data, flat.size);
    put_picture("second/c/also.jpg", &(struct picture){.width = 320, .height = 240, .colour = YCC420, .varied = true, .seed = 8, .quality = 60});
    free(flat.data);
}

static int dedup_with(int threads, struct bit_dedup_report *report, struct bit_error *error)
{
    static char up[4096], test[4096], second[4096], out[4096];
    static const char *const tests[] = {test, second};
    snprintf(up, sizeof up, "%s", at("up"));
    snprintf(test, sizeof test, "%s", at("test"));
    snprintf(second, sizeof second, "%s", at("second"));
    snprintf(out, sizeof out, "%s", at("out"));
    const struct bit_dedup_options o = {.upstream = up, .tests = tests, .test_count = 2, .folder = out, .threads = threads, .bits = 10,
        .wide_bits = 40, .turns = BIT_TURNS, .quality = 20, .difference = 10, .share = 0.6, .file_limit = 32 << 20, .pixel_limit = 64000000, .most_pairs = 1000};
    return bit_dedup_run(&o, report, error);
}

static char *contents(const char *name)
{
    struct bit_error error = {0};
    char *data = NULL;
    size_t size;
    CHECK(!bit_file_read(at(name), 1 << 20, &data, &size, &error));
    return data;
}

static bool holds(const char *name, const char *text)
{
    char *data = contents(name);
    bool there = data && strstr(data, text);
    if (!there)
        printf("    '%s' is not in %s: %s\n", text, name, data ? data : "");
    bit_free(data);
    return there;
}

static void check_report(const struct bit_dedup_report *r)
{
    CHECK(r->set_count == 3 && r->sets[0].images == 42 && r->sets[1].images == 16 && r->sets[2].images == 1);
    CHECK(r->sets[0].marked == 6 && r->sets[1].marked == 5 && r->sets[2].marked == 1);
    CHECK(r->sets[1].bad == 1 && r->sets[1].flat == 1 && r->sets[0].flat == 1 && r->sets[0].bad == 1);
    CHECK(r->same_files == 2 && r->same_files + r->same_pictures + r->near == 6);
}

static void test_sets(void)
{
    struct bit_dedup_report report;
    struct bit_error error = {0};
    make_sets();
    CHECK(!dedup_with(2, &report, &error));
    if (error.code)
        printf("    %s\n", error.text);
    REQUIRE(error.code == BIT_OK);
    check_report(&report);
    CHECK(report.known == 0);
    bit_dedup_free(&report);
    CHECK(holds("out/remove.txt", "a/00.jpg\na/02.jpg\na/04.jpg\na/06.jpg\na/08.jpg\nb/flat-too.png\n"));
    CHECK(holds("out/duplicates.tsv", "a/00.jpg\t1\ta/same-file.jpg\tfile\t0\t0\tupright\t0.00\t-\n"));
    CHECK(holds("out/duplicates.tsv", "a/08.jpg\t2\tc/also.jpg\tnear\t"));
    CHECK(holds("out/test-1-marks.tsv", "a/same-file.jpg\t1\nb/as.png\t1\nb/broken.jpg\t0\nb/flat.png\t1\nb/stranger-100.jpg\t0\n"));
    CHECK(holds("out/test-1-clean.txt", "test-1/b/broken.jpg\tb\ntest-1/b/stranger-100.jpg\tb\n"));
    CHECK(holds("out/upstream-clean.txt", "upstream/a/10.jpg\ta\n") && holds("out/report.json", "\"duplicates\":6"));
    /* Again, with another number of threads: nothing is looked at, the same comes out. */
    char *pairs = contents("out/duplicates.tsv");
    CHECK(!dedup_with(1, &report, &error) && report.known == 59);
    check_report(&report);
    CHECK(pairs && holds("out/duplicates.tsv", pairs));
    bit_dedup_free(&report);
    /* A new test picture, and what is known of the others. */
    put_picture("second/c/new.jpg", &(struct picture){.width = 320, .height = 240, .colour = YCC420, .varied = true, .seed = 10, .quality = 60});
    CHECK(!dedup_with(1, &report, &error) && report.known == 58 && report.sets[0].marked == 7 && report.sets[2].marked == 2);
    bit_dedup_free(&report);
    CHECK(!unlink(at("second/c/new.jpg")));
    bit_free(pairs);
}

/* Cut off in any of its ledgers, it goes on to the same results. */
static void test_interrupted(void)
{
    static const char *const ledgers[] = {"out/looks-0", "out/looks-1", "out/pairs", "out/verdicts"};
    struct bit_error error = {0};
    struct bit_dedup_report report;
    CHECK(!dedup_with(1, &report, &error));
    bit_dedup_free(&report);
    char *pairs = contents("out/duplicates.tsv");
    for (size_t i = 0; i < sizeof ledgers / sizeof *ledgers; i++) {
        struct stat status;
        CHECK(!stat(at(ledgers[i]), &status) && !truncate(at(ledgers[i]), status.st_size - 3));
        CHECK(!dedup_with(1, &report, &error));
        check_report(&report);
        bit_dedup_free(&report);
        CHECK(pairs && holds("out/duplicates.tsv", pairs));
    }
    bit_free(pairs);
}

static void test_refusals(void)
{
    struct bit_error error = {0};
    struct bit_dedup_report report;
    CHECK(!rename(at("second"), "/tmp/bit-dedup-moved") && dedup_with(1, &report, &error) == -1 && error.code == BIT_ENOINPUT);
    bit_dedup_free(&report);
    CHECK(!rename("/tmp/bit-dedup-moved", at("second")));
}

/* Every allocation fails once: an environment error, nothing leaks (the sanitizers look), and the next start works. */
static void test_lack_of_memory(void)
{
    size_t used = bit_memory_used();
    int failures = 0;
    bool done = false;
    for (size_t n = 1; !done && n < 400; n += n < 40 ? 1 : 7) {
        struct bit_dedup_report report;
        struct bit_error error = {0};
        bit_memory_fail_at(n);
        int result = dedup_with(1, &report, &error);
        bit_memory_fail_at(0);
        CHECK((result == 0) == (error.code == BIT_OK) && (result == 0 || error.code == BIT_EENVIRONMENT));
        failures += result != 0;
        done = result == 0;
        bit_dedup_free(&report);
    }
    CHECK(failures > 20 && bit_memory_used() == used);
}

int main(int argc, char **argv)
{
    static const struct unit_test tests[] = {
        {"turned looks", test_turned_looks}, {"look by definition", test_look_by_definition}, {"ledger", test_ledger}, {"sets", test_sets},
        {"interrupted", test_interrupted}, {"refusals", test_refusals}, {"lack of memory", test_lack_of_memory},
    };
    struct bit_error error = {0};
    bit_log_init("test", BIT_LOG_ERROR);
    if (!mkdtemp(folder))
        return 2;
    int result = unit_main("dedup", tests, sizeof tests / sizeof *tests, argc, argv);
    bit_folder_remove(folder, &error);
    return result;
}
