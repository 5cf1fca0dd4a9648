/* replaced: segments that a newer head no longer lists are served for 60 s more, so that a
 * neighbour in the middle of the former list gets to its end (PROTOCOL 12). */
#include "core/core.h"

struct replaced {
    struct list node;
    uint8_t name[HASH_SIZE];
    tick until;
    struct slice bytes; /* behind this struct, in the same block */
};

static void replaced_drop(struct ils *ils, struct stream *s, struct replaced *r)
{
    list_remove(&r->node);
    s->replaced_bytes -= r->bytes.n;
    mem_free(ils->mem, r, sizeof *r + r->bytes.n);
}

static void replaced_add(struct ils *ils, struct stream *s, const uint8_t *name)
{
    struct slice bytes = catalog_segment(s->catalog, name);
    if (bytes.n == 0 || s->replaced_bytes + bytes.n > REPLACED_BYTES || BUG(REPLACED_DROPPED))
        return;
    struct replaced *r = mem_alloc(ils->mem, sizeof *r + bytes.n);
    if (r == NULL)
        return; /* it is a courtesy */
    uint8_t *copy = (uint8_t *)(r + 1);
    memcpy(copy, bytes.p, bytes.n);
    memcpy(r->name, name, HASH_SIZE);
    r->bytes = slice_make(copy, bytes.n);
    r->until = ils->now + REPLACED_US;
    list_add(&s->replaced, &r->node);
    if (r->until < ils->replaced_next)
        ils->replaced_next = r->until;
    s->replaced_bytes += bytes.n;
}

/* Before the list changes from former to lines. Both are in the same order, with some lines dropped
 * and some added, so one walk along both finds what is dropped. */
void replaced_keep(struct ils *ils, struct stream *s, struct slice former, struct slice lines)
{
    size_t at = 0;
    for (size_t i = 0; i + LINE_BYTES <= former.n; i += LINE_BYTES) {
        if (at < lines.n && memcmp(former.p + i, lines.p + at, LINE_BYTES) == 0)
            at += LINE_BYTES;
        else
            replaced_add(ils, s, former.p + i + LINE_BYTES - HASH_SIZE);
    }
}

struct slice replaced_find(const struct stream *s, const uint8_t name[static HASH_SIZE])
{
    list_each(node, &s->replaced) {
        const struct replaced *r = list_entry(node, struct replaced, node);
        if (memcmp(r->name, name, HASH_SIZE) == 0)
            return r->bytes;
    }
    return slice_make(NULL, 0);
}

/* The next one to go, of this stream, is left. */
static tick drop_old(struct ils *ils, struct stream *s)
{
    list_each_safe(node, &s->replaced) {
        struct replaced *r = list_entry(node, struct replaced, node);
        if (r->until > ils->now)
            return r->until;
        replaced_drop(ils, s, r);
    }
    return TICK_NEVER;
}

void replaced_tick(struct ils *ils)
{
    tick next = TICK_NEVER;
    if (ils->now < ils->replaced_next)
        return;
    list_each(node, &ils->streams) {
        tick t = drop_old(ils, list_entry(node, struct stream, node));
        next = t < next ? t : next;
    }
    ils->replaced_next = next;
}

void replaced_free(struct ils *ils, struct stream *s)
{
    list_each_safe(node, &s->replaced)
        replaced_drop(ils, s, list_entry(node, struct replaced, node));
}
