/* delta: the list of a head, made of one that is held and of what the head says was dropped and
 * added; and whether a list can be the one that was signed. */
#include "core/core.h"

/* The list as signed, each segment of a size that a segment can have, all of them together as large
 * as the head says: nothing of it is taken at its word before. */
bool lines_plausible(const struct stream *s)
{
    struct slice lines = buf_slice(&s->wanted_lines);
    uint64_t bytes = 0;
    uint8_t root[HASH_SIZE];
    for (size_t i = 0; i < lines.n / LINE_BYTES; i++) {
        struct line line;
        manifest_line(lines, i, &line);
        if (line.size == 0 || line.size > SEGMENT_MAX)
            return false;
        bytes += line.size;
    }
    catalog_root(s->catalog, root, lines);
    bool whole = bytes == s->wanted.bytes && lines.n == (size_t)s->wanted.lines * LINE_BYTES;
    return BUG(STALE_MANIFEST) || (whole && memcmp(root, s->wanted.root, HASH_SIZE) == 0);
}

/* The list that m's delta begins with: the one that is served, or that is wanted and known whole,
 * while its segments are on the way: a stream that changes all the time is caught up with so. */
bool delta_base(struct ils *ils, const struct stream *s, const struct msg_head *m,
                       struct slice *ret)
{
    *ret = catalog_lines(s->catalog);
    if (!m->has_delta || !stream_held(s) || memcmp(m->base, s->head.root, HASH_SIZE) == 0 ||
        BUG(STALE_MANIFEST))
        return m->has_delta && stream_held(s);
    *ret = arena_copy(&ils->step, buf_slice(&s->wanted_lines));
    return s->wanted_bytes.n != 0 && ret->n != 0 &&
           ret->n == (size_t)s->wanted.lines * LINE_BYTES &&
           memcmp(m->base, s->wanted.root, HASH_SIZE) == 0;
}

/* The former list, less what was dropped, plus what was added. */
bool delta_lines(struct stream *s, const struct msg_head *m, struct slice former)
{
    size_t n = former.n / LINE_BYTES, at = 0, drop = 0;
    buf_reset(&s->wanted_lines);
    while (drop < m->drop_n && m->drop[drop] >= at && m->drop[drop] < n) {
        size_t to = m->drop[drop++];
        buf_put(&s->wanted_lines, former.p + at * LINE_BYTES, (to - at) * LINE_BYTES);
        at = to + 1;
    }
    if (at < n)
        buf_put(&s->wanted_lines, former.p + at * LINE_BYTES, (n - at) * LINE_BYTES);
    for (size_t i = 0; i < m->add_n; i++) {
        struct line line = {.size = m->add[i].size};
        memcpy(line.name, m->add[i].name, HASH_SIZE);
        manifest_line_put(&s->wanted_lines, &line);
    }
    if (!s->wanted_lines.failed && drop == m->drop_n && lines_plausible(s))
        return true;
    buf_reset(&s->wanted_lines); /* it is asked for */
    return false;
}
