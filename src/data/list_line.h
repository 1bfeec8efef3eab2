/* Lines of a list file, one at a time: path<TAB>class[,class...]. */
#ifndef BIT_DATA_LIST_LINE_H
#define BIT_DATA_LIST_LINE_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "bit/error.h"

enum { BIT_LIST_LINE_MOST = 1 << 20 }; /* bytes of a line */

struct bit_list_reader {
    FILE *file;
    const char *folder; /* that paths stand below: asked about paths that look wrong; NULL: not asked */
    char *text;         /* the line, 0-terminated, without its end */
    size_t size;
    uint64_t number;    /* of the line, from 1 */
    bool long_line, wide, slashes; /* a line was cut; UTF-16; a file whose name holds a backslash is there */
};

/* 0 or -1. `path`: of a regular file. */
int bit_list_open(struct bit_list_reader *r, const char *path, const char *folder, struct bit_error *error);
void bit_list_close(struct bit_list_reader *r);
/* The next line that is not empty. 1: there is one; 0: the end; -1: failed. */
int bit_list_next(struct bit_list_reader *r, struct bit_error *error);
/* Parts the line into its path and its classes, both without blanks around. NULL when fine, else what is wrong with the line. */
const char *bit_list_split(struct bit_list_reader *r, char **path, char **classes);
/* Cuts blanks off both ends: *size bytes at the returned place. */
char *bit_list_trim(char *text, size_t *size);
/* Number of the line of image `image` (from 0), 0 when it cannot be found. */
uint64_t bit_list_line_of(const char *path, uint64_t image);

#endif
