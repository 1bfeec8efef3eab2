/* Weights that a run begins with, and what they and the data make of an open job. */
#ifndef RUN_START_H
#define RUN_START_H

struct run;

/* Few-shot: the images that are trained on. Then fills what the job leaves open by the rule of fine-tuning. Collective. */
int start_settle(struct run *run);
/* Fills the weights (and batch norm's statistics) of a run that begins: drawn, or model.start's. Collective. */
int start_weights(struct run *run);
/* Where schedule.start_decay pulls at the weights: tells the trainer towards what. `fresh`: the run's weights are those of its start, else
 * they are read again, and have to be the same ones. Collective. */
int start_keep(struct run *run, bool fresh);

#endif
