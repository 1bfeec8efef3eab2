/* Allocation: aligned, checked, counted; one allocation-failure hook for tests. */
#ifndef BIT_MEMORY_H
#define BIT_MEMORY_H

#include <stddef.h>
#include <stdint.h>

#include "bit/error.h"

enum { BIT_ALIGNMENT = 64 };

/* Zeroed, 64-byte aligned, transparent huge pages advised from 4 MiB. NULL with `error` filled on failure (class
 * environment; text names `what` and the size). count * size is overflow-checked. Free with bit_free. */
void *bit_allocate(size_t count, size_t size, const char *what, struct bit_error *error);
void bit_free(void *memory);

/* Copy of `text`; NULL with `error` filled. Free with bit_free. */
char *bit_copy_text(const char *text, struct bit_error *error);

/* Bytes now handed out by bit_allocate, and their peak. */
size_t bit_memory_used(void);
size_t bit_memory_peak(void);

/* Tests only: the n-th allocation from now fails (0: none). Also set by BIT_TEST_FAIL_ALLOCATION in the environment. */
void bit_memory_fail_at(size_t n);

/* Peak resident set of this process in bytes (VmHWM); 0 when unknown. */
size_t bit_memory_resident_peak(void);

/* Bytes that are left for this process and others in its place: what the machine has available, or what the control group
 * (version 1 or 2) of this process or one above it has left of its limit, where that is less. UINT64_MAX when nothing is known.
 * root: "", or a folder with proc/ and sys/ for tests. Local. */
uint64_t bit_memory_available(const char *root);

/* Processes that the kernel has killed because memory ran out, ever: in this process's control group, and on the machine; limit: the least of
 * the groups' limits in bytes, UINT64_MAX: none. What nobody tells counts as 0. Local. */
struct bit_memory_kills { uint64_t group, machine, limit; };
void bit_memory_kills(const char *root, struct bit_memory_kills *kills);

#endif
