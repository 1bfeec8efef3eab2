#include "bit/error.h"

#include <errno.h>

#include "tests/unit.h"

static void first_failure_is_kept(void)
{
    struct bit_error e = {0};
    CHECK(bit_fail(&e, BIT_EDATA, "image %d is bad", 7) == -1);
    CHECK(bit_fail(&e, BIT_EINTERNAL, "later") == -1);
    CHECK(e.code == BIT_EDATA);
    CHECK(!strcmp(e.text, "image 7 is bad"));
    bit_error_clear(&e);
    CHECK(e.code == BIT_OK && !e.text[0]);
    bit_fail(&e, BIT_EUSAGE, "again");
    CHECK(e.code == BIT_EUSAGE && !strcmp(e.text, "again"));
}

static void null_error_is_allowed(void)
{
    CHECK(bit_fail(NULL, BIT_EDATA, "x") == -1);
    CHECK(bit_fail_errno(NULL, BIT_EDATA, "x") == -1);
    CHECK(bit_fail_at(NULL, "x") == -1);
}

static void errno_text_is_added(void)
{
    struct bit_error e = {0};
    errno = ENOSPC;
    CHECK(bit_fail_errno(&e, BIT_EENVIRONMENT, "cannot write %s", "x") == -1);
    CHECK(!strcmp(e.text, "cannot write x: No space left on device"));
    errno = EACCES;
    bit_fail_errno(&e, BIT_ENOINPUT, "second");
    CHECK(e.code == BIT_EENVIRONMENT && strstr(e.text, "No space"));
}

static void place_goes_in_front(void)
{
    struct bit_error e = {0};
    CHECK(bit_fail_at(&e, "job.json") == -1); /* nothing recorded: nothing to prefix */
    CHECK(e.code == BIT_OK && !e.text[0]);
    bit_fail(&e, BIT_EUSAGE, "line %d: no such key", 3);
    bit_fail_at(&e, "%s", "job.json");
    CHECK(e.code == BIT_EUSAGE && !strcmp(e.text, "job.json: line 3: no such key"));
}

static void long_texts_are_cut(void)
{
    static char big[2 * BIT_ERROR_TEXT];
    struct bit_error e = {0};
    memset(big, 'a', sizeof big - 1);
    bit_fail(&e, BIT_EDATA, "%s", big);
    CHECK(strlen(e.text) == BIT_ERROR_TEXT - 1);
    bit_fail_at(&e, "%s", "where");
    CHECK(strlen(e.text) == BIT_ERROR_TEXT - 1 && !strncmp(e.text, "where: aaa", 10));
    bit_fail_at(&e, "%s", big);
    CHECK(strlen(e.text) == BIT_ERROR_TEXT - 1);
    bit_error_clear(&e);
    errno = ENOENT;
    bit_fail_errno(&e, BIT_EDATA, "%s", big);
    CHECK(strlen(e.text) == BIT_ERROR_TEXT - 1);
}

static void every_code_has_a_name(void)
{
    CHECK(!strcmp(bit_code_name(BIT_OK), "ok"));
    CHECK(!strcmp(bit_code_name(BIT_EUSAGE), "usage"));
    CHECK(!strcmp(bit_code_name(BIT_EDATA), "data"));
    CHECK(!strcmp(bit_code_name(BIT_ENOINPUT), "no-input"));
    CHECK(!strcmp(bit_code_name(BIT_ENOGENERATION), "no-generation"));
    CHECK(!strcmp(bit_code_name(BIT_EINTERNAL), "internal"));
    CHECK(!strcmp(bit_code_name(BIT_EENVIRONMENT), "environment"));
    CHECK(!strcmp(bit_code_name(BIT_EAGAIN), "again"));
    CHECK(!strcmp(bit_code_name(BIT_ELATE), "late"));
    CHECK(!strcmp(bit_code_name((enum bit_code)3), "unknown"));
}

int main(int argc, char **argv)
{
    static const struct unit_test tests[] = {
        {"first failure is kept", first_failure_is_kept}, {"NULL error is allowed", null_error_is_allowed},
        {"errno text is added", errno_text_is_added},     {"place goes in front", place_goes_in_front},
        {"long texts are cut", long_texts_are_cut},       {"every code has a name", every_code_has_a_name},
    };
    return unit_main("error", tests, sizeof tests / sizeof *tests, argc, argv);
}
