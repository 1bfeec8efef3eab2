/* .npz: a zip archive of .npy files, read by libzip, which also knows ZIP64 in all the forms that Python has written it in. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <zip.h>

#include "bit/file.h"
#include "exchange/source.h"

enum { LEAD = 12 + 10000 };

static int stream_failed(struct bit_weights_file *file, struct bit_error *error)
{
    zip_error_t *why = zip_file_get_error(file->stream);
    const int zip = zip_error_code_zip(why);
    return bit_fail(error, zip == ZIP_ER_READ ? BIT_EENVIRONMENT : BIT_EDATA, "its numbers cannot be read: %s", zip_error_strerror(why));
}

/* Exactly `size` bytes. */
static int read_bytes(struct bit_weights_file *file, void *buffer, size_t size, struct bit_error *error)
{
    char *to = buffer;
    while (size) {
        zip_int64_t got = zip_fread(file->stream, to, size);
        if (got < 0)
            return stream_failed(file, error);
        if (got == 0)
            return bit_fail(error, BIT_EDATA, "ends early");
        to += got;
        size -= (size_t)got;
    }
    return 0;
}

static int open_member(struct bit_weights_file *file, uint64_t member, struct bit_error *error)
{
    file->stream = zip_fopen_index(file->zip, member, 0);
    if (!file->stream)
        return bit_fail(error, BIT_EDATA, "cannot be opened in the archive: %s", zip_strerror(file->zip));
    return 0;
}

static void close_member(struct bit_weights_file *file)
{
    if (file->stream)
        zip_fclose(file->stream);
    file->stream = NULL;
}

static int npz_begin(struct bit_weights_file *file, const struct array *array, struct bit_error *error)
{
    unsigned char header[LEAD];
    return open_member(file, array->member, error) || read_bytes(file, header, array->at, error) ? -1 : 0;
}

/* libzip compares the checksum when it is asked for more than there is. */
static int npz_end(struct bit_weights_file *file, struct bit_error *error)
{
    char more;
    zip_int64_t got = zip_fread(file->stream, &more, 1);
    int result = got < 0 ? stream_failed(file, error) : got ? bit_fail(error, BIT_EDATA, "goes on behind its numbers") : 0;
    close_member(file);
    return result;
}

static void npz_close(struct bit_weights_file *file)
{
    close_member(file);
    if (file->zip)
        zip_discard(file->zip);
    file->zip = NULL;
}

static const struct source_operations operations = {npz_begin, read_bytes, npz_end, npz_close};

static int read_header(struct bit_weights_file *file, struct array *array, uint64_t size, struct bit_error *error)
{
    unsigned char header[LEAD];
    uint64_t bytes;
    if (size < 12)
        return bit_fail(error, BIT_EDATA, "%llu bytes are not a .npy file", (unsigned long long)size);
    if (open_member(file, array->member, error) || read_bytes(file, header, 12, error))
        return -1;
    size_t length = npy_header_size(header, 12, error);
    if (!length || read_bytes(file, header + 12, length - 12, error) || npy_header_parse(header, length, array, error))
        return -1;
    array->at = length;
    /* This is also what keeps a small archive from unfolding into a large one. */
    if (__builtin_mul_overflow(array->count, (uint64_t)number_size(array->type), &bytes) ||
        __builtin_add_overflow(bytes, (uint64_t)length, &bytes) || bytes != size)
        return bit_fail(error, BIT_EDATA, "its header and shape ask for %llu bytes, the archive says %llu", (unsigned long long)bytes,
                        (unsigned long long)size);
    return 0;
}

static int add_member(struct bit_weights_file *file, const zip_stat_t *s, struct bit_error *error)
{
    char name[SOURCE_NAME];
    size_t length = strlen(s->name);
    if (length > 4 && !strcmp(s->name + length - 4, ".npy"))
        length -= 4;
    snprintf(name, sizeof name, "%.*s", (int)(length < SOURCE_NAME ? length : SOURCE_NAME - 1), s->name);
    struct array *array = length < SOURCE_NAME ? source_add(file, name, error) : NULL;
    if (!array)
        return bit_fail(error, BIT_EDATA, "an array of the name %s...: no BiT network has that", name);
    array->member = s->index;
    if (s->encryption_method != ZIP_EM_NONE)
        bit_fail(error, BIT_EDATA, "is encrypted: expected plain data");
    else if (s->comp_method != ZIP_CM_STORE && s->comp_method != ZIP_CM_DEFLATE)
        bit_fail(error, BIT_EDATA, "is compressed by method %d: expected stored or deflated data", s->comp_method);
    else
        read_header(file, array, s->size, error);
    close_member(file);
    return error->code ? bit_fail_at(error, "array %s", array->raw) : 0;
}

static int open_archive(struct bit_weights_file *file, struct bit_error *error)
{
    zip_error_t why;
    zip_error_init(&why);
    zip_source_t *source = zip_source_file_create(file->path, 0, -1, &why);
    if (source && !(file->zip = zip_open_from_source(source, ZIP_RDONLY | ZIP_CHECKCONS, &why)))
        zip_source_free(source);
    if (!file->zip)
        bit_fail(error, zip_error_code_zip(&why) == ZIP_ER_READ || zip_error_code_zip(&why) == ZIP_ER_MEMORY ? BIT_EENVIRONMENT : BIT_EDATA,
                 "is not a whole zip archive: %s", zip_error_strerror(&why));
    zip_error_fini(&why);
    return file->zip ? 0 : -1;
}

int npz_open(struct bit_weights_file *file, struct bit_error *error)
{
    const zip_uint64_t needed = ZIP_STAT_NAME | ZIP_STAT_INDEX | ZIP_STAT_SIZE | ZIP_STAT_COMP_SIZE | ZIP_STAT_COMP_METHOD;
    uint64_t whole, sum = 0;
    file->operations = &operations;
    if (bit_file_size(file->path, &whole, error) || open_archive(file, error))
        return -1;
    zip_int64_t count = zip_get_num_entries(file->zip, 0);
    for (zip_int64_t i = 0; i < count; i++) {
        zip_stat_t s;
        zip_stat_init(&s);
        if (zip_stat_index(file->zip, (zip_uint64_t)i, ZIP_FL_ENC_RAW, &s) || (s.valid & needed) != needed)
            return bit_fail(error, BIT_EDATA, "member %lld of the archive has no name or size", (long long)i);
        if (__builtin_add_overflow(sum, s.comp_size, &sum) || sum > whole)
            return bit_fail(error, BIT_EDATA, "array %.140s: members overlap, or are longer than the archive's %llu bytes", s.name,
                            (unsigned long long)whole);
        if (add_member(file, &s, error))
            return -1;
    }
    return 0;
}
