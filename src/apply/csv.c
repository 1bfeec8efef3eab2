#include "apply/csv.h"

#include <string.h>

void csv_add(struct bit_text *t, const char *word)
{
    if (!strpbrk(word, ",\"\n\r")) {
        bit_text_add(t, "%s", word);
        return;
    }
    bit_text_add(t, "\"");
    for (; *word; word++)
        bit_text_add(t, *word == '"' ? "\"\"" : "%c", *word);
    bit_text_add(t, "\"");
}

void csv_label_names(struct bit_text *t, const struct bit_index *index, uint64_t image)
{
    const int32_t *labels;
    int count = bit_index_labels(index, image, &labels);
    for (int i = 0; i < count; i++)
        bit_text_add(t, "%s%s", i ? "," : "", bit_index_class_name(index, labels[i]));
}
