/* The page's files, built in by src/daemon/page/embed: index.html at /, each at /page/NAME. */
#ifndef DAEMON_PAGE_H
#define DAEMON_PAGE_H

#include <stddef.h>

struct page_file {
    const char *name, *type; /* without a folder; media type */
    const unsigned char *data;
    size_t size;
};
extern const struct page_file page_files[];
extern const size_t page_file_count;

/* The file for a path of a request ("/", "/page/NAME"); NULL: there is none. */
const struct page_file *page_find(const char *path);

/* What every answer that carries the page must say, besides its type. */
#define PAGE_SECURITY_POLICY                                                                                                                  \
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; base-uri 'none'; form-action 'none'; " \
    "frame-ancestors 'none'"

#endif
