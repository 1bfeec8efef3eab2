#include "run/states.h"

#include "bit/log.h"
#include "bit/memory.h"
#include "run/run.h"

enum state {
    STATE_FAIL, /* zero: where every event leads that a state does not list */
    STATE_READ, STATE_CLAIM, STATE_INDEX, STATE_PLAN, STATE_BUILD, STATE_LOAD,
    STATE_BOUNDARY, STATE_STEP, STATE_EVALUATE, STATE_SAVE, STATE_COMMIT,
    STATE_MEASURE, STATE_FINISH, STATE_STOP, STATE_END, STATES
};

static const struct {
    const char *name;
    enum event (*act)(struct run *run);
    enum state next[EVENTS];
} states[STATES] = {
    [STATE_READ] = {"reading the job", setup_read, {[EVENT_OK] = STATE_CLAIM}},
    [STATE_CLAIM] = {"opening the run's folder", setup_claim, {[EVENT_OK] = STATE_INDEX}},
    [STATE_INDEX] = {"indexing the images", setup_index, {[EVENT_OK] = STATE_PLAN}},
    [STATE_PLAN] = {"planning", setup_plan, {[EVENT_OK] = STATE_BUILD}},
    [STATE_BUILD] = {"building the network", setup_build, {[EVENT_OK] = STATE_LOAD}},
    [STATE_LOAD] = {"loading the checkpoint", resume_load, {[EVENT_OK] = STATE_BOUNDARY, [EVENT_MEASURE] = STATE_MEASURE}},
    [STATE_BOUNDARY] = {"between steps", loop_boundary,
        {[EVENT_STEP] = STATE_STEP, [EVENT_EVALUATE] = STATE_EVALUATE, [EVENT_SAVE] = STATE_SAVE,
         [EVENT_COMMIT] = STATE_COMMIT, [EVENT_STOP] = STATE_STOP, [EVENT_DONE] = STATE_FINISH}},
    [STATE_STEP] = {"in a training step", loop_step, {[EVENT_OK] = STATE_BOUNDARY}},
    [STATE_EVALUATE] = {"evaluating", loop_evaluate, {[EVENT_OK] = STATE_BOUNDARY}},
    [STATE_SAVE] = {"saving a checkpoint", loop_save, {[EVENT_OK] = STATE_BOUNDARY}},
    [STATE_COMMIT] = {"committing a checkpoint", loop_commit, {[EVENT_OK] = STATE_BOUNDARY}},
    [STATE_MEASURE] = {"evaluating", end_measure, {[EVENT_OK] = STATE_END, [EVENT_STOP] = STATE_STOP}},
    [STATE_FINISH] = {"finishing", end_finish, {[EVENT_OK] = STATE_END}},
    [STATE_STOP] = {"stopping", end_stop, {[EVENT_OK] = STATE_END}},
    [STATE_FAIL] = {"failing", end_fail, {[EVENT_OK] = STATE_END, [EVENT_FAILED] = STATE_END}},
    [STATE_END] = {"ended", NULL, {0}},
};

int run_execute(struct run *run)
{
    enum state state = STATE_READ;
    while (state != STATE_END) {
        enum event event = states[state].act(run);
        enum state next = states[state].next[event];
        if (next == STATE_FAIL && run->error.code == BIT_OK)
            bit_fail(&run->error, BIT_EINTERNAL, "event %d is not expected while %s", (int)event, states[state].name);
        state = next;
    }
    return run->code;
}
