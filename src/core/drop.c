/* drop: where a cluster that is gone is forgotten, and what a spoke drops by itself.
 *
 * A hub's word ends a cluster for the network (ends.c). But a spoke may know one that no hub knows:
 * its hubs are gone, others have taken their place, or the word of whoever ended it is void. Then
 * there is nobody who could, and no need: the spoke alone drops what it has, without a record.
 * Whoever knows that cluster may tell of it again, and it may come back. */
#include "core/core.h"

/* It has said that it holds something of that cluster. */
static bool hub_knows(const struct link *l, const uint8_t key[static KEY_SIZE])
{
    const struct stream *s = l->ils->by_key[key[0] % STREAM_BUCKETS];
    for (; s != NULL; s = s->next_by_key) {
        const struct mark *m = memcmp(s->key, key, KEY_SIZE) == 0 ? mark_find(l, s) : NULL;
        if (m != NULL && m->said)
            return true;
    }
    return false;
}

/* What no hub knows goes at a spoke alone. Whether one does is known of a hub that is linked and
 * has said all that it holds; it has heard of what the hubs beyond it hold. */
enum forget_where drop_where(const struct ils *ils, const uint8_t key[static KEY_SIZE],
                             const struct peer **ret_hub)
{
    bool heard = false;
    *ret_hub = NULL;
    if (ils->role == ROLE_HUB)
        return FORGET_HERE;
    list_each(node, &ils->links) {
        const struct link *l = list_entry(node, struct link, node);
        if (l->state != LINK_UP || l->to->role != ROLE_HUB)
            continue;
        heard = heard || l->marks_done;
        if (hub_knows(l, key))
            *ret_hub = l->to;
    }
    return *ret_hub != NULL ? FORGET_AT_HUB : heard ? FORGET_HERE : FORGET_UNSEEN;
}

/* Another hub, that is reached, has it on its roster, and it was heard of within two intervals:
 * forgotten, it comes back if it lives. Whether it is linked there now only that hub knows. */
const struct peer *drop_listed_at(const struct ils *ils, const uint8_t key[static KEY_SIZE])
{
    const struct stream *self = stream_find(ils, key, STREAM_SELF);
    if (self == NULL || !stream_held(self) || peer_find(ils, key) == NULL ||
        stream_overdue(ils, self))
        return NULL;
    list_each(node, &ils->hubs) {
        const struct peer *hub = list_entry(node, struct peer, hub);
        if (hub->role == ROLE_HUB && memcmp(hub->key, key, KEY_SIZE) != 0 &&
            view_lists(ils, hub->key, key) && view_reachable(ils, hub))
            return hub;
    }
    return NULL;
}

/* At a spoke: nothing but what is here goes. */
static enum reply judge(struct ils *ils, const struct command *c, struct peer **ret,
                        struct slice *ret_text)
{
    bool itself = false;
    const struct peer *hub;
    *ret_text = c->cluster;
    *ret = peer_named(ils, c->cluster, &itself);
    if (*ret == NULL)
        return itself ? REPLY_ITSELF : REPLY_UNKNOWN_CLUSTER;
    if ((*ret)->link != NULL)
        return REPLY_STILL_LINKED;
    enum forget_where where = drop_where(ils, (*ret)->key, &hub);
    if (where == FORGET_HERE)
        return REPLY_OK;
    *ret_text = ends_typed(ils, c);
    if (where == FORGET_UNSEEN)
        return REPLY_ONLY_HUBS;
    *ret_text = ends_joined(ils, text_slice(hub->cluster_id), slice_of(": ils "), *ret_text);
    return REPLY_HUB_KNOWS;
}

void drop_command(struct ils *ils, const struct command *c)
{
    struct peer *p;
    struct slice text;
    struct rows rows;
    struct batch *b = NULL;
    enum reply reply = judge(ils, c, &p, &text);
    if (reply == REPLY_OK) {
        rows_init(&rows, ils);
        list_each(node, &ils->streams) {
            const struct stream *s = list_entry(node, struct stream, node);
            if (memcmp(s->key, p->key, KEY_SIZE) == 0)
                ends_rows_of_stream(&rows, s);
        }
        rows_remove(&rows, ROW_PEER, slice_make(p->key, KEY_SIZE));
        if (c->who.n != 0)
            rows_audit(&rows, c->who, c->what);
        b = journal_store(&rows, BATCH_ENDED);
        reply = b == NULL ? REPLY_MEMORY : REPLY_OK;
    }
    if (reply != REPLY_OK) {
        command_refuse(ils, c, reply, text);
        return;
    }
    b->command = c->id;
    b->of_peer = true;
    memcpy(b->peer_key, p->key, KEY_SIZE);
}

void drop_stored(struct ils *ils, const struct batch *b, bool failed)
{
    struct peer *p = peer_find(ils, b->peer_key);
    if (!failed && p != NULL && p->link == NULL) {
        p->dropped = ils->ends_due = ils->rosters_moved = true;
        p->dirty = false;
        if (p->contact.link != NULL)
            handshake_refuse(p->contact.link, CODE_REPLACED);
        self_changed(ils);
    }
    command_reply(ils, b->command, failed ? REPLY_STORE : REPLY_OK, slice_make(NULL, 0));
}
