/* admit: from whom a stream is taken, and how much (design 6, Admission and quotas). From a spoke
 * only its own streams; from a hub also those of the peers on its roster, if the hub is itself
 * admitted, beginning with the clusters that proved themselves on a link of our own. A quota is
 * judged on the head before a byte is fetched: refused whole, the last good one stays. */
#include "core/core.h"

static bool listed_by_admitted_hub(const struct ils *ils, const struct stream *s)
{
    list_each(node, &ils->streams) {
        const struct stream *self = list_entry(node, struct stream, node);
        if (self->number != STREAM_SELF || !stream_held(self) || !self->admitted || self->own)
            continue;
        const struct peer *p = peer_find(ils, self->key);
        if (p != NULL && p->role == ROLE_HUB && roster_lists(self, s->key))
            return true;
    }
    return false;
}

bool admit_may(const struct ils *ils, const struct stream *s)
{
    const struct peer *p = peer_find(ils, s->key);
    if (s->number > STREAM_PLAN)
        return false; /* imported catalogs are not part of this version */
    if (p != NULL && p->met)
        return true;
    return listed_by_admitted_hub(ils, s);
}

/* After a roster changed: what waited for admission is fetched. A roster may admit a hub whose own
 * roster admits more, so this goes on until nothing moves; each round admits one stream at least.
 * */
void admit_again(struct ils *ils)
{
    bool moved = true;
    while (moved) {
        moved = false;
        list_each(node, &ils->streams) {
            struct stream *s = list_entry(node, struct stream, node);
            if (s->own || s->admitted || !admit_may(ils, s))
                continue;
            s->admitted = moved = true;
            ils->heads_moved = true;
            if (s->fetch == FETCH_NONE && s->source != NULL && s->wanted_bytes.n != 0)
                fetch_from(ils, s, s->source);
        }
    }
}

/* What is held and wanted of all others' streams but s, and would be with h, fits into a quarter of
 * the memory that there is, and into the number of learned objects. */
bool admit_quota(const struct ils *ils, const struct stream *s, const struct head *h)
{
    uint64_t bytes = h->bytes, live = h->live;
    uint64_t most = ils->mem->budget / 4 < LEARNED_BYTES ? ils->mem->budget / 4 : LEARNED_BYTES;
    if (h->number == STREAM_SELF && h->bytes > SELF_BYTES)
        return false;
    if (bytes > most || live > LEARNED_MAX)
        return false;
    list_each(node, &ils->streams) {
        const struct stream *o = list_entry(node, struct stream, node);
        if (o->own || o == s)
            continue;
        const struct head *counted = o->wanted_bytes.n != 0 && o->admitted ? &o->wanted
                                     : stream_held(o)                       ? &o->head : NULL;
        if (counted == NULL)
            continue;
        bytes += counted->bytes;
        live += counted->number == STREAM_SELF ? 0 : counted->live;
    }
    return bytes <= most && live <= LEARNED_MAX;
}
