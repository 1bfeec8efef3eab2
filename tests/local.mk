# Test runner: CUnit programs print their own counts; tests/run adds everything up to one line.
TEST_LIBS = $(CUNIT_LIBS)
