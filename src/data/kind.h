/* What a file is: by its first bytes, and by its name. */
#ifndef BIT_DATA_KIND_H
#define BIT_DATA_KIND_H

#include <stdbool.h>
#include <stddef.h>

/* "a PNG picture", "a Git LFS pointer: ...", by the file's first bytes; NULL: not known. Not asked about JPEG and PNG files. */
const char *bit_kind_of_bytes(const void *data, size_t size);

/* Whether a name says JPEG or PNG: jpg, jpeg, jpe, jfif or png in any case. Hidden names are none. */
bool bit_kind_is_picture(const char *name);
/* The kind of picture or archive that a name says ("GIF", "zip"), or NULL. */
const char *bit_kind_of_name(const char *name, bool *archive);
/* Folders that file servers, systems and editors put beside data: @eaDir, #recycle, lost+found and such; hidden ones too. */
bool bit_kind_is_service(const char *folder);

#endif
