check_PROGRAMS += tests/recipe/test_recipe tests/recipe/test_rule
TESTS += tests/recipe/test_recipe tests/recipe/test_rule
tests_recipe_test_recipe_SOURCES = tests/recipe/test_recipe.c
tests_recipe_test_recipe_LDADD = $(RECIPE_LIBS) $(TEST_LIBS)
tests_recipe_test_rule_SOURCES = tests/recipe/test_rule.c
tests_recipe_test_rule_LDADD = $(RECIPE_LIBS) $(TEST_LIBS)
