check_PROGRAMS += tests/recipe/test_recipe
TESTS += tests/recipe/test_recipe
tests_recipe_test_recipe_SOURCES = tests/recipe/test_recipe.c
tests_recipe_test_recipe_LDADD = $(RECIPE_LIBS) $(TEST_LIBS)
