/* Writes awkward, broken and hostile image files into a folder, for tests of whatever reads image folders.
 *
 *   hostile FOLDER [good|bad|either|all] [COPIES]
 *
 * One file a kind and copy: FOLDER/<verdict>-<kind>-<copy>.jpg, where the verdict says what a reader has to do with it:
 * good (decode it), bad (refuse it, whatever the crop) or either (the crop decides). With "bad" and "all" come also what
 * are no files at all: a folder, a pipe and a dangling link, each named like an image (once, not a copy). Default: all, 1
 * copy. Prints the number of entries written that carry each verdict: "good N bad N either N". The folder must exist. */
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/data/kinds.h"

static const char *const verdicts[] = {[GOOD] = "good", [BAD] = "bad", [EITHER] = "either"};

static void write_entries(const char *folder)
{
    char path[PATH_MAX];
    snprintf(path, sizeof path, "%s/bad-pipe.jpg", folder);
    if (mkfifo(path, 0666))
        perror(path), exit(2);
    snprintf(path, sizeof path, "%s/bad-dangling-link.jpg", folder);
    if (symlink("no-such-file.jpg", path))
        perror(path), exit(2);
    snprintf(path, sizeof path, "%s/folder-named-as.jpg", folder);
    if (mkdir(path, 0777))
        perror(path), exit(2);
}

int main(int argc, char **argv)
{
    const char *wanted = argc > 2 ? argv[2] : "all";
    int copies = argc > 3 ? atoi(argv[3]) : 1, counts[3] = {0}, all = !strcmp(wanted, "all"), known = all;
    for (int v = GOOD; v <= EITHER; v++)
        known |= !strcmp(wanted, verdicts[v]);
    if (argc < 2 || argc > 4 || copies < 1 || !known) {
        fprintf(stderr, "usage: hostile FOLDER [good|bad|either|all] [COPIES]\n");
        return 64;
    }
    for (size_t i = 0; i < kind_count; i++) {
        if (!all && strcmp(wanted, verdicts[kinds[i].verdict]))
            continue;
        struct bytes b = kind_make(&kinds[i]);
        for (int copy = 0; copy < copies; copy++) {
            char path[PATH_MAX];
            snprintf(path, sizeof path, "%s/%s-%s-%d.jpg", argv[1], verdicts[kinds[i].verdict], kinds[i].name, copy);
            picture_write(path, b.data, b.size);
            counts[kinds[i].verdict]++;
        }
        free(b.data);
    }
    if (all || !strcmp(wanted, "bad")) {
        write_entries(argv[1]);
        counts[BAD] += 2;
    }
    printf("good %d bad %d either %d\n", counts[GOOD], counts[BAD], counts[EITHER]);
    return 0;
}
