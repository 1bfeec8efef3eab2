/* The end record of the batch script (launcher/lib/slurm.sh), which is to a job of Slurm's what bit-keeper's is to one of our own. */
#include <cjson/cJSON.h>
#include <dirent.h>
#include <stdio.h>
#include <sys/stat.h>

#include "bit/json.h"
#include "daemon/slurm.h"

enum { RECORD_LIMIT = 4096 };

bool slurm_read_record(const char *out, int64_t number, struct slurm_record *record)
{
    char path[PATH_MAX];
    struct stat status;
    struct bit_error ignored = {0};
    snprintf(path, sizeof path, "%.4000s/slurm-%lld.end", out, (long long)number);
    if (stat(path, &status)) {
        DIR *folder = opendir(out); /* renews what a network file system remembers of it */
        if (folder)
            closedir(folder);
        if (stat(path, &status))
            return false;
    }
    cJSON *json = bit_json_read(path, RECORD_LIMIT, &ignored);
    bool whole = cJSON_IsObject(json) && bit_json_whole(json, "v", 0) == 1 && cJSON_IsNumber(cJSON_GetObjectItemCaseSensitive(json, "code"));
    if (whole)
        *record = (struct slurm_record){.code = (int)bit_json_whole(json, "code", 74),
                                        .gave_up = cJSON_IsTrue(cJSON_GetObjectItemCaseSensitive(json, "gave_up")),
                                        .no_memory = cJSON_IsTrue(cJSON_GetObjectItemCaseSensitive(json, "no_memory")),
                                        .by_slurm = cJSON_IsTrue(cJSON_GetObjectItemCaseSensitive(json, "by_slurm"))};
    cJSON_Delete(json);
    return whole;
}
