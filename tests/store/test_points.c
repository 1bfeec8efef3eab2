/* Killed at every point of the commit protocol: what loads afterwards is the former or the new generation, whole, and
 * nothing of the attempt is left. */
#include <signal.h>
#include <sys/wait.h>

#include "store/points.h"
#include "tests/store/folder.h"
#include "tests/unit.h"

/* Saves in a child that is killed at `point` (NULL: not at all). Returns 1 when it was. */
static int save_in_child(struct scene *s, uint64_t step, int keep, const char *extra, const char *point)
{
    pid_t pid = fork();
    if (pid == 0) {
        struct bit_error error = {0};
        if (point)
            setenv("BIT_TEST_KILL_AT", point, 1);
        _exit(scene_save_as(s, step, keep, extra, &error) ? 1 : 0);
    }
    int status;
    if (pid < 0 || waitpid(pid, &status, 0) != pid || (WIFEXITED(status) && WEXITSTATUS(status)))
        abort();
    return WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL;
}

static void test_new_step(void)
{
    for (int point = 0; store_point_name(point); point++) {
        struct scene s;
        struct bit_error error = {0};
        scene_create(&s, 0);
        CHECK(save_in_child(&s, 1, 1, NULL, NULL) == 0);
        int killed = save_in_child(&s, 2, 1, NULL, store_point_name(point));
        CHECK(killed == (point != STORE_POINT_replacing));
        long expected = point < STORE_POINT_renamed && killed ? 1 : 2, step = scene_load(&s, &error);
        CHECK(step == expected);
        if (step != expected)
            printf("\n  %s: step %ld, not %ld: %s\n", store_point_name(point), step, expected, error.text);
        CHECK(scene_count(&s, ".tmp") == 0 && scene_count(&s, ".old") == 0);
        CHECK(save_in_child(&s, 3, 1, NULL, NULL) == 0 && scene_load(&s, &error) == 3 && scene_count(&s, "") == 3);
        scene_destroy(&s);
    }
}

static void test_same_step(void)
{
    for (int point = 0; store_point_name(point); point++) {
        struct scene s;
        struct bit_error error = {0};
        char extra[64] = "";
        scene_create(&s, 0);
        CHECK(save_in_child(&s, 1, 1, "{\"a\":1}", NULL) == 0);
        int killed = save_in_child(&s, 1, 1, "{\"a\":2}", store_point_name(point));
        CHECK(killed == (point != STORE_POINT_retiring && point != STORE_POINT_retired));
        CHECK(scene_load_as(&s, true, UINT64_MAX, extra, &error) == 1);
        CHECK(!strcmp(extra, point < STORE_POINT_renamed && killed ? "{\"a\":1}" : "{\"a\":2}"));
        CHECK(scene_count(&s, "") == 3);
        scene_destroy(&s);
    }
}

int main(int argc, char **argv)
{
    static const struct unit_test tests[] = {{"a new step", test_new_step}, {"the same step again", test_same_step}};
    return unit_main("points", tests, sizeof tests / sizeof *tests, argc, argv);
}
