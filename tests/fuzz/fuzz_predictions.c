/* Predictions files: whatever the bytes are, they are refused, or what was read can be written and read again. */
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "bit/error.h"
#include "bit/log.h"
#include "bit/predictions.h"
#include "tests/fuzz/mutate.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static char path[64];
    struct bit_error error = {0};
    if (!*path) {
        strcpy(path, "/tmp/bit-fuzz-predictions-XXXXXX");
        bit_log_init("fuzz", BIT_LOG_ERROR);
        int made = mkstemp(path);
        if (made < 0)
            abort();
        close(made);
    }
    int file = open(path, O_WRONLY | O_TRUNC);
    if (file < 0 || write(file, data, size) != (ssize_t)size)
        abort();
    close(file);
    struct bit_predictions *predictions = bit_predictions_read(path, &error);
    if (predictions) {
        struct bit_text text = {0};
        bit_predictions_write_head(&text, predictions, predictions->count);
        for (uint64_t i = 0; i < predictions->count; i++)
            bit_predictions_write_item(&text, predictions, &predictions->items[i]);
        uint64_t count = predictions->count;
        bit_predictions_free(predictions);
        file = open(path, O_WRONLY | O_TRUNC);
        if (text.failed || file < 0 || write(file, text.data, text.size) != (ssize_t)text.size)
            abort();
        close(file);
        predictions = bit_predictions_read(path, &error);
        if (!predictions || predictions->count != count)
            abort();
        bit_text_free(&text);
        bit_predictions_free(predictions);
    } else if (error.code != BIT_EDATA) {
        abort();
    }
    unlink(path);
    *path = 0;
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
    size_t size = which < 2 ? strlen(files[which]) : 0;
    if (size > capacity)
        return 0;
    memcpy(data, which < 2 ? files[which] : "", size);
    return size;
}
