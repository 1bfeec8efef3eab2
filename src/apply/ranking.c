#include "apply/ranking.h"

#include <math.h>

static bool is_before(const float *outputs, int a, int b)
{
    if (isnan(outputs[a]) || isnan(outputs[b]))
        return isnan(outputs[b]) && (!isnan(outputs[a]) || a < b);
    return outputs[a] > outputs[b] || (outputs[a] == outputs[b] && a < b);
}

void ranking_top(const float *outputs, int classes, bool sigmoid, int most, int32_t *class, float *probability)
{
    int count = 0;
    for (int c = 0; c < classes; c++) {
        if (count == most && !is_before(outputs, c, class[count - 1]))
            continue;
        int i = count < most ? count++ : count - 1;
        for (; i > 0 && is_before(outputs, c, class[i - 1]); i--)
            class[i] = class[i - 1];
        class[i] = c;
    }
    double sum = 0, largest = outputs[class[0]];
    for (int c = 0; c < classes && !sigmoid; c++)
        sum += exp(outputs[c] - largest);
    for (int i = 0; i < count; i++)
        probability[i] = (float)(sigmoid ? 1 / (1 + exp(-(double)outputs[class[i]])) : exp(outputs[class[i]] - largest) / sum);
}
