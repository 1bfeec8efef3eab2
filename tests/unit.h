/* Every CUnit program: a table of tests and one main, so that a suite is one line a test. */
#ifndef BIT_TESTS_UNIT_H
#define BIT_TESTS_UNIT_H

#include <CUnit/Basic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CHECK(condition) CU_assertImplementation((condition) ? 1 : 0, __LINE__, #condition, __FILE__, "", CU_FALSE)
/* Stops the test function: for what the rest of it stands on. */
#define REQUIRE(condition) do { int require_ok = (condition) ? 1 : 0; CU_assertImplementation(require_ok, __LINE__, \
    #condition, __FILE__, "", CU_FALSE); if (!require_ok) return; } while (0)
/* Both texts equal, or both NULL; a failure shows the two. */
#define CHECK_STRING(found, expected) do { const char *string_a = (found), *string_b = (expected); \
    int string_ok = string_a && string_b ? !strcmp(string_a, string_b) : string_a == string_b; \
    if (!string_ok) fprintf(stderr, "\n%s:%d: found '%s', expected '%s'\n", __FILE__, __LINE__, \
        string_a ? string_a : "(NULL)", string_b ? string_b : "(NULL)"); \
    CHECK(string_ok); } while (0)

struct unit_test { const char *name; void (*run)(void); };

/* Runs the tests (all, or those named on the command line); 0 when all passed. */
static inline int unit_main(const char *suite, const struct unit_test *tests, size_t count, int argc, char **argv)
{
    if (CU_initialize_registry() != CUE_SUCCESS)
        return 2;
    CU_pSuite s = CU_add_suite(suite, NULL, NULL);
    for (size_t i = 0; i < count; i++) {
        int wanted = argc < 2;
        for (int a = 1; a < argc; a++)
            wanted |= !strcmp(argv[a], tests[i].name);
        if (wanted && !CU_add_test(s, tests[i].name, tests[i].run))
            return 2;
    }
    CU_basic_set_mode(CU_BRM_VERBOSE);
    CU_basic_run_tests();
    int failed = CU_get_number_of_failures() != 0 || CU_get_number_of_tests_run() == 0;
    CU_cleanup_registry();
    return failed;
}

#endif
