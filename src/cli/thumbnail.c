/* bit thumbnail: what can still be seen of a picture, damaged or hostile, as a small JPEG made anew. bitd has it done in a process of its own. */
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bit/data.h"
#include "bit/file.h"
#include "bit/jpeg.h"
#include "bit/memory.h"
#include "cli/cli.h"

enum { LIMIT = 256 << 20, QUALITY = 80 };

struct options { const char *out; int size; };

#define AT(member) .at = offsetof(struct options, member)
static const struct bit_option known[] = {
    {"--out", "FILE", "the JPEG to write", BIT_OPTION_TEXT, AT(out)},
    {"--size", "N", "its longer side in pixels, at most (default 96)", BIT_OPTION_INT, AT(size), .least = 1, .most = 1024},
};
const struct bit_usage bit_thumbnail_usage = {"bit thumbnail", "PICTURE --out FILE",
                                              "Writes what can still be seen of a picture, damaged or not, as a small JPEG file.", known,
                                              sizeof known / sizeof *known, .least = 1, .most = 1};

static int make(const char *picture, const struct options *o, struct bit_error *error)
{
    char *data = NULL;
    unsigned char *jpeg = NULL;
    size_t bytes = 0, size = 0;
    int width, height, result = -1;
    uint8_t *pixels = bit_allocate((size_t)o->size * (size_t)o->size, 3, "a thumbnail", error);
    if (pixels && bit_file_read(picture, LIMIT, &data, &bytes, error) == 0 &&
        bit_thumbnail(data, bytes, o->size, pixels, &width, &height, error) == 0 &&
        bit_jpeg_write(pixels, width, height, BIT_JPEG_RGB, QUALITY, &jpeg, &size, error) == 0)
        result = bit_file_write(o->out, jpeg, size, error);
    free(jpeg);
    bit_free(data);
    bit_free(pixels);
    return result;
}

int bit_cli_thumbnail(int argc, char **argv)
{
    struct options options = {.size = 96};
    struct bit_operands operands;
    struct bit_error error = {0};
    int code;
    if (!bit_cli_parse(&bit_thumbnail_usage, argc, argv, &options, &operands, &code))
        return code;
    if (!options.out)
        return bit_cli_usage(&bit_thumbnail_usage, "--out FILE is needed");
    return make(operands.word[0], &options, &error) ? bit_cli_error(&error) : BIT_OK;
}
