/* mesh: whom this cluster wants to be linked to (PROTOCOL 8, Who is dialled).
 *
 * A hub wants every other hub. Both ends may dial; of two links the collision rule keeps one.
 * A spoke wants one hub: its own, the registration server (dial.c), and while that does not answer
 * one of the alternates, which are the other hubs that it knows of. They are tried in an order of
 * its own, so that the spokes of a hub that dies spread over those that live; a new attempt begins
 * every second, whatever became of the one before. From an alternate it goes back when its own hub
 * answers again. So that this works at night, it visits each alternate once by day: link, proof,
 * goodbye, and again when a certificate or the method has changed. Where there is no alternate, the
 * spokes visit each other once, so that one of them can be made the hub. */
#include "core/core.h"

bool mesh_is_hub(const struct peer *p)
{
    return p->role == ROLE_HUB && !p->draining && !p->disconnected_here &&
           !p->disconnected_there;
}

bool mesh_knows(const struct ils *ils, const struct peer *p)
{
    const struct stream *self = stream_find(ils, p->key, STREAM_SELF);
    return !p->dropped && ends_of(ils, p->key) == NULL && self != NULL && stream_held(self) &&
           (self->admitted || p->met);
}

/* The registration server, which dial.c sees to. */
static bool is_home(const struct ils *ils, const struct peer *p)
{
    return ils->dial.wanted && !ils->dial.moving && dial_is_hub(ils, p);
}

bool mesh_wanted(const struct ils *ils, const struct peer *p)
{
    return ils->role == ROLE_HUB && ils->leaving.until == 0 && p->role == ROLE_HUB &&
           !p->disconnected_here && !p->disconnected_there && mesh_knows(ils, p);
}

bool mesh_alternate(const struct ils *ils, const struct peer *p)
{
    return ils->role == ROLE_SPOKE && ils->dial.wanted && ils->leaving.until == 0 &&
           mesh_is_hub(p) && !is_home(ils, p) && mesh_knows(ils, p);
}

static bool possible(const struct ils *ils)
{
    return ils->ready && ils->role != ROLE_STANDALONE && dial_equipped(ils, method_offered(ils));
}

/* --- attempts */

static struct slice address(const struct peer *p)
{
    return p->host.n != 0 ? text_slice(p->host) : slice_of(p->met_ip);
}

/* Where it is dialled this time: mostly there; where that has led nowhere for a while, or to
 * another cluster, also, in turn, where it says that it is, under its name, and where it was met.
 * Machines move. */
struct slice mesh_place(const struct peer *p, uint32_t attempts, enum code last,
                        struct slice usual)
{
    const struct slice other[] = {text_slice(p->host), text_slice(p->fqdn), slice_of(p->met_ip)};
    if ((attempts < PLACE_AFTER && last != CODE_OTHER_CLUSTER) || attempts % 2 == 0)
        return usual;
    struct slice place = other[attempts / 2 % 3];
    return place.n != 0 ? place : usual;
}

static void attempt(struct ils *ils, struct peer *p, bool visit)
{
    struct contact *c = &p->contact;
    struct slice place = mesh_place(p, c->attempts, c->last_code, address(p));
    uint8_t method = method_offered(ils);
    bool tls = method != METHOD_PASSWORD;
    uint16_t port = tls ? p->tls_port : p->port;
    if (port == 0)
        port = tls ? PORT_TLS_DEFAULT : PORT_PASSWORD_DEFAULT;
    if (address(p).n == 0)
        return;
    if (introduce_holds(ils, p)) {
        p->contact.next = ils->now + BACKOFF_MIN_US;
        return;
    }
    if (!tls && p->link != NULL && p->link->dialler && p->link->tls)
        link_end(p->link, CODE_REPLACED, true); /* it would beat what follows it */
    struct link *l = dial(ils, place, port, method);
    p->contact.next = ils->now + BACKOFF_MAX_US;
    dial_renews(ils, p);
    if (l == NULL)
        return;
    l->expected = true;
    l->elsewhere = !slice_eq(place, address(p));
    l->visit = visit;
    l->brisk = !visit && p->met && c->attempts < BRISK_ATTEMPTS;
    memcpy(l->expected_key, p->key, KEY_SIZE);
    p->contact.link = l;
}

/* What a visit shows of the two ends: when it changes, they visit again. A password shows no
 * certificate. */
static void visited_as(const struct ils *ils, const struct peer *p, uint8_t ret[static HASH_SIZE])
{
    const uint8_t method[1] = {method_offered(ils)};
    const struct slice parts[] = {slice_make(method, 1),
                                  slice_make(ils->cert[0].fingerprint, FINGERPRINT_SIZE),
                                  slice_make(p->announced[0].fingerprint, FINGERPRINT_SIZE)};
    crypto_hash(ret, "visited", parts, method[0] == METHOD_PASSWORD ? 1 : 3);
}

bool mesh_visited(const struct ils *ils, const struct peer *p)
{
    uint8_t as[HASH_SIZE];
    visited_as(ils, p, as);
    return p->contact.visited && p->contact.last_code != CODE_CLONE &&
           memcmp(as, p->contact.visited_as, HASH_SIZE) == 0;
}

/* --- a spoke and its hub */

/* Whoever serves this spoke; draining: also who will not for long. */
static struct peer *serving(const struct ils *ils, const struct peer *but, bool draining)
{
    list_each(node, &ils->hubs) {
        struct peer *p = list_entry(node, struct peer, hub);
        if (p != but && p->link != NULL && p->role != ROLE_SPOKE && (draining || !p->draining))
            return p;
    }
    return NULL;
}

/* A spoke that an alternate serves. */
bool mesh_elsewhere(const struct ils *ils)
{
    return ils->role == ROLE_SPOKE && serving(ils, NULL, false) != NULL;
}

static int rank_order(const struct ils *ils, const struct peer *a, const struct peer *b)
{
    uint8_t rank[2][HASH_SIZE];
    const struct peer *of[2] = {a, b};
    for (size_t i = 0; i < 2; i++) {
        const struct slice parts[] = {slice_make(ils->key, KEY_SIZE),
                                      slice_make(of[i]->key, KEY_SIZE)};
        crypto_hash(rank[i], "alternate", parts, 2);
    }
    return memcmp(rank[0], rank[1], HASH_SIZE);
}

/* The hub that was registered with is none any more: by its own word, or because it left or was
 * forgotten. */
bool mesh_home_gone(const struct ils *ils)
{
    const struct dial *d = &ils->dial;
    if (!d->hub_known || d->moving || d->command != 0 || d->invite.expires != 0)
        return false;
    const struct peer *home = peer_find(ils, d->hub_key);
    return home == NULL || home->role == ROLE_SPOKE || home->draining ||
           ends_of(ils, d->hub_key) != NULL;
}

/* Then whoever serves instead is registered with from now on. */
static void take_as_home(struct ils *ils, const struct peer *p)
{
    if (is_home(ils, p) || !mesh_home_gone(ils))
        return;
    alarm_clear(ils, ILSHubClusterUnreachable, text_slice(ils->dial.host));
    dial_register(ils, p);
}

/* The next alternate to be tried, or NULL. */
static struct peer *next_alternate(const struct ils *ils)
{
    struct peer *best = NULL;
    list_each(node, &ils->hubs) {
        struct peer *p = list_entry(node, struct peer, hub);
        if (!mesh_alternate(ils, p) || p->link != NULL || ils->now < p->contact.next ||
            !identity_may_dial(ils, p) ||
            (p->contact.link != NULL && !p->contact.link->visit))
            continue;
        if (best == NULL || p->contact.attempts < best->contact.attempts ||
            (p->contact.attempts == best->contact.attempts && rank_order(ils, p, best) < 0))
            best = p;
    }
    return best;
}

/* Nobody serves this spoke: an alternate, one more every second. */
static void spoke_lost(struct ils *ils)
{
    struct mesh *m = &ils->mesh;
    if (m->lost == 0) {
        m->lost = ils->now;
        m->next = ils->now + ALTERNATE_AFTER_US +
                  (tick)rand_below(&ils->rand, ALTERNATE_JITTER_US);
        mesh_now(ils); /* a visit can wait for minutes, this cannot */
    }
    if (ils->now < m->next)
        return;
    m->next = ils->now + ALTERNATE_EVERY_US;
    struct peer *p = next_alternate(ils);
    if (p == NULL)
        return;
    if (p->contact.link != NULL) /* a visit becomes more than that */
        p->contact.link->visit = false;
    else
        attempt(ils, p, false);
}

static bool lone_hub(const struct ils *ils)
{
    list_each(node, &ils->hubs)
        if (mesh_alternate(ils, list_entry(node, struct peer, hub)))
            return false;
    return true;
}

/* Where one hub is all there is, another spoke may have to take its place one day: by then they
 * have met. A password lets strangers meet; a certificate alone does not: nothing is tried then. */
static bool may_follow(const struct ils *ils, const struct peer *p)
{
    return ils->role == ROLE_SPOKE && ils->dial.wanted && ils->leaving.until == 0 && !p->met &&
           p->role == ROLE_SPOKE && !p->disconnected_here && !p->disconnected_there &&
           method_offered(ils) == METHOD_PASSWORD && mesh_knows(ils, p);
}

static bool waits_for_visit(const struct ils *ils, const struct peer *p, bool lone)
{
    return p->link == NULL && p->contact.link == NULL &&
           (mesh_alternate(ils, p) || (lone && may_follow(ils, p))) && !mesh_visited(ils, p);
}

static void visit(struct ils *ils, struct peer *p, bool lone)
{
    struct contact *c = &p->contact;
    if (!waits_for_visit(ils, p, lone))
        return;
    if (c->since == 0) {
        c->since = ils->now;
        c->next = ils->now + (tick)rand_below(&ils->rand, VISIT_JITTER_US);
    }
    if (ils->now >= c->next)
        attempt(ils, p, true);
}

static void spoke_visits(struct ils *ils)
{
    ils->mesh.lone = lone_hub(ils);
    if (!ils->mesh.lone) {
        list_each(node, &ils->hubs)
            visit(ils, list_entry(node, struct peer, hub), false);
        return;
    }
    list_each(node, &ils->peers)
        visit(ils, list_entry(node, struct peer, node), true);
}

/* The one of its peer. */
static bool stands(const struct link *l)
{
    return l->to != NULL && l->to->link == l;
}

/* Whoever came by what was known of roles long ago would come again and again, if it were not told
 * what is known now: heads travel meanwhile. */
static bool heard(struct ils *ils, const struct link *l)
{
    tick until = l->up + HEARD_US;
    if (l->dialler || ils->now >= until)
        return true;
    ils->mesh.let_go = until < ils->mesh.let_go ? until : ils->mesh.let_go;
    return false;
}

/* One hub is enough: what a role change or two answers at once left over ends, once the others know
 * what this cluster is. */
static void spoke_lets_go(struct ils *ils)
{
    struct peer *keep = NULL;
    if (ils->self_dirty || ils->self->committing || BUG(TWO_HUBS))
        return;
    list_each(node, &ils->hubs) {
        struct peer *p = list_entry(node, struct peer, hub);
        if (p->link != NULL && !p->draining && p->role != ROLE_SPOKE &&
            (keep == NULL || is_home(ils, p)))
            keep = p;
    }
    if (keep == NULL)
        return;
    list_each_safe(node, &ils->links) {
        struct link *l = list_entry(node, struct link, node);
        if (stands(l) && l->to != keep && heard(ils, l))
            link_end(l, CODE_GOING_DOWN, true);
    }
}

/* A spoke serves nobody. Whoever came as a hub, by what was known then, and has turned out to be a
 * spoke would else have a registration server for ever that is none, and never be told. What this
 * one dialled may be a hub by now, which is still to come; the other end ends that one. */
static void spoke_serves_none(struct ils *ils)
{
    list_each_safe(node, &ils->links) {
        struct link *l = list_entry(node, struct link, node);
        if (stands(l) && !l->dialler && l->to->role == ROLE_SPOKE)
            link_end(l, CODE_GOING_DOWN, true);
    }
}

void mesh_unmissed(struct ils *ils, const struct peer *p)
{
    alarm_clear(ils, ILSHubClusterUnreachable, text_slice(p->host));
    alarm_clear(ils, ILSHubClusterUnreachable, slice_of(p->met_ip));
}

/* Whom it sought for want of a hub, or was linked with while it was one, it dials no more: nobody
 * would find out that they are reached again. */
static void spoke_settles(struct ils *ils)
{
    if (ils->mesh.settled)
        return;
    ils->mesh.settled = true;
    list_each(node, &ils->hubs) {
        const struct peer *p = list_entry(node, struct peer, hub);
        if (!is_home(ils, p))
            mesh_unmissed(ils, p);
    }
}

static void spoke_tick(struct ils *ils)
{
    const struct peer *home = ils->dial.hub_known ? peer_find(ils, ils->dial.hub_key) : NULL;
    spoke_serves_none(ils);
    ils->mesh.let_go = TICK_NEVER;
    if (!ils->dial.wanted)
        return;
    if (home == NULL || home->link != NULL)
        ils->mesh.home_lost = 0;
    else if (ils->mesh.home_lost == 0)
        ils->mesh.home_lost = ils->now;
    const struct peer *hub = serving(ils, NULL, false);
    if (hub == NULL) {
        ils->mesh.settled = false;
        spoke_lost(ils);
        return;
    }
    ils->mesh.lost = 0;
    spoke_settles(ils);
    if (hub->role == ROLE_HUB)
        take_as_home(ils, hub);
    spoke_lets_go(ils);
    spoke_visits(ils);
}

/* --- a hub and the others */

/* The registration server is dialled by dial.c, at the address that was typed. */
static bool by_dial(const struct ils *ils, const struct peer *p)
{
    return is_home(ils, p) && !mesh_home_gone(ils);
}

/* Of two parts of a network, each may have lost its hubs and made others, whom the other part knows
 * as spokes: nobody would dial them. So whoever was not heard of for two beats is dialled, whatever
 * it was last. */
static void hub_seeks(struct ils *ils)
{
    struct mesh *m = &ils->mesh;
    if (!m->seek || ils->now < m->seek_next || ils->leaving.until != 0)
        return;
    m->seek_next = ils->now + SEEK_EVERY_US;
    list_each(node, &ils->peers) {
        struct peer *p = list_entry(node, struct peer, node);
        if (p->role == ROLE_SPOKE && p->link == NULL && p->contact.link == NULL &&
            !p->disconnected_here && !p->disconnected_there && mesh_knows(ils, p) &&
            stream_overdue(ils, stream_find(ils, p->key, STREAM_SELF)))
            dial_peer(ils, p);
    }
}

static void hub_tick(struct ils *ils)
{
    hub_seeks(ils);
    if (mesh_home_gone(ils)) /* it is not dialled any more: nothing else would tell */
        alarm_clear(ils, ILSHubClusterUnreachable, text_slice(ils->dial.host));
    if (ils->mesh.lone) /* it was a spoke until now */
        list_each(node, &ils->peers)
            list_entry(node, struct peer, node)->contact.since = 0;
    ils->mesh.lone = ils->mesh.settled = false;
    list_each(node, &ils->hubs) {
        struct peer *p = list_entry(node, struct peer, hub);
        struct contact *c = &p->contact;
        if (!mesh_wanted(ils, p)) {
            if (c->since != 0)
                mesh_unmissed(ils, p);
            c->since = 0;
            continue;
        }
        if (p->link == NULL && c->since == 0)
            c->since = ils->now;
        if (c->link == NULL && ils->now >= c->next && !by_dial(ils, p) &&
            (p->link == NULL || dial_renewal_due(ils, p)))
            attempt(ils, p, false);
    }
}

void mesh_tick(struct ils *ils)
{
    if (!possible(ils))
        return;
    if (ils->role == ROLE_HUB)
        hub_tick(ils);
    else
        spoke_tick(ils);
}

/* --- what came of it */

static struct peer *contact_of(const struct ils *ils, const struct link *l)
{
    struct peer *p = l->expected ? peer_find(ils, l->expected_key) : NULL;
    return p != NULL && p->contact.link == l ? p : NULL;
}

/* Known peers: 3 s at most. Of a hub that was never met only the address is known, which is what
 * somebody said: a minute. What an unvisited alternate answers, where it usually is, changes only
 * when somebody changes it: up to ten minutes, unless something changes here. */
static tick pause_after(struct ils *ils, const struct peer *p, bool visit, enum code code)
{
    const struct contact *c = &p->contact;
    tick wait = BACKOFF_MIN_US, most = visit    ? VISIT_PAUSE_MAX_US
                                       : p->met ? BACKOFF_MAX_US : REFUSED_WAIT_US;
    if (dial_refusal(code))
        return REFUSED_WAIT_US / 2 + (tick)rand_below(&ils->rand, REFUSED_WAIT_US / 2 + 1);
    for (uint32_t i = 1; i < c->attempts && wait < most; i++)
        wait *= 2;
    wait = wait < most ? wait : most;
    return wait / 2 + (tick)rand_below(&ils->rand, (uint64_t)wait / 2 + 1);
}

static void attempt_over(struct ils *ils, struct link *l, struct peer *p, enum code code)
{
    struct contact *c = &p->contact;
    c->link = NULL;
    if (l->visit && code_is_success(code)) {
        c->visited = true;
        c->attempts = 0;
        c->since = 0;
        c->last_code = CODE_NONE;
        visited_as(ils, p, c->visited_as);
    } else if (!code_is_success(code) && code != CODE_REPLACED) {
        if (!l->elsewhere)
            c->last_code = code;
        c->attempts++;
        c->next = BUG(MESH_GIVES_UP) ? TICK_NEVER
                                     : ils->now + pause_after(ils, p, l->visit && !l->elsewhere,
                                                              code);
    }
}

void mesh_over(struct link *l, enum code code)
{
    struct ils *ils = l->ils;
    struct peer *p = contact_of(ils, l);
    if (p != NULL) {
        attempt_over(ils, l, p, code);
        return;
    }
    p = l->to;
    if (p == NULL || p->link != NULL || (!mesh_wanted(ils, p) && !mesh_alternate(ils, p)))
        return;
    bool lived = ils->now - l->since >= LIVED_US;
    if (!lived)
        p->contact.attempts = p->contact.tries + 1;
    if (!mesh_wanted(ils, p) && lived)
        return;
    /* A link of two hubs: who dialled it dials again first. */
    p->contact.next = ils->now + (l->dialler ? 0 : 2 * BACKOFF_MIN_US) +
                      (lived ? (tick)rand_below(&ils->rand, BACKOFF_MIN_US)
                             : pause_after(ils, p, false, CODE_LOST));
    if (dial_refusal(code) && p->contact.next < ils->now + REFUSED_WAIT_US / 2)
        p->contact.next = ils->now + REFUSED_WAIT_US / 2;
}

static void spoke_up(struct ils *ils, struct link *l)
{
    struct mesh *m = &ils->mesh;
    struct peer *p = l->to;
    if (serving(ils, p, false) != NULL && !is_home(ils, p) && !l->ils->dial.moving) {
        if (l->dialler)
            link_end(l, CODE_GOING_DOWN, true); /* another was faster */
        return;
    }
    m->lost = 0;
    m->home_next = ils->now + HOME_AGAIN_US;
    take_as_home(ils, p);
    if (!m->has_hub || memcmp(m->hub_key, p->key, KEY_SIZE) != 0) {
        struct trace *t = say_link(l, EVENT_REHOMED);
        t->text[0] = arena_copy(&ils->step, text_slice(p->cluster_id));
        t->text[1] = slice_of(is_home(ils, p) ? "its own" : "an alternate");
    }
    m->has_hub = true;
    memcpy(m->hub_key, p->key, KEY_SIZE);
    list_each(node, &ils->peers) {
        struct link *other = list_entry(node, struct peer, node)->contact.link;
        if (other != NULL && other != l && !other->visit)
            handshake_refuse(other, CODE_REPLACED);
    }
}

void mesh_up(struct link *l)
{
    struct ils *ils = l->ils;
    struct peer *p = l->to;
    struct contact *c = &p->contact;
    if (c->link == l)
        c->link = NULL;
    c->tries = c->attempts;
    c->attempts = 0;
    c->since = 0;
    c->last_code = CODE_NONE;
    c->visited = true;
    visited_as(ils, p, c->visited_as);
    alarm_clear(ils, ILSHubClusterUnreachable, address(p));
    alarm_clear(ils, ILSHubClusterUnreachable, slice_of(l->peer.ip));
    if (ils->role == ROLE_SPOKE && ils->dial.wanted)
        spoke_up(ils, l);
}

void mesh_moved(struct ils *ils, struct peer *p)
{
    struct contact *c = &p->contact;
    if (c->attempts == 0)
        return;
    tick soon = ils->now + (tick)rand_below(&ils->rand, BACKOFF_MIN_US);
    c->attempts = 0;
    c->next = c->next < soon ? c->next : soon;
}

void mesh_now(struct ils *ils)
{
    list_each(node, &ils->peers)
        list_entry(node, struct peer, node)->contact.next = ils->now;
}

static tick earlier(tick a, tick b)
{
    return a < b ? a : b;
}

static tick hub_deadline(const struct ils *ils)
{
    tick first = ils->mesh.seek ? ils->mesh.seek_next : TICK_NEVER;
    list_each(node, &ils->hubs) {
        const struct peer *p = list_entry(node, struct peer, hub);
        if (p->role != ROLE_HUB || p->contact.link != NULL || by_dial(ils, p) ||
            !mesh_wanted(ils, p))
            continue;
        tick due = p->link == NULL ? p->contact.next : dial_renewal_at(ils, p);
        if (due != TICK_NEVER)
            first = earlier(first, due > p->contact.next ? due : p->contact.next);
    }
    return first;
}

static tick visit_at(const struct ils *ils, const struct peer *p, bool lone)
{
    return waits_for_visit(ils, p, lone) ? p->contact.next : TICK_NEVER;
}

tick mesh_deadline(const struct ils *ils)
{
    tick first = TICK_NEVER;
    if (!possible(ils))
        return first;
    if (ils->role == ROLE_HUB)
        return hub_deadline(ils);
    if (!ils->dial.wanted)
        return first;
    if (serving(ils, NULL, false) == NULL)
        return ils->mesh.lost == 0 ? ils->now : ils->mesh.next;
    first = ils->mesh.let_go;
    if (!lone_hub(ils)) {
        list_each(node, &ils->hubs)
            first = earlier(first, visit_at(ils, list_entry(node, struct peer, hub), false));
        return first;
    }
    list_each(node, &ils->peers)
        first = earlier(first, visit_at(ils, list_entry(node, struct peer, node), true));
    return first;
}
