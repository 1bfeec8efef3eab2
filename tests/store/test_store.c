/* Saving and loading in one process: fallback, refusals, retention, roll-back, failures of disk and memory. */
#include <fcntl.h>
#include <signal.h>
#include <stdint.h>
#include <sys/file.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "bit/clock.h"
#include "tests/store/folder.h"
#include "tests/unit.h"

static void path_of(const struct scene *s, const char *generation, const char *file, char path[256])
{
    snprintf(path, 256, "%s/%s/%s", s->folder, generation, file);
}

static const char *scene_path(const struct scene *s, const char *name, char path[256])
{
    path_of(s, ".", name, path);
    return path;
}

static void test_round_trip(void)
{
    struct scene s;
    struct bit_error error = {0};
    scene_create(&s, 1);
    CHECK(scene_load(&s, &error) == 0);
    REQUIRE(scene_save(&s, 7, 3, &error) == 0);
    CHECK(scene_load(&s, &error) == 7);
    CHECK(scene_has(&s, "step-000000000007/model.h5"));
    CHECK(scene_count(&s, "") == 3 && scene_count(&s, ".tmp") == 0);
    CHECK(error.code == BIT_OK);
    scene_destroy(&s);
}

static void test_plain(void) /* no momentum, no statistics */
{
    struct scene s;
    struct bit_error error = {0};
    scene_create(&s, 0);
    struct bit_store *store = bit_store_open(s.folder, true, 0, bit_group_self(), &error);
    struct bit_checkpoint c = state_checkpoint(3), d = {0};
    struct bit_arrays a = {.table = s.table, .weights = s.arrays.weights};
    state_fill(s.table, STATE_WEIGHTS, 3, a.weights);
    REQUIRE(store && bit_store_save(store, &c, &a, &error) == 0);
    memset(a.weights, 1, s.table->elements * 4);
    CHECK(bit_store_load(store, c.model, UINT64_MAX, &d, &a, &error) == 1);
    CHECK(state_wrong(s.table, STATE_WEIGHTS, 3, a.weights) == 0 && bit_hash_equal(c.weights_hash, d.weights_hash));
    bit_checkpoint_free(&d);
    a.momentum = s.arrays.momentum;
    CHECK(bit_store_load(store, c.model, UINT64_MAX, &d, &a, &error) == -1 && error.code == BIT_EUSAGE);
    CHECK(strstr(error.text, "no momentum") != NULL);
    bit_store_close(store);
    scene_destroy(&s);
}

static void test_copy(void) /* prepare with a copy: the arrays change before write */
{
    struct scene s;
    struct bit_error error = {0};
    scene_create(&s, 1);
    struct bit_store *store = bit_store_open(s.folder, true, 0, bit_group_self(), &error);
    struct bit_checkpoint c = state_checkpoint(9);
    state_fill(s.table, STATE_WEIGHTS, 9, s.arrays.weights);
    state_fill(s.table, STATE_MOMENTUM, 9, s.arrays.momentum);
    state_fill(s.statistics, STATE_STATISTICS, 9, s.arrays.statistics);
    struct bit_save *save = bit_store_prepare(store, &c, &s.arrays, true, &error);
    REQUIRE(save != NULL);
    memset(s.arrays.weights, 0, s.table->elements * 4);
    memset(s.arrays.momentum, 0, s.table->elements * 4);
    memset(s.arrays.statistics, 0, s.statistics->elements * 4);
    CHECK(bit_store_write(save) == 0);
    CHECK(!scene_has(&s, "step-000000000009"));
    CHECK(bit_store_commit(store, save, &error) == 0);
    bit_store_close(store);
    CHECK(scene_load(&s, &error) == 9);
    scene_destroy(&s);
}

static void flip(const char *path, uint64_t at, int bit)
{
    int file = open(path, O_RDWR);
    unsigned char byte;
    if (file < 0 || pread(file, &byte, 1, (off_t)at) != 1)
        abort();
    byte ^= (unsigned char)(1 << bit);
    if (pwrite(file, &byte, 1, (off_t)at) != 1)
        abort();
    close(file);
}

/* Step 2 is damaged somewhere; step 1 must load, and step 2 be kept aside. Then it is repaired for the next trial. */
static void test_flips(void)
{
    static const char *const files[] = {"manifest.json", "model.h5", "shard-0000-of-0001.h5"};
    struct scene s;
    struct bit_error error = {0};
    char path[256], bad[256], good[256];
    scene_create(&s, 0);
    REQUIRE(scene_save(&s, 1, 0, &error) == 0 && scene_save(&s, 2, 0, &error) == 0);
    path_of(&s, "step-000000000002.bad", "", bad);
    path_of(&s, "step-000000000002", "", good);
    bad[strlen(bad) - 1] = good[strlen(good) - 1] = 0;
    for (int f = 0; f < 3; f++) {
        uint64_t size;
        path_of(&s, "step-000000000002", files[f], path);
        REQUIRE(bit_file_size(path, &size, &error) == 0);
        for (int i = 0; i < 25; i++) {
            uint64_t at = i == 0 ? 0 : i == 1 ? size - 1 : (uint64_t)i * 2654435761u % size;
            flip(path, at, i % 8);
            long step = scene_load(&s, &error);
            CHECK(step == 1 && scene_has(&s, "step-000000000002.bad"));
            if (step != 1)
                printf("\n  %s byte %llu: %ld %s\n", files[f], (unsigned long long)at, step, error.text);
            REQUIRE(rename(bad, good) == 0);
            flip(path, at, i % 8);
        }
    }
    CHECK(scene_load(&s, &error) == 2);
    scene_destroy(&s);
}

enum damage { CUT, LONGER, MISSING, EMPTY, NO_MANIFEST, NO_MASTER, FOREIGN, A_FOLDER, OTHER_STEP, DAMAGES };

static void damage(const struct scene *s, enum damage kind)
{
    char path[256], other[256];
    uint64_t size;
    path_of(s, "step-000000000002", "shard-0000-of-0001.h5", path);
    bit_file_size(path, &size, NULL);
    int bad = 0;
    switch (kind) {
    case CUT: bad = truncate(path, (off_t)size - 1); break;
    case LONGER: bad = truncate(path, (off_t)size + 1); break;
    case EMPTY: bad = truncate(path, 0); break;
    case MISSING: bad = unlink(path); break;
    case NO_MANIFEST: path_of(s, "step-000000000002", "manifest.json", path); bad = unlink(path); break;
    case NO_MASTER: path_of(s, "step-000000000002", "model.h5", path); bad = unlink(path); break;
    case FOREIGN: path_of(s, "step-000000000003", "shard-0000-of-0001.h5", other); bad = rename(other, path); break;
    case A_FOLDER: bad = unlink(path) || mkdir(path, 0777); break;
    case OTHER_STEP:
        path_of(s, "step-000000000002", "", path);
        path_of(s, "step-000000000003", "", other);
        bad = bit_folder_remove(path, NULL) || rename(other, path);
        break;
    default: break;
    }
    if (bad)
        abort();
}

static void test_damage(void)
{
    for (int kind = 0; kind < DAMAGES; kind++) {
        struct scene s;
        struct bit_error error = {0};
        scene_create(&s, 0);
        REQUIRE(scene_save(&s, 1, 0, &error) == 0 && scene_save(&s, 2, 0, &error) == 0 && scene_save(&s, 3, 0, &error) == 0);
        damage(&s, (enum damage)kind);
        char path[256];
        path_of(&s, "step-000000000003", "", path);
        bit_folder_remove(path, NULL);
        path_of(&s, "newest", "", path);
        path[strlen(path) - 1] = 0;
        CHECK(unlink(path) == 0); /* or it would be looked for, for a while */
        struct bit_generation *list = NULL;
        size_t count = 0;
        CHECK(bit_store_list(s.folder, true, &list, &count, &error) == 0);
        CHECK(count == 2 && list[0].whole && !list[1].whole && list[1].reason[0]);
        bit_free(list);
        /* A reader falls back too, but changes nothing. */
        CHECK(scene_load_as(&s, false, UINT64_MAX, NULL, &error) == 1 && scene_has(&s, "step-000000000002"));
        CHECK(scene_load(&s, &error) == 1);
        CHECK(!scene_has(&s, "step-000000000002") && scene_has(&s, "step-000000000002.bad"));
        /* The same step again, damaged again: the second is kept aside too. */
        CHECK(scene_save(&s, 2, 0, &error) == 0 && scene_load(&s, &error) == 2);
        path_of(&s, "step-000000000002", "manifest.json", path);
        flip(path, 20, 1);
        CHECK(scene_load(&s, &error) == 1 && scene_has(&s, "step-000000000002.bad-2"));
        scene_destroy(&s);
    }
}

static void test_all_bad(void)
{
    struct scene s;
    struct bit_error error = {0};
    char path[256];
    scene_create(&s, 0);
    REQUIRE(scene_save(&s, 1, 0, &error) == 0 && scene_save(&s, 2, 0, &error) == 0);
    path_of(&s, "step-000000000001", "shard-0000-of-0001.h5", path);
    flip(path, 5000, 3);
    path_of(&s, "step-000000000002", "shard-0000-of-0001.h5", path);
    flip(path, 5000, 3);
    CHECK(scene_load(&s, &error) == -1 && error.code == BIT_ENOGENERATION);
    bit_error_clear(&error);
    CHECK(scene_load(&s, &error) == -1 && error.code == BIT_ENOGENERATION); /* nor afresh the next time */
    CHECK(scene_has(&s, "step-000000000001") && scene_has(&s, "step-000000000002"));
    /* Nor when nothing is left but what was set aside. */
    path_of(&s, "step-000000000001", "", path);
    bit_folder_remove(path, NULL);
    char aside[300];
    path_of(&s, "step-000000000002", "", path);
    path[strlen(path) - 1] = 0;
    snprintf(aside, sizeof aside, "%s.superseded", path);
    CHECK(rename(path, aside) == 0);
    bit_error_clear(&error);
    CHECK(scene_load(&s, &error) == -1 && error.code == BIT_ENOGENERATION);
    scene_destroy(&s);
}

/* Another job's manifest among our files is damage, not another job. */
static void test_foreign_manifest(void)
{
    struct scene s, other;
    struct bit_error error = {0};
    char from[256], to[256];
    scene_create(&s, 0);
    scene_create(&other, 0);
    REQUIRE(scene_save(&s, 1, 0, &error) == 0 && scene_save(&s, 2, 0, &error) == 0);
    struct bit_store *store = bit_store_open(other.folder, true, 0, bit_group_self(), &error);
    struct bit_checkpoint c = state_checkpoint(2);
    char model[] = "{\"seed\":9}";
    c.model = model;
    state_fill(other.table, STATE_WEIGHTS, 9, other.arrays.weights);
    REQUIRE(store && bit_store_save(store, &c, &other.arrays, &error) == 0);
    bit_store_close(store);
    path_of(&other, "step-000000000002", "manifest.json", from);
    path_of(&s, "step-000000000002", "manifest.json", to);
    CHECK(rename(from, to) == 0);
    CHECK(scene_load(&s, &error) == 1 && scene_has(&s, "step-000000000002.bad"));
    scene_destroy(&s);
    scene_destroy(&other);
}

static void test_refusals(void)
{
    struct scene s;
    struct bit_error error = {0};
    struct bit_checkpoint c = {0};
    scene_create(&s, 0);
    REQUIRE(scene_save(&s, 5, 0, &error) == 0);
    struct bit_store *store = bit_store_open(s.folder, true, 0, bit_group_self(), &error);
    REQUIRE(store != NULL);
    CHECK(bit_store_load(store, "{\"depth\":101,\"model\":{\"width\":3},\"loss\":\"softmax\"}", UINT64_MAX, &c, &s.arrays,
                         &error) == -1);
    CHECK(error.code == BIT_EUSAGE && strstr(error.text, "depth: 50 in the checkpoint, 101 in the job"));
    CHECK(strstr(error.text, "model.width: 1 in the checkpoint, 3 in the job") && !strstr(error.text, "loss"));
    bit_error_clear(&error); /* the order of keys does not matter */
    CHECK(bit_store_load(store, "{\"loss\":\"softmax\",\"model\":{\"width\":1},\"depth\":50}", UINT64_MAX, &c, &s.arrays,
                         &error) == 1);
    bit_checkpoint_free(&c);
    struct bit_table *other = state_table(1);
    struct bit_arrays a = s.arrays;
    a.table = other;
    CHECK(bit_store_load(store, NULL, UINT64_MAX, &c, &a, &error) == -1 && error.code == BIT_EUSAGE);
    bit_error_clear(&error);
    a = s.arrays;
    a.statistics = NULL;
    CHECK(bit_store_load(store, NULL, UINT64_MAX, &c, &a, &error) == -1 && error.code == BIT_EUSAGE);
    bit_table_destroy(other);
    bit_store_close(store);
    CHECK(scene_has(&s, "step-000000000005"));
    scene_destroy(&s);
}

static void test_retention(void)
{
    struct scene s;
    struct bit_error error = {0};
    char path[256];
    scene_create(&s, 0);
    for (uint64_t step = 1; step <= 5; step++)
        REQUIRE(scene_save(&s, step, 2, &error) == 0);
    CHECK(scene_count(&s, "step-") == 2 && scene_has(&s, "step-000000000004") && scene_has(&s, "step-000000000005"));
    /* A damaged one does not count as kept. */
    path_of(&s, "step-000000000005", "manifest.json", path);
    flip(path, 100, 0);
    REQUIRE(scene_save(&s, 6, 2, &error) == 0);
    CHECK(scene_has(&s, "step-000000000004") && scene_has(&s, "step-000000000006"));
    REQUIRE(scene_save(&s, 7, 1, &error) == 0);
    CHECK(scene_count(&s, "step-") == 1 && scene_count(&s, ".old") == 0);
    CHECK(scene_load(&s, &error) == 7);
    scene_destroy(&s);
}

/* ---- foreign files: whatever people put there stays ---- */

static void put_foreign(const struct scene *s, const char *generation, const char *file)
{
    char path[256];
    path_of(s, generation, file, path);
    FILE *f = fopen(path, "w");
    fputs("theirs", f);
    fclose(f);
}

static void test_clear(void)
{
    static const char *const theirs[] = {"epoch1/model.pt", "step-000000000002.kept/notes.txt", "step-000000000002.kept/shard-1-of-2.h5",
        "step-000000000002.kept/model.h5.tmp.x", "step-000000000007.kept", "step-7", "step-000000000008.kept", "elsewhere/model.h5",
        "step-000000000009.kept/model.h5"};
    struct scene s;
    struct bit_error error = {0};
    char path[256];
    scene_create(&s, 0);
    for (uint64_t step = 1; step <= 3; step++)
        REQUIRE(scene_save(&s, step, 0, &error) == 0);
    CHECK(bit_folder_create(scene_path(&s, "epoch1", path), &error) == 0), put_foreign(&s, "epoch1", "model.pt");
    CHECK(bit_folder_create(scene_path(&s, "elsewhere", path), &error) == 0), put_foreign(&s, "elsewhere", "model.h5");
    put_foreign(&s, "step-000000000002", "notes.txt"), put_foreign(&s, "step-000000000002", "shard-1-of-2.h5");
    put_foreign(&s, "step-000000000002", "model.h5.tmp.x"), put_foreign(&s, "step-000000000003", "manifest.json.tmp.77");
    put_foreign(&s, ".", "step-000000000007"), put_foreign(&s, ".", "step-7");
    CHECK(!symlink("elsewhere", scene_path(&s, "step-000000000008", path)));
    CHECK(bit_folder_create(scene_path(&s, "step-000000000009/model.h5", path), &error) == 0); /* a folder where a file should be */
    CHECK(bit_store_clear(s.folder, &error) == 0 && error.code == BIT_OK);
    for (size_t i = 0; i < sizeof theirs / sizeof *theirs; i++)
        CHECK(scene_has(&s, theirs[i]));
    CHECK(!scene_has(&s, "step-000000000001") && !scene_has(&s, "step-000000000002") && !scene_has(&s, "step-000000000003"));
    CHECK(!scene_has(&s, "step-000000000002.kept/manifest.json") && !scene_has(&s, "newest") && !scene_has(&s, ".lock"));
    CHECK(scene_load(&s, &error) == 0 && error.code == BIT_OK); /* nothing is taken for a generation */
    REQUIRE(scene_save(&s, 2, 0, &error) == 0);
    CHECK(scene_load(&s, &error) == 2);
    CHECK(bit_store_clear(s.folder, &error) == 0 && scene_has(&s, "step-000000000002.kept/notes.txt"));
    scene_destroy(&s);
    scene_create(&s, 0);
    REQUIRE(scene_save(&s, 1, 0, &error) == 0);
    CHECK(bit_store_clear(s.folder, &error) == 0 && !bit_file_exists(s.folder)); /* nothing else was in it */
    CHECK(bit_store_clear(s.folder, &error) == 0);
    scene_destroy(&s);
}

/* Checkpoints on another disk, by a link: they go, the link stays. */
static void test_clear_link(void)
{
    struct scene s;
    struct bit_error error = {0};
    char link[80];
    scene_create(&s, 0);
    REQUIRE(scene_save(&s, 1, 0, &error) == 0);
    snprintf(link, sizeof link, "%s-link", s.folder);
    CHECK(!symlink(s.folder, link) && bit_store_clear(link, &error) == 0);
    CHECK(bit_file_exists(link) && !scene_has(&s, "step-000000000001"));
    unlink(link);
    scene_destroy(&s);
}

static void test_retention_foreign(void)
{
    struct scene s;
    struct bit_error error = {0};
    scene_create(&s, 0);
    REQUIRE(scene_save(&s, 1, 1, &error) == 0);
    put_foreign(&s, "step-000000000001", "notes.txt");
    REQUIRE(scene_save(&s, 2, 1, &error) == 0);
    CHECK(scene_has(&s, "step-000000000001.kept/notes.txt") && !scene_has(&s, "step-000000000001.kept/model.h5"));
    CHECK(scene_count(&s, ".old") == 0 && scene_load(&s, &error) == 2);
    scene_destroy(&s);
}

static void test_same_step(void)
{
    struct scene s;
    struct bit_error error = {0};
    struct stat before, after;
    char path[256], extra[64];
    scene_create(&s, 0);
    REQUIRE(scene_save(&s, 4, 2, &error) == 0);
    path_of(&s, "step-000000000004", "manifest.json", path);
    REQUIRE(stat(path, &before) == 0);
    CHECK(scene_save(&s, 4, 2, &error) == 0);
    CHECK(stat(path, &after) == 0 && before.st_ino == after.st_ino); /* nothing was written */
    CHECK(scene_save_as(&s, 4, 2, "{\"best\":0.75}", &error) == 0);
    CHECK(scene_load_as(&s, true, UINT64_MAX, extra, &error) == 4 && !strcmp(extra, "{\"best\":0.75}"));
    CHECK(scene_count(&s, "") == 3);
    scene_destroy(&s);
}

static void test_roll_back(void)
{
    struct scene s;
    struct bit_error error = {0};
    scene_create(&s, 0);
    for (uint64_t step = 10; step <= 40; step += 10)
        REQUIRE(scene_save(&s, step, 0, &error) == 0);
    CHECK(scene_load_as(&s, false, 25, NULL, &error) == 20 && scene_has(&s, "step-000000000040")); /* a reader: no harm */
    CHECK(scene_load_as(&s, true, 25, NULL, &error) == 20);
    CHECK(scene_has(&s, "step-000000000030.superseded") && scene_has(&s, "step-000000000040.superseded"));
    CHECK(scene_load(&s, &error) == 20);
    CHECK(scene_save(&s, 30, 0, &error) == 0 && scene_load(&s, &error) == 30);
    CHECK(scene_load_as(&s, false, 5, NULL, &error) == 0);
    scene_destroy(&s);
}

/* Files cannot grow beyond a limit: every write fails at some place, from the HDF5 metadata to the last value. */
static void test_no_room(void)
{
    struct scene s;
    struct bit_error error = {0};
    scene_create(&s, 1);
    REQUIRE(scene_save(&s, 1, 0, &error) == 0);
    int failed = 0, descriptors = -1;
    struct rlimit old, limit;
    getrlimit(RLIMIT_FSIZE, &old);
    void (*handler)(int) = signal(SIGXFSZ, SIG_IGN);
    for (rlim_t bytes = 0; bytes < 600000; bytes += bytes < 8192 ? 1024 : 32768) {
        limit = (struct rlimit){bytes < 300 ? 300 : bytes, old.rlim_max};
        setrlimit(RLIMIT_FSIZE, &limit);
        bit_error_clear(&error);
        int result = scene_save(&s, 2, 0, &error);
        setrlimit(RLIMIT_FSIZE, &old);
        if (result == 0)
            break;
        failed++;
        CHECK(error.code == BIT_EENVIRONMENT && strstr(error.text, "File too large"));
        if (!strstr(error.text, "File too large"))
            printf("\n  %ld: %s\n", (long)bytes, error.text);
        CHECK(scene_count(&s, "") == 3 && !scene_has(&s, "step-000000000002"));
        int next = open("/dev/null", O_RDONLY);
        if (descriptors < 0)
            descriptors = next;
        CHECK(next <= descriptors);
        close(next);
    }
    signal(SIGXFSZ, handler);
    CHECK(failed > 10);
    bit_error_clear(&error);
    CHECK(scene_load(&s, &error) == 2 || (scene_save(&s, 2, 0, &error) == 0 && scene_load(&s, &error) == 2));
    scene_destroy(&s);
}

static void test_no_memory(void)
{
    struct scene s;
    struct bit_error error = {0};
    int result = -1;
    scene_create(&s, 0);
    REQUIRE(scene_save(&s, 1, 0, &error) == 0 && scene_load(&s, &error) == 1);
    size_t before = bit_memory_used();
    for (size_t n = 1; n < 2000 && result; n++) {
        bit_error_clear(&error);
        bit_memory_fail_at(n);
        result = scene_save(&s, 2, 0, &error);
        bit_memory_fail_at(0);
        CHECK(bit_memory_used() == before);
        CHECK(result == 0 || (error.code == BIT_EENVIRONMENT && scene_count(&s, ".tmp") == 0));
    }
    CHECK(result == 0);
    long step = -1;
    for (size_t n = 1; n < 2000 && step != 2; n++) {
        bit_error_clear(&error);
        bit_memory_fail_at(n);
        step = scene_load(&s, &error);
        bit_memory_fail_at(0);
        CHECK(bit_memory_used() == before);
        CHECK(step == 2 || (step == -1 && error.code == BIT_EENVIRONMENT)); /* never a fallback for want of memory */
    }
    CHECK(step == 2 && scene_count(&s, "step-") == 2);
    scene_destroy(&s);
}

/* Another process holds the folder; after `seconds` it dies. */
static pid_t holder(const char *folder, double seconds)
{
    pid_t pid = fork();
    if (pid == 0) {
        struct bit_error error = {0};
        struct bit_store *store = bit_store_open(folder, true, 0, bit_group_self(), &error);
        usleep((useconds_t)(seconds * 1e6));
        _exit(store == NULL);
    }
    return pid;
}

static void test_lock(void)
{
    struct scene s;
    struct bit_error error = {0};
    char path[256];
    scene_create(&s, 0);
    REQUIRE(scene_save(&s, 1, 0, &error) == 0);
    /* What a killed writer left is cleaned up by the next one, and only when that one has the lock. */
    path_of(&s, ".tmp-step-000000000002-elsewhere-77-0", "", path);
    REQUIRE(mkdir(path, 0777) == 0);
    CHECK(scene_load_as(&s, false, UINT64_MAX, NULL, &error) == 1 && scene_count(&s, ".tmp") == 1);
    pid_t pid = holder(s.folder, 60);
    for (int i = 0; i < 100 && scene_count(&s, ".tmp"); i++)
        usleep(20000);
    CHECK(scene_count(&s, ".tmp") == 0);
    REQUIRE(mkdir(path, 0777) == 0);
    CHECK(scene_load(&s, &error) == -1 && error.code == BIT_EENVIRONMENT && strstr(error.text, "is using this folder"));
    bit_error_clear(&error);
    CHECK(scene_load_as(&s, false, UINT64_MAX, NULL, &error) == 1); /* reading is free */
    CHECK(scene_count(&s, ".tmp") == 1);
    kill(pid, SIGKILL);
    CHECK(scene_load(&s, &error) == 1 && scene_count(&s, ".tmp") == 0);
    waitpid(pid, NULL, 0);
    scene_destroy(&s);
}

static void test_readers(void)
{
    struct scene s;
    struct bit_error error = {0};
    char path[256], long_path[512];
    scene_create(&s, 1);
    REQUIRE(scene_save(&s, 12, 0, &error) == 0);
    struct bit_generation *list;
    size_t count;
    snprintf(path, sizeof path, "%s/step-000000000012/", s.folder);
    REQUIRE(bit_store_list(path, true, &list, &count, &error) == 0);
    CHECK(count == 1 && list[0].whole && list[0].step == 12 && list[0].shards == 1);
    CHECK(bit_store_path(path, list[0].name, long_path, sizeof long_path, &error) == 0 && bit_file_exists(long_path));
    bit_free(list);
    struct bit_reader *reader = bit_reader_open(long_path, &error);
    REQUIRE(reader != NULL);
    CHECK(bit_table_equal(bit_reader_table(reader), s.table) && bit_reader_has_momentum(reader));
    memset(s.arrays.momentum, 1, s.table->elements * 4);
    CHECK(bit_reader_load(reader, NULL, s.arrays.momentum, NULL, &error) == 0);
    CHECK(state_wrong(s.table, STATE_MOMENTUM, 12, s.arrays.momentum) == 0);
    bit_reader_close(reader);
    snprintf(path, sizeof path, "%s/nowhere", s.folder);
    CHECK(bit_store_list(path, false, &list, &count, &error) == -1 && error.code == BIT_ENOINPUT);
    scene_destroy(&s);
}

/* Large enough for threads and for blocks that are read straight into place. The last test: a process that has used
 * OpenMP cannot fork and use it in the child. */
static void test_large(void)
{
    struct scene s;
    struct bit_error error = {0};
    char path[256];
    scene_create(&s, 30);
    REQUIRE(scene_save(&s, 1, 0, &error) == 0 && scene_save(&s, 2, 0, &error) == 0);
    CHECK(scene_load(&s, &error) == 2);
    path_of(&s, "step-000000000002", "shard-0000-of-0001.h5", path);
    flip(path, 9000000, 3);
    CHECK(scene_load(&s, &error) == 1 && scene_has(&s, "step-000000000002.bad"));
    path_of(&s, "step-000000000001", "shard-0000-of-0001.h5", path);
    flip(path, 13, 3);
    CHECK(scene_load(&s, &error) == -1 && error.code == BIT_ENOGENERATION);
    scene_destroy(&s);
}

int main(int argc, char **argv)
{
    static const struct unit_test tests[] = {
        {"round trip", test_round_trip}, {"weights only", test_plain}, {"write from a copy", test_copy},
        {"flipped bits", test_flips}, {"other damage", test_damage}, {"all bad", test_all_bad},
        {"foreign manifest", test_foreign_manifest},
        {"refusals", test_refusals}, {"retention", test_retention}, {"clear", test_clear},
        {"clear by a link", test_clear_link}, {"retention with foreign files", test_retention_foreign}, {"same step again", test_same_step},
        {"roll back", test_roll_back}, {"no room", test_no_room}, {"no memory", test_no_memory}, {"lock", test_lock},
        {"readers", test_readers}, {"large", test_large},
    };
    return unit_main("store", tests, sizeof tests / sizeof *tests, argc, argv);
}
