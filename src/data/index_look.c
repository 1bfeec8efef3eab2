/* Is what a list names there, and is it named once? */
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "bit/clock.h"
#include "bit/file.h"
#include "bit/log.h"
#include "bit/memory.h"
#include "bit/phase.h"
#include "bit/text.h"
#include "decoder.h"
#include "index.h"
#include "list_line.h"

/* ---- there? ---- */

static const char *list_of(const struct bit_index *index)
{
    return bit_index_source(index);
}

static void describe(const struct bit_index *index, uint64_t image, const char *path, int reason, char *buffer, size_t size)
{
    char shown[768];
    uint64_t line = bit_index_has_boxes(index) ? 0 : bit_list_line_of(list_of(index), image);
    bit_text_escape(shown, sizeof shown, path, "\\");
    if (bit_index_has_boxes(index)) {
        struct bit_index_boxes boxes;
        bit_index_boxes(index, image, &boxes);
        snprintf(buffer, size, "%s: image id %lld: %s: %s", list_of(index), (long long)boxes.image_id, shown, strerror(reason));
        return;
    }
    snprintf(buffer, size, "%s:%llu: %s: %s", list_of(index), (unsigned long long)line, shown, strerror(reason));
}

/* Folders in which people believe paths of a list to begin: here, and one above the list's. */
static void find_elsewhere(const struct bit_index *index, char *found, size_t size)
{
    char folder[PATH_MAX], here[PATH_MAX], path[PATH_MAX], full[2 * PATH_MAX];
    const char *places[2] = {here, folder};
    *found = 0;
    snprintf(folder, sizeof folder, "%s", list_of(index));
    for (int i = 0; i < 2; i++)
        if (strrchr(folder, '/'))
            *strrchr(folder, '/') = 0;
    if (!getcwd(here, sizeof here))
        return;
    if (bit_index_image_name(index, 0, path, sizeof path))
        return;
    for (int i = 0; i < 2 && !*found; i++) {
        snprintf(full, sizeof full, "%s/%s", places[i], path);
        if (bit_file_exists(full))
            snprintf(found, size, "; it is there below %s: put the list there", *places[i] ? places[i] : "/");
    }
}

static bool is_storage(int reason)
{
    return reason == EIO || reason == ESTALE || reason == ETIMEDOUT || reason == ENOTCONN || reason == ENOMEM || reason == EHOSTDOWN;
}

static void tell_progress(const struct bit_index *index, uint64_t done, uint64_t of, double *told)
{
    if (bit_clock_seconds() - *told < 5)
        return;
    *told = bit_clock_seconds();
    bit_phase_tick();
    bit_log(BIT_LOG_INFO, "looking at the images of %s: %llu of %llu so far", list_of(index), (unsigned long long)done,
            (unsigned long long)of);
}

/* Image `i` of `count` that are evenly spread, the first and the last among them: i (images - 1) / (count - 1), without overflow. */
static uint64_t spread(uint64_t i, uint64_t count, uint64_t images)
{
    uint64_t gaps = count > 1 ? count - 1 : 1;
    return (images - 1) / gaps * i + (images - 1) % gaps * i / gaps;
}

int bit_index_look(const struct bit_index *index, uint64_t most, struct bit_index_sight *sight, struct bit_error *error)
{
    uint64_t images = bit_index_images(index), count = images < most ? images : most;
    char path[PATH_MAX], elsewhere[PATH_MAX + 64];
    struct stat status;
    double told = bit_clock_seconds();
    memset(sight, 0, sizeof *sight);
    if (!bit_index_is_list(index))
        return 0;
    for (uint64_t i = 0; i < count; i++) {
        uint64_t image = spread(i, count, images);
        if (bit_index_image_path(index, image, path, sizeof path, error))
            return -1;
        if (!stat(path, &status)) {
            sight->looked++;
            continue;
        }
        if (is_storage(errno))
            return 0;
        sight->looked++;
        if (!sight->missing++)
            describe(index, image, path, errno, sight->first, sizeof sight->first);
        tell_progress(index, i, count, &told);
    }
    if (!sight->missing || sight->missing < sight->looked)
        return 0;
    if (bit_index_has_boxes(index))
        return bit_fail(error, BIT_ENOINPUT, "%s; none of the %llu images looked at is there: name the folder they stand below (data.train_folder, "
                        "data.val_folder)", sight->first, (unsigned long long)sight->looked);
    find_elsewhere(index, elsewhere, sizeof elsewhere);
    return bit_fail(error, BIT_ENOINPUT, "%s; none of the %llu images looked at is there: paths are relative to the list's own folder%s",
                    sight->first, (unsigned long long)sight->looked, elsewhere);
}

/* ---- of the size that boxes belong to? ---- */

int bit_index_look_sizes(const struct bit_index *index, uint64_t most, const struct bit_stream_options *limits, struct bit_index_sizes *sizes,
                         struct bit_error *error)
{
    uint64_t images = bit_index_images(index), count = images < most ? images : most;
    const struct bit_stream_options options = {.image_size = 1, .squash = true, .file_limit = limits->file_limit,
                                               .pixel_limit = limits->pixel_limit, .scan_limit = limits->scan_limit};
    struct bit_decoder *decoder = bit_decoder_create(&options, error);
    double told = bit_clock_seconds();
    memset(sizes, 0, sizeof *sizes);
    if (!decoder)
        return -1;
    for (uint64_t i = 0; i < count; i++, sizes->looked++) {
        struct bit_error bad = {0};
        char path[PATH_MAX];
        int width, height;
        uint64_t image = spread(i, count, images);
        tell_progress(index, i, count, &told);
        if (!bit_index_image_path(index, image, path, sizeof path, &bad) && !bit_decoder_measure(decoder, path, &width, &height, &bad) &&
            !bit_index_check_size(index, image, width, height, &bad))
            continue;
        if (bad.code == BIT_EDATA && bit_decoder_fault(decoder) != BIT_FILE_ABSENT && !sizes->wrong++)
            snprintf(sizes->first, sizeof sizes->first, "%.500s: %.500s", path, bad.text);
    }
    bit_decoder_destroy(decoder);
    return 0;
}

/* ---- named once? ---- */

enum { COMPARED = 4 << 20 };
struct named { uint64_t hash, image; };

static int compare_named(const void *a, const void *b)
{
    const struct named *x = a, *y = b;
    if (x->hash != y->hash)
        return x->hash < y->hash ? -1 : 1;
    return x->image < y->image ? -1 : x->image > y->image;
}

/* Labels of an image before there is a block: sorted or not, they are compared as sets. */
static bool same_labels(const struct bit_index_builder *b, uint64_t x, uint64_t y)
{
    const uint64_t *starts = (const void *)b->label_starts.data;
    const int32_t *labels = (const void *)b->labels.data;
    uint64_t all = b->labels.size / sizeof *labels;
    uint64_t x_end = x + 1 < b->images ? starts[x + 1] : all, y_end = y + 1 < b->images ? starts[y + 1] : all;
    if (x_end - starts[x] != y_end - starts[y])
        return false;
    for (uint64_t i = starts[x]; i < x_end; i++) {
        bool found = false;
        for (uint64_t j = starts[y]; j < y_end; j++)
            found |= labels[i] == labels[j];
        if (!found)
            return false;
    }
    return true;
}

struct twins { uint64_t count, first, second; };

static void tell_twins(struct bit_index_builder *b, const struct twins *t, bool sampled, const char *what)
{
    const struct bit_index_entry *entries = (const void *)b->entries.data;
    char shown[768];
    if (!t->count)
        return;
    bit_text_escape(shown, sizeof shown, b->names.data + entries[t->first].name, "\\");
    bit_text_add(&b->notes, "!%s%llu image%s named again with %s, e.g. %s in lines %llu and %llu\n", sampled ? "at least " : "",
                 (unsigned long long)t->count, t->count == 1 ? " is" : "s are", what, shown,
                 (unsigned long long)bit_list_line_of(b->source, t->first), (unsigned long long)bit_list_line_of(b->source, t->second));
}

int bit_index_twins(struct bit_index_builder *b, struct bit_error *error)
{
    const struct bit_index_entry *entries = (const void *)b->entries.data;
    uint64_t part = 1 + b->images / COMPARED;
    struct bit_bytes pool = {0};
    struct twins same = {0}, other = {0};
    for (uint64_t i = 0; i < b->images; i++) {
        const char *name = b->names.data + entries[i].name;
        struct named named = {bit_hash_bytes(name, strlen(name)).low, i};
        if (named.hash % part == 0 && bit_bytes_add(&pool, &named, sizeof named, error)) {
            bit_bytes_free(&pool);
            return -1;
        }
    }
    struct named *all = (struct named *)(void *)pool.data;
    size_t count = pool.size / sizeof *all;
    if (count)
        qsort(all, count, sizeof *all, compare_named);
    for (size_t i = 1; i < count; i++) {
        uint64_t x = all[i - 1].image, y = all[i].image;
        if (all[i].hash != all[i - 1].hash || strcmp(b->names.data + entries[x].name, b->names.data + entries[y].name))
            continue;
        struct twins *t = same_labels(b, x, y) ? &same : &other;
        if (!t->count++)
            t->first = x, t->second = y;
    }
    bit_bytes_free(&pool);
    tell_twins(b, &other, part > 1, "other classes");
    tell_twins(b, &same, part > 1, "the same classes");
    return 0;
}
