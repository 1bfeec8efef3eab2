DATA_TEST_LDADD = $(DATA_LIBS) $(BASE_LIBS) $(TEST_LIBS)
DATA_PICTURES = tests/data/kinds.c tests/data/kinds.h tests/data/picture.c tests/data/picture.h

check_PROGRAMS += tests/data/hostile tests/data/to_png tests/data/test_augment tests/data/test_decode tests/data/test_index tests/data/test_index_copies \
	tests/data/test_mix tests/data/test_order tests/data/test_png tests/data/test_resize tests/data/test_stream tests/fuzz/fuzz_index tests/fuzz/fuzz_jpeg tests/fuzz/fuzz_list tests/fuzz/fuzz_png
TESTS += tests/data/test_augment tests/data/test_decode tests/data/test_index tests/data/test_index_copies tests/data/test_mix tests/data/test_order \
	tests/data/test_png tests/data/test_resize tests/data/test_stream tests/200-fuzz-data.sh
EXTRA_DIST += tests/200-fuzz-data.sh tests/data/png tests/data/resized.py tests/data/resized.txt

tests_data_hostile_SOURCES = tests/data/hostile.c $(DATA_PICTURES)
tests_data_hostile_LDADD = $(JPEG_LIBS) $(PNG_LIBS)
tests_data_to_png_SOURCES = tests/data/to_png.c
tests_data_to_png_LDADD = $(JPEG_LIBS) $(PNG_LIBS)
tests_data_test_augment_SOURCES = tests/data/test_augment.c
tests_data_test_augment_LDADD = $(DATA_TEST_LDADD)
check_PROGRAMS += tests/data/test_boxes
TESTS += tests/data/test_boxes tests/201-boxes.sh
EXTRA_DIST += tests/201-boxes.sh
tests_data_test_boxes_SOURCES = tests/data/test_boxes.c $(DATA_PICTURES)
tests_data_test_boxes_LDADD = $(DATA_TEST_LDADD)
check_PROGRAMS += tests/data/test_fit
TESTS += tests/data/test_fit
tests_data_test_fit_SOURCES = tests/data/test_fit.c $(DATA_PICTURES)
tests_data_test_fit_LDADD = $(DATA_TEST_LDADD)
tests_data_test_decode_SOURCES = tests/data/test_decode.c $(DATA_PICTURES)
tests_data_test_decode_LDADD = $(DATA_TEST_LDADD)
tests_data_test_index_SOURCES = tests/data/test_index.c tests/data/index_files.h
tests_data_test_index_LDADD = $(DATA_TEST_LDADD)
tests_data_test_index_copies_SOURCES = tests/data/test_index_copies.c tests/data/index_files.h
tests_data_test_index_copies_LDADD = $(DATA_TEST_LDADD)
tests_data_test_mix_SOURCES = tests/data/test_mix.c $(DATA_PICTURES)
tests_data_test_mix_LDADD = $(DATA_TEST_LDADD)
tests_data_test_order_SOURCES = tests/data/test_order.c
tests_data_test_order_LDADD = $(DATA_TEST_LDADD)
tests_data_test_png_SOURCES = tests/data/test_png.c $(DATA_PICTURES)
tests_data_test_png_LDADD = $(DATA_TEST_LDADD)
tests_data_test_resize_SOURCES = tests/data/test_resize.c $(DATA_PICTURES)
tests_data_test_resize_LDADD = $(DATA_TEST_LDADD)
tests_data_test_stream_SOURCES = tests/data/test_stream.c $(DATA_PICTURES)
tests_data_test_stream_LDADD = $(DATA_TEST_LDADD)

# Each holds LLVMFuzzerTestOneInput; mutate.c runs it without libFuzzer.
tests_fuzz_fuzz_index_SOURCES = tests/fuzz/fuzz_index.c tests/fuzz/mutate.c tests/fuzz/mutate.h
tests_fuzz_fuzz_index_LDADD = $(DATA_TEST_LDADD)
tests_fuzz_fuzz_jpeg_SOURCES = tests/fuzz/fuzz_jpeg.c tests/fuzz/mutate.c tests/fuzz/mutate.h $(DATA_PICTURES)
tests_fuzz_fuzz_jpeg_LDADD = $(DATA_TEST_LDADD)
tests_fuzz_fuzz_png_SOURCES = tests/fuzz/fuzz_png.c tests/fuzz/mutate.c tests/fuzz/mutate.h $(DATA_PICTURES)
tests_fuzz_fuzz_png_LDADD = $(DATA_TEST_LDADD)
tests_fuzz_fuzz_list_SOURCES = tests/fuzz/fuzz_list.c tests/fuzz/mutate.c tests/fuzz/mutate.h
tests_fuzz_fuzz_list_LDADD = $(DATA_TEST_LDADD)
