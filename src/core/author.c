/* author: whose word a record of an end is, and whether it counts. Nobody appoints hubs: who has
 * the network's secret may say that he is one, and forget or ban others. So his word is bounded and
 * has a name, and is void when an operator bans him (ends.c). */
#include "core/core.h"

bool author_banned(const struct ils *ils, const uint8_t author[static PEER_ID_SIZE])
{
    list_each(node, &ils->ended) {
        const struct ended *e = list_entry(node, struct ended, node);
        if (e->banned && memcmp(e->id, author, PEER_ID_SIZE) == 0)
            return true;
    }
    return false;
}

static size_t ended_by(const struct ils *ils, const uint8_t author[static PEER_ID_SIZE])
{
    size_t n = 0;
    list_each(node, &ils->ended)
        n += memcmp(list_entry(node, struct ended, node)->author, author, PEER_ID_SIZE) == 0;
    return n;
}

/* Of a hub that is heard here, its own word is awaited. */
static bool said_by_author(const struct ils *ils, const struct ended *e)
{
    list_each(node, &ils->peers) {
        const struct peer *p = list_entry(node, struct peer, node);
        const struct stream *self =
            memcmp(p->id, e->author, PEER_ID_SIZE) == 0 && p->role == ROLE_HUB
                ? stream_find(ils, p->key, STREAM_SELF) : NULL;
        struct record entry = {.kind = ENTRY_ENDED, .user = slice_make(e->key, KEY_SIZE)}, r;
        if (self != NULL && stream_held(self) && self->admitted && !stream_overdue(ils, self))
            return catalog_find(self->catalog, &entry, &r);
    }
    return true;
}

static bool is_author_known(const struct ils *ils, const uint8_t author[static PEER_ID_SIZE])
{
    list_each(node, &ils->peers)
        if (memcmp(list_entry(node, struct peer, node)->id, author, PEER_ID_SIZE) == 0)
            return true;
    return false;
}

/* Whose word it is: that of its author, as far as it is his; else that of the hub that repeats it.
 * Any member may say that it is a hub. What one has said that is banned counts no more. */
bool author_judge(const struct ils *ils, const struct peer *teller, struct ended *e)
{
    bool own = memcmp(e->author, teller->id, PEER_ID_SIZE) == 0;
    if (!own && !said_by_author(ils, e))
        return false;
    if (author_banned(ils, e->author))
        return false;
    if (!own && !is_author_known(ils, e->author))
        memcpy(e->author, teller->id, PEER_ID_SIZE);
    return ends_find(ils, e->key) != NULL || ended_by(ils, e->author) < ENDED_AUTHOR;
}
