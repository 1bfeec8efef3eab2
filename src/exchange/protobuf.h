/* Internal to exchange: the little of protobuf's wire format that ONNX needs. Messages are built inside out. */
#ifndef EXCHANGE_PROTOBUF_H
#define EXCHANGE_PROTOBUF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct message { unsigned char *data; size_t size, capacity; bool failed; }; /* zero-initialise */
void message_free(struct message *m);
void message_whole(struct message *m, int field, uint64_t value);        /* varint */
void message_float(struct message *m, int field, float value);           /* fixed32 */
void message_bytes(struct message *m, int field, const void *data, size_t size);
void message_text(struct message *m, int field, const char *text);
void message_add(struct message *m, int field, struct message *part);    /* frees `part` */
/* Bytes of `part` as they are; frees `part`. */
void message_append(struct message *m, struct message *part);
/* The beginning of a field of `size` bytes that the caller writes himself. */
void message_lead(struct message *m, int field, uint64_t size);

#endif
