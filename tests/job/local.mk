check_PROGRAMS += tests/job/test_schedule
TESTS += tests/job/test_schedule
tests_job_test_schedule_SOURCES = tests/job/test_schedule.c
tests_job_test_schedule_LDADD = $(JOB_LIBS) $(BASE_LIBS) $(TEST_LIBS)
