/* One evaluation of the run's weights. */
#ifndef RUN_MEASURE_H
#define RUN_MEASURE_H

struct run;

/* Evaluates all validation images, notes the result in run->standing and logs it. 0; 1: a request to stop ended it early;
 * -1: failed, agreed. Collective. */
int measure(struct run *run);

#endif
