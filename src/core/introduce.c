/* introduce: who was invited is made known to the other hubs, and they to it (PROTOCOL 13).
 *
 * An invite is an operator's act for the whole network. The hub that gave it out names in its
 * stream 0 each cluster that came by an invite of its own, with the certificate that it knows it
 * by, and as long as it has invited anybody the other hubs as well. A hub that has met the
 * introducing one imports the former; those whom that very hub has invited import both.
 * Nothing is imported but a certificate that its owner announces itself: the introduction only says
 * which one is meant.
 *
 * An introduction is not the operator's own word. So it is traced and alarmed, bounded for each
 * hub, refused altogether by a setting, and what an operator removed by hand does not come back.
 *
 * Settings: "introductions_off": u64; "no introduction of KEY": "1". Records of kind INTRODUCED:
 * see PROTOCOL.md. */
#include "core/trust.h"

#define INVITED 1 /* flags of a record: it came by an invite of this hub ... */
#define A_HUB   2 /* ... and it is a hub, for those who did */
#define VALUE   (1 + FINGERPRINT_SIZE)

#define INTRODUCED_BY "introduced by "
#define REFUSED_KEY   "no introduction of "

void introduce_again(struct ils *ils)
{
    ils->introducing.next = ils->now;
    if (ils->role == ROLE_HUB)
        self_changed(ils);
}

void introduce_read(struct ils *ils, const struct stream *self)
{
    struct peer *p = peer_find(ils, self->key);
    if (p != NULL)
        p->introduces_known = false;
    ils->introducing.next = ils->now; /* it may also announce a certificate that was introduced */
}

tick introduce_deadline(const struct ils *ils)
{
    return ils->ready && !ils->introductions_off ? ils->introducing.next : TICK_NEVER;
}

/* --- telling */

static bool has_invited(const struct ils *ils)
{
    list_each(node, &ils->peers)
        if (list_entry(node, struct peer, node)->invited_here)
            return true;
    return false;
}

/* As what p is introduced; 0: not at all. */
static uint8_t flags_of(const struct peer *p)
{
    if (!p->met || p->disconnected_here || p->disconnected_there)
        return 0;
    return (uint8_t)((p->invited_here ? INVITED : 0) |
                     (p->role == ROLE_HUB && !p->draining ? A_HUB : 0));
}

/* The fingerprint by which p is introduced; NULL: its certificate is not believed. What is just
 * being verified stays as it was said. */
static const uint8_t *fingerprint_of(const struct ils *ils, const struct peer *p)
{
    const struct announced *a = &p->announced[0];
    struct record key = {.kind = ENTRY_INTRODUCED, .user = slice_make(p->key, KEY_SIZE)}, now;
    if (a->judged)
        return a->facts.imported && cert_error(&a->facts) == CODE_NONE ? a->fingerprint : NULL;
    if (catalog_find(ils->self->catalog, &key, &now) && now.value.n >= VALUE)
        return now.value.p + 1;
    return p->has_shown && trust_find(ils, p->shown) != NULL ? p->shown : NULL;
}

static struct slice record_value(struct ils *ils, const struct peer *p, uint8_t flags)
{
    const uint8_t *fingerprint = fingerprint_of(ils, p);
    uint8_t *value = fingerprint == NULL ? NULL : arena_alloc(&ils->step, VALUE);
    if (value == NULL)
        return slice_make(NULL, 0);
    value[0] = flags;
    memcpy(value + 1, fingerprint, FINGERPRINT_SIZE);
    return slice_make(value, VALUE);
}

size_t introduce_changes(struct ils *ils, struct change *change, size_t max)
{
    size_t n = 0;
    if (ils->role != ROLE_HUB || !has_invited(ils))
        return 0;
    list_each(node, &ils->peers) {
        const struct peer *p = list_entry(node, struct peer, node);
        uint8_t flags = flags_of(p);
        if (flags == 0 || n == max || n == INTRODUCED_MAX)
            continue;
        struct slice value = record_value(ils, p, flags);
        if (value.n != 0)
            change[n++] = (struct change){.put = true, .kind = ENTRY_INTRODUCED,
                                          .user = slice_make(p->key, KEY_SIZE), .value = value};
    }
    return n;
}

/* --- what an operator removed by hand */

static struct slice refused_key(struct ils *ils, const uint8_t *key)
{
    char text[sizeof REFUSED_KEY + 2 * KEY_SIZE] = REFUSED_KEY;
    hex_text(text + sizeof REFUSED_KEY - 1, key, KEY_SIZE);
    return arena_copy(&ils->step, slice_of(text));
}

static bool refused_at(const struct ils *ils, const uint8_t *key, size_t *ret_at)
{
    const struct buf *b = &ils->introducing.not_again;
    for (*ret_at = 0; *ret_at < b->n; *ret_at += KEY_SIZE)
        if (memcmp(b->p + *ret_at, key, KEY_SIZE) == 0)
            return true;
    return false;
}

static void refused_drop(struct ils *ils, size_t at)
{
    struct buf *b = &ils->introducing.not_again;
    memmove(b->p + at, b->p + at + KEY_SIZE, b->n - at - KEY_SIZE);
    b->n -= KEY_SIZE;
}

static void refused_take(struct ils *ils, const uint8_t *key)
{
    struct buf *b = &ils->introducing.not_again;
    size_t at;
    if (b->mem == NULL)
        buf_init(b, ils->mem, INTRODUCED_MAX * KEY_SIZE);
    if (refused_at(ils, key, &at))
        return;
    if (b->n == b->max)
        refused_drop(ils, 0); /* its row is found at the next start, and dropped then */
    buf_put(b, key, KEY_SIZE);
    b->failed = false; /* no memory: until the next start */
}

static bool announces(const struct peer *p, const uint8_t *fingerprint)
{
    const struct announced *a = &p->announced[0];
    return a->judged && memcmp(a->fingerprint, fingerprint, FINGERPRINT_SIZE) == 0;
}

/* p is known by the certificate with that fingerprint. */
static bool known_by(const struct peer *p, const uint8_t *fingerprint)
{
    return announces(p, fingerprint) ||
           (p->has_shown && memcmp(p->shown, fingerprint, FINGERPRINT_SIZE) == 0);
}

void introduce_removed(struct rows *r, const uint8_t fingerprint[static FINGERPRINT_SIZE])
{
    list_each(node, &r->ils->peers) {
        const struct peer *p = list_entry(node, struct peer, node);
        if (known_by(p, fingerprint))
            rows_put(r, ROW_SETTING, refused_key(r->ils, p->key), slice_of("1"));
    }
}

void introduce_removal_stored(struct ils *ils, const uint8_t fingerprint[static FINGERPRINT_SIZE])
{
    list_each(node, &ils->peers) {
        const struct peer *p = list_entry(node, struct peer, node);
        if (known_by(p, fingerprint))
            refused_take(ils, p->key);
    }
}

/* Who is believed again, by an operator's hand, may be introduced again. */
static void forgive(struct ils *ils)
{
    struct rows rows;
    rows_init(&rows, ils);
    list_each(node, &ils->peers) {
        const struct peer *p = list_entry(node, struct peer, node);
        const struct announced *a = &p->announced[0];
        size_t at;
        if (!a->judged || !a->facts.imported || !refused_at(ils, p->key, &at))
            continue;
        refused_drop(ils, at);
        rows_remove(&rows, ROW_SETTING, refused_key(ils, p->key));
    }
    if (rows.n != 0)
        journal_store(&rows, BATCH_PLAIN);
}

/* --- importing */

/* What is taken of one hub's word in this step. */
struct intake {
    struct ils *ils;
    struct peer *hub;
    struct rows rows;
    struct trust_change *change; /* NULL: nothing yet */
    struct buf source;
    size_t records, kept, added;
};

static uint8_t flags_in(struct slice value)
{
    return value.n >= VALUE ? value.p[0] : 0;
}

/* For a hub: who was invited. For whom that hub has invited: the hubs, and its other guests, one of
 * whom may have to take its place one day. */
static bool is_for_us(const struct ils *ils, const struct peer *hub, uint8_t flags,
                      const struct peer *p)
{
    return ((flags & INVITED) != 0 && (ils->role == ROLE_HUB || hub->invited_there)) ||
           ((flags & A_HUB) != 0 && hub->invited_there && p->role == ROLE_HUB);
}

/* The certificate that r introduces, if it is to be imported. */
static const struct announced *wanted(const struct ils *ils, const struct peer *hub,
                                      const struct record *r)
{
    const struct peer *p = r->user.n == KEY_SIZE ? peer_find(ils, r->user.p) : NULL;
    size_t at;
    if (p == NULL || p == hub || p->disconnected_here || refused_at(ils, p->key, &at) ||
        !is_for_us(ils, hub, flags_in(r->value), p))
        return NULL;
    const struct ended *ended = ends_of(ils, p->key);
    const struct announced *a = &p->announced[0];
    if ((ended != NULL && ended->banned) || !a->judged || a->facts.imported ||
        trust_pending(ils, a->fingerprint) ||
        memcmp(a->fingerprint, r->value.p + 1, FINGERPRINT_SIZE) != 0)
        return NULL;
    enum code code = cert_error(&a->facts);
    return code == CODE_NONE || code == CODE_SELF_SIGNED || code == CODE_NO_CHAIN ? a : NULL;
}

static bool in_use(const struct ils *ils, const struct trust_entry *e)
{
    list_each(node, &ils->peers)
        if (known_by(list_entry(node, struct peer, node), e->fingerprint))
            return true;
    return false;
}

/* Of what came by the hub's word the oldest that nobody uses any more; NULL: none. */
static const struct trust_entry *outlived(const struct ils *ils, const struct peer *hub)
{
    const struct trust_entry *oldest = NULL;
    list_each(node, &ils->trust) {
        const struct trust_entry *e = list_entry(node, struct trust_entry, node);
        if (trust_came_by(e, INTRODUCED_BY, hub) && !in_use(ils, e) &&
            (oldest == NULL || e->added < oldest->added))
            oldest = e;
    }
    return oldest;
}

/* Room for one more by this hub's word; false: that is all for now. */
static bool make_room(struct intake *in)
{
    if (in->change == NULL) {
        in->change = trust_change_new(in->ils);
        if (in->change == NULL)
            return false;
        trust_source(&in->source, in->ils, INTRODUCED_BY, in->hub);
        memcpy(in->change->introduced_by, in->hub->key, KEY_SIZE);
        in->change->introduced = true;
    }
    if (in->kept + in->added < INTRODUCED_KEPT)
        return true;
    const struct trust_entry *gone = in->change->remove ? NULL : outlived(in->ils, in->hub);
    if (gone != NULL)
        trust_replace(&in->rows, in->change, gone);
    return gone != NULL;
}

/* A few at once, then a pause. What the disk refuses is tried again after it. */
static bool may_take(struct intake *in)
{
    struct peer *hub = in->hub;
    if (in->ils->now >= hub->introduced_until) {
        hub->introduced_until = in->ils->now + ANNOUNCED_WAIT_US;
        hub->introduced_n = 0;
    }
    in->ils->introducing.next = hub->introduced_until;
    return hub->introduced_n < INTRODUCED_ONCE;
}

static bool take(void *context, const struct record *r)
{
    struct intake *in = context;
    if (r->kind != ENTRY_INTRODUCED)
        return true;
    if (++in->records > INTRODUCED_MAX)
        return false;
    const struct announced *a = wanted(in->ils, in->hub, r);
    if (a == NULL)
        return true;
    if (!may_take(in))
        return false;
    struct slice leaf = slice_make(a->der.p, certificate_der_size(buf_slice(&a->der)));
    if (!make_room(in) || !trust_add_to(&in->rows, in->change, leaf, &a->facts,
                                        buf_slice(&in->source)))
        return false;
    in->added++;
    in->hub->introduced_n++;
    return true;
}

static void take_from(struct ils *ils, struct peer *hub, const struct stream *self)
{
    struct intake in = {.ils = ils, .hub = hub};
    tick next = ils->introducing.next; /* of another hub's */
    rows_init(&in.rows, ils);
    list_each(node, &ils->trust)
        in.kept += trust_came_by(list_entry(node, struct trust_entry, node), INTRODUCED_BY, hub);
    catalog_walk(self->catalog, take, &in);
    buf_done(&in.source);
    if (next < ils->introducing.next)
        ils->introducing.next = next;
    if (in.added != 0) {
        struct batch *b = journal_store(&in.rows, BATCH_TRUST);
        if (b != NULL) {
            b->trust = in.change;
            return;
        }
    }
    trust_change_free(ils, in.change);
}

/* A hub that this cluster has met, and whose word counts here. Who has shown no certificate himself
 * vouches for none: a password may be changed, and what was imported stays. */
static bool may_introduce(const struct ils *ils, const struct peer *p)
{
    return p->met && p->met_method >= METHOD_TLS && p->role == ROLE_HUB && !p->disconnected_here &&
           (ils->role == ROLE_HUB || p->invited_there);
}

static bool is_introduction(void *context, const struct record *r)
{
    bool *found = context;
    *found = r->kind == ENTRY_INTRODUCED;
    return !*found;
}

/* Most hubs have invited nobody: theirs is walked once, and not with every change of anybody. */
static bool introduces(struct peer *p, const struct stream *self)
{
    if (!p->introduces_known) {
        p->introduces = false;
        catalog_walk(self->catalog, is_introduction, &p->introduces);
        p->introduces_known = true;
    }
    return p->introduces;
}

void introduce_tick(struct ils *ils)
{
    if (!ils->ready || ils->now < ils->introducing.next)
        return;
    ils->introducing.next = TICK_NEVER;
    forgive(ils);
    if (ils->introductions_off)
        return;
    list_each(node, &ils->peers) {
        struct peer *p = list_entry(node, struct peer, node);
        const struct stream *self =
            may_introduce(ils, p) ? stream_find(ils, p->key, STREAM_SELF) : NULL;
        if (self != NULL && self->admitted && stream_held(self) && introduces(p, self))
            take_from(ils, p, self);
    }
}

/* --- waiting for it */

/* Whether p is still to be imported by that hub's word, there or here: what the other end does is
 * not seen, and takes a moment. */
static bool still_waits(const struct ils *ils, const struct peer *hub, const struct peer *p)
{
    const struct stream *self = stream_find(ils, hub->key, STREAM_SELF);
    struct record key = {.kind = ENTRY_INTRODUCED, .user = slice_make(p->key, KEY_SIZE)}, now;
    if (p == hub || self == NULL || !stream_held(self) ||
        !catalog_find(self->catalog, &key, &now) || !is_for_us(ils, hub, flags_in(now.value), p))
        return false;
    bool guest = (flags_in(now.value) & INVITED) == 0;
    tick least = guest ? INTRODUCED_GUEST_US : INTRODUCED_HOST_US;
    return ils->now - p->contact.since < least ||
           !p->announced[0].judged || !p->announced[0].facts.imported;
}

/* Who was invited is introduced to the others, and they to him, in the first moments after he has
 * come: that hub does not say it before. */
static bool just_invited(const struct ils *ils, const struct peer *p)
{
    if (ils->now - p->contact.since >= INTRODUCED_GUEST_US || p->invited_there)
        return false;
    list_each(node, &ils->peers) {
        const struct peer *hub = list_entry(node, struct peer, node);
        if (hub->invited_there && may_introduce(ils, hub))
            return true;
    }
    return false;
}

bool introduce_holds(const struct ils *ils, const struct peer *p)
{
    tick since = p->contact.since;
    if (p->met || ils->introductions_off || since == 0 ||
        ils->now - since >= INTRODUCED_HOLD_US || method_offered(ils) == METHOD_PASSWORD)
        return false;
    if (just_invited(ils, p))
        return true;
    list_each(node, &ils->peers) {
        const struct peer *hub = list_entry(node, struct peer, node);
        if (may_introduce(ils, hub) && still_waits(ils, hub, p))
            return true;
    }
    return false;
}

/* --- durable */

/* How the hub introduces p in what is known of it now. */
static uint8_t introduced_as(const struct ils *ils, const struct peer *hub, const struct peer *p)
{
    const struct stream *self = stream_find(ils, hub->key, STREAM_SELF);
    struct record key = {.kind = ENTRY_INTRODUCED, .user = slice_make(p->key, KEY_SIZE)}, now;
    return self != NULL && catalog_find(self->catalog, &key, &now) ? flags_in(now.value) : 0;
}

static struct slice name_of(struct ils *ils, const struct peer *p)
{
    char hex[2 * PEER_ID_SIZE + 1];
    hex_text(hex, p->id, PEER_ID_SIZE);
    return arena_copy(&ils->step, p->cluster_id.n != 0 ? text_slice(p->cluster_id) : slice_of(hex));
}

/* The alarm is for an invite that another cluster's operator gave: whoever was invited himself has
 * asked for the hubs. */
void introduce_stored(struct ils *ils, const struct trust_entry *e,
                      const uint8_t hub_key[static KEY_SIZE])
{
    const struct peer *hub = peer_find(ils, hub_key);
    list_each(node, &ils->peers) {
        struct peer *p = list_entry(node, struct peer, node);
        if (hub == NULL || !announces(p, e->fingerprint))
            continue;
        if (!p->met && p->contact.since != 0)
            p->contact.since = ils->now; /* it is told of this end just now, too */
        struct trace *t = say(ils, EVENT_INTRODUCED);
        memcpy(t->peer_id, p->id, sizeof t->peer_id);
        t->text[0] = name_of(ils, p);
        t->text[1] = name_of(ils, hub);
        if ((introduced_as(ils, hub, p) & INVITED) != 0 && ils->role == ROLE_HUB)
            alarm_raise(ils, ILSCertificateIntroduced, name_of(ils, p));
        return;
    }
}

/* --- the setting */

bool introduce_setting(struct ils *ils, struct slice key, struct slice value)
{
    uint8_t peer[KEY_SIZE];
    size_t n = sizeof REFUSED_KEY - 1;
    if (slice_eq(key, slice_of("introductions_off"))) {
        ils->introductions_off = value.n != 0 && value.p[value.n - 1] != 0;
        return true;
    }
    if (key.n < n || memcmp(key.p, REFUSED_KEY, n) != 0)
        return false;
    if (hex_parse(peer, KEY_SIZE, slice_make(key.p + n, key.n - n)))
        refused_take(ils, peer);
    return true;
}

void introduce_rows(struct rows *r)
{
    rows_setting_u64(r, "introductions_off", r->ils->introductions_off);
}

void introduce_command(struct ils *ils, const struct command *c)
{
    struct rows rows;
    ils->introductions_off = !c->raise;
    ils->introducing.next = ils->now;
    rows_init(&rows, ils);
    rows_self(&rows);
    store_and_reply(&rows, c, false);
}

void introduce_free(struct ils *ils)
{
    buf_done(&ils->introducing.not_again);
}
