/* List files: whatever the bytes are, they are refused, or the index made of them is whole. */
#include <stdlib.h>
#include <unistd.h>

#include "bit/log.h"
#include "bit/memory.h"
#include "data/index.h"
#include "tests/fuzz/fuzz_file.h"
#include "tests/fuzz/mutate.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char path[] = "/tmp/bit-fuzz-list-XXXXXX";
    struct bit_error error = {0}, broken = {0};
    struct bit_index_builder b = {0};
    bit_log_init("fuzz", BIT_LOG_ERROR);
    fuzz_file_write(path, data, size);
    if (!bit_index_list(&b, path, &error)) {
        struct bit_index_header *h = bit_index_build(&b, &error);
        if (h && bit_index_check(h, h->bytes, false, &broken))
            abort();
        bit_free(h);
    } else if (error.code != BIT_EDATA) {
        abort();
    }
    bit_index_builder_free(&b);
    unlink(path);
    return 0;
}

/* A plain list, one as a table program writes it, and a header. */
size_t fuzz_seed(int which, uint8_t *data, size_t capacity)
{
    static const char *const lists[] = {"a/1.jpg\tcat\nb/2.jpg\tdog,cat\na/1.jpg\tdog\n", "\xEF\xBB\xBF a.jpg \t cat , dog \r\n\r\nb.png\tcat\r\n",
                                        "path\tclass\nb\\2.jpg\t\"dog\"\n"};
    return fuzz_file_seed(lists, 3, which, data, capacity);
}
