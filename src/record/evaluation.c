/* Reading evaluation.json. */
#include <cjson/cJSON.h>
#include <math.h>

#include "bit/file.h"
#include "bit/json.h"
#include "bit/record.h"
#include "record/rows.h"

int bit_evaluation_record_read(const char *folder, struct bit_evaluation_record *record, struct bit_error *error)
{
    char path[PATH_MAX];
    *record = (struct bit_evaluation_record){0};
    if (bit_path_join(path, sizeof path, folder, BIT_RECORD_EVALUATION, error))
        return -1;
    cJSON *json = bit_json_read(path, 1 << 20, error);
    if (!json)
        return -1;
    *record = (struct bit_evaluation_record){
        .step = bit_json_whole(json, "step", 0), .images = bit_json_whole(json, "images", 0), .bad_images = bit_json_whole(json, "bad_images", 0),
        .epoch = bit_json_number(json, "epoch", NAN), .loss = bit_json_number(json, "loss", NAN), .seconds = bit_json_number(json, "seconds", NAN),
    };
    bool good = bit_metrics_read_rows(json, &record->metrics);
    cJSON_Delete(json);
    return good ? 0 : bit_fail(error, BIT_EDATA, "%s: \"metrics\" is not made of rows of four short texts", path);
}
