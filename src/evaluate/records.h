/* What a rank keeps of the images it has seen, and how rank 0 gets those of all ranks in the order of the index. */
#ifndef EVALUATE_RECORDS_H
#define EVALUATE_RECORDS_H

#include "bit/evaluate.h"

/* A slot for each image of each of this rank's micro-batches, in their order: number of the image + 1 (0: none, it was bad or there is no
 * such image), then its record. */
struct record_slots {
    int micro_batch;
    uint64_t batches;             /* of this rank, the same number on all */
    size_t slot_bytes;
    unsigned char *data;
};

/* Rooms for records of `bytes` each. */
int record_slots_create(struct record_slots *slots, uint64_t batches, int micro_batch, size_t bytes, struct bit_error *error);
void record_slots_free(struct record_slots *slots);
/* The record of image `i` of this rank's micro-batch `batch`; it is image `number` of the index. */
void *record_slot(struct record_slots *slots, uint64_t batch, int i, uint64_t number);
/* Fills *records on rank 0, of `images` images at most; on the others it stays empty. Collective. */
int record_slots_gather(const struct record_slots *slots, struct bit_group *group, uint64_t images, struct bit_records *records,
                        struct bit_error *error);

#endif
