/* COCO files: whatever the bytes are, they are refused as data, or read and scored with numbers that a score can have. The input is an
 * annotation file and a result file with a byte 0x1E between them. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "bit/coco.h"
#include "bit/log.h"
#include "tests/fuzz/mutate.h"

static char truth_path[64], results_path[64];

static void write_file(char *path, const char *template, const void *data, size_t size)
{
    strcpy(path, template);
    int file = mkstemp(path);
    if (file < 0 || write(file, data, size) != (ssize_t)size)
        abort();
    close(file);
}

static void check_score(const struct bit_coco *truth, const struct bit_coco_results *results, bool class_agnostic)
{
    struct bit_error error = {0};
    struct bit_coco_scores s;
    if (bit_coco_score(truth, results, class_agnostic, &s, &error)) {
        if (error.code != BIT_EDATA)
            abort();
        return;
    }
    for (int n = 0; n < BIT_COCO_NUMBERS; n++)
        if (s.numbers[n] != -1 && !(s.numbers[n] >= 0 && s.numbers[n] < 1 + 1e-9))
            abort();
    bit_coco_scores_free(&s);
}

/* As training would take it. */
static void check_groups(const struct bit_coco *truth)
{
    struct bit_error error = {0};
    struct bit_text notes = {0};
    struct bit_coco_groups g;
    if (bit_coco_check(truth, "FILE", &notes, &error)) {
        if (error.code != BIT_EDATA)
            abort();
    } else if (bit_coco_group(truth, &g, &error)) {
        abort();
    } else {
        for (size_t i = 0; i < truth->image_count; i++)
            for (size_t k = g.start[i]; k < g.start[i + 1]; k++)
                if (truth->boxes[g.boxes[k]].image != truth->images[i].id || g.start[i + 1] > truth->box_count)
                    abort();
        bit_coco_groups_free(&g);
    }
    bit_text_free(&notes);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const uint8_t *between = size ? memchr(data, 0x1E, size) : NULL;
    size_t first = between ? (size_t)(between - data) : size, second = between ? size - first - 1 : 0;
    struct bit_error error = {0};
    struct bit_coco_results results = {0};
    write_file(truth_path, "/tmp/bit-fuzz-coco-XXXXXX", data, first);
    write_file(results_path, "/tmp/bit-fuzz-coco-XXXXXX", second ? between + 1 : data, second);
    struct bit_coco *truth = bit_coco_read(truth_path, &error);
    if (truth)
        check_groups(truth);
    if (truth && !bit_coco_results_read(results_path, &results, &error)) {
        check_score(truth, &results, false);
        check_score(truth, &results, true);
    } else if (error.code != BIT_EDATA) {
        abort();
    }
    bit_coco_results_free(&results);
    bit_coco_destroy(truth);
    unlink(truth_path);
    unlink(results_path);
    return 0;
}

size_t fuzz_seed(int which, uint8_t *data, size_t capacity)
{
    static const char *const seeds[] = {
        "{\"info\":{\"year\":2017},\"images\":[{\"id\":1,\"width\":64,\"height\":48,\"file_name\":\"a\\u00e9.jpg\"},{\"id\":2}],"
        "\"annotations\":[{\"id\":1,\"image_id\":1,\"category_id\":3,\"bbox\":[1,2,30.5,40],\"area\":900,\"iscrowd\":0,\"segmentation\":[[1,2,3]]},"
        "{\"id\":0,\"image_id\":2,\"category_id\":1,\"bbox\":[5,5,9,9],\"iscrowd\":1,\"segmentation\":{\"counts\":\"ab\",\"size\":[1,2]}}],"
        "\"categories\":[{\"id\":3,\"name\":\"cat\"},{\"id\":1,\"name\":\"dog\"}]}\x1E"
        "[{\"image_id\":1,\"category_id\":3,\"bbox\":[1,2,30,40],\"score\":0.75},{\"image_id\":2,\"category_id\":1,\"bbox\":[5,5,9,8],\"score\":1e-3}]",
        ("{\"file_name\":\"a.jpg\",\"width\":6,\"boxes\":[{\"class\":\"x\",\"bbox\":[1,2,3,4]},{\"class\":\"a\",\"bbox\":[1,2,3,4],\"iscrowd\":1}]}\n"
        "{\"file_name\":\"b.jpg\",\"boxes\":[]}\x1E[{\"image_id\":1,\"category_id\":2,\"bbox\":[1,2,3,4],\"score\":1}]"),
        "{\"images\":[],\"annotations\":[],\"categories\":[{\"id\":1e0}]}\x1E[]"};
    size_t size = which < 3 ? strlen(seeds[which]) : 0;
    if (size > capacity)
        return 0;
    memcpy(data, which < 3 ? seeds[which] : "", size);
    return size;
}
