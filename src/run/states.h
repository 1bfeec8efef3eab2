/* The life of a run: a table of states. */
#ifndef RUN_STATES_H
#define RUN_STATES_H

struct run;

enum event { EVENT_FAILED, EVENT_OK, EVENT_MEASURE, EVENT_EVALUATE, EVENT_SAVE, EVENT_COMMIT, EVENT_STEP, EVENT_ROLLBACK, EVENT_STOP, EVENT_DONE, EVENTS };

/* From reading the job to the end; returns the exit code. Collective. */
int run_execute(struct run *run);

/* Actions, one a state; each returns what happened. All are collective and return the same event on all ranks. */
enum event setup_read(struct run *run);      /* setup.c */
enum event setup_claim(struct run *run);     /* setup.c */
enum event setup_index(struct run *run);
enum event setup_plan(struct run *run);
enum event setup_build(struct run *run);
enum event resume_load(struct run *run);     /* resume.c */
enum event resume_roll_back(struct run *run);
enum event loop_boundary(struct run *run);   /* loop.c */
enum event loop_step(struct run *run);
enum event loop_evaluate(struct run *run);
enum event loop_save(struct run *run);
enum event loop_commit(struct run *run);
enum event end_measure(struct run *run);     /* end.c: --evaluate */
enum event end_finish(struct run *run);
enum event end_stop(struct run *run);
enum event end_fail(struct run *run);

#endif
