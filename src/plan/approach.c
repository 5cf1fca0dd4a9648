/* approach: a new target that has much less than the present one is reached by some that lie
 * between, each with a part less: what leaves is counted off the digest record by record, and that
 * takes its time. */
#include <string.h>

#include "plan/catalog.h"

static uint32_t records_of(const struct catalog *c, const struct manifest *m, size_t line)
{
    return c->plan->segment[m->id[line]].records; /* id 0 has none */
}

/* The lines of m that stand in `lines` too, which has them in the same order, and of the others
 * those behind the first `leaving` records. True: all others leave. */
static bool between(const struct catalog *c, const struct manifest *m, struct slice lines,
                    uint64_t leaving, struct buf *ret)
{
    size_t at = 0;
    uint64_t left = 0;
    bool all = true;
    for (size_t i = 0; i < m->n; i++) {
        const uint8_t *line = m->lines + i * LINE_BYTES;
        bool stays = at < lines.n && memcmp(line, lines.p + at, LINE_BYTES) == 0;
        at += stays ? LINE_BYTES : 0;
        if (!stays && left < leaving) {
            left += records_of(c, m, i);
            continue;
        }
        all = all && stays;
        buf_put(ret, line, LINE_BYTES);
    }
    return all;
}

int catalog_approach(struct catalog *c, struct slice lines, uint64_t expect, size_t *budget)
{
    const struct manifest *m = c->targeting ? &c->target : &c->serving;
    struct buf b;
    buf_init(&b, c->plan->mem, (size_t)MANIFEST_LINES_MAX * LINE_BYTES);
    bool all = between(c, m, lines, *budget, &b);
    bool nothing = b.n == 0; /* then nothing is counted either */
    int result = b.failed ? -1 : 1;
    if (result > 0 && (all || nothing))
        result = catalog_target(c, lines, expect) == 0 ? 0 : -1;
    else if (result > 0)
        result = catalog_target(c, buf_slice(&b), 0) == 0 ? 1 : -1;
    *budget = result > 0 ? 0 : *budget;
    buf_done(&b);
    return result;
}
