#include "exchange/protobuf.h"

#include <string.h>

#include "bit/memory.h"

static void put(struct message *m, const void *data, size_t size)
{
    if (m->failed || !size)
        return;
    if (m->size + size > m->capacity) {
        size_t capacity = (m->size + size) * 2 + 256;
        unsigned char *grown = bit_allocate(capacity, 1, "a message", NULL);
        if (!grown) {
            m->failed = true;
            return;
        }
        if (m->size)
            memcpy(grown, m->data, m->size);
        bit_free(m->data);
        m->data = grown;
        m->capacity = capacity;
    }
    memcpy(m->data + m->size, data, size);
    m->size += size;
}

static void put_varint(struct message *m, uint64_t value)
{
    unsigned char bytes[10];
    size_t count = 0;
    for (; value >= 128; value >>= 7)
        bytes[count++] = (unsigned char)(value | 128);
    bytes[count++] = (unsigned char)value;
    put(m, bytes, count);
}

enum wire { WIRE_VARINT = 0, WIRE_BYTES = 2, WIRE_FIXED32 = 5 };

static void put_tag(struct message *m, int field, enum wire wire)
{
    put_varint(m, (uint64_t)field << 3 | (uint64_t)wire);
}

void message_free(struct message *m)
{
    bit_free(m->data);
    *m = (struct message){0};
}

void message_whole(struct message *m, int field, uint64_t value)
{
    put_tag(m, field, WIRE_VARINT);
    put_varint(m, value);
}

void message_float(struct message *m, int field, float value)
{
    put_tag(m, field, WIRE_FIXED32);
    put(m, &value, sizeof value);
}

void message_lead(struct message *m, int field, uint64_t size)
{
    put_tag(m, field, WIRE_BYTES);
    put_varint(m, size);
}

void message_bytes(struct message *m, int field, const void *data, size_t size)
{
    message_lead(m, field, size);
    put(m, data, size);
}

void message_text(struct message *m, int field, const char *text)
{
    message_bytes(m, field, text, strlen(text));
}

void message_append(struct message *m, struct message *part)
{
    put(m, part->data, part->size);
    m->failed |= part->failed;
    message_free(part);
}

void message_add(struct message *m, int field, struct message *part)
{
    message_bytes(m, field, part->data, part->size);
    m->failed |= part->failed;
    message_free(part);
}
