/* The life of a job: every (state, event) pair, every end under every wish, and what must hold whatever comes. */
#include <math.h>

#include "daemon/next.h"
#include "../unit.h"

static const char letters[] = "WQSpRPBHDFC"; /* of states, in their order; p: pending, P: stopping */

static struct daemon_life base(enum daemon_state state)
{
    struct daemon_life life = {.state = state, .budget = DAEMON_BUDGET, .wish = state == STATE_STOPPING ? WISH_PAUSE : WISH_NONE};
    return life;
}

static void test_every_pair(void)
{
    /* A column an event, in the order of enum daemon_event; '.': changes nothing; '!': refused to the person who asked. */
    static const char *const expected[DAEMON_STATES] = {
        [STATE_WAITING] =   ".QH.............H...W!H!C",
        [STATE_QUEUED] =    "......S....H....H...Q!H!C",
        [STATE_STARTING] =  ".......pR.B..D...SS.S!S!S",
        [STATE_PENDING] =   "........R...pD......p!P!P",
        [STATE_RUNNING] =   ".........p..RD...PP.RRP!P",
        [STATE_STOPPING] =  "............PD.....PP!!PP",
        [STATE_BACKOFF] =   "..............Q.H...B!HQC",
        [STATE_HELD] =      "................H...H!HQC",
        [STATE_DONE] =      "....................!!!!!",
        [STATE_FAILED] =    "....................!!!!!",
        [STATE_CANCELLED] = "....................!!!!!",
    };
    for (int s = 0; s < DAEMON_STATES; s++)
        for (int e = 0; e < DAEMON_EVENTS; e++) {
            struct daemon_life life = base(s);
            struct daemon_input input = {.event = e, .now = 1000, .end = END_DONE};
            struct daemon_step step = daemon_next(&life, &input);
            char found = step.answer == ANSWER_STALE ? '.' : step.answer == ANSWER_REFUSED ? '!' : letters[step.life.state];
            if (found != expected[s][e])
                fprintf(stderr, "\n%s, %s: %c, expected %c\n", daemon_state_name(s), daemon_event_name(e), found, expected[s][e]);
            CHECK(found == expected[s][e]);
            if (step.answer != ANSWER_TAKEN)
                CHECK(step.actions == 0 && !memcmp(&step.life, &life, sizeof life));
        }
}

/* A new priority changes a job's place, and nothing of its life: wishes, needs, budget and times stay. */
static void test_priority(void)
{
    for (int s = 0; s < STATE_DONE; s++)
        for (int w = 0; w < DAEMON_WISHES; w++) {
            struct daemon_life life = {.state = s, .cause = CAUSE_PREEMPTED, .wish = w, .has_needs = true, .fruitless = 3, .budget = 4, .due = 12};
            struct daemon_input input = {.event = EVENT_PRIORITY, .now = 1000, .end = END_LOST, .has_progressed = true};
            struct daemon_step step = daemon_next(&life, &input);
            CHECK(step.answer == ANSWER_TAKEN && step.actions == 0 && !memcmp(&step.life, &life, sizeof life));
        }
}

static struct daemon_life after(struct daemon_life life, enum daemon_event event, enum daemon_end end, bool progressed)
{
    struct daemon_input input = {.event = event, .now = 1000, .end = end, .has_progressed = progressed};
    return daemon_next(&life, &input).life;
}

/* A sweep waits for its children whatever happens, but for what a person wants. */
static void test_sweep(void)
{
    struct daemon_life life = daemon_life_begin_sweep(0);
    CHECK(life.state == STATE_WAITING && life.cause == CAUSE_CHILDREN);
    for (int e = 0; e < DAEMON_EVENTS; e++) {
        struct daemon_input input = {.event = e, .now = 1000};
        struct daemon_step step = daemon_next(&life, &input);
        char found = step.answer == ANSWER_STALE ? '.' : step.answer == ANSWER_REFUSED ? '!' : letters[step.life.state];
        if (e == EVENT_CHILDREN_DONE || e == EVENT_CHILDREN_FAILED)
            CHECK(found == (e == EVENT_CHILDREN_DONE ? 'D' : 'F') && step.actions == ACTION_TELL);
        else if (e == EVENT_PAUSE || e == EVENT_BROKEN)
            CHECK(found == 'H');
        else if (e == EVENT_CANCEL)
            CHECK(found == 'W' && step.life.wish == WISH_CANCEL);
        else if (e == EVENT_RESUME || e == EVENT_CHECKPOINT)
            CHECK(found == '!');
        else if (e == EVENT_PRIORITY)
            CHECK(found == 'W' && !memcmp(&step.life, &life, sizeof life));
        else
            CHECK(found == '.' || (e == EVENT_NEEDS_MET && found == 'W' && step.life.cause == CAUSE_CHILDREN));
    }
    /* Paused and resumed, it waits again. */
    struct daemon_life held = after(life, EVENT_PAUSE, 0, false);
    CHECK(held.state == STATE_HELD && held.cause == CAUSE_PAUSED);
    CHECK(after(held, EVENT_CHILDREN_DONE, 0, false).state == STATE_HELD);
    held = after(held, EVENT_RESUME, 0, false);
    CHECK(held.state == STATE_WAITING && held.cause == CAUSE_CHILDREN && held.has_children);
    /* Cancelled, it waits for its children to have ended, and nothing else is heard. */
    life = after(held, EVENT_CANCEL, 0, false);
    struct daemon_input again = {.event = EVENT_CANCEL}, pause = {.event = EVENT_PAUSE};
    CHECK(daemon_next(&life, &again).answer == ANSWER_REFUSED && daemon_next(&life, &pause).answer == ANSWER_REFUSED);
    CHECK(after(life, EVENT_CHILDREN_DONE, 0, false).state == STATE_CANCELLED);
    CHECK(after(life, EVENT_CHILDREN_FAILED, 0, false).state == STATE_CANCELLED);
    CHECK(after(life, EVENT_CHILDREN_FAILED, 0, false).cause == CAUSE_CANCELLED);
    CHECK(after(held, EVENT_CHILDREN_FAILED, 0, false).cause == CAUSE_NO_CHILD);
}

static void test_every_end(void)
{
    /* Of a job that is being stopped: state and cause, for the wishes none, preempt, drain, pause, cancel. */
    static const struct { enum daemon_end end; const char *after[DAEMON_WISHES]; } rows[] = {
        {END_DONE, {"done none", "done none", "done none", "done none", "done none"}},
        {END_BAD_JOB, {"failed bad-job", "failed bad-job", "failed bad-job", "failed bad-job", "cancelled cancelled"}},
        {END_BAD_DATA, {"failed bad-data", "failed bad-data", "failed bad-data", "failed bad-data", "cancelled cancelled"}},
        {END_MISSING_INPUT, {"failed missing-input", "failed missing-input", "failed missing-input", "failed missing-input", "cancelled cancelled"}},
        {END_INTERNAL, {"failed internal", "failed internal", "failed internal", "failed internal", "cancelled cancelled"}},
        {END_NO_CHECKPOINT, {"held no-whole-checkpoint", "held no-whole-checkpoint", "held no-whole-checkpoint", "held no-whole-checkpoint", "cancelled cancelled"}},
        {END_DISK_FULL, {"held disk-full", "held disk-full", "held disk-full", "held disk-full", "cancelled cancelled"}},
        {END_IN_USE, {"backoff folder-in-use", "backoff folder-in-use", "backoff folder-in-use", "held paused", "cancelled cancelled"}},
        {END_ENVIRONMENT, {"backoff environment", "backoff environment", "backoff environment", "held paused", "cancelled cancelled"}},
        {END_HUNG, {"backoff hung", "backoff hung", "backoff hung", "held paused", "cancelled cancelled"}},
        {END_LOST, {"backoff lost", "backoff lost", "backoff lost", "held paused", "cancelled cancelled"}},
        {END_STOPPED, {"held stopped-by-hand", "queued preempted", "queued drained", "held paused", "cancelled cancelled"}},
        {END_OPERATOR, {"held operator", "queued preempted", "queued drained", "held paused", "cancelled cancelled"}},
        {END_PREEMPTED, {"queued preempted", "queued preempted", "queued drained", "held paused", "cancelled cancelled"}},
        {END_GAVE_UP, {"held no-progress", "held no-progress", "held no-progress", "held paused", "cancelled cancelled"}},
        {END_NO_MEMORY, {"held memory", "held memory", "held memory", "held paused", "cancelled cancelled"}},
        {END_NEVER_RAN, {"queued none", "queued preempted", "queued drained", "held paused", "cancelled cancelled"}},
    };
    CHECK(sizeof rows / sizeof *rows == DAEMON_ENDS);
    for (size_t r = 0; r < sizeof rows / sizeof *rows; r++)
        for (int w = 0; w < DAEMON_WISHES; w++) {
            struct daemon_life life = base(w == WISH_NONE ? STATE_RUNNING : STATE_STOPPING);
            struct daemon_input input = {.event = EVENT_ENDED, .now = 1000, .end = rows[r].end};
            char text[64];
            life.wish = w;
            struct daemon_step step = daemon_next(&life, &input);
            snprintf(text, sizeof text, "%s %s", daemon_state_name(step.life.state), daemon_cause_name(step.life.cause));
            CHECK_STRING(text, rows[r].after[w]);
            CHECK(step.actions & ACTION_CLOSE);
            CHECK(step.life.wish == WISH_NONE);
        }
}

static struct daemon_life start_again(struct daemon_life life)
{
    if (life.state == STATE_BACKOFF)
        life = after(life, EVENT_DUE, 0, false);
    life = after(life, EVENT_PLACED, 0, false);
    life = after(life, EVENT_STARTED, 0, false);
    CHECK(life.state == STATE_RUNNING);
    return life;
}

static void test_budget(void)
{
    struct daemon_life life = daemon_life_begin(false, 0);
    static const double pauses[] = {1, 2, 4, 8};
    for (int i = 0; i < 4; i++) {
        life = after(start_again(life), EVENT_ENDED, i % 2 ? END_HUNG : END_ENVIRONMENT, false);
        CHECK(life.state == STATE_BACKOFF && life.due == 1000 + pauses[i] && life.fruitless == i + 1);
    }
    life = after(start_again(life), EVENT_ENDED, END_LOST, false);
    CHECK(life.state == STATE_HELD && life.cause == CAUSE_NO_PROGRESS);
    life = after(life, EVENT_RESUME, 0, false);
    CHECK(life.state == STATE_QUEUED && life.fruitless == 0);
    /* A checkpoint refills it, also when nobody saw it before the end. */
    for (int i = 0; i < 100; i++) {
        life = after(start_again(life), EVENT_ENDED, END_ENVIRONMENT, true);
        CHECK(life.state == STATE_BACKOFF && life.fruitless == 1 && life.due == 1001);
    }
    life = start_again(life);
    life = after(life, EVENT_PROGRESS, 0, false);
    CHECK(life.fruitless == 0);
    /* Waiting for a folder, and stops that were asked for, cost nothing. */
    life = after(life, EVENT_ENDED, END_IN_USE, false);
    CHECK(life.state == STATE_BACKOFF && life.fruitless == 0 && life.due == 1000 + DAEMON_LOOK_AGAIN);
    life = after(start_again(life), EVENT_PREEMPT, 0, false);
    life = after(life, EVENT_ENDED, END_STOPPED, false);
    CHECK(life.state == STATE_QUEUED && life.fruitless == 0);
    /* The pause never exceeds a minute. */
    life = daemon_life_begin(false, 1000);
    for (int i = 0; i < 100; i++)
        life = after(start_again(life), EVENT_ENDED, END_ENVIRONMENT, false);
    CHECK(life.due == 1060);
}

static void test_wish_before_the_start(void)
{
    struct daemon_life life = daemon_life_begin(false, 0);
    life = after(life, EVENT_PLACED, 0, false);
    life = after(life, EVENT_PAUSE, 0, false);
    CHECK(life.state == STATE_STARTING && life.wish == WISH_PAUSE);
    struct daemon_input input = {.event = EVENT_STARTED, .now = 1};
    struct daemon_step step = daemon_next(&life, &input);
    CHECK(step.life.state == STATE_STOPPING && step.actions == ACTION_ABANDON);
    life = after(step.life, EVENT_ENDED, END_NEVER_RAN, false);
    CHECK(life.state == STATE_HELD && life.cause == CAUSE_PAUSED);
    /* A wish of more weight takes the place of one of less, never the other way round. */
    life = start_again(after(life, EVENT_RESUME, 0, false));
    life = after(life, EVENT_PREEMPT, 0, false);
    life = after(life, EVENT_PAUSE, 0, false);
    CHECK(life.wish == WISH_PAUSE);
    life = after(life, EVENT_CANCEL, 0, false);
    life = after(life, EVENT_PAUSE, 0, false);
    life = after(life, EVENT_RESUME, 0, false);
    CHECK(life.wish == WISH_CANCEL && life.state == STATE_STOPPING);
    life = after(life, EVENT_ENDED, END_STOPPED, false);
    CHECK(life.state == STATE_CANCELLED);
}

static void test_needs(void)
{
    struct daemon_life life = daemon_life_begin(true, 0);
    CHECK(life.state == STATE_WAITING);
    life = after(life, EVENT_PAUSE, 0, false);
    life = after(life, EVENT_RESUME, 0, false);
    CHECK(life.state == STATE_WAITING);
    life = after(life, EVENT_NEEDS_FAILED, 0, false);
    CHECK(life.state == STATE_HELD && life.cause == CAUSE_NEEDS);
    life = after(life, EVENT_NEEDS_OPEN, 0, false);
    CHECK(life.state == STATE_WAITING);
    life = after(life, EVENT_NEEDS_MET, 0, false);
    CHECK(life.state == STATE_QUEUED && !life.has_needs);
    life = daemon_life_begin(true, 0);
    life = after(after(life, EVENT_NEEDS_FAILED, 0, false), EVENT_RESUME, 0, false);
    CHECK(life.state == STATE_QUEUED);
}

static void test_names(void)
{
    for (int i = 0; i < DAEMON_STATES; i++)
        CHECK(daemon_state_parse(daemon_state_name(i)) == i && *daemon_state_meaning(i));
    for (int i = 0; i < DAEMON_CAUSES; i++)
        CHECK(daemon_cause_parse(daemon_cause_name(i)) == i && *daemon_cause_meaning(i));
    for (int i = 0; i < DAEMON_WISHES; i++)
        CHECK(daemon_wish_parse(daemon_wish_name(i)) == i);
    for (int i = 0; i < DAEMON_EVENTS; i++)
        CHECK(daemon_event_parse(daemon_event_name(i)) == i);
    CHECK(daemon_state_parse("nonsense") == -1 && daemon_cause_parse(NULL) == -1);
}

static void test_ends_of_codes(void)
{
    static const struct { int code; enum bit_end_action action; bool full; enum daemon_end end; } rows[] = {
        {0, BIT_END_DONE, false, END_DONE}, {64, BIT_END_HELD, false, END_BAD_JOB}, {65, BIT_END_HELD, false, END_BAD_DATA},
        {66, BIT_END_HELD, false, END_MISSING_INPUT}, {69, BIT_END_HELD, false, END_NO_CHECKPOINT}, {70, BIT_END_HELD, false, END_INTERNAL},
        {74, BIT_END_AGAIN, false, END_ENVIRONMENT}, {74, BIT_END_AGAIN, true, END_DISK_FULL}, {74, BIT_END_LATER, false, END_IN_USE},
        {75, BIT_END_LATER, false, END_STOPPED}, {76, BIT_END_AGAIN, true, END_HUNG},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct bit_end end = {.action = rows[i].action, .code = rows[i].code};
        CHECK(daemon_end_of(&end, rows[i].full) == rows[i].end);
    }
}

/* All that may be known of a job of Slurm's: an end is believed on proof only, and never because Slurm is silent. */
static void test_every_slurm_sight(void)
{
    for (int bits = 0; bits < 8; bits++)
        for (int view = SLURM_ABSENT; view <= SLURM_ENDED; view++)
            for (int absences = 0; absences < 4; absences++)
                for (int unsure = 0; unsure <= 2 * DAEMON_UNSURE; unsure += DAEMON_UNSURE / 2) {
                    struct daemon_slurm_sight s = {.has_number = bits & 1, .has_answer = bits & 2, .has_record = bits & 4, .view = (enum slurm_view)view,
                                                   .absences = view == SLURM_ABSENT || view == SLURM_ENDED ? absences : 0, .unsure = unsure};
                    enum slurm_found found = daemon_find_slurm(&s);
                    if (s.has_record)
                        CHECK(found == SLURM_FOUND_OVER);
                    else if (!s.has_answer)
                        CHECK(found == SLURM_FOUND_NOTHING);
                    else if (!s.has_number)
                        CHECK(found == (unsure >= DAEMON_UNSURE ? SLURM_FOUND_NEVER : SLURM_FOUND_NOTHING));
                    else if (view == SLURM_ABSENT || view == SLURM_ENDED)
                        CHECK(found == (absences >= 2 ? SLURM_FOUND_OVER : SLURM_FOUND_NOTHING));
                    else
                        CHECK(found == (view == SLURM_PENDING ? SLURM_FOUND_WAITING : SLURM_FOUND_RUNNING));
                }
}

static void test_ends_of_slurm(void)
{
    static const struct slurm_record plain = {.code = 75}, limit = {.code = 75, .by_slurm = true}, gave_up = {.code = 74, .gave_up = true}, killed = {.code = 74, .no_memory = true},
                                     starved = {.code = 74, .gave_up = true, .no_memory = true};
    static const struct { const char *state; const struct slurm_record *record; enum daemon_end judged, end; } rows[] = {
        {"COMPLETED", &plain, END_DONE, END_DONE}, {"", &plain, END_DONE, END_DONE}, {"CANCELLED", NULL, END_DONE, END_DONE},
        {"TIMEOUT", NULL, END_DONE, END_DONE}, {"FAILED", &plain, END_BAD_JOB, END_BAD_JOB}, {"FAILED", NULL, END_LOST, END_LOST},
        {"", NULL, END_LOST, END_LOST}, {"WHATEVER", NULL, END_LOST, END_LOST}, {"COMPLETED", &plain, END_STOPPED, END_STOPPED},
        {"FAILED", &limit, END_STOPPED, END_PREEMPTED}, {"FAILED", &gave_up, END_ENVIRONMENT, END_GAVE_UP},
        {"FAILED", &gave_up, END_STOPPED, END_GAVE_UP}, {"CANCELLED", NULL, END_STOPPED, END_OPERATOR},
        {"CANCELLED", &gave_up, END_ENVIRONMENT, END_OPERATOR}, {"PREEMPTED", NULL, END_STOPPED, END_PREEMPTED},
        {"PREEMPTED", NULL, END_LOST, END_PREEMPTED}, {"TIMEOUT", NULL, END_LOST, END_ENVIRONMENT}, {"TIMEOUT", NULL, END_STOPPED, END_PREEMPTED},
        {"NODE_FAIL", NULL, END_LOST, END_ENVIRONMENT}, {"OUT_OF_MEMORY", NULL, END_LOST, END_NO_MEMORY}, {"FAILED", NULL, END_HUNG, END_HUNG},
        {"NODE_FAIL", NULL, END_HUNG, END_HUNG}, {"FAILED", &plain, END_DISK_FULL, END_DISK_FULL}, {"FAILED", &plain, END_IN_USE, END_IN_USE},
        {"BOOT_FAIL", NULL, END_LOST, END_ENVIRONMENT}, {"DEADLINE", NULL, END_LOST, END_ENVIRONMENT}, {"REVOKED", NULL, END_LOST, END_PREEMPTED},
        {"OUT_OF_MEMORY", NULL, END_ENVIRONMENT, END_NO_MEMORY}, {"OUT_OF_MEMORY", NULL, END_DONE, END_DONE}, {"FAILED", &killed, END_ENVIRONMENT, END_ENVIRONMENT},
        {"FAILED", &starved, END_ENVIRONMENT, END_NO_MEMORY}, {"CANCELLED", &starved, END_ENVIRONMENT, END_OPERATOR},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        CHECK(daemon_end_of_slurm(rows[i].state, rows[i].record, rows[i].judged) == rows[i].end);
}

static void test_slurm_life(void)
{
    struct daemon_life life = after(after(daemon_life_begin(false, 0), EVENT_PLACED, 0, false), EVENT_HANDED_OVER, 0, false);
    CHECK(life.state == STATE_PENDING && daemon_is_live(life.state));
    life = after(after(after(life, EVENT_STARTED, 0, false), EVENT_REQUEUED, 0, false), EVENT_STARTED, 0, false);
    CHECK(life.state == STATE_RUNNING);
    /* Of a wish that came while it was handed over Slurm is told. */
    life = after(after(daemon_life_begin(false, 0), EVENT_PLACED, 0, false), EVENT_CANCEL, 0, false);
    struct daemon_input input = {.event = EVENT_HANDED_OVER, .now = 1};
    struct daemon_step step = daemon_next(&life, &input);
    CHECK(step.life.state == STATE_STOPPING && step.actions == ACTION_STOP);
    /* Slurm's pre-emption is free; a script that gave up holds the job at once. */
    life = after(after(after(daemon_life_begin(false, 0), EVENT_PLACED, 0, false), EVENT_HANDED_OVER, 0, false), EVENT_ENDED, END_PREEMPTED, false);
    CHECK(life.state == STATE_QUEUED && life.cause == CAUSE_PREEMPTED && life.fruitless == 0);
}

static const struct unit_test tests[] = {
    {"every_pair", test_every_pair}, {"priority", test_priority}, {"sweep", test_sweep}, {"every_end", test_every_end}, {"budget", test_budget},
    {"wish_before_the_start", test_wish_before_the_start}, {"needs", test_needs}, {"names", test_names}, {"ends_of_codes", test_ends_of_codes},
    {"every_slurm_sight", test_every_slurm_sight}, {"ends_of_slurm", test_ends_of_slurm}, {"slurm_life", test_slurm_life},
};

int main(int argc, char **argv) { return unit_main("next", tests, sizeof tests / sizeof *tests, argc, argv); }
