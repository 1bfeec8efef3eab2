/* The plan in words and as JSON. */
#include <stdio.h>
#include <string.h>

#include "bit/recipe.h"

/* 1281167 -> "1,281,167". */
static const char *grouped(uint64_t number, char buffer[32])
{
    char digits[24];
    int length = snprintf(digits, sizeof digits, "%llu", (unsigned long long)number), used = 0;
    for (int i = 0; i < length; i++) {
        if (i && (length - i) % 3 == 0)
            buffer[used++] = ',';
        buffer[used++] = digits[i];
    }
    buffer[used] = 0;
    return buffer;
}

static void print_rates(const struct bit_plan *plan, FILE *stream)
{
    const struct bit_schedule *s = &plan->recipe->schedule;
    char a[32];
    if (s->warmup_steps)
        fprintf(stream, "  rate            %.6g at step %s (epoch %.4g), after a linear warm-up%s\n", s->peak_rate,
                grouped(s->warmup_steps, a), bit_schedule_epoch(s, s->warmup_steps), s->warmup_from_zero ? " from 0" : "");
    else
        fprintf(stream, "  rate            %.6g from the start\n", s->peak_rate);
    if (s->cosine)
        fprintf(stream, "                  then half a cosine, to 0 at step %s\n", grouped(s->steps, a));
    for (int i = 0; i < s->decays; i++)
        fprintf(stream, "                  %.6g from step %s (epoch %.4g)%s\n", bit_schedule_rate(s, s->decay_steps[i]),
                grouped(s->decay_steps[i], a), bit_schedule_epoch(s, s->decay_steps[i]),
                s->decay_steps[i] >= s->steps ? ", after the end" : "");
}

static void print_choices(const struct bit_plan *plan, FILE *stream)
{
    if (!plan->choices || !plan->choices->count)
        return;
    fprintf(stream, "  rule            %s (finetune.rule); a key that the job gives is not touched:\n", plan->recipe->job->finetune.rule);
    for (size_t i = 0; i < plan->choices->count; i++) {
        const struct bit_choice *c = &plan->choices->item[i];
        fprintf(stream, "    %-29s %-16s %s\n", c->key, c->value, c->reason);
    }
}

static void print_memory(const struct bit_plan *plan, FILE *stream)
{
    const struct { const char *name; uint64_t bytes; } parts[] = {
        {"weights", plan->memory.weights}, {"gradients", plan->memory.gradients},
        {"momentum", plan->memory.momentum}, {"packed weights", plan->memory.packed},
        {"activations", plan->memory.activations}, {"scratch", plan->memory.scratch},
        {"image stream", plan->memory.stream}, {"checkpoint", plan->memory.snapshot}, {"other", plan->memory.other},
    };
    char a[32];
    bit_text_bytes((double)plan->memory.total, a, sizeof a);
    fprintf(stream, "  memory a rank   %s:", a);
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) {
        bit_text_bytes((double)parts[i].bytes, a, sizeof a);
        fprintf(stream, "%s %s %s", i == 4 ? ",\n                 " : i ? "," : "", parts[i].name, a);
    }
    bit_text_bytes((double)plan->checkpoint_bytes, a, sizeof a);
    fprintf(stream, "\n  checkpoint      %s a generation, %d kept\n", a, plan->recipe->job->checkpoint.keep);
}

void bit_plan_print(const struct bit_plan *plan, const char *note, FILE *stream)
{
    const struct bit_recipe *r = plan->recipe;
    const struct bit_job *job = r->job;
    const struct bit_schedule *s = &r->schedule;
    char a[32], b[32];
    fprintf(stream, "%s: R%dx%d, %s classes, %s, %s norm%s, %dx%d pixels, %s\n", job->name, job->model.depth,
            job->model.width, grouped((uint64_t)r->classes, a), r->head.head.title, job->model.norm,
            job->model.weight_standardization ? " + weight standardisation" : "", job->data.size, job->data.size,
            job->precision);
    fprintf(stream, "  parameters      %s, ", grouped(plan->numbers, a));
    fprintf(stream, "%s without the head\n", grouped(plan->numbers - plan->head_numbers, a));
    fprintf(stream, "  images          %s for training", grouped(r->train_images, a));
    fprintf(stream, ", %s for validation%s%s%s\n", grouped(r->val_images, b), note ? " (" : "", note ? note : "",
            note ? ")" : "");
    fprintf(stream, "  steps           %s of %s images", grouped(s->steps, a), grouped((uint64_t)s->batch, b));
    fprintf(stream, ", %.6g an epoch, %.4g epochs\n", s->steps_an_epoch, bit_schedule_epoch(s, s->steps));
    print_rates(plan, stream);
    print_choices(plan, stream);
    fprintf(stream, "  work            %d rank%s x %d thread%s; %d micro-batch%s of %d images a rank and step\n",
            r->ranks, r->ranks == 1 ? "" : "s", r->threads, r->threads == 1 ? "" : "s",
            r->micro_batches, r->micro_batches == 1 ? "" : "es", job->micro_batch);
    fprintf(stream, "  arithmetic      %.4g GFLOP an image and step, %.3g PFLOP a step, %.3g EFLOP in all\n",
            plan->flops_an_image * 1e-9, plan->flops_an_image * s->batch * 1e-15,
            plan->flops_an_image * s->batch * (double)s->steps * 1e-18);
    print_memory(plan, stream);
    bit_problems_print(&plan->warnings, "", stream);
}

static void add_uint(struct bit_text *t, const char *name, uint64_t value)
{
    bit_text_add(t, ",\"%s\":%llu", name, (unsigned long long)value);
}

static void add_real(struct bit_text *t, const char *name, double value)
{
    bit_text_add(t, ",\"%s\":%.15g", name, value);
}

static void add_choices(struct bit_text *t, const struct bit_plan *plan)
{
    bit_text_add(t, ",\"rule\":");
    bit_text_add_json(t, plan->recipe->job->finetune.rule);
    bit_text_add(t, ",\"choices\":[");
    for (size_t i = 0; i < plan->choices->count; i++) {
        const struct bit_choice *c = &plan->choices->item[i];
        bit_text_add(t, "%s{\"key\":", i ? "," : "");
        bit_text_add_json(t, c->key);
        bit_text_add(t, ",\"value\":");
        bit_text_add_json(t, c->value);
        bit_text_add(t, ",\"reason\":");
        bit_text_add_json(t, c->reason);
        bit_text_add(t, "}");
    }
    bit_text_add(t, "]");
}

static void add_schedule(struct bit_text *t, const struct bit_plan *plan)
{
    const struct bit_schedule *s = &plan->recipe->schedule;
    add_uint(t, "batch", (uint64_t)s->batch);
    add_uint(t, "steps", s->steps);
    add_real(t, "steps_an_epoch", s->steps_an_epoch);
    add_real(t, "epochs", bit_schedule_epoch(s, s->steps));
    add_uint(t, "warmup_steps", s->warmup_steps);
    add_real(t, "peak_rate", s->peak_rate);
    bit_text_add(t, ",\"decays\":[");
    for (int i = 0; i < s->decays; i++)
        bit_text_add(t, "%s{\"step\":%llu,\"epoch\":%.15g,\"rate\":%.15g}", i ? "," : "",
                     (unsigned long long)s->decay_steps[i], bit_schedule_epoch(s, s->decay_steps[i]),
                     bit_schedule_rate(s, s->decay_steps[i]));
    bit_text_add(t, "]");
}

void bit_plan_print_json(const struct bit_plan *plan, const char *note, const char *more, FILE *stream)
{
    const struct bit_recipe *r = plan->recipe;
    const struct bit_job *job = r->job;
    struct bit_text t = {0};
    bit_text_add(&t, "{\"name\":");
    bit_text_add_json(&t, job->name);
    bit_text_add(&t, ",\"model\":\"R%dx%d\"", job->model.depth, job->model.width);
    add_uint(&t, "classes", (uint64_t)r->classes);
    add_uint(&t, "parameters", plan->numbers);
    add_uint(&t, "head_parameters", plan->head_numbers);
    add_uint(&t, "image_size", (uint64_t)job->data.size);
    bit_text_add(&t, ",\"precision\":\"%s\",\"loss\":\"%s\"", job->precision, r->head.head.loss_name);
    add_uint(&t, "train_images", r->train_images);
    add_uint(&t, "val_images", r->val_images);
    bit_text_add(&t, ",\"images_note\":");
    bit_text_add_json(&t, note ? note : "");
    add_schedule(&t, plan);
    if (plan->choices && plan->choices->count)
        add_choices(&t, plan);
    add_uint(&t, "ranks", (uint64_t)r->ranks);
    add_uint(&t, "threads", (uint64_t)r->threads);
    add_uint(&t, "micro_batch", (uint64_t)job->micro_batch);
    add_uint(&t, "micro_batches", (uint64_t)r->micro_batches);
    add_real(&t, "flops_an_image", plan->flops_an_image);
    bit_text_add(&t, ",\"memory\":{\"weights\":%llu", (unsigned long long)plan->memory.weights);
    add_uint(&t, "gradients", plan->memory.gradients);
    add_uint(&t, "momentum", plan->memory.momentum);
    add_uint(&t, "packed_weights", plan->memory.packed);
    add_uint(&t, "activations", plan->memory.activations);
    add_uint(&t, "scratch", plan->memory.scratch);
    add_uint(&t, "stream", plan->memory.stream);
    add_uint(&t, "snapshot", plan->memory.snapshot);
    add_uint(&t, "other", plan->memory.other);
    add_uint(&t, "total", plan->memory.total);
    bit_text_add(&t, "}");
    add_uint(&t, "checkpoint_bytes", plan->checkpoint_bytes);
    add_uint(&t, "checkpoints_kept", (uint64_t)job->checkpoint.keep);
    bit_text_add(&t, ",\"warnings\":[");
    for (size_t i = 0; i < plan->warnings.count; i++) {
        char line[1024];
        struct bit_problem p = plan->warnings.items[i];
        p.warning = false;
        bit_problem_text(&p, "", line, sizeof line);
        bit_text_add(&t, i ? "," : "");
        bit_text_add_json(&t, line);
    }
    bit_text_add(&t, "]%s}\n", more ? more : "");
    if (!t.failed)
        fputs(t.data, stream);
    bit_text_free(&t);
}
