#include "leftout.h"

#include <limits.h>
#include <stdio.h>
#include <string.h>


void bit_leftout_add(struct bit_tally *tally, const char *folder, const char *name, const char *what)
{
    char path[2 * PATH_MAX], shown[sizeof tally->first];
    snprintf(path, sizeof path, "%s%s%s", folder, *folder ? "/" : "", name);
    bit_text_escape(shown, sizeof shown, path, "\\");
    if (tally->count++ && strcmp(shown, tally->first) >= 0)
        return;
    memcpy(tally->first, shown, sizeof shown);
    snprintf(tally->what, sizeof tally->what, "%s", what);
}

/* What is said of each kind. Those worth a warning hold data that somebody meant to be used. */
static const struct { bool warn; const char *one, *many; } kinds[LEFT_KINDS] = {
    [LEFT_PICTURES] = {true, "a picture of a kind that is not read yet: convert it to PNG or JPEG",
                       "pictures of kinds that are not read yet: convert them to PNG or JPEG"},
    [LEFT_ARCHIVES] = {true, "an archive: unpack it", "archives: unpack them"},
    [LEFT_STRAYS] = {true, "an image in no class folder: put it into one", "images in no class folder: put them into one"},
    [LEFT_SPECIAL] = {true, "no regular file", "no regular files"},
    [LEFT_BROKEN] = {true, "a link that leads nowhere", "links that lead nowhere"},
    [LEFT_OTHER] = {false, "no image by its name", "no images by their names"},
    [LEFT_HIDDEN] = {false, "a hidden file", "hidden files"},
    [LEFT_SERVICE] = {false, "a folder that a system keeps for itself, or a hidden one", "folders that a system keeps for itself, or hidden ones"},
    [LEFT_CIRCLES] = {true, "a link that leads back to a folder above it", "links that lead back to a folder above them"},
};

static void tell_left(const struct bit_leftout *l, struct bit_text *notes)
{
    uint64_t total = 0;
    bool warn = false;
    const char *separator = ", e.g. ";
    for (int k = 0; k < LEFT_KINDS; k++) {
        total += l->left[k].count;
        warn |= l->left[k].count && kinds[k].warn;
    }
    if (!total)
        return;
    bit_text_add(notes, "%c%llu other %s left out", warn ? '!' : ' ', (unsigned long long)total, total == 1 ? "file" : "files");
    for (int k = 0; k < LEFT_KINDS; k++) {
        const struct bit_tally *t = &l->left[k];
        if (!t->count)
            continue;
        bit_text_add(notes, "%s%s (", separator, t->first);
        if (t->count > 1)
            bit_text_add(notes, "%llu ", (unsigned long long)t->count);
        if (*t->what && t->count == 1)
            bit_text_add(notes, "%s, ", t->what);
        bit_text_add(notes, "%s", t->count == 1 ? kinds[k].one : kinds[k].many);
        if (*t->what && t->count > 1)
            bit_text_add(notes, "; this one: %s", t->what);
        bit_text_add(notes, ")");
        separator = ", ";
    }
    bit_text_add(notes, "\n");
}

void bit_leftout_tell(const struct bit_leftout *l, struct bit_text *notes)
{
    const struct bit_tally *gone = &l->odd[ODD_GONE], *empty = &l->odd[ODD_EMPTY];
    const struct bit_tally *kind = &l->odd[ODD_KIND];
    tell_left(l, notes);
    if (kind->count)
        bit_text_add(notes, "!%llu of the images listed are of kinds that are not read yet, e.g. %s (%s): convert them to PNG or JPEG\n",
                     (unsigned long long)kind->count, kind->first, kind->what);
    if (gone->count)
        bit_text_add(notes, "!%llu image%s cannot be looked at, e.g. %s (%s): to be replaced while training\n", (unsigned long long)gone->count,
                     gone->count == 1 ? "" : "s", gone->first, gone->what);
    if (empty->count)
        bit_text_add(notes, "!%llu image%s of 0 bytes, e.g. %s: to be replaced while training\n", (unsigned long long)empty->count,
                     empty->count == 1 ? "" : "s", empty->first);
    if (l->barren.count == 1)
        bit_text_add(notes, "!%s holds no pictures: a class without images\n", l->barren.first);
    else if (l->barren.count)
        bit_text_add(notes, "!%llu class folders hold no pictures, e.g. %s: classes without images\n", (unsigned long long)l->barren.count,
                     l->barren.first);
}
