/* Which of the page's files a path means. */
#include "daemon/page.h"

#include <string.h>

const struct page_file *page_find(const char *path)
{
    static const char folder[] = "/page/";
    const char *name = strcmp(path, "/") == 0 ? "index.html" : strncmp(path, folder, strlen(folder)) == 0 ? path + strlen(folder) : "";
    for (size_t i = 0; i < page_file_count; i++)
        if (strcmp(page_files[i].name, name) == 0)
            return &page_files[i];
    return NULL;
}
