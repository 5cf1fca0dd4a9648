/* identity: two that say that they are one. Two clusters with one cluster id are two all the same,
 * since the key says who is who: at a direct join the second is refused, met by relay both are
 * kept, and everybody is told. Two with one key are copies of one cluster: the one that started
 * last stays, the other is refused and writes no more, since what both write would have one name.
 * The cure, a new key, is in renew.c. */
#include "core/core.h"

static_assert(PROOF_ID_MAX == CLUSTER_ID_MAX, "a proof holds every cluster id");

static bool is_default(struct slice id)
{
    return id.n == 0 || slice_eq_fold(id, slice_of(CLUSTER_ID_DEFAULT));
}

/* A cluster that counts: it has not left, and was neither forgotten nor banned. */
static bool stands(const struct ils *ils, const struct peer *p)
{
    return ends_of(ils, p->key) == NULL && !peer_left(ils, p);
}

const struct peer *identity_holder(const struct ils *ils, struct slice id,
                                   const uint8_t key[static KEY_SIZE])
{
    list_each(node, &ils->peers) {
        const struct peer *p = list_entry(node, struct peer, node);
        if (memcmp(p->key, key, KEY_SIZE) != 0 && slice_eq_fold(text_slice(p->cluster_id), id) &&
            id.n != 0 && stands(ils, p))
            return p;
    }
    return NULL;
}

bool identity_twice(const struct ils *ils, struct slice id)
{
    size_t n = slice_eq_fold(id, text_slice(ils->cluster_id));
    list_each(node, &ils->peers) {
        const struct peer *p = list_entry(node, struct peer, node);
        n += slice_eq_fold(id, text_slice(p->cluster_id)) && stands(ils, p);
    }
    return id.n != 0 && n > 1;
}

/* --- at the proof */

/* Another link of this cluster has the same id: it dialled itself. */
static bool to_itself(const struct link *l)
{
    list_each(node, &l->ils->links) {
        const struct link *other = list_entry(node, struct link, node);
        if (other->dialler != l->dialler && other->state != LINK_CLOSED &&
            memcmp(other->verdict_id, l->verdict_id, VERDICT_ID_SIZE) == 0)
            return true;
    }
    return false;
}

/* A hub knows who is who in its network; a spoke that dials one knows no better. Who is known by
 * that id already, by relay, is kept. */
static bool id_taken(const struct link *l, struct slice id, const uint8_t *key)
{
    const struct ils *ils = l->ils;
    const struct peer *known = peer_find(ils, key);
    if (known != NULL && slice_eq_fold(text_slice(known->cluster_id), id) && stands(ils, known))
        return false;
    if (slice_eq_fold(id, text_slice(ils->cluster_id)))
        return true;
    return (!l->dialler || ils->role == ROLE_HUB) && identity_holder(ils, id, key) != NULL;
}

/* While a session of its key lives: a lower boot, or, of the same one, a dial that is not later
 * than the one that stands. Nobody counts backwards; but of two dials the earlier may arrive later,
 * by no more than a dial can last. */
static enum code judge_copy(const struct link *l, const struct proof *p, const struct link *stands)
{
    if (stands == NULL || p->boot > stands->theirs.boot || BUG(COPY_UNJUDGED))
        return CODE_NONE;
    if (p->boot < stands->theirs.boot)
        return CODE_CLONE;
    if (l->dialler || stands->dialler || p->serial > stands->theirs.serial)
        return CODE_NONE;
    bool late = p->serial < stands->theirs.serial && l->ils->now - stands->since < 2 * HANDSHAKE_US;
    return late ? CODE_REPLACED : CODE_CLONE;
}

enum code identity_judge(const struct link *l, const struct proof *p)
{
    const struct ils *ils = l->ils;
    const struct peer *known = peer_find(ils, p->key);
    struct slice id = slice_make(p->cluster_id, p->cluster_id_n);
    if (memcmp(p->key, ils->key, KEY_SIZE) == 0)
        return to_itself(l) ? CODE_ITSELF : CODE_CLONE;
    if (is_default(id))
        return CODE_DEFAULT_ID;
    if (!cluster_id_valid(id))
        return CODE_PROTOCOL;
    if (id_taken(l, id, p->key))
        return CODE_DUPLICATE_ID;
    return known != NULL ? judge_copy(l, p, known->link) : CODE_NONE;
}

/* --- what shows a copy */

/* The other end has heard this end's proof: before that it cannot know who this is, and whoever
 * sits on the wire could say so. */
static bool heard_proof(const struct link *l)
{
    return l->state == (l->dialler ? LINK_PROOF : LINK_PROVED);
}

/* Where the other end has this cluster's key itself, its proof for this link; else that of the link
 * which stands. */
void identity_copy(const struct link *l, struct msg_goodbye *m)
{
    const struct ils *ils = l->ils;
    const struct peer *known = peer_find(ils, l->theirs.key);
    const struct link *of = known != NULL ? known->link : NULL;
    if (memcmp(l->theirs.key, ils->key, KEY_SIZE) == 0) {
        handshake_proof(l, &m->copy);
        m->copy_dialler = l->dialler;
        of = l;
    } else if (of != NULL) {
        m->copy = of->theirs;
        m->copy_dialler = !of->dialler;
    }
    m->has_copy = of != NULL;
    if (of != NULL)
        memcpy(m->copy_binder, of->binder, HASH_SIZE);
}

/* This end has signed: the lowest serial makes room for it. */
void identity_proves(const struct link *l)
{
    struct ils *ils = l->ils;
    struct proved *lowest = &ils->proved.dial[0];
    for (size_t i = 1; i < PROVED_MAX; i++)
        if (ils->proved.dial[i].serial < lowest->serial)
            lowest = &ils->proved.dial[i];
    if (lowest->serial > ils->proved.floor)
        ils->proved.floor = lowest->serial;
    lowest->serial = l->serial;
    memcpy(lowest->binder, l->binder, HASH_SIZE);
}

/* The proof of a dial of this boot was made here, or may have been. */
static bool proved_here(const struct ils *ils, uint64_t serial,
                        const uint8_t binder[static HASH_SIZE])
{
    for (size_t i = 0; i < PROVED_MAX && serial != 0; i++)
        if (ils->proved.dial[i].serial == serial)
            return memcmp(ils->proved.dial[i].binder, binder, HASH_SIZE) == 0;
    return serial <= ils->proved.floor;
}

/* A hub's word alone would stop a cluster from writing. What has this cluster's signature, and was
 * made by nobody here: in a boot that was not yet, for a dial that has proved nothing so far or did
 * so on another link, or on this link by its other end. */
bool identity_proved(const struct link *l, const struct msg_goodbye *m)
{
    const struct ils *ils = l->ils;
    struct proof p = m->copy;
    bool here = memcmp(m->copy_binder, l->binder, HASH_SIZE) == 0;
    memcpy(p.key, ils->key, KEY_SIZE);
    if (!heard_proof(l) || !m->has_copy || !proof_verify(&p, m->copy_dialler, m->copy_binder))
        return false;
    if (here)
        return m->copy_dialler != l->dialler;
    if (p.boot != ils->boot)
        return p.boot > ils->boot;
    return m->copy_dialler && !proved_here(ils, p.serial, m->copy_binder);
}

/* Whose id is in question: that of the end that was refused. */
static struct slice refused_id(const struct link *l)
{
    struct slice id = l->refused_here
                          ? slice_make(l->theirs.cluster_id, l->theirs.cluster_id_n)
                          : text_slice(l->ils->cluster_id);
    return is_default(id) ? slice_of(CLUSTER_ID_DEFAULT) : id;
}

/* This end is linked there: a dial of its own was late. */
static bool linked_there(const struct link *l)
{
    list_each(node, &l->ils->links) {
        const struct link *other = list_entry(node, struct link, node);
        if (other->state == LINK_UP && other->dialler && l->dialler && other->port == l->port &&
            slice_eq(text_slice(other->host), text_slice(l->host)))
            return true;
    }
    return false;
}

static bool remembered(const struct ils *ils, struct slice id)
{
    for (size_t i = 0; i < REFUSED_IDS; i++)
        if (slice_eq_fold(text_slice(ils->refused_id[i].id), id))
            return true;
    return false;
}

/* When this key joins under another id, the alarm about this one is over. */
static void remember(struct ils *ils, const uint8_t key[static KEY_SIZE], struct slice id)
{
    for (size_t i = 0; i < REFUSED_IDS; i++)
        if (ils->refused_id[i].id.n != 0 && memcmp(ils->refused_id[i].key, key, KEY_SIZE) == 0)
            ils->refused_id[i].id.n = 0;
    size_t at = ils->refused_id_next++ % REFUSED_IDS;
    memcpy(ils->refused_id[at].key, key, KEY_SIZE);
    text_set(ils->refused_id[at].id, id);
}

static void joined_as(struct ils *ils, const uint8_t key[static KEY_SIZE])
{
    for (size_t i = 0; i < REFUSED_IDS; i++) {
        struct slice id = text_slice(ils->refused_id[i].id);
        if (id.n == 0 || memcmp(ils->refused_id[i].key, key, KEY_SIZE) != 0)
            continue;
        id = arena_copy(&ils->step, id);
        ils->refused_id[i].id.n = 0;
        if (!remembered(ils, id) && !identity_lasts(ils, id))
            alarm_clear(ils, ILSDuplicateClusterID, id);
    }
}

/* A copy has taken an identity of its own, and says so: nobody has to wait until the former one
 * was not refused for a while. */
void identity_former(struct ils *ils, const struct peer *p)
{
    char hex[2 * PEER_ID_SIZE + 1];
    struct slice id = slice_make(NULL, 0);
    hex_text(hex, ils->peer_id, PEER_ID_SIZE);
    if (slice_eq(text_slice(p->former), slice_of(hex)))
        id = text_slice(ils->cluster_id);
    list_each(node, &ils->peers) {
        const struct peer *other = list_entry(node, struct peer, node);
        hex_text(hex, other->id, PEER_ID_SIZE);
        if (slice_eq(text_slice(p->former), slice_of(hex)))
            id = text_slice(other->cluster_id);
    }
    if (id.n != 0 && !remembered(ils, id) && !identity_lasts(ils, id))
        alarm_clear(ils, ILSDuplicateClusterID, id);
}

void identity_refused(struct link *l, enum code code)
{
    struct ils *ils = l->ils;
    struct slice id = refused_id(l);
    if (code != CODE_DUPLICATE_ID && code != CODE_DEFAULT_ID && code != CODE_CLONE)
        return;
    if (!l->refused_here && (!heard_proof(l) || (code == CODE_CLONE && linked_there(l))))
        return;
    if (cluster_id_valid(id))
        alarm_raise(ils, ILSDuplicateClusterID, id);
    if (l->refused_here && code != CODE_CLONE)
        remember(ils, l->theirs.key, id);
    if (l->refused_here)
        return;
    text_set(ils->refused_as, id);
    if (code != CODE_CLONE)
        return;
    if (!ils->cloned)
        ils->displaced = ils->was_linked;
    ils->cloned = true;
    ils->cloned_at = ils->now;
}

void identity_evidence(const struct link *l, struct verdict *v, const uint8_t **ret_key)
{
    const struct ils *ils = l->ils;
    const uint8_t *key = l->refused_here ? l->theirs.key : ils->key;
    uint8_t id[PEER_ID_SIZE];
    *ret_key = NULL;
    if (v->code != CODE_DUPLICATE_ID && v->code != CODE_DEFAULT_ID && v->code != CODE_CLONE)
        return;
    crypto_peer_id(id, key);
    v->evidence[0] = (uint64_t)id[0] << 8 | id[1];
    const struct peer *known = peer_find(ils, key);
    if (v->code == CODE_CLONE)
        v->fqdn = arena_copy(&l->ils->step, memcmp(key, ils->key, KEY_SIZE) == 0
                                                ? text_slice(ils->fqdn)
                                            : known != NULL ? text_slice(known->fqdn)
                                                            : slice_make(NULL, 0));
    if (!l->refused_here)
        return;
    if (v->code == CODE_CLONE && known != NULL && known->link != NULL)
        v->evidence[1] = known->link->displaced == l->theirs.boot;
    *ret_key = l->theirs.key;
    struct slice name = slice_make(l->theirs.cluster_id, l->theirs.cluster_id_n);
    const struct peer *holder = identity_holder(ils, name, l->theirs.key);
    const struct stream *self =
        holder == NULL ? NULL : stream_find(ils, holder->key, STREAM_SELF);
    bool alive = holder == NULL || holder->link != NULL ||
                 (self != NULL && stream_held(self) && !stream_overdue(ils, self));
    if (v->code == CODE_DUPLICATE_ID && !alive && ils->role == ROLE_HUB) {
        v->evidence[1] = 1; /* whoever has the id is gone: it may be forgotten here */
        v->remedy_at = SIDE_HERE;
    }
}

/* --- a copy of this cluster is running */

#define ASKED_AGAIN_US (60 * TICK_S)

static bool said_clone(const struct ils *ils, const struct peer *but)
{
    const struct peer *home = ils->dial.hub_known ? peer_find(ils, ils->dial.hub_key) : NULL;
    bool dialled = ils->dial.wanted && !mesh_home_gone(ils); /* else it is not asked again */
    if (ils->dial.last_code == CODE_CLONE && dialled &&
        (home == NULL || (home != but && home->link == NULL)))
        return true;
    list_each(node, &ils->peers) {
        const struct peer *p = list_entry(node, struct peer, node);
        if (p != but && p->link == NULL && p->contact.last_code == CODE_CLONE &&
            (mesh_wanted(ils, p) || mesh_alternate(ils, p)))
            return true; /* who is linked has taken that back, who is no hub is not asked again */
    }
    return false;
}

bool identity_may_dial(const struct ils *ils, const struct peer *p)
{
    const struct peer *home = ils->dial.hub_known ? peer_find(ils, ils->dial.hub_key) : NULL;
    bool soon = ils->mesh.lost == 0 || ils->now - ils->mesh.lost < HANDSHAKE_US;
    if (ils->dial.last_code == CODE_REPLACED && soon && (home == NULL || home->link == NULL))
        return false; /* by whom? the hub that said so is asked first, but not for ever */
    return !ils->cloned || p->contact.last_code == CODE_CLONE || !said_clone(ils, NULL);
}

static void clone_over(struct ils *ils)
{
    ils->cloned = ils->displaced = false;
    ils->self->written = false; /* what the copy said in its name gives way, once (adopt.c) */
    adopt_heard_again(ils);
}

/* Who said so last is asked no more: he is no hub now, or was forgotten. Whoever is asked says it
 * again within a minute. */
void identity_asked(struct ils *ils)
{
    bool linked = false;
    if (!ils->cloned || ils->now - ils->cloned_at < ASKED_AGAIN_US)
        return;
    list_each(node, &ils->links)
        linked = linked || list_entry(node, struct link, node)->state == LINK_UP;
    if (linked && !said_clone(ils, NULL))
        clone_over(ils);
}

void identity_up(struct link *l)
{
    struct ils *ils = l->ils;
    if (l->state == LINK_CLOSED)
        return;
    ils->was_linked = true;
    joined_as(ils, l->theirs.key);
    if (ils->cloned && !said_clone(ils, l->to))
        clone_over(ils);
    if (ils->refused_as.n != 0 && !ils->cloned &&
        !identity_lasts(ils, text_slice(ils->refused_as)))
        alarm_clear(ils, ILSDuplicateClusterID, text_slice(ils->refused_as));
    if (!ils->cloned)
        ils->refused_as.n = 0;
}

/* --- two writers */

/* Of the two heads the greater root is served in the end; the other is kept as proof. */
void identity_heads(struct ils *ils, struct stream *s, struct slice bytes, const struct head *h)
{
    bool wins = memcmp(h->root, s->head.root, HASH_SIZE) > 0 && !s->own;
    struct slice kept = wins ? buf_slice(&s->head_bytes) : bytes;
    struct slice name = s->own ? text_slice(ils->cluster_id) : s->head.name;
    bool again = slice_eq(kept, buf_slice(&s->second));
    if (!again) {
        struct trace *t = say(ils, EVENT_SECOND_WRITER);
        crypto_peer_id(t->peer_id, s->key);
        t->text[0] = arena_copy(&ils->step, name);
        t->number[0] = h->usn;
        buf_reset(&s->second);
        buf_put_slice(&s->second, kept);
        if (s->second.failed)
            buf_reset(&s->second);
    }
    if (cluster_id_valid(name) && (!again || !alarm_last(ils, ILSDuplicateClusterID, name)))
        alarm_raise(ils, ILSDuplicateClusterID, name);
    s->rolled_back = s->own;
}

static bool second_stands(const struct stream *s)
{
    struct head h;
    return s->second.n != 0 && stream_held(s) && head_get(buf_slice(&s->second), &h) == 0 &&
           h.epoch == s->head.epoch && h.usn == s->head.usn;
}

/* --- by relay */

void identity_named(struct ils *ils, struct peer *p)
{
    struct slice id = text_slice(p->cluster_id);
    bool said = p->twin;
    p->twin = identity_twice(ils, id);
    if (!p->twin)
        return;
    if (!said) {
        struct trace *t = say(ils, EVENT_DUPLICATE_ID);
        memcpy(t->peer_id, p->id, sizeof t->peer_id);
        t->text[0] = arena_copy(&ils->step, id);
    }
    if (!said || alarm_last(ils, ILSDuplicateClusterID, id) == 0)
        alarm_raise(ils, ILSDuplicateClusterID, id);
}

bool identity_lasts(const struct ils *ils, struct slice id)
{
    if (identity_twice(ils, id) || (ils->cloned && slice_eq(id, text_slice(ils->refused_as))))
        return true;
    list_each(node, &ils->streams) {
        const struct stream *s = list_entry(node, struct stream, node);
        if (second_stands(s) && slice_eq(s->head.name, id))
            return true;
    }
    return false;
}
