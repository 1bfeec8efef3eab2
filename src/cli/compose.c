/* bit compose: cut-out objects on backgrounds where they do not belong. */
#include "cli/compose.h"

#include <dirent.h>
#include <limits.h>
#include <math.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "bit/data.h"
#include "bit/file.h"
#include "bit/memory.h"
#include "cli/cli.h"
#include "data/kind.h"

struct options { double share; int size, quality; };

#define AT(member) .at = offsetof(struct options, member)
static const struct bit_option known[] = {
    {"--share", "S", "longest side of an object, as a share of the background's (default 0.8, the paper's)", BIT_OPTION_REAL, AT(share), 0.01, 1},
    {"--size", "N", "pictures are at most N pixels wide (default 1024)", BIT_OPTION_INT, AT(size), 8, 8192},
    {"--quality", "Q", "of the JPEG files (default 95)", BIT_OPTION_INT, AT(quality), 1, 100},
};
const struct bit_usage bit_compose_usage = {
    "bit compose", "OBJECTS BACKGROUNDS OUT",
    "Puts each cut-out object (OBJECTS/CLASS/*.png, transparent around it) in the middle of each background (BACKGROUNDS/*.jpg or png, of which the\n"
    "largest square from the left upper corner is taken) and writes OUT/CLASS/OBJECT--BACKGROUND.jpg: pictures out of context.\n"
    "Then: bitrun JOB --evaluate --set data.val=OUT, or bit labels OUT LISTS --map FILE where the classes have other names.",
    known, sizeof known / sizeof *known, .least = 3, .most = 3};

/* ---- backgrounds ---- */

struct names { char **list; size_t count; };

static int is_picture(const struct dirent *entry)
{
    return bit_kind_is_picture(entry->d_name);
}

static int by_name(const struct dirent **a, const struct dirent **b)
{
    return strcmp((*a)->d_name, (*b)->d_name);
}

static void free_names(struct names *names)
{
    for (size_t i = 0; names->list && i < names->count; i++)
        bit_free(names->list[i]);
    bit_free(names->list);
}

static int find_backgrounds(const char *folder, struct names *names, struct bit_error *error)
{
    struct dirent **entries;
    char path[PATH_MAX];
    int count = scandir(folder, &entries, is_picture, by_name), result = 0;
    if (count < 0)
        return bit_fail_errno(error, BIT_ENOINPUT, "cannot list %s", folder);
    if (!(names->list = bit_allocate((size_t)count + 1, sizeof *names->list, "the backgrounds", error)))
        result = -1;
    for (int i = 0; i < count; i++) {
        if (!result && (bit_path_join(path, sizeof path, folder, entries[i]->d_name, error) ||
                        !(names->list[names->count] = bit_copy_text(path, error))))
            result = -1;
        names->count += !result;
        free(entries[i]);
    }
    free(entries);
    if (!result && !names->count)
        result = bit_fail(error, BIT_ENOINPUT, "no JPEG or PNG file in %s", folder);
    return result;
}

/* ---- pictures ---- */

/* The name of a file without folder and ending. */
static void stem(const char *path, char *buffer, size_t size)
{
    const char *slash = strrchr(path, '/'), *name = slash ? slash + 1 : path, *dot = strrchr(name, '.');
    snprintf(buffer, size, "%.*s", dot && dot > name ? (int)(dot - name) : (int)strlen(name), name);
}

static bool is_cut_out(const struct canvas *c)
{
    for (size_t i = 0; i < (size_t)c->width * (size_t)c->height; i++)
        if (c->pixels[4 * i + 3] < 0.5f)
            return true;
    return false;
}

static int read_object(const char *path, struct canvas *object, struct bit_error *error)
{
    if (canvas_read(object, path, false, error))
        return -1;
    if (is_cut_out(object) && canvas_trim(object))
        return 0;
    canvas_free(object);
    return bit_fail(error, BIT_EDATA, "%s: expected an object on a transparent ground, found one that is opaque or all transparent", path);
}

static int compose(const struct options *o, const struct canvas *object, const char *background, const char *to, struct bit_error *error)
{
    struct canvas ground, shape = {object->width, object->height, NULL};
    const size_t bytes = (size_t)object->width * (size_t)object->height * 4 * sizeof(float);
    if (canvas_read(&ground, background, true, error))
        return -1;
    int side = ground.width < o->size ? ground.width : o->size, result = 0;
    double scale = o->share * side / (object->width > object->height ? object->width : object->height);
    int width = (int)fmax(1, rint(object->width * scale)), height = (int)fmax(1, rint(object->height * scale));
    if (side < ground.width)
        result = canvas_resize(&ground, side, side, error);
    if (!result && !(shape.pixels = bit_allocate(bytes, 1, "a picture", error)))
        result = -1;
    if (!result) {
        memcpy(shape.pixels, object->pixels, bytes);
        result = canvas_resize(&shape, width, height, error);
    }
    if (!result) {
        canvas_paste(&ground, &shape);
        result = canvas_write(&ground, to, o->quality, error);
    }
    canvas_free(&shape);
    canvas_free(&ground);
    return result;
}

static int compose_object(const struct options *o, const struct bit_index *objects, uint64_t image, const struct names *grounds, const char *out,
                          struct bit_error *error)
{
    char path[PATH_MAX], folder[PATH_MAX], object_name[256], ground_name[256], name[600], to[PATH_MAX];
    const int32_t *label;
    struct canvas object;
    bit_index_labels(objects, image, &label);
    if (bit_index_image_path(objects, image, path, sizeof path, error) ||
        bit_path_join(folder, sizeof folder, out, bit_index_class_name(objects, label[0]), error) || bit_folder_create(folder, error) ||
        read_object(path, &object, error))
        return -1;
    int result = 0;
    stem(path, object_name, sizeof object_name);
    for (size_t i = 0; i < grounds->count && !result; i++) {
        stem(grounds->list[i], ground_name, sizeof ground_name);
        snprintf(name, sizeof name, "%s--%s.jpg", object_name, ground_name);
        result = bit_path_join(to, sizeof to, folder, name, error);
        if (!result && bit_file_exists(to))
            result = bit_fail(error, BIT_EUSAGE, "%s is there already: give an empty folder, and objects and backgrounds different names", to);
        if (!result)
            result = compose(o, &object, grounds->list[i], to, error);
    }
    canvas_free(&object);
    return result;
}

static int compose_all(const struct options *o, char *const *operands, struct bit_error *error)
{
    struct names grounds = {0};
    int result = find_backgrounds(operands[1], &grounds, error);
    struct bit_index *objects = result ? NULL : bit_index_open(operands[0], NULL, NULL, bit_group_self(), error);
    uint64_t count = objects ? bit_index_images(objects) : 0;
    if (!objects)
        result = -1;
    for (uint64_t i = 0; i < count && !result; i++)
        result = compose_object(o, objects, i, &grounds, operands[2], error);
    if (!result)
        printf("%s: %llu pictures, %llu objects of %d classes on %zu backgrounds\n", operands[2], (unsigned long long)count * grounds.count,
               (unsigned long long)count, bit_index_classes(objects), grounds.count);
    bit_index_close(objects);
    free_names(&grounds);
    return result;
}

int bit_cli_compose(int argc, char **argv)
{
    struct options options = {.share = 0.8, .size = 1024, .quality = 95};
    struct bit_operands operands;
    struct bit_error error = {0};
    int code;
    if (!bit_cli_parse(&bit_compose_usage, argc, argv, &options, &operands, &code))
        return code;
    return compose_all(&options, operands.word, &error) ? bit_cli_error(&error) : BIT_OK;
}
