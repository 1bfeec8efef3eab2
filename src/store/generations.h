/* What stands in a checkpoints folder, and what may be done with it. All local: rank 0 calls these. */
#ifndef BIT_STORE_GENERATIONS_H
#define BIT_STORE_GENERATIONS_H

#include "store/manifest.h"

enum { ENTRY_NAME = 256 };
enum entry_kind { ENTRY_GENERATION, ENTRY_BAD, ENTRY_SUPERSEDED, ENTRY_TEMPORARY, ENTRY_OLD, ENTRY_REPLACED };
struct entry { enum entry_kind kind; uint64_t step; bool damaged; /* for its finder */ char name[ENTRY_NAME]; };

/* Everything that is ours, by step, then name. *list freed with bit_free. A missing folder is class no-input. */
int generations_scan(const char *folder, struct entry **list, size_t *count, struct bit_error *error);
void generation_name(uint64_t step, char *name, size_t size);
/* A name beside generations that no living process uses: ".tmp-NAME-HOST-PID-N". */
void private_name(const char *prefix, const char *name, char *buffer, size_t size);
/* Renames folder/name to folder/name.ending, or -2, -3, ... when that is taken. */
int set_aside(const char *folder, const char *name, const char *ending, struct bit_error *error);
/* Removes a run's files of folder/name, and the folder when nothing else is in it. What holds anything else, or is no folder (a link),
 * stays as step-N.kept, with a warning. Missing is fine. */
int generation_erase(const char *folder, const char *name, uint64_t step, struct bit_error *error);
/* Renames to a private name, then deletes. `rank`-less test points inside. */
int retire(const char *folder, const char *name, struct bit_error *error);
/* Removes what dead writers left. `locked`: we hold the folder's lock, so every other writer is dead. */
int generations_clean(const char *folder, bool locked, struct bit_error *error);

/* Reads and parses a generation's manifest and compares all files' sizes. `text` (may be NULL) is handed out, to be freed
 * with bit_free. Class data: damaged; no-input: the storage fails to read it (EIO); usage: newer format; anything else: another
 * reason not to go on. */
int generation_read(const char *path, struct manifest *m, char **text, size_t *size, struct bit_error *error);

/* Whether the master and every shard have the sizes that the manifest says, waiting up to STORE_PATIENCE for what other hosts have
 * written. Class environment: they have written elsewhere. */
int generation_check(const char *path, const struct manifest *m, struct bit_error *error);

#endif
