/* world: a plan made of rows in words, for tests of lookups: "cluster a has these entries". */
#ifndef OPENILS_TEST_PLAN_WORLD_H
#define OPENILS_TEST_PLAN_WORLD_H

#include <string.h>

#include "plan/plan.h"

struct world_row {
    const char *type, *failover, *pattern; /* type "-URI" and so on: a DEL */
};

/* Appends the rows to a segment whose first USN is usn. False when memory was refused. */
static inline bool world_segment(struct mem *mem, struct buf *out, const struct world_row *row,
                                 size_t n, uint64_t usn)
{
    struct segment_writer w;
    struct arena a;
    struct buf value;
    bool ok = true;
    buf_init(&value, mem, SIZE_MAX);
    arena_init(&a, mem);
    segment_writer_init(&w, out);
    for (size_t i = 0; i < n && ok; i++) {
        struct entry e;
        struct record r;
        bool put = row[i].type[0] != '-';
        ok = entry_parse(&a, slice_of(row[i].type + (put ? 0 : 1)), slice_of(row[i].failover),
                         slice_of(row[i].pattern), &e) == ENTRY_OK;
        if (!ok)
            break;
        buf_reset(&value);
        record_of_entry(&r, &e, &value);
        r.put = put;
        r.usn = usn + i;
        if (!put)
            r.value = slice_make(NULL, 0);
        ok = !value.failed && segment_writer_put(&w, &r);
    }
    arena_done(&a);
    buf_done(&value);
    return ok && !out->failed;
}

/* A served catalog of one segment; its key is 32 bytes of `id`'s first one. NULL when memory was
 * refused. The catalog is freed with the plan. */
static inline struct catalog *world_catalog(struct plan *p, struct mem *mem, const char *id,
                                            const char *route_string, bool local,
                                            const struct world_row *row, size_t n)
{
    uint8_t key[KEY_SIZE];
    struct line line = {0};
    struct buf bytes, lines;
    memset(key, id[0], sizeof key);
    struct catalog *c = catalog_new(p, key, STREAM_PLAN, true);
    if (c == NULL)
        return NULL;
    buf_init(&bytes, mem, SEGMENT_MAX);
    buf_init(&lines, mem, SIZE_MAX);
    bool ok = world_segment(mem, &bytes, row, n, 1) &&
              catalog_describe(c, slice_of(id), slice_of(route_string), local);
    line.size = (uint32_t)bytes.n;
    segment_name(line.name, buf_slice(&bytes));
    manifest_line_put(&lines, &line);
    ok = ok && !lines.failed && catalog_target(c, buf_slice(&lines), n) == 0 &&
         catalog_add(c, buf_slice(&bytes)) == 0;
    if (ok)
        catalog_apply(c);
    buf_done(&bytes);
    buf_done(&lines);
    return ok ? c : NULL;
}

#endif
