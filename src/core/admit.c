/* admit: from whom a stream is taken, and how much. From a spoke only its own streams; from a hub
 * also those of the peers on its roster, if the hub is itself admitted, beginning with the clusters
 * that proved themselves on a link of our own. A quota is judged on the head before a byte is
 * fetched: refused whole, the last good one stays. */
#include "core/core.h"

static bool is_hub(const struct ils *ils, const struct stream *self)
{
    const struct peer *p = peer_find(ils, self->key);
    return p != NULL && p->role == ROLE_HUB;
}

/* Where a newer word of it is on the way, it may just have become a hub. */
bool admit_spoke(const struct link *l)
{
    const struct stream *self = stream_find(l->ils, l->to->key, STREAM_SELF);
    return l->to->role == ROLE_SPOKE && (self == NULL || self->wanted_bytes.n == 0);
}

static bool listed_by_admitted_hub(const struct ils *ils, const uint8_t key[static KEY_SIZE])
{
    list_each(node, &ils->streams) {
        const struct stream *self = list_entry(node, struct stream, node);
        if (self->number == STREAM_SELF && stream_held(self) && self->admitted && !self->own &&
            is_hub(ils, self) && roster_lists(self, key))
            return true;
    }
    return false;
}

/* Who has left is admitted with nothing but stream 0, until that says otherwise. */
static bool left(const struct ils *ils, const struct stream *s)
{
    const struct stream *self =
        s->number == STREAM_SELF ? NULL : stream_find(ils, s->key, STREAM_SELF);
    return self != NULL && stream_held(self) && (self->head.flags & HEAD_FLAG_LEFT) != 0;
}

bool admit_may(struct ils *ils, const struct stream *s)
{
    const struct peer *p = peer_find(ils, s->key);
    bool met = (p != NULL && p->met && !p->foreign) || BUG(UNLISTED_TAKEN);
    if (left(ils, s) || (!met && !listed_by_admitted_hub(ils, s->key)))
        return false;
    return admit_room(ils, s);
}

/* --- how many there may be */

size_t admit_catalogs(const struct ils *ils)
{
    size_t n = 0;
    list_each(node, &ils->streams) {
        const struct stream *s = list_entry(node, struct stream, node);
        bool left = stream_held(s) && (s->head.flags & HEAD_FLAG_LEFT) != 0;
        n += s->number >= STREAM_CATALOGS && s->admitted && !left;
    }
    return n;
}

static struct slice limit_text(uint16_t n, uint8_t text[static 8])
{
    size_t at = 8;
    for (; n != 0; n /= 10)
        text[--at] = (uint8_t)('0' + n % 10);
    return slice_make(text + at, 8 - at);
}

/* Clusters, and the catalogs that they import, count alike. */
void admit_counted(struct ils *ils)
{
    uint8_t near[8], most[8];
    size_t n = ils->peer_n + admit_catalogs(ils);
    if (!ils->started)
        return;
    if (n < PEERS_MAX)
        alarm_clear(ils, ILSPeerLimitExceeded, limit_text(PEERS_MAX, most));
    if (n < PEERS_NEAR)
        alarm_clear(ils, ILSPeerLimitApproachingWarning, limit_text(PEERS_NEAR, near));
    else if (alarm_last(ils, ILSPeerLimitApproachingWarning, limit_text(PEERS_NEAR, near)) == 0)
        alarm_raise(ils, ILSPeerLimitApproachingWarning, limit_text(PEERS_NEAR, near));
}

/* Whether one more may come; false: an alarm as well. */
bool admit_more(struct ils *ils)
{
    uint8_t most[8];
    if (ils->peer_n + admit_catalogs(ils) < PEERS_MAX)
        return true;
    if (ils->started)
        alarm_raise(ils, ILSPeerLimitExceeded, limit_text(PEERS_MAX, most));
    return false;
}

static size_t catalogs_of(const struct ils *ils, const uint8_t *key, bool all)
{
    size_t n = 0;
    for (const struct stream *s = ils->by_key[key[0] % STREAM_BUCKETS]; s != NULL;
         s = s->next_by_key)
        n += s->number >= STREAM_CATALOGS && (all || s->admitted) &&
             memcmp(s->key, key, KEY_SIZE) == 0;
    return n;
}

static struct slice origin_name(const struct ils *ils, const uint8_t key[static KEY_SIZE])
{
    const struct peer *p = peer_find(ils, key);
    return p != NULL && p->cluster_id.n != 0 ? text_slice(p->cluster_id) : slice_of("?");
}

/* One more of that origin's; false: an alarm as well. The others are to have places, too. */
static bool catalog_more(struct ils *ils, const struct stream *s)
{
    if (catalogs_of(ils, s->key, false) < CATALOGS_ORIGIN)
        return admit_more(ils);
    struct slice name = origin_name(ils, s->key);
    if (ils->started && alarm_last(ils, ILSCatalogLimitExceeded, name) == 0)
        alarm_raise(ils, ILSCatalogLimitExceeded, name);
    return false;
}

/* A stream is admitted with its cluster's place in the table, a catalog with one of its own. Who
 * has left needs none. */
bool admit_room(struct ils *ils, const struct stream *s)
{
    if (s->number == STREAM_SELF && stream_held(s) && (s->head.flags & HEAD_FLAG_LEFT) != 0)
        return true;
    if (s->number < STREAM_CATALOGS)
        return peer_get(ils, s->key) != NULL;
    return s->admitted || catalog_more(ils, s);
}

/* --- anew */

static bool list_streams(struct ils *ils, const uint8_t key[static KEY_SIZE])
{
    bool moved = false;
    for (struct stream *s = ils->by_key[key[0] % STREAM_BUCKETS]; s != NULL; s = s->next_by_key)
        if (!s->listed && memcmp(s->key, key, KEY_SIZE) == 0)
            s->listed = moved = true;
    return moved;
}

struct listing {
    struct ils *ils;
    struct stream *s;
    size_t n;
};

static bool list_one(void *context, const struct record *r)
{
    struct listing *listing = context;
    if (r->kind == ENTRY_ROSTER && r->user.n == KEY_SIZE && r->put) {
        list_streams(listing->ils, r->user.p);
        buf_put_slice(&listing->s->roster, r->user);
        listing->n++;
    }
    return listing->n < ROSTER_MAX;
}

/* Whom it lists. Its roster is read once for each root: a catalog is a function of its list. */
static void list_theirs(struct ils *ils, struct stream *s)
{
    struct listing listing = {.ils = ils, .s = s};
    if (memcmp(s->roster_root, s->head.root, HASH_SIZE) == 0) {
        for (size_t at = 0; at < s->roster.n; at += KEY_SIZE)
            list_streams(ils, s->roster.p + at);
        return;
    }
    buf_reset(&s->roster);
    catalog_walk(s->catalog, list_one, &listing);
    memset(s->roster_root, 0, HASH_SIZE);
    if (!s->roster.failed)
        memcpy(s->roster_root, s->head.root, HASH_SIZE);
}

/* Beginning with those whom this cluster has met: whoever they list that are hubs, and so on. */
static void list_all(struct ils *ils)
{
    bool moved = true;
    list_each(node, &ils->streams) {
        struct stream *s = list_entry(node, struct stream, node);
        s->listed = s->walked = s->own;
    }
    list_each(node, &ils->peers) {
        const struct peer *p = list_entry(node, struct peer, node);
        if ((p->met && !p->foreign) || BUG(UNLISTED_TAKEN))
            list_streams(ils, p->key);
    }
    while (moved) {
        moved = false;
        list_each(node, &ils->streams) {
            struct stream *s = list_entry(node, struct stream, node);
            if (s->number != STREAM_SELF || !s->listed || s->walked || !stream_held(s) ||
                !is_hub(ils, s))
                continue;
            s->walked = moved = true;
            list_theirs(ils, s);
        }
    }
}

static void catalogs_again(struct ils *ils)
{
    list_each(node, &ils->peers) {
        const struct peer *p = list_entry(node, struct peer, node);
        if (catalogs_of(ils, p->key, true) <= CATALOGS_ORIGIN)
            alarm_clear(ils, ILSCatalogLimitExceeded, origin_name(ils, p->key));
    }
}

/* A roster, an end or a meeting has changed: who is admitted is computed anew. What is admitted
 * now and waited is fetched; of what is not any more nothing new is taken. */
void admit_again(struct ils *ils)
{
    ils->rosters_moved = false;
    list_all(ils);
    list_each_safe(node, &ils->streams) {
        struct stream *s = list_entry(node, struct stream, node);
        bool admitted = s->own || (s->listed && !left(ils, s) && admit_room(ils, s));
        if (admitted == s->admitted)
            continue;
        fetch_admitted(ils, s, admitted);
        if (!admitted && !stream_held(s) && s->source == NULL)
            fetch_forget(ils, s);
        else if (admitted && s->number == STREAM_SELF && stream_held(s))
            ends_read(ils, s);
    }
    catalogs_again(ils);
    admit_counted(ils);
}

/* Entries of all others' plans as they are held or wanted, and the bytes of all their streams; but
 * nothing of `but`. */
static uint64_t learned(const struct ils *ils, const struct stream *but, uint64_t *ret_bytes)
{
    uint64_t live = 0;
    *ret_bytes = 0;
    list_each(node, &ils->streams) {
        const struct stream *o = list_entry(node, struct stream, node);
        if (o->own || o == but)
            continue;
        const struct head *counted = o->wanted_bytes.n != 0 && o->admitted ? &o->wanted
                                     : stream_held(o)                       ? &o->head : NULL;
        if (counted == NULL)
            continue;
        *ret_bytes += counted->bytes;
        live += counted->number == STREAM_SELF ? 0 : counted->live;
    }
    return live;
}

/* Bytes of all others' segments: a quarter of the memory at most, and 64 for each entry that may be
 * learned where that is more than usual. */
uint64_t admit_bytes(const struct ils *ils)
{
    uint64_t most = policy_learned_max(ils) * 64;
    most = most > LEARNED_BYTES ? most : LEARNED_BYTES;
    return ils->mem->budget / 4 < most ? ils->mem->budget / 4 : most;
}

uint64_t admit_learned(const struct ils *ils, uint64_t *ret_bytes)
{
    return learned(ils, NULL, ret_bytes);
}

/* What is held and wanted of all others' streams but s, and would be with h, fits into a quarter of
 * the memory that there is, and into the number of learned entries. What is no more than is held
 * already passes: a limit that was lowered takes nothing away, and keeps nobody from removing. */
bool admit_quota(const struct ils *ils, const struct stream *s, const struct head *h)
{
    uint64_t most = admit_bytes(ils);
    uint64_t bytes, max = policy_learned_max(ils);
    if (h->number == STREAM_SELF && h->bytes > SELF_BYTES)
        return false;
    bool fewer = h->number == STREAM_SELF || (stream_held(s) && h->live <= s->head.live);
    bool less = stream_held(s) && h->bytes <= s->head.bytes;
    if ((!less && h->bytes > most) || (!fewer && h->live > max))
        return false;
    if (fewer && less) /* as with every beat: the others need not be looked at */
        return true;
    uint64_t live = learned(ils, s, &bytes);
    return (less || bytes + h->bytes <= most) && (fewer || live + h->live <= max);
}
