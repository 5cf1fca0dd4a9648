/* mark: what each neighbour has said of each stream, or was sent of it, and who can be asked for
 * what is wanted. One mark for a stream and a link: there is no queue (exchange.c). */
#include "core/core.h"

struct mark *mark_find(const struct link *l, const struct stream *s)
{
    return s->index < l->mark_n ? &l->mark[s->index] : NULL;
}

struct mark *mark_get(struct link *l, const struct stream *s)
{
    if (s->index >= l->mark_n) {
        size_t n = l->mark_n;
        while (n <= s->index)
            n = n == 0 ? 16 : n * 2;
        struct mark *grown =
            mem_resize(l->ils->mem, l->mark, l->mark_n * sizeof *grown, n * sizeof *grown);
        if (grown == NULL)
            return NULL;
        l->mark = grown;
        l->mark_n = n;
    }
    return &l->mark[s->index];
}

void mark_set(struct mark *m, const struct head *h)
{
    m->theirs = true;
    m->epoch = h->epoch;
    m->usn = h->usn;
    m->beat = h->beat;
    memcpy(m->root, h->root, HASH_SIZE);
}

int mark_order(const struct mark *m, const struct head *h)
{
    struct head other = {.epoch = m->epoch, .usn = m->usn, .beat = m->beat};
    memcpy(other.root, m->root, HASH_SIZE);
    return head_order(&other, h);
}

/* It may be this end's word that the mark stands for, which says what is served here. */
bool mark_ours(const struct stream *s, const struct mark *m)
{
    return s->own || (stream_held(s) && mark_order(m, &s->head) <= 0);
}

/* They say an older head than they did: its origin had left, or was forgotten, and they dropped
 * what they had; or did not keep that it has left, since they did not know it then. */
void mark_lower(const struct stream *s, struct mark *m, const struct head *h)
{
    bool left = s->number == STREAM_SELF && stream_held(s) && !s->own &&
                (s->head.flags & HEAD_FLAG_LEFT) != 0;
    if (m->theirs && (left || !mark_ours(s, m)) && mark_order(m, h) > 0)
        mark_set(m, h);
}

/* --- who can be asked */

struct link *mark_source(const struct ils *ils, const struct stream *s, const struct link *not)
{
    list_each(node, &ils->links) {
        struct link *l = list_entry(node, struct link, node);
        struct mark *m = l->state == LINK_UP && l != not ? mark_find(l, s) : NULL;
        if (m != NULL && m->theirs && mark_order(m, &s->wanted) >= 0)
            return l;
    }
    return NULL;
}

bool mark_above_wanted(const struct ils *ils, const struct stream *s, const struct head *h)
{
    return s->wanted_bytes.n == 0 || head_order(h, &s->wanted) >= 0 ||
           (!s->own && mark_source(ils, s, NULL) == NULL);
}

static bool says_more(const struct mark *m, const struct mark *other)
{
    return m->epoch != other->epoch ? m->epoch > other->epoch : m->usn > other->usn;
}

struct link *mark_most(const struct ils *ils, const struct stream *s)
{
    const struct mark *most = NULL;
    struct link *ret = NULL;
    list_each(node, &ils->links) {
        struct link *l = list_entry(node, struct link, node);
        const struct mark *m = l->state == LINK_UP ? mark_find(l, s) : NULL;
        if (m == NULL || !m->theirs || (stream_held(s) && mark_order(m, &s->head) <= 0) ||
            (most != NULL && !says_more(m, most)))
            continue;
        most = m;
        ret = l;
    }
    return ret;
}
