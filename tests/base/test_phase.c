#include "bit/phase.h"

#include <pthread.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/unit.h"

static enum bit_phase hooked[2];

static void note_hook(enum bit_phase entered, enum bit_phase before)
{
    hooked[0] = entered;
    hooked[1] = before;
}

static void test_names(void)
{
    for (int p = 0; p < BIT_PHASES; p++)
        CHECK(bit_phase_find(bit_phase_name(p)) == (enum bit_phase)p);
    CHECK(bit_phase_find("none") == BIT_PHASES && bit_phase_name(BIT_PHASES) == NULL);
}

static void *work_beside(void *argument)
{
    (void)argument;
    CHECK(bit_phase_enter(BIT_PHASE_WRITE) == BIT_PHASE_IDLE);
    bit_phase_tick();
    return NULL;
}

static void test_tracks(void)
{
    struct bit_phase_note before, after, beside;
    pthread_t thread;
    bit_phase_main();
    bit_phase_enter(BIT_PHASE_FORWARD);
    bit_phase_read(BIT_TRACK_MAIN, &before);
    REQUIRE(pthread_create(&thread, NULL, work_beside, NULL) == 0);
    pthread_join(thread, NULL);
    bit_phase_read(BIT_TRACK_MAIN, &after);
    CHECK(after.phase == BIT_PHASE_FORWARD && after.moves == before.moves);
    bit_phase_read(BIT_TRACK_BACKGROUND, &beside);
    CHECK(beside.phase == BIT_PHASE_WRITE && beside.moves == 2);
    bit_phase_hook = note_hook;
    CHECK(bit_phase_enter(BIT_PHASE_REDUCE) == BIT_PHASE_FORWARD);
    bit_phase_hook = NULL;
    CHECK(hooked[0] == BIT_PHASE_REDUCE && hooked[1] == BIT_PHASE_FORWARD);
    bit_phase_wait();
    bit_phase_step(41);
    bit_phase_read(BIT_TRACK_MAIN, &after);
    CHECK(after.entered == before.entered + 1 && after.left == before.left && after.step == 41);
    bit_phase_go();
    bit_phase_read(BIT_TRACK_MAIN, &after);
    CHECK(after.entered == after.left && after.moves == before.moves + 4);
}

/* Another process reads where a stopped one stands. */
static void test_shared(void)
{
    struct bit_phase_note note;
    int file[2], descriptor = -1, status;
    REQUIRE(pipe(file) == 0);
    pid_t child = fork();
    if (child == 0) {
        bit_phase_enter(BIT_PHASE_GATHER);
        descriptor = bit_phase_share();
        bit_phase_step(1234567);
        bit_phase_enter(BIT_PHASE_COMMIT);
        if (write(file[1], &descriptor, sizeof descriptor) == sizeof descriptor)
            raise(SIGSTOP);
        _exit(0);
    }
    REQUIRE(child > 0 && read(file[0], &descriptor, sizeof descriptor) == sizeof descriptor);
    waitpid(child, &status, WUNTRACED);
    CHECK(WIFSTOPPED(status));
    CHECK(bit_phase_read_of(child, descriptor, &note) == 0);
    CHECK(note.phase == BIT_PHASE_COMMIT && note.step == 1234567);
    CHECK(bit_phase_read_of(child, file[0], &note) == -1);
    CHECK(bit_phase_read_of(child, -1, &note) == -1);
    kill(child, SIGKILL);
    waitpid(child, &status, 0);
    CHECK(bit_phase_read_of(child, descriptor, &note) == -1);
    close(file[0]);
    close(file[1]);
}

int main(int argc, char **argv)
{
    static const struct unit_test tests[] = {{"names", test_names}, {"tracks", test_tracks}, {"shared", test_shared}};
    return unit_main("phase", tests, sizeof tests / sizeof *tests, argc, argv);
}
