/* Copies of the index: its cache, the ranks of a machine, and a lack of memory. */
#include "tests/data/index_files.h"

/* ---- cache ---- */

static char *cache_file(void)
{
    static char path[PATH_MAX];
    char command[256];
    snprintf(command, sizeof command, "ls %s/*.bin", cache);
    FILE *list = popen(command, "r");
    if (!fgets(path, sizeof path, list))
        *path = 0;
    pclose(list);
    path[strcspn(path, "\n")] = 0;
    return path;
}

static void age_tree(int seconds)
{
    static const char *const folders[] = {"train/b/x", "train/b", "train/B", "train/a b", "train/empty", "train"};
    for (size_t i = 0; i < 6; i++)
        age(folders[i], seconds);
}

/* The cache is used when nothing changed (the rescan would see a file that got away without a trace), and not used when
 * a folder's time differs. */
static void test_cache_used_and_renewed(void)
{
    struct bit_error error = {0};
    begin();
    make_tree();
    age_tree(0);
    struct bit_index *index = open_at("train", NULL, &error);
    REQUIRE(index != NULL);
    bit_index_close(index);
    unlink(at("train/b/2.jpg"));
    age("train/b", 0);
    index = open_at("train", NULL, &error);
    REQUIRE(index != NULL);
    check_tree(index);
    bit_index_close(index);
    age("train/b", 9);
    index = open_at("train", NULL, &error);
    REQUIRE(index != NULL);
    CHECK(bit_index_images(index) == 5);
    bit_index_close(index);
    index = open_at("train", NULL, &error); /* and the renewed one is whole */
    REQUIRE(index != NULL);
    CHECK(bit_index_images(index) == 5);
    bit_index_close(index);
    end();
}

/* A cache written right after a change is not trusted. */
static void test_cache_racy(void)
{
    struct bit_error error = {0};
    begin();
    put("train/a/1.jpg", ""), put("train/a/2.jpg", "");
    struct stat before;
    struct bit_index *index = open_at("train", NULL, &error);
    REQUIRE(index != NULL && !stat(at("train/a"), &before));
    bit_index_close(index);
    unlink(at("train/a/2.jpg"));
    struct timespec times[2] = {before.st_mtim, before.st_mtim}; /* as if within one tick */
    utimensat(AT_FDCWD, at("train/a"), times, 0);
    index = open_at("train", NULL, &error);
    REQUIRE(index != NULL);
    CHECK(bit_index_images(index) == 1);
    bit_index_close(index);
    end();
}

static void test_cache_damaged(void)
{
    struct bit_error error = {0};
    char *data, path[PATH_MAX];
    size_t size;
    begin();
    make_tree();
    age_tree(0);
    struct bit_index *index = open_at("train", NULL, &error);
    REQUIRE(index != NULL);
    bit_index_close(index);
    snprintf(path, sizeof path, "%s", cache_file());
    REQUIRE(!bit_file_read(path, 1 << 20, &data, &size, &error));
    for (size_t i = 0; i < 40; i++) {
        size_t place = i * (size - 1) / 39, cut = i % 5 == 4 ? place : size;
        data[place] ^= 0x10;
        CHECK(!bit_file_write_cache(path, data, cut, &error));
        data[place] ^= 0x10;
        index = open_at("train", NULL, &error);
        CHECK(index != NULL);
        if (index)
            check_tree(index);
        bit_index_close(index);
    }
    bit_free(data);
    end();
}

/* Another process cuts off the cache under an index that came from it. */
static void test_cache_cut_off(void)
{
    struct bit_error error = {0};
    begin();
    make_tree();
    age_tree(0);
    bit_index_close(open_at("train", NULL, &error));
    struct bit_index *index = open_at("train", NULL, &error);
    REQUIRE(index != NULL);
    CHECK(truncate(cache_file(), 0) == 0);
    check_tree(index);
    bit_index_close(index);
    end();
}

static void test_cache_folder_unusable(void)
{
    struct bit_error error = {0};
    begin();
    make_tree();
    FILE *file = fopen(cache, "w"); /* a file where the folder should be */
    fclose(file);
    struct bit_index *index = open_at("train", NULL, &error);
    REQUIRE(index != NULL);
    check_tree(index);
    bit_index_close(index);
    unlink(cache);
    index = bit_index_open(at("train"), NULL, NULL, bit_group_self(), &error);
    REQUIRE(index != NULL);
    bit_index_close(index);
    CHECK(!bit_file_exists(cache));
    end();
}

/* ---- several ranks, played by one process: what rank 0 broadcasts is recorded and handed to the others ---- */

static struct { char *data; size_t size, at; int playing, lost; } tape;

static int play_broadcast(struct bit_group *g, void *data, size_t bytes, int rank, struct bit_error *error)
{
    (void)rank, (void)error;
    if (g->rank == 0) {
        tape.data = realloc(tape.data, tape.size + bytes);
        memcpy(tape.data + tape.size, data, bytes);
        tape.size += bytes;
    } else {
        memcpy(data, tape.data + tape.at, bytes);
        tape.at += bytes;
    }
    return 0;
}

/* Others look as they would in a real group: without errors, and without the index when the cache is lost to them. */
static int play_gather(struct bit_group *g, const void *mine, size_t bytes, void *all, struct bit_error *error)
{
    (void)error;
    memset(all, bytes == 1 && !tape.lost, (size_t)g->size * bytes);
    memcpy((char *)all + (size_t)g->rank * bytes, mine, bytes);
    if (bytes == 1 && tape.lost)
        memset(all, 1, 1), memset((char *)all + 1, 0, 1);
    return 0;
}

static void play(int lost)
{
    static const struct bit_group_operations operations = {play_broadcast, play_gather};
    struct bit_error error = {0};
    begin();
    make_tree();
    age_tree(0);
    tape.size = tape.at = 0;
    tape.lost = lost;
    for (int rank = 0; rank < 2; rank++) {
        struct bit_group group = {.rank = rank, .size = 2, .node_size = 2, .operations = &operations};
        struct bit_index *index = bit_index_open(at("train"), lost ? NULL : cache, NULL, &group, &error);
        REQUIRE(index != NULL);
        check_tree(index);
        bit_index_close(index);
    }
    CHECK(tape.at == tape.size);
    end();
}

/* What a rank publishes, another process of the machine maps: here this one. */
static void test_common(void)
{
    struct bit_error error = {0};
    begin();
    make_tree();
    age_tree(0);
    bit_index_close(bit_index_open(at("train"), cache, NULL, bit_group_self(), &error));
    char *data;
    size_t size;
    REQUIRE(bit_file_read(cache_file(), 1 << 20, &data, &size, &error) == 0);
    struct bit_index_header *block = (struct bit_index_header *)data, *first = NULL, *second;
    int file = bit_index_publish(block, size, &first);
    REQUIRE(file >= 0 && first != NULL && (second = bit_index_adopt(getpid(), file, size, block->hash)) != NULL);
    CHECK(!memcmp(first, block, size) && !memcmp(second, block, size));
    CHECK(ftruncate(file, 0) != 0 && pwrite(file, "x", 1, 0) != 1); /* nobody can end the others by SIGBUS */
    second->images++; /* a process's own labels stay its own */
    CHECK(!memcmp(first, block, size));
    uint64_t other[2] = {block->hash[0] + 1, block->hash[1]};
    CHECK(!bit_index_adopt(getpid(), file, size, other) && !bit_index_adopt(getpid(), file, size - 8, block->hash));
    CHECK(!bit_index_adopt(getpid(), 0, size, block->hash));
    close(file);
    CHECK(!bit_index_adopt(getpid(), file, size, block->hash));
    munmap(first, size), munmap(second, size);
    bit_free(data);
    end();
}

static void test_ranks_map(void) { play(0); }
static void test_ranks_receive(void) { play(1); }

static void test_lack_of_memory(void)
{
    begin();
    make_tree();
    age_tree(0);
    size_t used = bit_memory_used();
    int failures = 0;
    for (size_t n = 1; n < 60; n++) {
        struct bit_error error = {0};
        bit_memory_fail_at(n);
        struct bit_index *index = bit_index_open(at("train"), NULL, NULL, bit_group_self(), &error);
        bit_memory_fail_at(0);
        CHECK((index != NULL) == (error.code == BIT_OK) && (index || error.code == BIT_EENVIRONMENT));
        failures += !index;
        bit_index_close(index);
    }
    CHECK(failures > 10 && failures < 59 && bit_memory_used() == used);
    end();
}

int main(int argc, char **argv)
{
    static const struct unit_test tests[] = {
        {"cache used and renewed", test_cache_used_and_renewed},
        {"cache racy", test_cache_racy},
        {"cache damaged", test_cache_damaged},
        {"cache cut off", test_cache_cut_off},
        {"cache folder unusable", test_cache_folder_unusable},
        {"ranks map", test_ranks_map},
        {"common memory", test_common},
        {"ranks receive", test_ranks_receive},
        {"lack of memory", test_lack_of_memory},
    };
    bit_log_init("test_index_copies", BIT_LOG_ERROR);
    return unit_main("data/index copies", tests, sizeof tests / sizeof *tests, argc, argv);
}
