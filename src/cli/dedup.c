/* bit dedup: near-duplicates of test pictures among those that a network learns from. */
#include <stddef.h>
#include <stdio.h>

#include "apply/alike.h"
#include "bit/clock.h"
#include "bit/cores.h"
#include "bit/dedup.h"
#include "cli/apply.h"
#include "cli/cli.h"

struct options { const char *folder, *model; double cosine; bool cosine_given; int threads, bits, wide, quality; double difference, share; bool upright, json; int file_mib, megapixels; uint64_t pairs; };

#define AT(member) .at = offsetof(struct options, member)
static const struct bit_option known[] = {
    {"--out", "DIR", "folder of the results, from which an interrupted start goes on (default dedup)", BIT_OPTION_FILE, AT(folder)},
    {"--threads", "N", "default: as many as the cores this process may use", BIT_OPTION_INT, AT(threads), .least = 1, .most = 4096},
    {"--upright", NULL, "finds copies as they are only; otherwise mirrored, flipped and turned ones too", BIT_OPTION_FLAG, AT(upright)},
    {"--bits", "N", "candidates differ in at most so many of 64 bits (default 12)", BIT_OPTION_INT, AT(bits), .least = 0, .most = 20},
    {"--wide-bits", "N", "and in at most so many of 256 (default 48)", BIT_OPTION_INT, AT(wide), .least = 0, .most = 128},
    {"--difference", "D", "duplicates differ by at most so much of 255 on average, at 64 x 64 pixels (default 10)", BIT_OPTION_REAL,
     AT(difference), .least = 0, .most = 255},
    {"--share", "S", "and by at most this share of the test picture's contrast, or 4 (default 0.6)", BIT_OPTION_REAL, AT(share), .least = 0, .most = 10},
    {"--model", "MODEL", "near ones are confirmed by this network (a run's folder, a checkpoint, a .npz or .safetensors), by the cosine of their features",
     BIT_OPTION_FILE, AT(model)},
    {"--cosine", "X", "least one of duplicates, with --model (default 0.9)", BIT_OPTION_REAL, AT(cosine), .least = -1, .most = 1,
     .given_at = offsetof(struct options, cosine_given)},
    {"--quality", "Q", "pictures below this, of 100, are too flat for hashes and compared as files only (default 25)", BIT_OPTION_INT, AT(quality),
     .least = 0, .most = 100},
    {"--most-pairs", "N", "more candidates are an error (default 10000000)", BIT_OPTION_COUNT, AT(pairs), .least = 1, .most = 1e12},
    {"--max-file-mib", "N", "larger files count as unreadable (default 32, as data.max_file_mib)", BIT_OPTION_INT, AT(file_mib), .least = 1, .most = 1024},
    {"--max-megapixels", "N", "so do larger pictures (default 64, as data.max_megapixels)", BIT_OPTION_INT, AT(megapixels), .least = 1, .most = 4096},
    {"--json", NULL, "prints report.json instead of text", BIT_OPTION_FLAG, AT(json)},
};
const struct bit_usage bit_dedup_usage = {"bit dedup", "UPSTREAM TEST...",
    "Finds pictures of UPSTREAM (what a network learns from) that are copies, resized, recompressed or turned, of pictures of the TESTs. Each is a\n"
    "folder of class folders or a list, as data.train. Writes lists of what to remove and what to keep, and marks in the tests.",
    known, sizeof known / sizeof *known, .least = 2, .most = BIT_OPTION_VALUES};

static void print_set(const char *what, const struct bit_dedup_set *set)
{
    printf("%-9s %s: %llu pictures", what, set->path, (unsigned long long)set->images);
    if (set->bad)
        printf(", %llu cannot be read", (unsigned long long)set->bad);
    if (set->flat)
        printf(", %llu too flat for hashes (compared as files)", (unsigned long long)set->flat);
    printf("; %llu have a duplicate (%.3g %%)\n", (unsigned long long)set->marked, set->images ? 100.0 * (double)set->marked / (double)set->images : 0);
    if (set->unlisted)
        printf("          %llu others cannot stand in a list (a tab, comma or newline in path or class)\n", (unsigned long long)set->unlisted);
}

static void print_report(const struct options *o, const struct bit_dedup_report *r)
{
    char took[32];
    print_set("upstream", &r->sets[0]);
    for (int i = 1; i < r->set_count; i++) {
        char name[32];
        snprintf(name, sizeof name, "test %d", i);
        print_set(name, &r->sets[i]);
    }
    printf("pairs     %llu candidates: %llu the same file, %llu the same picture, %llu near; %llu differ by their pixels",
           (unsigned long long)r->candidates, (unsigned long long)r->same_files, (unsigned long long)r->same_pictures, (unsigned long long)r->near,
           (unsigned long long)(r->candidates - r->same_files - r->same_pictures - r->near - r->told_apart));
    if (o->model)
        printf(", %llu by their features", (unsigned long long)r->told_apart);
    puts("");
    bit_clock_duration(r->seconds, took, sizeof took);
    printf("time      %s", took);
    if (r->known)
        printf(", %llu pictures were known", (unsigned long long)r->known);
    if (r->match_seconds > 0)
        printf(", %.3g pairs of hashes compared at %.3g a second", r->compared, r->compared / r->match_seconds);
    printf("\nlists     %s/remove.txt, upstream-clean.txt (for data.train), test-N-clean.txt (for data.val), test-N-marks.tsv, duplicates.tsv\n",
           o->folder);
}

/* The network that was asked for, ready to compare; all zero without one. */
struct confirming { struct trained trained; struct alike *alike; struct bit_dedup_network network; };

static int prepare(const struct options *o, struct confirming *c, struct bit_error *error)
{
    const struct cli_trained squashed = {.options = {.squash = true, .threads = o->threads, .micro_batch = 16}, .backend = -1, .precision = -1};
    if (o->cosine_given && !o->model)
        return bit_fail(error, BIT_EUSAGE, "--cosine: expected --model beside it: the network whose features are compared");
    if (!o->model)
        return 0;
    if (cli_trained_load(o->model, &squashed, &c->trained, error) ||
        !(c->alike = alike_create(&c->trained, o->threads, (uint64_t)o->file_mib << 20, (uint64_t)o->megapixels * 1000000, error)))
        return -1;
    c->network = (struct bit_dedup_network){c->trained.hash, c->trained.name, o->cosine, alike_compare, c->alike};
    return 0;
}

static void put_away(struct confirming *c)
{
    alike_destroy(c->alike);
    trained_free(&c->trained);
}

int bit_cli_dedup(int argc, char **argv)
{
    struct options o = {.folder = "dedup", .cosine = 0.9, .threads = bit_cores_usable(), .bits = 12, .wide = 48, .quality = 25, .difference = 10, .share = 0.6, .file_mib = 32,
                        .megapixels = 64, .pairs = 10000000};
    struct bit_operands operands;
    struct bit_dedup_report report;
    struct bit_error error = {0};
    struct confirming confirming = {0};
    int code;
    if (!bit_cli_parse(&bit_dedup_usage, argc, argv, &o, &operands, &code))
        return code;
    const struct bit_dedup_options options = {
        .upstream = operands.word[0], .tests = (const char *const *)operands.word + 1, .test_count = operands.count - 1, .folder = o.folder,
        .threads = o.threads, .bits = o.bits, .wide_bits = o.wide, .turns = o.upright ? 1 : BIT_TURNS, .quality = o.quality,
        .difference = o.difference, .share = o.share, .file_limit = (uint64_t)o.file_mib << 20, .pixel_limit = (uint64_t)o.megapixels * 1000000, .most_pairs = o.pairs,
        .network = o.model ? &confirming.network : NULL};
    report = (struct bit_dedup_report){0};
    if (prepare(&o, &confirming, &error) || bit_dedup_run(&options, &report, &error)) {
        bit_cli_error(&error);
    } else if (o.json) {
        struct bit_text text = {0};
        bit_dedup_json(&options, &report, &text);
        fputs(text.failed ? "" : text.data, stdout);
        bit_text_free(&text);
    } else {
        print_report(&o, &report);
    }
    bit_dedup_free(&report);
    put_away(&confirming);
    return bit_cli_finish(error.code);
}
