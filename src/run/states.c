#include "run/states.h"

#include "bit/log.h"
#include "bit/phase.h"
#include "run/run.h"

enum state {
    STATE_FAIL, /* zero: where every event leads that a state does not list */
    STATE_READ, STATE_CLAIM, STATE_INDEX, STATE_PLAN, STATE_BUILD, STATE_LOAD,
    STATE_BOUNDARY, STATE_STEP, STATE_ROLLBACK, STATE_EVALUATE, STATE_SAVE, STATE_COMMIT,
    STATE_MEASURE, STATE_FINISH, STATE_STOP, STATE_END, STATES
};

static const struct {
    const char *name;
    enum bit_phase phase; /* what the watchdog is told; steps and checkpoints tell more themselves */
    enum event (*act)(struct run *run);
    enum state next[EVENTS];
} states[STATES] = {
    [STATE_READ] = {"reading the job", BIT_PHASE_START, setup_read, {[EVENT_OK] = STATE_CLAIM}},
    [STATE_CLAIM] = {"opening the run's folder", BIT_PHASE_START, setup_claim, {[EVENT_OK] = STATE_INDEX}},
    [STATE_INDEX] = {"indexing the images", BIT_PHASE_INDEX, setup_index, {[EVENT_OK] = STATE_PLAN}},
    [STATE_PLAN] = {"planning", BIT_PHASE_START, setup_plan, {[EVENT_OK] = STATE_BUILD}},
    [STATE_BUILD] = {"building the network", BIT_PHASE_START, setup_build, {[EVENT_OK] = STATE_LOAD}},
    [STATE_LOAD] = {"loading the checkpoint", BIT_PHASE_RESUME, resume_load, {[EVENT_OK] = STATE_BOUNDARY, [EVENT_MEASURE] = STATE_MEASURE}},
    [STATE_BOUNDARY] = {"between steps", BIT_PHASE_AGREE, loop_boundary,
        {[EVENT_STEP] = STATE_STEP, [EVENT_EVALUATE] = STATE_EVALUATE, [EVENT_SAVE] = STATE_SAVE,
         [EVENT_COMMIT] = STATE_COMMIT, [EVENT_STOP] = STATE_STOP, [EVENT_DONE] = STATE_FINISH}},
    [STATE_STEP] = {"in a training step", BIT_PHASE_DATA, loop_step, {[EVENT_OK] = STATE_BOUNDARY, [EVENT_ROLLBACK] = STATE_ROLLBACK}},
    [STATE_ROLLBACK] = {"going back to a checkpoint", BIT_PHASE_RESUME, resume_roll_back, {[EVENT_OK] = STATE_BOUNDARY}},
    [STATE_EVALUATE] = {"evaluating", BIT_PHASE_EVALUATE, loop_evaluate, {[EVENT_OK] = STATE_BOUNDARY}},
    [STATE_SAVE] = {"saving a checkpoint", BIT_PHASE_SNAPSHOT, loop_save, {[EVENT_OK] = STATE_BOUNDARY, [EVENT_ROLLBACK] = STATE_ROLLBACK}},
    [STATE_COMMIT] = {"committing a checkpoint", BIT_PHASE_COMMIT, loop_commit, {[EVENT_OK] = STATE_BOUNDARY, [EVENT_ROLLBACK] = STATE_ROLLBACK}},
    [STATE_MEASURE] = {"evaluating a checkpoint", BIT_PHASE_EVALUATE, end_measure, {[EVENT_OK] = STATE_END, [EVENT_STOP] = STATE_STOP}},
    [STATE_FINISH] = {"finishing", BIT_PHASE_STOP, end_finish, {[EVENT_OK] = STATE_END, [EVENT_ROLLBACK] = STATE_ROLLBACK}},
    [STATE_STOP] = {"stopping", BIT_PHASE_STOP, end_stop, {[EVENT_OK] = STATE_END, [EVENT_ROLLBACK] = STATE_ROLLBACK}},
    [STATE_FAIL] = {"failing", BIT_PHASE_STOP, end_fail, {[EVENT_OK] = STATE_END, [EVENT_FAILED] = STATE_END}},
    [STATE_END] = {"ended", BIT_PHASE_STOP, NULL, {0}},
};

int run_execute(struct run *run)
{
    enum state state = STATE_READ;
    while (state != STATE_END) {
        bit_phase_enter(states[state].phase);
        enum event event = states[state].act(run);
        enum state next = states[state].next[event];
        if (next == STATE_FAIL && run->error.code == BIT_OK)
            bit_fail(&run->error, BIT_EINTERNAL, "event %d is not expected while %s", (int)event, states[state].name);
        state = next;
    }
    return run->code;
}
