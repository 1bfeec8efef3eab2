/* A file of blocks that is only ever added to: what is whole in it is known after an interruption. */
#ifndef BIT_DEDUP_LEDGER_H
#define BIT_DEDUP_LEDGER_H

#include "bit/hash.h"

struct bit_ledger;

/* Opens or creates `path` for this process alone (class environment: another one has it). `key` says what the blocks are about: those of a
 * ledger with another key are dropped. */
struct bit_ledger *bit_ledger_open(const char *path, struct bit_hash key, struct bit_error *error);
void bit_ledger_close(struct bit_ledger *ledger);

/* 1: the next block, whose bytes stay until the next call; 0: there are no more whole ones, and what follows is cut off. Once it has
 * returned 0, blocks are added. */
int bit_ledger_next(struct bit_ledger *ledger, const void **data, size_t *size, struct bit_error *error);
int bit_ledger_add(struct bit_ledger *ledger, const void *data, size_t size, struct bit_error *error);

#endif
