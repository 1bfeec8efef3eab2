/* The run's folder. */
#ifndef RUN_FOLDER_H
#define RUN_FOLDER_H

#include "bit/error.h"

struct run;

/* Rank 0's part of claiming: names, creates and locks the folder. Fails
 * (usage) when --fresh meets a run, (no-input) when --evaluate meets none, (environment) when another run holds it. */
int folder_claim(struct run *run, struct bit_error *error);

/* --fresh --force: takes the run away that is in it. Rank 0, once it is sure that another one can begin. */
int folder_clear(struct run *run, struct bit_error *error);

/* Takes a folder away that this process has created and in which nothing has begun. Rank 0. */
void folder_abandon(struct run *run);

#endif
