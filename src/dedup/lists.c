#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "bit/file.h"
#include "bit/json.h"
#include "bit/memory.h"
#include "dedup/parts.h"

/* ---- a file that appears when it is whole ---- */

struct output { FILE *file; char path[PATH_MAX], temporary[PATH_MAX + 8]; };

static int output_open(struct output *out, const char *folder, const char *name, struct bit_error *error)
{
    if (bit_path_join(out->path, sizeof out->path, folder, name, error))
        return -1;
    snprintf(out->temporary, sizeof out->temporary, "%s.new", out->path);
    out->file = fopen(out->temporary, "we");
    return out->file ? 0 : bit_fail_errno(error, BIT_EENVIRONMENT, "cannot write %s", out->temporary);
}

static int output_close(struct output *out, struct bit_error *error)
{
    int failed = ferror(out->file);
    if (fclose(out->file) || failed || rename(out->temporary, out->path)) {
        bit_fail_errno(error, BIT_EENVIRONMENT, "cannot write %s", out->path);
        unlink(out->temporary);
        return -1;
    }
    return 0;
}

static void put_path(struct output *out, const char *path)
{
    char shown[4 * PATH_MAX];
    bit_text_escape(shown, sizeof shown, path, "");
    fputs(shown, out->file);
}

/* ---- marks ---- */

/* A pair for each picture of a set, or NONE. */
enum { NONE = -1 };
struct marks { int64_t *first; };

static int mark(const struct dedup_results *r, struct marks *marks, struct bit_error *error)
{
    for (int i = 0; i < r->report->set_count; i++) {
        uint64_t images = r->report->sets[i].images;
        if (!(marks[i].first = bit_allocate((size_t)images + 1, sizeof *marks[i].first, "marks", error)))
            return -1;
        for (uint64_t k = 0; k < images; k++)
            marks[i].first[k] = NONE;
        r->report->sets[i].marked = 0;
    }
    for (size_t p = 0; p < r->pairs->count; p++) {
        uint64_t image;
        if (r->verdicts[p].kind == DEDUP_NONE)
            continue;
        int set = dedup_find_test(r, r->pairs->list[p].test, &image);
        int64_t *both[] = {&marks[0].first[r->pairs->list[p].upstream], &marks[set].first[image]};
        for (int side = 0; side < 2; side++) {
            r->report->sets[side ? set : 0].marked += *both[side] == NONE;
            if (*both[side] == NONE)
                *both[side] = (int64_t)p;
        }
    }
    return 0;
}

/* ---- files ---- */

static int write_pairs(const struct dedup_results *r, struct bit_error *error)
{
    static const char *const kinds[] = {"none", "file", "picture", "near"};
    static const char *const turns[BIT_TURNS] = {"upright", "mirrored", "turned-180", "flipped", "transposed", "turned-90", "transversed", "turned-270"};
    struct output out;
    char path[PATH_MAX];
    if (output_open(&out, r->options->folder, "duplicates.tsv", error))
        return -1;
    fprintf(out.file, "#upstream\tset\ttest\tkind\tbits\twide-bits\tturn\tdifference\tcosine\n");
    for (size_t p = 0; p < r->pairs->count; p++) {
        const struct dedup_pair *pair = &r->pairs->list[p];
        uint64_t image;
        if (r->verdicts[p].kind == DEDUP_NONE)
            continue;
        int set = dedup_find_test(r, pair->test, &image);
        if (dedup_set_path(&r->sets[0], pair->upstream, path, error))
            break;
        put_path(&out, path);
        fprintf(out.file, "\t%d\t", set);
        if (dedup_set_path(&r->sets[set], image, path, error))
            break;
        put_path(&out, path);
        fprintf(out.file, "\t%s\t%d\t%d\t%s\t%.2f\t", kinds[r->verdicts[p].kind & 3], pair->bits, pair->wide, turns[pair->turn % BIT_TURNS],
                (double)r->verdicts[p].difference);
        if (isnan(r->verdicts[p].cosine))
            fputs("-\n", out.file);
        else
            fprintf(out.file, "%.4f\n", (double)r->verdicts[p].cosine);
    }
    return output_close(&out, error) || error->code ? -1 : 0;
}

/* Whether a list can say it: see data.train. */
static bool is_plain(const char *text, const char *separators)
{
    size_t size = strlen(text);
    return size && !strpbrk(text, separators) && *text != ' ' && text[size - 1] != ' ' && !(*text == '"' && text[size - 1] == '"');
}

static bool list_line(const struct dedup_set *set, uint64_t image, const char *link, const char *path, struct bit_text *line)
{
    const int32_t *labels;
    int count = bit_index_labels(set->index, image, &labels);
    bool plain = is_plain(path, "\t\n\r\\");
    line->size = 0;
    bit_text_add(line, "%s/%s", link, path);
    for (int i = 0; i < count; i++) {
        const char *name = bit_index_class_name(set->index, labels[i]);
        plain = plain && is_plain(name, "\t\n\r,");
        bit_text_add(line, "%c%s", i ? ',' : '\t', name);
    }
    return plain && count > 0;
}

/* The set's folder is reached through a link beside the list, as paths of a list lie below its folder. */
static int make_link(const struct dedup_results *r, int i, const char *name, struct bit_error *error)
{
    char path[PATH_MAX], there[PATH_MAX];
    const char *target = *r->sets[i].root ? r->sets[i].root : "/";
    if (bit_path_join(path, sizeof path, r->options->folder, name, error))
        return -1;
    ssize_t size = readlink(path, there, sizeof there - 1);
    if (size >= 0) {
        there[size] = 0;
        if (!strcmp(there, target))
            return 0;
        if (unlink(path))
            return bit_fail_errno(error, BIT_EENVIRONMENT, "cannot replace %s", path);
    }
    return symlink(target, path) ? bit_fail_errno(error, BIT_EENVIRONMENT, "cannot make the link %s", path) : 0;
}

/* Set i: what is to be kept; and, of upstream, what to remove, of tests, all with their marks. */
static int write_set(const struct dedup_results *r, int i, const struct marks *marks, struct bit_error *error)
{
    char link[32], name[64], path[PATH_MAX];
    struct output clean, other;
    struct bit_text line = {0};
    uint64_t image = 0;
    snprintf(link, sizeof link, i ? "test-%d" : "upstream", i);
    snprintf(name, sizeof name, "%s-clean.txt", link);
    if (make_link(r, i, link, error) || output_open(&clean, r->options->folder, name, error))
        return -1;
    snprintf(name, sizeof name, i ? "%s-marks.tsv" : "remove.txt", link);
    if (output_open(&other, r->options->folder, name, error)) {
        fclose(clean.file);
        return -1;
    }
    for (; image < r->report->sets[i].images && !dedup_set_path(&r->sets[i], image, path, error); image++) {
        bool marked = marks->first[image] != NONE;
        if (i || marked)
            put_path(&other, path);
        if (i)
            fprintf(other.file, "\t%d\n", marked);
        else if (marked)
            fputc('\n', other.file);
        if (marked)
            continue;
        if (list_line(&r->sets[i], image, link, path, &line))
            fprintf(clean.file, "%s\n", line.data);
        else
            r->report->sets[i].unlisted++;
    }
    int result = output_close(&clean, error) | output_close(&other, error);
    if (line.failed)
        result = bit_fail(error, BIT_EENVIRONMENT, "not enough memory for a line of a list");
    bit_text_free(&line);
    return result || error->code ? -1 : 0;
}

int dedup_write_lists(const struct dedup_results *r, struct bit_error *error)
{
    struct marks *marks = bit_allocate((size_t)r->report->set_count, sizeof *marks, "marks", error);
    int result = marks ? mark(r, marks, error) : -1;
    if (!result)
        result = write_pairs(r, error);
    for (int i = 0; i < r->report->set_count && !result; i++)
        result = write_set(r, i, &marks[i], error);
    for (int i = 0; marks && i < r->report->set_count; i++)
        bit_free(marks[i].first);
    bit_free(marks);
    return result;
}

int dedup_write_report(const struct dedup_results *r, struct bit_error *error)
{
    char path[PATH_MAX];
    struct bit_text text = {0};
    bit_dedup_json(r->options, r->report, &text);
    int result = text.failed ? bit_fail(error, BIT_EENVIRONMENT, "not enough memory for the report") : 0;
    if (!result)
        result = bit_path_join(path, sizeof path, r->options->folder, "report.json", error) ||
                         bit_file_write_cache(path, text.data, text.size, error) ? -1 : 0;
    bit_text_free(&text);
    return result;
}
