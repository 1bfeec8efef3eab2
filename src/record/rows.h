/* A list of metrics in JSON: [["recall", "recall", "share", "higher"], ...]; their values stand beside it, by name. */
#ifndef RECORD_ROWS_H
#define RECORD_ROWS_H

#include "bit/metric.h"
#include "bit/text.h"

struct cJSON;

void bit_metrics_write_rows(const struct bit_metrics *metrics, struct bit_text *text);
/* Of the object that has the list as its member "metrics", which may be missing. False when it is not such a list. */
bool bit_metrics_read_rows(const struct cJSON *object, struct bit_metrics *metrics);

#endif
