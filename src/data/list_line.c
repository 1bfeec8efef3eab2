#include "list_line.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

#include "bit/file.h"
#include "bit/memory.h"
#include "kind.h"

enum { HEAD = 512 };

/* A list is text: what is not is named before its first "line", maybe of gigabytes, is read. */
static int check_head(struct bit_list_reader *r, const char *path, struct bit_error *error)
{
    unsigned char head[HEAD];
    size_t size = fread(head, 1, sizeof head, r->file);
    if (ferror(r->file) || fseeko(r->file, 0, SEEK_SET))
        return bit_fail_errno(error, BIT_EENVIRONMENT, "cannot read %s", path);
    r->wide = size >= 2 && ((head[0] == 0xFF && head[1] == 0xFE) || (head[0] == 0xFE && head[1] == 0xFF));
    if (r->wide)
        return bit_fail(error, BIT_EDATA, "%s: UTF-16 text: save the list as UTF-8", path);
    bool jpeg = size >= 3 && !memcmp(head, "\xFF\xD8\xFF", 3), png = size >= 8 && !memcmp(head, "\x89PNG\r\n\x1A\n", 8);
    const char *kind = jpeg ? "a JPEG picture" : png ? "a PNG picture" : memchr(head, 0, size) ? bit_kind_of_bytes(head, size) : NULL;
    if (kind)
        return bit_fail(error, BIT_EDATA, "%s is no list (lines of path<TAB>class) but %s", path, kind);
    if (size >= 3 && !memcmp(head, "\xEF\xBB\xBF", 3) && fseeko(r->file, 3, SEEK_SET))
        return bit_fail_errno(error, BIT_EENVIRONMENT, "cannot read %s", path);
    return 0;
}

int bit_list_open(struct bit_list_reader *r, const char *path, const char *folder, struct bit_error *error)
{
    struct stat status;
    *r = (struct bit_list_reader){.folder = folder};
    int file = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK); /* a pipe must not hold it up */
    if (file < 0)
        return bit_fail_errno(error, BIT_ENOINPUT, "cannot open %s", path);
    if (!fstat(file, &status) && !S_ISREG(status.st_mode)) {
        close(file);
        return bit_fail(error, BIT_ENOINPUT, "%s is neither a folder nor a regular file", path);
    }
    r->file = fdopen(file, "rb");
    if (!r->file)
        close(file);
    r->text = r->file ? bit_allocate(BIT_LIST_LINE_MOST + 1, 1, "a line of the list", error) : NULL;
    if (r->file && r->text && !check_head(r, path, error))
        return 0;
    if (!r->file)
        bit_fail_errno(error, BIT_EENVIRONMENT, "cannot open %s", path);
    bit_list_close(r);
    return -1;
}

void bit_list_close(struct bit_list_reader *r)
{
    if (r->file)
        fclose(r->file);
    bit_free(r->text);
    *r = (struct bit_list_reader){0};
}

/* One line, maybe empty; 0 at the end. */
static int read_line(struct bit_list_reader *r)
{
    int c;
    r->size = 0;
    r->long_line = false;
    while ((c = getc_unlocked(r->file)) != EOF && c != '\n') {
        if (r->size < BIT_LIST_LINE_MOST)
            r->text[r->size++] = (char)c;
        else
            r->long_line = true;
    }
    if (c == EOF && !r->size)
        return 0;
    r->number++;
    while (r->size && r->text[r->size - 1] == '\r')
        r->size--;
    r->text[r->size] = 0;
    return 1;
}

int bit_list_next(struct bit_list_reader *r, struct bit_error *error)
{
    errno = 0;
    while (read_line(r))
        if (r->size)
            return 1;
    return ferror(r->file) ? bit_fail_errno(error, BIT_EENVIRONMENT, "cannot read the list") : 0;
}

char *bit_list_trim(char *text, size_t *size)
{
    while (*size && *text == ' ')
        text++, --*size;
    while (*size && text[*size - 1] == ' ')
        --*size;
    return text;
}

static bool is_there(const struct bit_list_reader *r, const char *path)
{
    char full[PATH_MAX];
    struct stat status;
    return r->folder && !bit_path_join(full, sizeof full, r->folder, path, NULL) && !stat(full, &status);
}

static const char *path_problem(struct bit_list_reader *r, const char *path)
{
    if (!*path)
        return "no path before the tab";
    if (*path == '/')
        return "absolute path: expected one below the list's folder";
    if (strlen(path) >= PATH_MAX - 1)
        return "path too long";
    if (!r->slashes && strchr(path, '\\') && !(r->slashes = is_there(r, path)))
        return "backslashes, and no such file: expected '/' between folders";
    if (*path == '"' && path[strlen(path) - 1] == '"' && !is_there(r, path))
        return "quotes around the path: expected none";
    for (const char *at = path; *at;) {
        size_t size = strcspn(at, "/");
        if (!size || (size == 1 && *at == '.') || (size == 2 && !memcmp(at, "..", 2)))
            return "path with an empty, '.' or '..' part: expected one below the list's folder";
        at += size;
        if (*at && !*++at)
            return "path ends with '/'";
    }
    return NULL;
}

static bool is_word(const char *text, const char *const *words, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (!strcasecmp(text, words[i]))
            return true;
    return false;
}

/* What tables call their columns. */
static bool is_header(const struct bit_list_reader *r, const char *path, const char *classes)
{
    static const char *const files[] = {"path", "paths", "file", "files", "filename", "file_name", "filepath", "file_path", "image",
        "images", "image_path", "image_name", "image_file", "image_id", "img", "img_path", "name", "fname", "id", "url"};
    static const char *const labels[] = {"class", "classes", "class_name", "classname", "class_id", "label", "labels", "label_name",
        "category", "categories", "target", "targets", "tag", "tags", "y", "species", "breed"};
    bool marked = *path == '#';
    const char *word = path + strspn(path, "# ");
    if (!is_word(word, files, sizeof files / sizeof *files) || (!marked && is_there(r, path)))
        return false;
    return marked || is_word(classes, labels, sizeof labels / sizeof *labels);
}

static const char *no_tab(const char *text)
{
    const char *comma = strrchr(text, ','), *blank = strrchr(text, ' ');
    if (strstr(text, "\\t"))
        return "no tab but the two characters \\t: expected path<TAB>class[,class...]";
    if (comma || strchr(text, ';'))
        return "no tab but commas or semicolons: expected path<TAB>class[,class...], no CSV file";
    return blank && bit_kind_is_picture(text) ? "no tab and no class: expected path<TAB>class[,class...]"
                                              : "no tab: expected path<TAB>class[,class...]";
}

/* "images/000000.jpg 17", as the lists of VTAB-1k and others are: a blank before a whole number at the end, where there is no tab. */
static char *last_blank(char *text, size_t size)
{
    size_t digits = 0;
    while (digits < size && text[size - 1 - digits] >= '0' && text[size - 1 - digits] <= '9')
        digits++;
    return digits && digits + 1 < size && text[size - 1 - digits] == ' ' ? text + size - 1 - digits : NULL;
}

const char *bit_list_split(struct bit_list_reader *r, char **path, char **classes)
{
    if (r->long_line)
        return "a line of more than 1 MiB";
    if (memchr(r->text, 0, r->size))
        return "a zero byte";
    char *tab = strchr(r->text, '\t');
    if (!tab)
        tab = last_blank(r->text, r->size);
    if (!tab)
        return no_tab(r->text);
    size_t length = (size_t)(tab - r->text), rest = r->size - length - 1;
    *path = bit_list_trim(r->text, &length);
    (*path)[length] = 0;
    *classes = bit_list_trim(tab + 1, &rest);
    (*classes)[rest] = 0;
    if (r->number == 1 && is_header(r, *path, *classes))
        return "a header, not an image: remove this line";
    if (strchr(*classes, '\t'))
        return "more than one tab: expected path<TAB>class[,class...], no control characters in names";
    if (rest > 1 && **classes == '"' && (*classes)[rest - 1] == '"')
        return "quotes around the class: expected none";
    return path_problem(r, *path);
}

uint64_t bit_list_line_of(const char *path, uint64_t image)
{
    struct bit_list_reader r;
    uint64_t number = 0, at = 0;
    if (bit_list_open(&r, path, NULL, NULL))
        return 0;
    while (!number && bit_list_next(&r, NULL) > 0)
        if (at++ == image)
            number = r.number;
    bit_list_close(&r);
    return number;
}
