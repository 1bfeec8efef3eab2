#include "bit/dedup.h"
#include "bit/json.h"

static void add_set(const struct bit_dedup_set *set, struct bit_text *text)
{
    bit_text_add(text, "{\"path\":");
    bit_text_add_json(text, set->path);
    bit_text_add(text, ",\"images\":%llu,\"unreadable\":%llu,\"flat\":%llu,\"duplicates\":%llu,\"unlisted\":%llu}",
                 (unsigned long long)set->images, (unsigned long long)set->bad, (unsigned long long)set->flat,
                 (unsigned long long)set->marked, (unsigned long long)set->unlisted);
}

void bit_dedup_json(const struct bit_dedup_options *o, const struct bit_dedup_report *r, struct bit_text *text)
{
    bit_text_add(text, "{\"upstream\":");
    add_set(&r->sets[0], text);
    bit_text_add(text, ",\"tests\":[");
    for (int i = 1; i < r->set_count; i++) {
        bit_text_add(text, i > 1 ? "," : "");
        add_set(&r->sets[i], text);
    }
    bit_text_add(text, "],\"pairs\":{\"candidates\":%llu,\"same_files\":%llu,\"same_pictures\":%llu,\"near\":%llu,\"told_apart\":%llu}",
                 (unsigned long long)r->candidates, (unsigned long long)r->same_files, (unsigned long long)r->same_pictures,
                 (unsigned long long)r->near, (unsigned long long)r->told_apart);
    bit_text_add(text, ",\"options\":{\"bits\":%d,\"wide_bits\":%d,\"turns\":%d,\"quality\":%d,\"difference\":", o->bits, o->wide_bits, o->turns,
                 o->quality);
    bit_json_add_number(text, o->difference, 6);
    bit_json_add_member(text, "share", o->share, 6);
    if (o->network) {
        bit_text_add(text, ",\"model\":");
        bit_text_add_json(text, o->network->name);
        bit_json_add_member(text, "cosine", o->network->cosine, 6);
    }
    bit_text_add(text, "},\"known\":%llu,\"seconds\":", (unsigned long long)r->known);
    bit_json_add_number(text, r->seconds, 6);
    bit_json_add_member(text, "looking_seconds", r->look_seconds, 6);
    bit_json_add_member(text, "comparing_seconds", r->match_seconds, 6);
    bit_json_add_member(text, "compared_hashes", r->compared, 9);
    bit_text_add(text, "}\n");
}
