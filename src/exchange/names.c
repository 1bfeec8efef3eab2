#include "exchange/names.h"

#include <stdio.h>
#include <string.h>

/* `text` begins with `prefix`: moves behind it. */
static bool skip(const char **text, const char *prefix)
{
    size_t length = strlen(prefix);
    if (strncmp(*text, prefix, length))
        return false;
    *text += length;
    return true;
}

/* 1 to 3 digits. */
static int number(const char **text)
{
    int value = 0, digits = 0;
    for (; **text >= '0' && **text <= '9' && digits < 3; digits++, (*text)++)
        value = 10 * value + (**text - '0');
    return digits ? value : -1;
}

static const struct { const char *text; char what; } norms[] = {{"group_norm/gamma", 'g'}, {"group_norm/beta", 'b'}};
static const char kernel[] = "standardized_conv2d/kernel";

static int parse_what(const char *text, bool with_kernel, bool with_norm, struct names_place *p)
{
    if (with_kernel && !strcmp(text, kernel))
        return p->what = 'k', 0;
    for (int i = 0; i < 2 && with_norm; i++)
        if (!strcmp(text, norms[i].text))
            return p->what = norms[i].what, 0;
    return -1;
}

/* One spelling each: what was read is written again and compared. */
static int confirm(const char *name, const struct names_place *p, void (*write)(const struct names_place *, char *))
{
    char again[BIT_PARAMETER_NAME];
    write(p, again);
    return strcmp(name, again) ? -1 : 0;
}

int names_parse(const char *name, struct names_place *p)
{
    const char *at = name;
    *p = (struct names_place){0};
    if (!skip(&at, "resnet/"))
        return -1;
    if (skip(&at, "root_block/"))
        return p->part = NAMES_ROOT, parse_what(at, true, false, p);
    if (skip(&at, "head/conv2d/")) {
        p->part = NAMES_HEAD;
        p->what = !strcmp(at, "kernel") ? 'k' : 'B';
        return confirm(name, p, names_format);
    }
    if (!skip(&at, "block"))
        return p->part = NAMES_FINAL, parse_what(at, false, true, p);
    p->part = NAMES_UNIT;
    p->block = number(&at);
    if (p->block < 1 || p->block > 4 || !skip(&at, "/unit") || (p->unit = number(&at)) < 1 || *at++ != '/' ||
        *at < 'a' || *at > 'c')
        return -1;
    p->letter = *at++;
    if (p->letter == 'a' && skip(&at, "/proj/"))
        p->letter = 'p';
    else if (*at++ != '/')
        return -1;
    return parse_what(at, true, p->letter != 'p', p) || confirm(name, p, names_format) ? -1 : 0;
}

void names_format(const struct names_place *p, char name[BIT_PARAMETER_NAME])
{
    const char *what = p->what == 'k' ? kernel : norms[p->what == 'b'].text;
    char at[48];
    switch (p->part) {
    case NAMES_ROOT: snprintf(name, BIT_PARAMETER_NAME, "resnet/root_block/%s", what); return;
    case NAMES_FINAL: snprintf(name, BIT_PARAMETER_NAME, "resnet/%s", what); return;
    case NAMES_HEAD: snprintf(name, BIT_PARAMETER_NAME, "resnet/head/conv2d/%s", p->what == 'k' ? "kernel" : "bias"); return;
    case NAMES_UNIT: break;
    }
    snprintf(at, sizeof at, "resnet/block%d/unit%02d/%c", p->block, p->unit, p->letter == 'p' ? 'a' : p->letter);
    snprintf(name, BIT_PARAMETER_NAME, "%s/%s%s", at, p->letter == 'p' ? "proj/" : "", what);
}

void names_timm(const struct names_place *p, char name[BIT_PARAMETER_NAME])
{
    const char *kind = p->what == 'k' || p->what == 'g' ? "weight" : "bias";
    char at[48];
    switch (p->part) {
    case NAMES_ROOT: snprintf(name, BIT_PARAMETER_NAME, "stem.conv.weight"); return;
    case NAMES_FINAL: snprintf(name, BIT_PARAMETER_NAME, "norm.%s", kind); return;
    case NAMES_HEAD: snprintf(name, BIT_PARAMETER_NAME, "head.fc.%s", kind); return;
    case NAMES_UNIT: break;
    }
    snprintf(at, sizeof at, "stages.%d.blocks.%d", p->block - 1, p->unit - 1);
    if (p->letter == 'p')
        snprintf(name, BIT_PARAMETER_NAME, "%s.downsample.conv.weight", at);
    else
        snprintf(name, BIT_PARAMETER_NAME, "%s.%s%c.%s", at, p->what == 'k' ? "conv" : "norm", p->letter - 'a' + '1', kind);
}

int names_parse_timm(const char *name, struct names_place *p)
{
    const char *at = name;
    *p = (struct names_place){0};
    if (skip(&at, "stem.conv.weight")) {
        p->part = NAMES_ROOT;
        p->what = 'k';
    } else if (skip(&at, "head.fc.")) {
        p->part = NAMES_HEAD;
        p->what = *at == 'w' ? 'k' : 'B';
    } else if (skip(&at, "norm.")) {
        p->part = NAMES_FINAL;
        p->what = *at == 'w' ? 'g' : 'b';
    } else {
        p->part = NAMES_UNIT;
        if (!skip(&at, "stages.") || (p->block = number(&at) + 1) < 1 || p->block > 4 || !skip(&at, ".blocks.") ||
            (p->unit = number(&at) + 1) < 1)
            return -1;
        const bool convolution = skip(&at, ".conv");
        if (!convolution && skip(&at, ".downsample.conv.weight")) {
            p->letter = 'p';
            p->what = 'k';
        } else if ((convolution || skip(&at, ".norm")) && *at >= '1' && *at <= '3') {
            p->letter = (char)(*at++ - '1' + 'a');
            p->what = convolution ? 'k' : !strcmp(at, ".weight") ? 'g' : 'b';
        } else {
            return -1;
        }
    }
    return confirm(name, p, names_timm);
}

int names_plain(const char *name, char *plain, size_t size)
{
    static const char *const numbered[] = {"standardized_conv2d", "group_norm"};
    const char *projection = strstr(name, "/a/proj"), *from = name;
    size_t used = 0, length = strlen(name);
    if (projection && length > 7 && !strcmp(name + length - 7, "/kernel"))
        return snprintf(plain, size, "%.*s/a/proj/%s", (int)(projection - name), name, kernel) < (int)size ? 0 : -1;
    while (*from) {
        const bool start = from == name || from[-1] == '/';
        for (int i = 0; i < 2 && start; i++) {
            const char *at = from, *digits;
            if (!skip(&at, numbered[i]) || *at != '_')
                continue;
            digits = at + 1;
            at = digits + strspn(digits, "0123456789");
            if (at == digits || *at != '/')
                continue;
            int wrote = snprintf(plain + used, size - used, "%s", numbered[i]);
            if ((size_t)wrote >= size - used)
                return -1;
            used += (size_t)wrote;
            from = at;
        }
        if (used + 1 >= size)
            return -1;
        plain[used++] = *from++;
    }
    plain[used] = 0;
    return 0;
}
