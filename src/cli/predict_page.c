/* Pictures with boxes drawn on them, as a page that needs nothing beside itself. Boxes are elements over the picture, placed in shares of its
 * size; a slider hides those with low scores. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "bit/data.h"
#include "bit/file.h"
#include "bit/jpeg.h"
#include "bit/memory.h"
#include "cli/plot.h"
#include "cli/predict.h"

enum { LONGEST = 960, QUALITY = 85, FILE_LIMIT = 256 << 20 };

static const char style[] =
    "main{grid-template-columns:repeat(auto-fill,minmax(min(100%,440px),1fr));align-items:start}"
    "header{position:sticky;top:0;z-index:2;background:inherit;padding:.4rem 0}header label{display:inline-flex;gap:.6rem;align-items:center;flex-wrap:wrap}"
    "input{width:min(16rem,60vw)}figure{margin:0}figure div.p{position:relative;overflow:hidden}img{display:block;width:100%;height:auto}"
    "figcaption{overflow-wrap:anywhere;font-size:13px;margin-top:.3rem}"
    ".b{position:absolute;border:2px solid hsl(var(--h) 90% 45%);box-shadow:0 0 0 1px #fffa;box-sizing:border-box}"
    ".b span{position:absolute;left:-2px;bottom:100%;background:hsl(var(--h) 90% 28%);color:#fff;font-size:11px;line-height:1.3;padding:0 4px;"
    "white-space:nowrap;max-width:14rem;overflow:hidden;text-overflow:ellipsis}.b.t span{bottom:auto;top:-2px}.b.r span{left:auto;right:-2px}"
    "[hidden]{display:none!important}li{font-size:13px}ol{margin:.2rem 0;padding-left:2rem;max-height:12rem;overflow:auto}";

static const char script[] =
    "const r=document.getElementById('s'),o=document.getElementById('o'),e=[...document.querySelectorAll('[data-s]')];\n"
    "const f=()=>{let n=0;for(const x of e){x.hidden=+x.dataset.s<+r.value;if(!x.hidden&&x.className!='l')n++}\n"
    "o.textContent=(+r.value).toFixed(2)+' or more: '+n+' boxes'};r.oninput=f;f();";

void predict_page_begin(struct bit_text *t, const char *model)
{
    plot_page_begin(t, "Boxes", style);
    bit_text_add(t, "<small>");
    plot_add_escaped(t, model);
    bit_text_add(t, "</small>\n<header><label>Score <input id=s type=range min=0 max=1 step=0.01 value=0.3><span id=o></span></label></header>\n<main>\n");
}

/* The picture as the browser gets it: without EXIF data, which browsers would turn it by. */
static int add_picture(struct bit_text *t, const char *path, uint8_t *pixels, struct bit_error *error)
{
    char *data = NULL;
    unsigned char *jpeg = NULL;
    size_t bytes = 0, size = 0;
    int width, height;
    if (bit_file_read(path, FILE_LIMIT, &data, &bytes, error) == 0 && bit_thumbnail(data, bytes, LONGEST, pixels, &width, &height, error) == 0 &&
        bit_jpeg_write(pixels, width, height, BIT_JPEG_RGB, QUALITY, &jpeg, &size, error) == 0) {
        bit_text_add(t, "<img loading=lazy width=%d height=%d alt=\"\" src=\"data:image/jpeg;base64,", width, height);
        plot_add_base64(t, jpeg, size);
        bit_text_add(t, "\">");
        free(jpeg);
    }
    bit_free(data);
    return error->code ? -1 : 0;
}

static int hue(int label)
{
    return (int)((long long)label * 137 % 360);
}

static void add_box(struct bit_text *t, const struct predict_found *f, const struct bit_detection *d, const char *name)
{
    const double x = 100.0 / f->width, y = 100.0 / f->height;
    bit_text_add(t, "<div class=\"b%s%s\" data-s=%.4f style=\"left:%.3f%%;top:%.3f%%;width:%.3f%%;height:%.3f%%;--h:%d\"><span>%.0f %% ",
                 d->box.y1 * y < 8 ? " t" : "", (d->box.x1 + d->box.x2) * x > 130 ? " r" : "", d->score, d->box.x1 * x, d->box.y1 * y, (d->box.x2 - d->box.x1) * x,
                 (d->box.y2 - d->box.y1) * y, hue(d->label), 100 * d->score);
    plot_add_escaped(t, name);
    bit_text_add(t, "</span></div>");
}

static void add_list(struct bit_text *t, const struct predict_found *f, const char *const *classes)
{
    bit_text_add(t, "<details><summary>%d %s</summary><ol>", f->count, f->count == 1 ? "box" : "boxes");
    for (int i = 0; i < f->count; i++) {
        const struct bit_detection *d = &f->boxes[i];
        bit_text_add(t, "<li class=l data-s=%.4f>", d->score);
        plot_add_escaped(t, classes[d->label]);
        bit_text_add(t, " %.1f %%, %.0f x %.0f at %.0f, %.0f</li>", 100 * d->score, d->box.x2 - d->box.x1, d->box.y2 - d->box.y1, d->box.x1, d->box.y1);
    }
    bit_text_add(t, "</ol></details>");
}

int predict_page_add(struct bit_text *t, const struct predict_found *f, const char *const *classes, struct bit_error *error)
{
    struct bit_error gone = {0};
    uint8_t *pixels = bit_allocate((size_t)LONGEST * LONGEST, 3, "a picture of the page", error);
    if (!pixels)
        return -1;
    bit_text_add(t, "<figure><div class=p>");
    if (add_picture(t, f->path, pixels, &gone))
        bit_text_add(t, "not readable any more");
    for (int i = f->count; i-- > 0;) /* the best one above the others */
        add_box(t, f, &f->boxes[i], classes[f->boxes[i].label]);
    bit_text_add(t, "</div><figcaption>");
    plot_add_escaped(t, f->path);
    bit_text_add(t, " <small>%d x %d</small>", f->width, f->height);
    add_list(t, f, classes);
    bit_text_add(t, "</figcaption></figure>\n");
    bit_free(pixels);
    return 0;
}

void predict_page_end(struct bit_text *t, uint64_t shown, uint64_t total)
{
    bit_text_add(t, "</main>\n");
    if (shown < total)
        bit_text_add(t, "<p><small>The first %llu of %llu pictures (--pictures).</small></p>\n", (unsigned long long)shown, (unsigned long long)total);
    bit_text_add(t, "<script>%s</script>\n</body></html>\n", script);
}
