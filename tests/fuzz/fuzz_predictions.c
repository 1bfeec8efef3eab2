/* Predictions files: whatever the bytes are, they are refused, or what was read can be written and read again. */
#include <stdlib.h>
#include <unistd.h>

#include "bit/error.h"
#include "bit/log.h"
#include "bit/predictions.h"
#include "tests/fuzz/fuzz_file.h"
#include "tests/fuzz/mutate.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char path[] = "/tmp/bit-fuzz-predictions-XXXXXX";
    struct bit_error error = {0};
    bit_log_init("fuzz", BIT_LOG_ERROR);
    fuzz_file_write(path, data, size);
    struct bit_predictions *predictions = bit_predictions_read(path, &error);
    if (predictions) {
        struct bit_text text = {0};
        bit_predictions_write_head(&text, predictions, predictions->count);
        for (uint64_t i = 0; i < predictions->count; i++)
            bit_predictions_write_item(&text, predictions, &predictions->items[i]);
        uint64_t count = predictions->count;
        bit_predictions_free(predictions);
        if (text.failed)
            abort();
        unlink(path);
        strcpy(path, "/tmp/bit-fuzz-predictions-XXXXXX");
        fuzz_file_write(path, text.data, text.size);
        predictions = bit_predictions_read(path, &error);
        if (!predictions || predictions->count != count)
            abort();
        bit_text_free(&text);
        bit_predictions_free(predictions);
    } else if (error.code != BIT_EDATA) {
        abort();
    }
    unlink(path);
    return 0;
}

size_t fuzz_seed(int which, uint8_t *data, size_t capacity)
{
    static const char *const files[] = {
        "{\"kind\":\"predictions\",\"version\":1,\"job\":\"demo\",\"step\":540,\"images\":2,\"bad\":1,\"loss\":\"softmax\",\"data\":\"/val\","
        "\"classes\":[\"cat\",\"dog\",\"\\u00e9\"]}\n"
        "{\"image\":0,\"path\":\"a/1.jpg\",\"labels\":[\"cat\"],\"place\":0,\"probability\":0.75,\"top\":[[\"cat\",0.75],[\"dog\",0.2]]}\n"
        "{\"image\":2,\"path\":\"a/3.jpg\",\"labels\":[\"dog\"],\"place\":1,\"probability\":0.25,\"top\":[[\"cat\",0.75],[\"dog\",0.25]]}\n",
        "{\"kind\":\"predictions\",\"version\":1,\"job\":\"x\",\"step\":0,\"images\":1,\"bad\":0,\"loss\":\"sigmoid\",\"data\":\"\",\"classes\":[\"a\",\"b\"]}\n"
        "{\"image\":0,\"path\":\"1.png\",\"labels\":[\"b\",\"a\"],\"place\":0,\"probability\":null,\"top\":[]}\n"};
    return fuzz_file_seed(files, 2, which, data, capacity);
}
