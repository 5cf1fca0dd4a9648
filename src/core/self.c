/* self: the peer info vector. Stream 0 of a cluster is a catalog of fields (what it says of itself)
 * and, on a hub, of its roster: whom it relays. Here it is written and read, and peers are kept. */
#include "core/core.h"

enum { FIELDS = 15, FIELDS_ALWAYS = 13, CHANGES_MAX = FIELDS + 2 * PEERS_MAX + 1024 };

static const char *const field_name[FIELDS] = {"cluster_id", "fqdn", "description", "version",
                                               "role", "route_string", "host", "port",
                                               "tls_port", "certificate", "certificate_next",
                                               "draining", "holds", "hub", "former"};

static struct slice decimal(struct arena *a, uint64_t v)
{
    uint8_t *p = arena_alloc(a, 20);
    size_t at = 20;
    if (p == NULL)
        return slice_make(NULL, 0);
    do {
        p[--at] = (uint8_t)('0' + v % 10);
        v /= 10;
    } while (v != 0);
    return slice_make(p + at, 20 - at);
}

/* --- peers */

static size_t holders(const struct ils *ils, struct slice fqdn)
{
    size_t n = slice_eq_fold(fqdn, text_slice(ils->fqdn));
    list_each(node, &ils->peers)
        n += slice_eq_fold(fqdn, text_slice(list_entry(node, struct peer, node)->fqdn));
    return n;
}

/* The alarms of names that two had. */
static void names_again(struct ils *ils)
{
    list_each(node, &ils->alarms) {
        const struct alarm_entry *e = list_entry(node, struct alarm_entry, node);
        if (e->alarm == ILSDuplicateFQDN && e->active && holders(ils, text_slice(e->subject)) < 2)
            alarm_clear(ils, ILSDuplicateFQDN, text_slice(e->subject));
    }
}

struct peer *peer_find(const struct ils *ils, const uint8_t key[static KEY_SIZE])
{
    struct peer *p = ils->peer_by_key[key[0] % PEER_BUCKETS];
    while (p != NULL && memcmp(p->key, key, KEY_SIZE) != 0)
        p = p->next_by_key;
    return p;
}

struct peer *peer_get(struct ils *ils, const uint8_t key[static KEY_SIZE])
{
    struct peer *p = peer_find(ils, key);
    if (p != NULL)
        return p;
    if (!admit_more(ils))
        return NULL;
    p = mem_alloc(ils->mem, sizeof *p);
    if (p == NULL)
        return NULL;
    memcpy(p->key, key, KEY_SIZE);
    crypto_peer_id(p->id, key);
    own_peer_init(ils, p);
    list_add(&ils->peers, &p->node);
    list_add(&ils->hubs, &p->hub);
    p->next_by_key = ils->peer_by_key[key[0] % PEER_BUCKETS];
    ils->peer_by_key[key[0] % PEER_BUCKETS] = p;
    ils->peer_n++;
    admit_counted(ils);
    return p;
}

bool peer_pointed_at(const struct ils *ils, const struct peer *p)
{
    if (p->link != NULL || p->contact.link != NULL)
        return true;
    list_each(node, &ils->links)
        if (list_entry(node, struct link, node)->to == p)
            return true;
    return false;
}

/* Nobody points at it any more. */
void peer_free(struct rows *r, struct peer *p)
{
    struct ils *ils = r->ils;
    struct peer **at = &ils->peer_by_key[p->key[0] % PEER_BUCKETS];
    while (*at != p)
        at = &(*at)->next_by_key;
    *at = p->next_by_key;
    rows_remove(r, ROW_PEER, arena_copy(&ils->step, slice_make(p->key, KEY_SIZE)));
    list_remove(&p->node);
    list_remove(&p->hub);
    ils->peer_n--;
    own_peer_free(p);
    mem_free(ils->mem, p, sizeof *p);
    names_again(ils);
    admit_counted(ils);
}

/* A link of p is gone (p may be NULL). Where each said who it is and one of them said no, nothing
 * came of it: that one takes no place in the table. */
void peer_unmet(struct ils *ils, struct peer *p)
{
    struct rows rows;
    if (!ils->started || p == NULL || p->met || p->invited_here || p->invited_there ||
        p->disconnected_here || p->disconnected_there || p->dropped || peer_pointed_at(ils, p))
        return;
    for (const struct stream *s = ils->by_key[p->key[0] % STREAM_BUCKETS]; s != NULL;
         s = s->next_by_key)
        if (memcmp(s->key, p->key, KEY_SIZE) == 0)
            return; /* others list it */
    rows_init(&rows, ils);
    bool stored = p->stored;
    peer_free(&rows, p);
    if (stored)
        journal_store(&rows, BATCH_PLAIN);
}

void peer_dirty(struct ils *ils, struct peer *p)
{
    p->dirty = true;
    ils->rows_next = 0;
}

void peer_placed(struct ils *ils, struct peer *p)
{
    bool there = !list_empty(&p->hub);
    if (there == (p->role != ROLE_SPOKE))
        return;
    if (there) {
        list_remove(&p->hub);
        p->contact.since = ils->role == ROLE_HUB ? 0 : p->contact.since;
        mesh_unmissed(ils, p);
        return;
    }
    struct list *before = p->node.prev, *ring = &ils->hubs;
    for (; before != &ils->peers && ring == &ils->hubs; before = before->prev) {
        struct peer *other = list_entry(before, struct peer, node);
        ring = list_empty(&other->hub) ? ring : &other->hub;
    }
    list_add(ring->next, &p->hub);
}

#define TOLD_APART 4 /* digits at least, in "id~peer" */

/* By cluster id, by peer id in hex, or by "id~peer", the beginning of the latter behind the former:
 * so clusters with one id are shown, and told apart. */
static bool is_called(struct slice name, struct slice id, const uint8_t peer[static PEER_ID_SIZE])
{
    char hex[2 * PEER_ID_SIZE + 1];
    hex_text(hex, peer, PEER_ID_SIZE);
    if (slice_eq_fold(name, slice_of(hex)) || (id.n != 0 && slice_eq_fold(name, id)))
        return true;
    size_t at = slice_find(name, '~'), n = at < name.n ? name.n - at - 1 : 0;
    return n >= TOLD_APART && n <= 2 * PEER_ID_SIZE &&
           slice_eq_fold(slice_make(name.p, at), id) &&
           slice_eq_fold(slice_make(name.p + at + 1, n), slice_make(hex, n));
}

/* *ret_itself: it is this cluster's own name. NULL: nobody's. */
struct peer *peer_named(const struct ils *ils, struct slice name, bool *ret_itself)
{
    *ret_itself = is_called(name, text_slice(ils->cluster_id), ils->peer_id);
    list_each(node, &ils->peers) {
        struct peer *p = list_entry(node, struct peer, node);
        if (is_called(name, text_slice(p->cluster_id), p->id))
            return p;
    }
    return NULL;
}

/* --- writing */

void self_changed(struct ils *ils)
{
    ils->self_dirty = true;
    ils->stale_next = ils->now; /* somebody may be disconnected, or connected again */
}

/* NAME, ADDRESS, NAME:PORT or [ADDRESS]:PORT to be reached at: when none is said, the address seen
 * on the link counts. A port that is said is that of the method that this cluster offers itself. */
static void advertised(const struct ils *ils, struct slice *ret_host, uint16_t *ret_port,
                       uint16_t *ret_tls_port)
{
    struct slice a = ils->advertise.n != 0 ? text_slice(ils->advertise) : text_slice(ils->seen);
    struct slice host = a;
    bool bracket = a.n != 0 && a.p[0] == '[';
    size_t from = bracket, end = slice_find(a, bracket ? ']' : ':'), at = end + 1 + bracket;
    uint64_t port = 0;
    bool has_port = at < a.n && slice_to_u64(slice_make(a.p + at, a.n - at), 65535, &port);
    if (end < a.n && (bracket || has_port))
        host = slice_make(a.p + from, end - from);
    *ret_host = host;
    *ret_port = ils->password_port;
    *ret_tls_port = ils->tls_port;
    if (has_port && ils->auth.tls)
        *ret_tls_port = (uint16_t)port;
    else if (has_port)
        *ret_port = (uint16_t)port;
}

/* The peer id of the hub that serves this spoke, in hex. */
static struct slice hub_told(struct ils *ils)
{
    uint8_t id[PEER_ID_SIZE];
    char hex[2 * PEER_ID_SIZE + 1] = "";
    if (ils->role == ROLE_SPOKE && ils->mesh.has_hub) {
        crypto_peer_id(id, ils->mesh.hub_key);
        hex_text(hex, id, sizeof id);
    }
    return arena_copy(&ils->step, slice_of(hex));
}

static size_t field_changes(struct ils *ils, struct change *change)
{
    struct slice host;
    uint16_t port, tls_port;
    char former[2 * PEER_ID_SIZE + 1] = "";
    if (!zeros(ils->former, PEER_ID_SIZE))
        hex_text(former, ils->former, PEER_ID_SIZE);
    advertised(ils, &host, &port, &tls_port);
    const struct slice value[FIELDS] = {
        text_slice(ils->cluster_id),  text_slice(ils->fqdn),
        text_slice(ils->description), text_slice(ils->version),
        decimal(&ils->step, ils->role), text_slice(ils->route_string),
        host, decimal(&ils->step, port), decimal(&ils->step, tls_port),
        own_told(ils, 0), own_told(ils, 1),
        ils->mesh.draining ? slice_of("1") : slice_of(""), holds_told(ils), hub_told(ils),
        arena_copy(&ils->step, slice_of(former))};
    size_t n = 0;
    for (size_t i = 0; i < FIELDS; i++)
        if (i < FIELDS_ALWAYS || value[i].n != 0)
            change[n++] = (struct change){.put = true, .kind = ENTRY_FIELD,
                                          .user = slice_of(field_name[i]), .value = value[i]};
    return n;
}

struct written {
    struct change *change;
    size_t wanted, n, max;
};

static bool on_roster(const struct ils *ils, const struct peer *p)
{
    return ils->role == ROLE_HUB && p->met && !p->foreign && !p->disconnected_here &&
           !p->disconnected_there &&
           (p->link != NULL || (ends_of(ils, p->key) == NULL && !peer_left(ils, p)));
}

/* What stands in stream 0 and is not to be there any more. */
static bool written_gone(void *context, const struct record *r)
{
    struct written *w = context;
    if (w->n == w->max)
        return true;
    for (size_t i = 0; i < w->wanted; i++)
        if (w->change[i].kind == r->kind && slice_eq(w->change[i].user, r->user))
            return true;
    w->change[w->n++] = (struct change){.kind = r->kind, .user = r->user};
    return true;
}

/* That another hub serves a spoke than it has said is said with what else there is to say, and not
 * by itself: when a hub dies nobody writes because of that. */
static bool nothing_new(const struct stream *self, const struct change *change, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        struct record key = {.kind = change[i].kind, .user = change[i].user}, now;
        bool there = catalog_find(self->catalog, &key, &now);
        if (there && key.kind == ENTRY_FIELD && slice_eq(key.user, slice_of("hub")))
            continue;
        if (there != change[i].put || (there && !slice_eq(now.value, change[i].value)))
            return false;
    }
    return true;
}

bool self_says_hub(const struct ils *ils)
{
    struct record key = {.kind = ENTRY_FIELD, .user = slice_of("role")}, now;
    uint64_t role;
    return catalog_find(ils->self->catalog, &key, &now) &&
           slice_to_u64(now.value, ROLE_SPOKE, &role) && role == ROLE_HUB;
}

/* A head carries cluster id, route string and interval: with new ones it is signed at once. */
static bool head_follows(const struct ils *ils, const struct stream *s)
{
    return slice_eq(s->head.route_string, text_slice(ils->route_string)) &&
           slice_eq(s->head.name, text_slice(ils->cluster_id)) &&
           s->head.interval == told_minutes(ils);
}

static void plan_follows(struct ils *ils)
{
    struct stream *s = ils->own;
    if (ils->ready && s != NULL && stream_held(s) && !ils->own->committing &&
        !adopt_holds(ils, s) && ils->now >= ils->self_after && !head_follows(ils, s))
        stream_commit(ils, s, NULL, 0, COMMIT_CHANGE);
}

/* Linked ones first, then who was met: as many as fit. */
static size_t roster_changes(const struct ils *ils, struct change *change)
{
    size_t n = 0;
    for (int linked = 1; linked >= 0; linked--)
        list_each(node, &ils->peers) {
            const struct peer *p = list_entry(node, struct peer, node);
            if (n < ROSTER_MAX && on_roster(ils, p) && (p->link != NULL) == linked)
                change[n++] = (struct change){.put = true, .kind = ENTRY_ROSTER,
                                              .user = slice_make(p->key, KEY_SIZE)};
        }
    return n;
}

/* All that stream 0 is to say, and what it is not to say any more. NULL: memory. */
struct change *self_changes(struct ils *ils, size_t *ret_n)
{
    struct change *change = arena_alloc(&ils->step, CHANGES_MAX * sizeof *change);
    if (change == NULL)
        return NULL;
    struct written w = {change, 0, field_changes(ils, change), CHANGES_MAX};
    w.n += roster_changes(ils, change + w.n);
    w.n += ends_changes(ils, change + w.n, w.max - w.n);
    w.n += introduce_changes(ils, change + w.n, w.max - w.n);
    w.wanted = w.n;
    catalog_walk(ils->self->catalog, written_gone, &w);
    *ret_n = w.n;
    return change;
}

/* Stream 0 follows what the cluster is, and so does the head of its plan; called at the end of a
 * step. */
void self_write(struct ils *ils)
{
    plan_follows(ils);
    if (!ils->self_dirty || !ils->ready || ils->self == NULL || ils->cluster_id.n == 0 ||
        ils->self->committing || adopt_holds(ils, ils->self) || ils->now < ils->self_after)
        return;
    ils->self_dirty = false;
    size_t n;
    const struct change *change = self_changes(ils, &n);
    if (change == NULL) {
        ils->self_dirty = true;
        return;
    }
    if (stream_held(ils->self) && head_follows(ils, ils->self) &&
        nothing_new(ils->self, change, n))
        return;
    if (stream_commit(ils, ils->self, change, n, COMMIT_CHANGE) != 0)
        ils->self_dirty = true;
}

/* --- reading */

/* People read these on terminals: no control characters (C0, DEL, C1). */
static struct slice shown(struct slice text)
{
    if (!slice_is_utf8(text))
        return slice_make(NULL, 0);
    for (size_t i = 0; i < text.n; i++)
        if (text.p[i] < 0x20 || text.p[i] == 0x7f ||
            (text.p[i] == 0xc2 && i + 1 < text.n && text.p[i + 1] < 0xa0))
            return slice_make(NULL, 0);
    return text;
}

/* Letters, digits and the marks of names and addresses. */
static struct slice named(struct slice text)
{
    for (size_t i = 0; i < text.n; i++) {
        uint8_t b = ascii_lower(text.p[i]);
        if ((b < 'a' || b > 'z') && (b < '0' || b > '9') && b != '-' && b != '.' && b != '_' &&
            b != ':')
            return slice_make(NULL, 0);
    }
    return text;
}

struct reading {
    struct peer *peer;
    size_t listed;
};

static void home_announced(struct peer *p, struct slice hex)
{
    if (!hex_parse(p->home, PEER_ID_SIZE, hex))
        memset(p->home, 0, PEER_ID_SIZE);
}

static bool read_field(void *context, const struct record *r)
{
    struct reading *reading = context;
    struct peer *p = reading->peer;
    uint64_t number;
    reading->listed += r->kind == ENTRY_ROSTER;
    if (r->kind != ENTRY_FIELD)
        return true;
    if (slice_eq(r->user, slice_of("cluster_id")) && cluster_id_valid(r->value))
        text_set(p->cluster_id, r->value);
    else if (slice_eq(r->user, slice_of("fqdn")))
        text_set(p->fqdn, named(r->value));
    else if (slice_eq(r->user, slice_of("description")))
        text_set(p->description, shown(r->value));
    else if (slice_eq(r->user, slice_of("version")))
        text_set(p->version, shown(r->value));
    else if (slice_eq(r->user, slice_of("route_string")))
        text_set(p->route_string, named(r->value));
    else if (slice_eq(r->user, slice_of("host")))
        text_set(p->host, named(r->value));
    else if (slice_eq(r->user, slice_of("role")) && slice_to_u64(r->value, ROLE_SPOKE, &number))
        p->role = (uint8_t)number;
    else if (slice_eq(r->user, slice_of("port")) && slice_to_u64(r->value, 65535, &number))
        p->port = (uint16_t)number;
    else if (slice_eq(r->user, slice_of("tls_port")) && slice_to_u64(r->value, 65535, &number))
        p->tls_port = (uint16_t)number;
    else if (slice_eq(r->user, slice_of("certificate")))
        own_announced(p, 0, r->value);
    else if (slice_eq(r->user, slice_of("certificate_next")))
        own_announced(p, 1, r->value);
    else if (slice_eq(r->user, slice_of("draining")))
        p->draining = slice_eq(r->value, slice_of("1"));
    else if (slice_eq(r->user, slice_of("hub")))
        home_announced(p, r->value);
    else if (slice_eq(r->user, slice_of("former")))
        text_set(p->former, named(r->value));
    else if (slice_eq(r->user, slice_of("holds")))
        holds_read(p, r->value);
    return true;
}

/* What the peer says of itself is now what its stream 0 says. */
void peer_read(struct ils *ils, struct peer *p, struct stream *s)
{
    text_set(p->cluster_id, slice_make(NULL, 0));
    text_set(p->description, slice_make(NULL, 0));
    text_set(p->route_string, slice_make(NULL, 0));
    text_set(p->host, slice_make(NULL, 0));
    memset(p->home, 0, PEER_ID_SIZE);
    p->role = ROLE_STANDALONE;
    p->draining = p->holds.known = false;
    struct reading reading = {.peer = p};
    catalog_walk(s->catalog, read_field, &reading);
    s->roster_n = reading.listed;
    peer_dirty(ils, p);
}

/* Two clusters that say that they have one name: both are kept, since the key says who is who, and
 * an operator is told until one of them has another. */
void peer_names(struct ils *ils, struct peer *p)
{
    ready_read(ils, p); /* its certificates may be others */
    identity_named(ils, p);
    if (p->fqdn.n != 0 && holders(ils, text_slice(p->fqdn)) > 1)
        alarm_raise(ils, ILSDuplicateFQDN, text_slice(p->fqdn));
    names_again(ils);
}

/* Something of it waits for admission: it may have left before. */
static bool waits(const struct ils *ils, const uint8_t key[static KEY_SIZE])
{
    const struct stream *s = ils->by_key[key[0] % STREAM_BUCKETS];
    while (s != NULL && (s->admitted || memcmp(s->key, key, KEY_SIZE) != 0))
        s = s->next_by_key;
    return s != NULL;
}

/* Where it is dialled, by its own word. */
struct place {
    uint16_t port, tls_port;
    TEXT(host, HOST_TEXT_MAX);
};

static struct place place_of(const struct peer *p)
{
    struct place place = {.port = p->port, .tls_port = p->tls_port};
    text_set(place.host, text_slice(p->host));
    return place;
}

static bool is_there(const struct peer *p, const struct place *place)
{
    return p->port == place->port && p->tls_port == place->tls_port &&
           slice_eq(text_slice(p->host), text_slice(place->host));
}

/* Another's stream 0 is served: it is in the table, or has left; and what a hub lists counts. */
void self_applied(struct ils *ils, struct stream *s)
{
    bool left = (s->head.flags & HEAD_FLAG_LEFT) != 0;
    struct peer *p = left ? peer_find(ils, s->key) : peer_get(ils, s->key);
    if (left || ends_find(ils, s->key) != NULL)
        ils->ends_due = ils->rosters_moved = true;
    if (waits(ils, s->key))
        ils->rosters_moved = true;
    if (p == NULL)
        return;
    bool hub = p->role == ROLE_HUB, former = p->former.n != 0;
    struct place was = place_of(p);
    p->met = p->met || BUG(GOSSIP_MET);
    if (left && p->disconnected_here)
        p->role = ROLE_STANDALONE; /* it keeps its name: by that it may be connected again */
    else
        peer_read(ils, p, s);
    if (!is_there(p, &was))
        mesh_moved(ils, p);
    peer_placed(ils, p);
    ils->next_announced |= p->next_announced;
    peer_names(ils, p);
    if (!former && p->former.n != 0)
        identity_former(ils, p);
    if (hub || p->role == ROLE_HUB)
        ils->rosters_moved = true;
    if (hub && p->role != ROLE_HUB)
        ends_again(ils);
    else if (s->admitted)
        ends_read(ils, s);
    introduce_read(ils, s);
}

struct wanted_key {
    const uint8_t *key;
    size_t listed;
    bool found;
};

static bool is_listed(void *context, const struct record *r)
{
    struct wanted_key *w = context;
    if (r->kind != ENTRY_ROSTER || r->user.n != KEY_SIZE)
        return true;
    w->found = memcmp(r->user.p, w->key, KEY_SIZE) == 0;
    return !w->found && ++w->listed < ROSTER_MAX;
}

/* What is beyond the end of a roster does not count; one's own has none too many. */
bool roster_lists(const struct stream *self, const uint8_t key[static KEY_SIZE])
{
    struct wanted_key w = {.key = key};
    struct record entry = {.kind = ENTRY_ROSTER, .user = slice_make(key, KEY_SIZE)}, held;
    if (!catalog_find(self->catalog, &entry, &held))
        return false;
    if (self->roster_n <= ROSTER_MAX)
        return true;
    catalog_walk(self->catalog, is_listed, &w);
    return w.found;
}
