/* Evaluation of task detect: average precision of the boxes that were found, and the file of them (bitrun --evaluate --predictions FILE). */
#ifndef RUN_DETECTIONS_H
#define RUN_DETECTIONS_H

#include "bit/head.h"

/* The judge of bit_evaluation_options; context is the struct run. Fills in the metrics of average precision, as pycocotools gives them on the
 * file; writes the file, a JSON array in COCO's form, where it is asked for. Rank 0. */
int detections_judge(void *context, const struct bit_records *records, struct bit_metrics *metrics, struct bit_error *error);

#endif
