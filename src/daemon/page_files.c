/* page_files: the files by their path. src/web/embed.py makes them when the program is built. */
#include "daemon/page_files.h"

const struct page_file *page_file(struct slice path)
{
    for (size_t i = 0; i < page_files_n; i++)
        if (slice_eq(path, slice_of(page_files[i].path)))
            return &page_files[i];
    return NULL;
}
