/* .npz as numpy.savez writes it: stored members NAME.npy, .npy version 1.0, little-endian float32, C order. libzip adds ZIP64 where
 * sizes need it. */
#include <errno.h>
#include <string.h>
#include <unistd.h>
#include <zip.h>

#include "bit/file.h"
#include "bit/memory.h"
#include "exchange/write.h"

/* One member, made when libzip comes to it. */
struct member {
    const struct bit_weights_export *e;
    size_t parameter;
    char header[256];
    size_t header_size;
    struct view view;
    uint64_t at, size;
    zip_error_t error;
};

/* 10 bytes, a dict, blanks up to a multiple of 64, a line feed. */
static void make_header(struct member *m)
{
    const struct bit_parameter *p = &m->e->table->items[m->parameter];
    char *text = m->header + 10;
    int used = snprintf(text, sizeof m->header - 10, "{'descr': '<f4', 'fortran_order': False, 'shape': (");
    for (int i = 0; i < p->dimensions; i++)
        used += snprintf(text + used, sizeof m->header - 10 - (size_t)used, "%s%zu", i ? ", " : "", p->shape[i]);
    used += snprintf(text + used, sizeof m->header - 10 - (size_t)used, "%s), }", p->dimensions == 1 ? "," : "");
    m->header_size = (10 + (size_t)used + 1 + 63) / 64 * 64;
    memset(text + used, ' ', m->header_size - 10 - (size_t)used);
    m->header[m->header_size - 1] = '\n';
    memcpy(m->header, "\x93NUMPY\x01\x00", 8);
    m->header[8] = (char)((m->header_size - 10) & 255);
    m->header[9] = (char)((m->header_size - 10) >> 8);
    m->size = m->header_size + p->count * sizeof(float);
}

static zip_int64_t give(struct member *m, char *to, uint64_t room)
{
    uint64_t given = 0;
    while (given < room && m->at < m->size) {
        const bool head = m->at < m->header_size;
        const char *from = head ? m->header + m->at : (const char *)m->view.values + (m->at - m->header_size);
        uint64_t part = (head ? m->header_size : m->size) - m->at;
        part = part < room - given ? part : room - given;
        memcpy(to + given, from, part);
        given += part;
        m->at += part;
    }
    return (zip_int64_t)given;
}

static zip_int64_t serve(void *context, void *data, zip_uint64_t size, zip_source_cmd_t command)
{
    struct member *m = context;
    zip_stat_t *s = data;
    switch (command) {
    case ZIP_SOURCE_SUPPORTS:
        return zip_source_make_command_bitmap(ZIP_SOURCE_OPEN, ZIP_SOURCE_READ, ZIP_SOURCE_CLOSE, ZIP_SOURCE_STAT, ZIP_SOURCE_ERROR,
                                              ZIP_SOURCE_FREE, -1);
    case ZIP_SOURCE_OPEN:
        m->at = 0;
        if (!view_make(&m->view, m->e, m->parameter, LAYOUT_HWIO, m->e->standardized, NULL))
            return 0;
        zip_error_set(&m->error, ZIP_ER_MEMORY, ENOMEM);
        return -1;
    case ZIP_SOURCE_READ: return give(m, data, size);
    case ZIP_SOURCE_CLOSE:
        bit_free(m->view.own);
        m->view = (struct view){0};
        return 0;
    case ZIP_SOURCE_STAT:
        zip_stat_init(s);
        s->size = m->size;
        s->valid = ZIP_STAT_SIZE;
        return sizeof *s;
    case ZIP_SOURCE_ERROR: return zip_error_to_data(&m->error, data, size);
    case ZIP_SOURCE_FREE: /* the list outlives the archive */
        bit_free(m->view.own);
        m->view = (struct view){0};
        return 0;
    default:
        zip_error_set(&m->error, ZIP_ER_OPNOTSUPP, 0);
        return -1;
    }
}

static int add(zip_t *zip, struct member *m, struct bit_error *error)
{
    char name[BIT_PARAMETER_NAME + 4];
    snprintf(name, sizeof name, "%s.npy", m->e->table->items[m->parameter].name);
    make_header(m);
    zip_error_init(&m->error);
    zip_source_t *source = zip_source_function(zip, serve, m);
    zip_int64_t index = source ? zip_file_add(zip, name, source, ZIP_FL_ENC_UTF_8) : -1;
    if (index < 0 && source)
        zip_source_free(source);
    if (index < 0 || zip_set_file_compression(zip, (zip_uint64_t)index, ZIP_CM_STORE, 0) ||
        zip_file_set_dostime(zip, (zip_uint64_t)index, 0, 1 << 5 | 1 /* 1980-01-01: the same weights, the same bytes */, 0))
        return bit_fail(error, BIT_EENVIRONMENT, "cannot add %s to the archive: %s", name, zip_strerror(zip));
    return 0;
}

static int fill(const struct bit_weights_export *e, struct output *o, struct member *members, struct bit_error *error)
{
    int why = 0;
    zip_t *zip = zip_open(o->temporary, ZIP_CREATE | ZIP_EXCL, &why);
    if (!zip) {
        zip_error_t reason;
        zip_error_init_with_code(&reason, why);
        bit_fail(error, BIT_EENVIRONMENT, "cannot create %s: %s", o->temporary, zip_error_strerror(&reason));
        zip_error_fini(&reason);
        return -1;
    }
    for (size_t i = 0; i < e->table->count && !error->code; i++) {
        members[i] = (struct member){.e = e, .parameter = i};
        add(zip, &members[i], error);
    }
    if (!error->code && zip_close(zip) == 0)
        return 0;
    if (!error->code)
        bit_fail(error, BIT_EENVIRONMENT, "cannot write %s: %s", o->temporary, zip_strerror(zip));
    zip_discard(zip);
    return -1;
}

int bit_weights_write_npz(const struct bit_weights_export *e, const char *path, struct bit_error *error)
{
    struct output o;
    struct names_place place;
    if (export_check(e, path, error) || output_name(&o, path, error))
        return -1;
    for (size_t i = 0; i < e->table->count; i++)
        if (export_place(e, i, &place, error))
            return -1;
    struct member *members = bit_allocate(e->table->count, sizeof *members, "a list of arrays", error);
    int result = members ? fill(e, &o, members, error) : -1;
    if (!result)
        result = output_commit(&o, error);
    if (result)
        output_abandon(&o);
    bit_free(members);
    return result;
}
