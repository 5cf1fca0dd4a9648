/* page_files: what the page is made of, as it lies in the program. */
#ifndef OPENILS_DAEMON_PAGE_FILES_H
#define OPENILS_DAEMON_PAGE_FILES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/slice.h"

struct page_file {
    const char *path; /* "/assets/index.js" */
    const char *type; /* media type */
    const char *tag;  /* entity tag, in quotes */
    const uint8_t *bytes;
    size_t n;
    bool gzip;
};

/* All of them (src/web/embed.py makes this). */
extern const struct page_file page_files[];
extern const size_t page_files_n;

/* NULL: there is none at that path. */
const struct page_file *page_file(struct slice path);

#endif
