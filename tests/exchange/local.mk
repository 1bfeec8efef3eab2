exchange_tests = tests/410-exchange.sh
TESTS += $(exchange_tests)
EXTRA_DIST += $(exchange_tests) tests/exchange/archive.py tests/exchange/network.py
