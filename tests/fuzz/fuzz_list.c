/* List files: whatever the bytes are, they are refused, or the index made of them is whole. */
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "bit/log.h"
#include "bit/memory.h"
#include "data/index.h"
#include "tests/fuzz/mutate.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static char path[64];
    struct bit_error error = {0}, broken = {0};
    struct bit_index_builder b = {0};
    if (!*path) {
        strcpy(path, "/tmp/bit-fuzz-list-XXXXXX");
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
    *path = 0;
    return 0;
}

/* A plain list, one as a table program writes it, and a header. */
size_t fuzz_seed(int which, uint8_t *data, size_t capacity)
{
    static const char *const lists[] = {"a/1.jpg\tcat\nb/2.jpg\tdog,cat\na/1.jpg\tdog\n", "\xEF\xBB\xBF a.jpg \t cat , dog \r\n\r\nb.png\tcat\r\n",
                                        "path\tclass\nb\\2.jpg\t\"dog\"\n"};
    size_t size = which < 3 ? strlen(lists[which]) : 0;
    if (size > capacity)
        return 0;
    memcpy(data, which < 3 ? lists[which] : "", size);
    return size;
}
