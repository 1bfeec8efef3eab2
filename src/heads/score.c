#include "heads/score.h"

static int place_of(const float *logits, int classes, int label)
{
    float mine = logits[label];
    int place = 0;
    if (mine != mine)
        return classes;
    for (int j = 0; j < classes; j++)
        place += !(logits[j] <= mine) || (logits[j] == mine && j < label);
    return place;
}

int score_place(const float *logits, int classes, const int32_t *labels, int count)
{
    int best = classes;
    for (int i = 0; i < count; i++) {
        int place = place_of(logits, classes, labels[i]);
        best = place < best ? place : best;
    }
    return best;
}
