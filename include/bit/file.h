/* Files and folders: whole reads with a limit, atomic durable writes. Every function returns 0, or -1 with `error`. */
#ifndef BIT_FILE_H
#define BIT_FILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "bit/error.h"

/* Reads a regular file of at most `limit` bytes. *data gets size + 1 bytes, the last 0; free with bit_free.
 * A missing file is class no-input, a larger one class data. */
int bit_file_read(const char *path, size_t limit, char **data, size_t *size, struct bit_error *error);

/* Durable and atomic: temporary name beside it, write, fsync, rename, fsync of the folder. */
int bit_file_write(const char *path, const void *data, size_t size, struct bit_error *error);

/* As bit_file_write, without the fsyncs: for files that may be lost (progress, caches), never torn. */
int bit_file_write_cache(const char *path, const void *data, size_t size, struct bit_error *error);

/* All of it to a descriptor, however often that takes; -1 with errno. */
int bit_file_write_all(int file, const void *data, size_t size);

/* Removes what killed writers of `name` (NULL: of any file) left in `folder`, where it has not changed for `age` seconds: the caller
 * knows that no writer lives, or that none takes so long. What cannot be removed stays. */
void bit_file_sweep(const char *folder, const char *name, double age);

int bit_file_sync(const char *path, struct bit_error *error);        /* fsync of an existing file or folder */
int bit_folder_create(const char *path, struct bit_error *error);    /* with parents; existing is fine */
int bit_folder_remove(const char *path, struct bit_error *error);    /* recursively, never following links; missing is fine */
bool bit_file_exists(const char *path);
int bit_file_size(const char *path, uint64_t *size, struct bit_error *error);
int bit_disk_free(const char *path, uint64_t *bytes, struct bit_error *error); /* nearest existing parent */

/* Joins with one '/'; `buffer` of `size` bytes; -1 when it does not fit. */
int bit_path_join(char *buffer, size_t size, const char *folder, const char *name, struct bit_error *error);

/* First thing in a main: standard input, output and error that are closed (`program >&-`, some cron and service managers) become
 * /dev/null, so that no file which is opened later gets their numbers, and with them what is printed. Local. */
void bit_file_streams(void);

#endif
