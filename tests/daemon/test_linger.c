/* Whether a log-out ends bitd. */
#include <sys/stat.h>
#include <unistd.h>

#include "bit/file.h"
#include "daemon/linger.h"
#include "../unit.h"

static char root[] = "/tmp/bit-linger-XXXXXX";

static void put(const char *name, const char *text)
{
    char path[512];
    struct bit_error error = {0};
    snprintf(path, sizeof path, "%s/%s", root, name);
    CHECK(bit_file_write(path, text, strlen(text), &error) == 0);
}

static void folder(const char *name)
{
    char path[512];
    struct bit_error error = {0};
    snprintf(path, sizeof path, "%s/%s", root, name);
    CHECK(bit_folder_create(path, &error) == 0);
}

static void test_linger(void)
{
    CHECK(!linger_is_missing(root, "me")); /* nothing is known */
    folder("proc/self");
    put("proc/self/cgroup", "0::/user.slice/user-1000.slice/session-3.scope\n");
    CHECK(!linger_is_missing(root, "me")); /* a log-in's own processes: not the manager's */
    put("proc/self/cgroup", "12:memory:/x\n0::/user.slice/user-1000.slice/user@1000.service/app.slice/bitd.service\n");
    CHECK(linger_is_missing(root, "me"));
    folder("var/lib/systemd/linger");
    put("var/lib/systemd/linger/you", "");
    CHECK(linger_is_missing(root, "me"));
    put("var/lib/systemd/linger/me", "");
    CHECK(!linger_is_missing(root, "me"));
    put("proc/self/cgroup", "0::/system.slice/bitd.service\n");
    CHECK(!linger_is_missing(root, "you") && !linger_is_missing(root, "nobody"));
}

static const struct unit_test tests[] = {{"linger", test_linger}};

int main(int argc, char **argv)
{
    struct bit_error error = {0};
    if (!mkdtemp(root))
        return 1;
    int code = unit_main("linger", tests, sizeof tests / sizeof *tests, argc, argv);
    bit_folder_remove(root, &error);
    return code;
}
