/* One evaluation of the run's weights. */
#ifndef RUN_MEASURE_H
#define RUN_MEASURE_H

struct run;

/* Evaluates all validation images, notes the result in run->standing and logs it. 0; 1: a request to stop ended it early;
 * -1: failed, agreed. Collective. */
int measure(struct run *run);

/* Probes the features (the job's section probe) and writes the result into log and metrics. 0; 1: stopped; -1. Collective. */
int measure_probe(struct run *run);

#endif
