/* bit labels: makes a list of images with all their right classes out of other people's label files. */
#include "cli/labels.h"

#include <errno.h>
#include <limits.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "bit/data.h"
#include "bit/file.h"
#include "bit/memory.h"
#include "cli/cli.h"

struct options { const char *classes, *real, *objectnet, *map; bool numbers; };

#define AT(member) .at = offsetof(struct options, member)
static const struct bit_option known[] = {
    {"--classes", "TRAIN", "the network's classes: its training data (a folder or list), or a file with a name a line, in the order of\n"
     "the outputs", BIT_OPTION_FILE, AT(classes)},
    {"--numbers", NULL, "the folders of IMAGES are numbers of outputs (ImageNet-V2)", BIT_OPTION_FLAG, AT(numbers)},
    {"--real", "FILE", "real.json: a list of outputs for each image, in the order of the images' names", BIT_OPTION_FILE, AT(real)},
    {"--objectnet", "DIR", "ObjectNet's mappings/: folders of IMAGES to outputs", BIT_OPTION_FILE, AT(objectnet)},
    {"--map", "FILE", "{\"FOLDER\": [\"class\" or number, ...], ...} for the folders of IMAGES", BIT_OPTION_FILE, AT(map)},
};
const struct bit_usage bit_labels_usage = {
    "bit labels", "IMAGES OUT",
    "Makes a folder OUT with list.txt, in which each image of the folder IMAGES stands with all the classes that it may rightly be called, and a link\n"
    "to IMAGES. Images without any are left out. Then: bitrun JOB --evaluate --set data.val=OUT/list.txt",
    known, sizeof known / sizeof *known, .least = 2, .most = 2,
    .more = "\nExactly one of --numbers, --real, --objectnet and --map. For ObjectNet add to bitrun\n"
            "  the options --set evaluation.border=2 --set evaluation.among_labelled=true, which print both protocols.\n"};

struct labels {
    const struct options *options;
    char images[PATH_MAX];           /* absolute */
    struct bit_index *index;         /* of them, with classes of its own */
    struct label_classes classes;
    struct label_set *sets;          /* by folder; of ReaL by image, in the order of names */
    uint64_t set_count;
    uint64_t *order;                 /* ReaL: place of each image in that order */
    uint64_t listed, left_out;
};

/* ---- the network's classes ---- */

static int copy_name(struct labels *l, const char *name, struct bit_error *error)
{
    return (l->classes.names[l->classes.count] = bit_copy_text(name, error)) ? l->classes.count++, 0 : -1;
}

static int take_index(struct labels *l, struct bit_error *error)
{
    struct bit_index *index = bit_index_open(l->options->classes, NULL, NULL, bit_group_self(), error);
    int count = index ? bit_index_classes(index) : 0, result = index ? 0 : -1;
    if (!result && !(l->classes.names = bit_allocate((size_t)count + 1, sizeof *l->classes.names, "class names", error)))
        result = -1;
    for (int k = 0; k < count && !result; k++)
        result = copy_name(l, bit_index_class_name(index, k), error);
    bit_index_close(index);
    return result;
}

/* A name a line. */
static int take_names(struct labels *l, char *text, size_t lines, struct bit_error *error)
{
    char *rest = NULL;
    if (!(l->classes.names = bit_allocate(lines + 1, sizeof *l->classes.names, "class names", error)))
        return -1;
    for (char *name = strtok_r(text, "\r\n", &rest); name; name = strtok_r(NULL, "\r\n", &rest))
        if (copy_name(l, name, error))
            return -1;
    return 0;
}

static int read_classes(struct labels *l, struct bit_error *error)
{
    struct stat status;
    char *text = NULL;
    size_t size = 0, lines = 1;
    if (stat(l->options->classes, &status))
        return bit_fail_errno(error, BIT_ENOINPUT, "cannot find %s", l->options->classes);
    if (S_ISDIR(status.st_mode))
        return take_index(l, error);
    if (bit_file_read(l->options->classes, (size_t)1 << 32, &text, &size, error))
        return -1;
    for (size_t i = 0; i < size; i++)
        lines += text[i] == '\n';
    int result = memchr(text, '\t', size) ? take_index(l, error) : take_names(l, text, lines, error);
    bit_free(text);
    return result;
}

/* ---- sets ---- */

/* "17" and "0017" are output 17. */
static int number_folder(struct labels *l, const char *name, struct label_set *set, struct bit_error *error)
{
    char *end;
    long number = strtol(name, &end, 10);
    if (*end || *name < '0' || *name > '9' || number >= l->classes.count)
        return bit_fail(error, BIT_EDATA, "%s: folder %s is no number from 0 to %d", l->images, name, l->classes.count - 1);
    return label_set_add(set, (int)number, error);
}

static int compare_names(const void *a, const void *b, void *index)
{
    char x[PATH_MAX] = "", y[PATH_MAX] = "";
    bit_index_image_path(index, *(const uint64_t *)a, x, sizeof x, NULL);
    bit_index_image_path(index, *(const uint64_t *)b, y, sizeof y, NULL);
    return strcmp(strrchr(x, '/') ? strrchr(x, '/') : x, strrchr(y, '/') ? strrchr(y, '/') : y);
}

/* Which set is each image's: the lists stand in the order of the images' names, wherever their folders are. */
static int order_images(struct labels *l, struct bit_error *error)
{
    uint64_t images = bit_index_images(l->index);
    if (l->set_count != images)
        return bit_fail(error, BIT_EDATA, "%s has %llu lists, and %s %llu images: expected one an image", l->options->real,
                        (unsigned long long)l->set_count, l->images, (unsigned long long)images);
    uint64_t *sorted = bit_allocate(images + 1, sizeof *sorted, "the order of the images", error);
    l->order = bit_allocate(images + 1, sizeof *l->order, "the order of the images", error);
    if (!sorted || !l->order) {
        bit_free(sorted);
        return -1;
    }
    for (uint64_t i = 0; i < images; i++)
        sorted[i] = i;
    qsort_r(sorted, images, sizeof *sorted, compare_names, l->index);
    for (uint64_t i = 0; i < images; i++)
        l->order[sorted[i]] = i;
    bit_free(sorted);
    return 0;
}

static int read_sets(struct labels *l, struct bit_error *error)
{
    const struct options *o = l->options;
    const int folders = bit_index_classes(l->index);
    if (o->real)
        return label_real_read(o->real, &l->classes, &l->sets, &l->set_count, error) || order_images(l, error) ? -1 : 0;
    char **names = bit_allocate((size_t)folders + 1, sizeof *names, "folders", error);
    int result = names && (l->sets = bit_allocate((size_t)folders + 1, sizeof *l->sets, "labels", error)) ? 0 : -1;
    l->set_count = (uint64_t)folders;
    for (int i = 0; i < folders && !result; i++) {
        names[i] = (char *)(uintptr_t)bit_index_class_name(l->index, i);
        if (o->numbers)
            result = number_folder(l, names[i], &l->sets[i], error);
    }
    if (!result && o->objectnet)
        result = label_objectnet_read(o->objectnet, &l->classes, names, folders, l->sets, error);
    if (!result && o->map)
        result = label_map_read(o->map, &l->classes, names, folders, l->sets, error);
    bit_free(names);
    return result;
}

/* ---- the list ---- */

static int add_line(struct labels *l, uint64_t image, struct bit_text *list, struct bit_error *error)
{
    char path[PATH_MAX];
    const int32_t *own;
    size_t root = strlen(l->images);
    if (bit_index_image_path(l->index, image, path, sizeof path, error))
        return -1;
    if (strpbrk(path, "\t\r\n"))
        return bit_fail(error, BIT_EDATA, "an image whose name holds a tab or line break cannot stand in a list: %s", path);
    const struct label_set *set = &l->sets[l->order ? l->order[image] : bit_index_labels(l->index, image, &own) ? (uint64_t)own[0] : 0];
    if (!set->count) {
        l->left_out++;
        return 0;
    }
    l->listed++;
    bit_text_add(list, "images%s\t", path + root);
    for (int i = 0; i < set->count; i++) {
        const char *name = l->classes.names[set->outputs[i]];
        if (strchr(name, ','))
            return bit_fail(error, BIT_EDATA, "class \"%s\" has a comma in its name, which lists part classes by", name);
        bit_text_add(list, "%s%s", i ? "," : "", name);
    }
    bit_text_add(list, "\n");
    return 0;
}

static int write_list(struct labels *l, const char *out, struct bit_error *error)
{
    char path[PATH_MAX];
    struct bit_text list = {0};
    int result = 0;
    for (uint64_t i = 0; i < bit_index_images(l->index) && !result; i++)
        result = add_line(l, i, &list, error);
    if (!result && !l->listed)
        result = bit_fail(error, BIT_EDATA, "no image of %s has a label", l->images);
    if (!result && list.failed)
        result = bit_fail(error, BIT_EENVIRONMENT, "out of memory: the list");
    if (!result)
        result = bit_folder_create(out, error) || bit_path_join(path, sizeof path, out, "images", error) ? -1 : 0;
    if (!result && unlink(path) && errno != ENOENT)
        result = bit_fail_errno(error, BIT_EENVIRONMENT, "cannot replace %s", path);
    if (!result && symlink(l->images, path))
        result = bit_fail_errno(error, BIT_EENVIRONMENT, "cannot link %s", path);
    if (!result)
        result = bit_path_join(path, sizeof path, out, "list.txt", error) || bit_file_write(path, list.data, list.size, error) ? -1 : 0;
    bit_text_free(&list);
    return result;
}

/* How many classes and sets the list speaks of. */
static void tell(const struct labels *l, const char *out)
{
    uint64_t used = 0, several = 0;
    for (uint64_t i = 0; i < l->set_count; i++) {
        used += l->sets[i].count > 0;
        several += l->sets[i].count > 1;
    }
    printf("%s/list.txt: %llu images, %llu without a label left out; %llu %s have labels, %llu of them several\n", out, (unsigned long long)l->listed,
           (unsigned long long)l->left_out, (unsigned long long)used, l->options->real ? "lists" : "folders", (unsigned long long)several);
}

static int make(struct labels *l, const char *images, const char *out, struct bit_error *error)
{
    if (!realpath(images, l->images))
        return bit_fail_errno(error, BIT_ENOINPUT, "cannot find %s", images);
    if (read_classes(l, error) || !(l->index = bit_index_open(l->images, NULL, NULL, bit_group_self(), error)) || read_sets(l, error) ||
        write_list(l, out, error))
        return -1;
    tell(l, out);
    return 0;
}

int bit_cli_labels(int argc, char **argv)
{
    struct options o = {0};
    struct bit_operands operands;
    struct bit_error error = {0};
    int code;
    if (!bit_cli_parse(&bit_labels_usage, argc, argv, &o, &operands, &code))
        return code;
    if (o.numbers + !!o.real + !!o.objectnet + !!o.map != 1)
        return bit_cli_usage(&bit_labels_usage, "expected one of --numbers, --real, --objectnet and --map");
    if (!o.classes)
        return bit_cli_usage(&bit_labels_usage, "--classes TRAIN is missing: the network's classes");
    struct labels labels = {.options = &o};
    int result = make(&labels, operands.word[0], operands.word[1], &error);
    label_sets_free(labels.sets, labels.set_count);
    for (int k = 0; labels.classes.names && k < labels.classes.count; k++)
        bit_free(labels.classes.names[k]);
    bit_free(labels.classes.names);
    bit_free(labels.order);
    bit_index_close(labels.index);
    return result ? bit_cli_error(&error) : BIT_OK;
}
