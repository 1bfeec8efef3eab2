/* Internal to exchange: how others call a parameter. */
#ifndef EXCHANGE_NAMES_H
#define EXCHANGE_NAMES_H

#include "bit/table.h"

/* A parameter's place in the network, taken from the table's name for it. */
enum names_part { NAMES_ROOT, NAMES_UNIT, NAMES_FINAL, NAMES_HEAD };
struct names_place {
    enum names_part part;
    int block, unit;   /* from 1; NAMES_UNIT only */
    char letter;       /* 'a', 'b', 'c', or 'p' for the projection */
    char what;         /* 'k' kernel, 'g' gamma, 'b' beta, 'B' bias */
};

/* 0, or -1 when no network has a parameter of this name. */
int names_parse(const char *name, struct names_place *place);
/* The table's name. */
void names_format(const struct names_place *place, char name[BIT_PARAMETER_NAME]);
/* timm's: "stages.0.blocks.2.conv1.weight". */
void names_timm(const struct names_place *place, char name[BIT_PARAMETER_NAME]);
int names_parse_timm(const char *name, struct names_place *place);
/* A published file's name without numbers behind standardized_conv2d and group_norm, and with the projection, which some call
 * otherwise, under its usual name. -1 when it does not fit into the buffer. */
int names_plain(const char *name, char *plain, size_t size);

#endif
