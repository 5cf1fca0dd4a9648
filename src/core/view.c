/* view: what the core knows, for whoever shows it. Reads only. */
#include "core/core.h"

static struct stream *stream_of(const struct ils *ils, const struct peer *p, uint64_t number)
{
    struct stream *s = stream_find(ils, p->key, number);
    return s != NULL && stream_held(s) ? s : NULL;
}

void view_gate(const struct ils *ils, struct view_gate *ret)
{
    const struct gate *g = &ils->gate;
    *ret = (struct view_gate){g->open, g->open_max, g->evicted};
}

static bool is_shown(const struct ils *ils, const struct peer *p)
{
    bool known = p->met || p->cluster_id.n != 0 || stream_of(ils, p, STREAM_SELF) != NULL;
    return known && !p->dropped && ends_of(ils, p->key) == NULL && !peer_left(ils, p);
}

static enum view_writing writing(const struct ils *ils)
{
    if (ils->cloned)
        return WRITING_CLONE;
    if (ils->own == NULL || ils->self == NULL)
        return WRITING_WAITS;
    if (ils->own->rolled_back || ils->self->rolled_back || adopt_overdue(ils))
        return WRITING_ROLLED_BACK;
    return adopt_holds(ils, ils->own) ? WRITING_WAITS : WRITING;
}

static void view_membership(const struct ils *ils, struct view_self *ret)
{
    ret->draining = ils->mesh.draining;
    ret->leaving = ils->leaving.until != 0;
    ret->exchange = !ils->durable.exchange_off;
    ret->introductions = !ils->introductions_off;
    ret->minutes = ils->minutes != 0 ? ils->minutes : BEAT_MINUTES;
    ret->writing = writing(ils);
    ret->plan_damaged = ils->own != NULL && stream_lost(ils->own);
    if (ret->writing == WRITING_ROLLED_BACK) {
        ret->nobody_gives = adopt_overdue(ils) || adopt_kept(ils);
        ret->only_self = !ils->own->rolled_back && !ret->nobody_gives;
        ret->rival = ils->own->rival || ils->self->rival;
        const struct stream *s = ret->only_self ? ils->self : ils->own;
        ret->theirs_usn = s->theirs_usn;
        ret->theirs_epoch = s->theirs_epoch;
    }
    ret->displaced = ils->displaced;
    list_each(node, &ils->peers) {
        const struct peer *p = list_entry(node, struct peer, node);
        bool hub = mesh_is_hub(p) && is_shown(ils, p);
        ret->hubs += hub;
        ret->hubs_linked += hub && p->link != NULL;
    }
}

wall view_date(const struct ils *ils, wall now)
{
    return date_can_be(ils, now) ? now : ils->date;
}

void view_self(const struct ils *ils, struct view_self *ret)
{
    memset(ret, 0, sizeof *ret);
    ret->clock_wrong = ils->clock.wrong;
    ret->initialised = ils->cluster_id.n != 0;
    ret->cluster_id = text_slice(ils->cluster_id);
    ret->fqdn = text_slice(ils->fqdn);
    ret->description = text_slice(ils->description);
    ret->route_string = text_slice(ils->route_string);
    ret->role = ils->role;
    memcpy(ret->key, ils->key, KEY_SIZE);
    memcpy(ret->peer_id, ils->peer_id, PEER_ID_SIZE);
    memcpy(ret->network, ils->network, NETWORK_ID_SIZE);
    ret->boot = ils->boot;
    ret->auth = ils->auth;
    ret->hub_host = text_slice(ils->dial.host);
    ret->hub_port = ils->dial.port;
    ret->trace_level = ils->level;
    if (ils->own != NULL) {
        ret->usn = ils->own->head.usn;
        ret->entries = catalog_live(ils->own->catalog);
    }
    list_each(node, &ils->links)
        ret->serving += list_entry(node, struct link, node)->state == LINK_UP;
    view_membership(ils, ret);
}

/* Linked, or listed by a hub that is. */
static bool reachable(const struct ils *ils, const struct peer *p)
{
    if (p->link != NULL)
        return true;
    list_each(node, &ils->links) {
        const struct link *l = list_entry(node, struct link, node);
        if (l->state == LINK_UP && view_lists(ils, l->to->key, p->key))
            return true;
    }
    return false;
}

/* Or by a hub that such a hub lists: its own roster has not whoever it has never met. */
bool view_reachable(const struct ils *ils, const struct peer *p)
{
    if (reachable(ils, p))
        return true;
    list_each(node, &ils->peers) {
        const struct peer *hub = list_entry(node, struct peer, node);
        if (hub->role == ROLE_HUB && view_lists(ils, hub->key, p->key) && reachable(ils, hub))
            return true;
    }
    return false;
}

static void view_status(const struct ils *ils, const struct peer *p, const struct stream *s,
                        struct view_cluster *ret)
{
    struct line line;
    size_t at = 0;
    if (s != NULL && s->digest_differs) {
        ret->status = SYNC_DIGEST_DIFFERS;
    } else if (s != NULL && s->over_quota) {
        ret->status = SYNC_HELD_QUOTA;
    } else if (s != NULL && s->kept.catalog != NULL) {
        ret->status = SYNC_HELD;
    } else if ((!ils->following.is && !view_reachable(ils, p)) || peer_parted(ils, p)) {
        ret->status = SYNC_DISCONNECTED;
    } else if (s != NULL && holds_status(ils, s) == SYNC_BEHIND) {
        ret->status = SYNC_BEHIND;
        ret->status_n = 1;
    } else if (s != NULL && s->wanted_bytes.n != 0) {
        ret->status = SYNC_SYNCHRONIZING;
        ret->status_m = s->wanted.lines;
        ret->status_n = s->wanted.lines;
        if (s->fetch != FETCH_SEGMENTS)
            ret->status_n = 0;
        else
            for (; catalog_missing(s->catalog, &at, &line); at++)
                ret->status_n--;
    } else {
        ret->status = SYNC_UP_TO_DATE;
    }
}

/* Another cluster, or this one, goes by the same id. */
static bool is_duplicate(const struct ils *ils, const struct peer *p, struct slice id)
{
    if (id.n == 0)
        return false;
    if (p != NULL && slice_eq_fold(id, text_slice(ils->cluster_id)))
        return true;
    list_each(node, &ils->peers) {
        const struct peer *other = list_entry(node, struct peer, node);
        if (other != p && slice_eq_fold(id, text_slice(other->cluster_id)) &&
            is_shown(ils, other))
            return true;
    }
    return false;
}

static void view_peer(const struct ils *ils, const struct peer *p, struct view_cluster *ret)
{
    const struct stream *plan = stream_find(ils, p->key, STREAM_PLAN);
    const struct stream *self = stream_of(ils, p, STREAM_SELF);
    memcpy(ret->key, p->key, KEY_SIZE);
    memcpy(ret->peer_id, p->id, PEER_ID_SIZE);
    ret->cluster_id = text_slice(p->cluster_id);
    ret->fqdn = text_slice(p->fqdn);
    ret->description = text_slice(p->description);
    ret->version = text_slice(p->version);
    ret->route_string = text_slice(p->route_string);
    ret->address = text_slice(p->host);
    ret->port = p->port;
    ret->tls_port = p->tls_port;
    ret->role = (enum ils_role)p->role;
    if (ret->role == ROLE_SPOKE)
        memcpy(ret->hub, p->home, PEER_ID_SIZE);
    ret->last_contact = p->last_contact;
    ret->linked = p->link != NULL;
    ret->met = p->met;
    ret->met_method = p->met_method;
    ret->met_first = p->met_first;
    ret->met_last = p->met_last;
    ret->disconnected = peer_parted(ils, p);
    ret->disconnected_here = p->disconnected_here;
    ret->registered = dial_is_hub(ils, p);
    ret->draining = p->draining;
    ret->duplicate = is_duplicate(ils, p, ret->cluster_id);
    if (self != NULL)
        ret->last_usn = self->last_usn;
    ret->silent = p->link == NULL && self != NULL && stream_held(self) && stream_overdue(ils, self);
    if (plan != NULL && stream_held(plan)) {
        ret->usn = plan->head.usn;
        ret->epoch = plan->head.epoch;
        memcpy(ret->root, plan->head.root, HASH_SIZE);
        ret->entries = catalog_live(held_catalog(plan));
        ret->last_usn = plan->last_usn > ret->last_usn ? plan->last_usn : ret->last_usn;
        ret->stale = stream_overdue(ils, plan) || ret->disconnected || !plan->admitted;
        ret->signed_s = (ils->now - plan->last_head) / TICK_S;
    }
    ret->met_rule = (enum cert_rule)p->met_rule;
    if (p->has_shown) {
        ret->certificate = slice_make(p->shown, sizeof p->shown);
        ret->certificate_name = text_slice(p->shown_name);
        ret->certificate_ends = p->shown_ends;
    }
    if (p->link != NULL) {
        ret->link_tls = p->link->tls;
        ret->link_peer = p->link->peer;
        ret->link_dialler = p->link->dialler;
        ret->link_since = p->met_last;
    }
    view_status(ils, p, plan, ret);
}

/* Row i >= 1 of the table of clusters. */
const struct peer *view_peer_at(const struct ils *ils, size_t i)
{
    list_each(node, &ils->peers) {
        const struct peer *p = list_entry(node, struct peer, node);
        if (is_shown(ils, p) && --i == 0) /* not who was only heard of, or is gone */
            return p;
    }
    return NULL;
}

bool view_next(const struct ils *ils, const void **at, struct view_row *ret)
{
    const struct list *node = *at == NULL ? ils->peers.next : ((const struct peer *)*at)->node.next;
    const struct peer *p;
    for (; node != &ils->peers; node = node->next) {
        p = list_entry(node, struct peer, node);
        if (is_shown(ils, p))
            break;
    }
    if (node == &ils->peers)
        return false;
    const struct stream *plan = stream_find(ils, p->key, STREAM_PLAN);
    *at = p;
    *ret = (struct view_row){.linked = p->link != NULL, .met = p->met,
                             .disconnected = peer_parted(ils, p),
                             .disconnected_here = p->disconnected_here};
    memcpy(ret->key, p->key, KEY_SIZE);
    memcpy(ret->peer_id, p->id, PEER_ID_SIZE);
    if (plan != NULL && stream_held(plan)) {
        ret->usn = plan->head.usn;
        ret->epoch = plan->head.epoch;
        memcpy(ret->root, plan->head.root, HASH_SIZE);
    }
    return true;
}

bool view_lists(const struct ils *ils, const uint8_t hub[static KEY_SIZE],
                const uint8_t key[static KEY_SIZE])
{
    const struct peer *p = peer_find(ils, hub);
    const struct stream *self = stream_find(ils, hub, STREAM_SELF);
    return p != NULL && p->role == ROLE_HUB && self != NULL && stream_held(self) &&
           roster_lists(self, key);
}

/* It has met nobody: a hub that was to join another as well is no network of its own. */
static bool is_alone(const struct ils *ils)
{
    if (ils->role == ROLE_STANDALONE)
        return true;
    list_each(node, &ils->peers) {
        const struct peer *p = list_entry(node, struct peer, node);
        if (p->met && !p->foreign)
            return false;
    }
    return ils->role == ROLE_SPOKE || ils->dial.wanted;
}

bool view_cluster(const struct ils *ils, size_t i, struct view_cluster *ret)
{
    memset(ret, 0, sizeof *ret);
    if (i == 0) {
        ret->local = true;
        memcpy(ret->key, ils->key, KEY_SIZE);
        memcpy(ret->peer_id, ils->peer_id, PEER_ID_SIZE);
        ret->cluster_id = text_slice(ils->cluster_id);
        ret->fqdn = text_slice(ils->fqdn);
        ret->description = text_slice(ils->description);
        ret->version = text_slice(ils->version);
        ret->route_string = text_slice(ils->route_string);
        ret->role = ils->role;
        if (ils->role == ROLE_SPOKE && ils->mesh.has_hub)
            crypto_peer_id(ret->hub, ils->mesh.hub_key);
        ret->status = SYNC_UP_TO_DATE;
        ret->alone = is_alone(ils);
        ret->draining = ils->mesh.draining;
        ret->duplicate = is_duplicate(ils, NULL, ret->cluster_id);
        if (ils->own == NULL)
            return true;
        ret->usn = ils->own->head.usn;
        ret->epoch = ils->own->head.epoch;
        memcpy(ret->root, ils->own->head.root, HASH_SIZE);
        ret->entries = catalog_live(ils->own->catalog);
        return true;
    }
    const struct peer *p = view_peer_at(ils, i);
    if (p != NULL)
        view_peer(ils, p, ret);
    return p != NULL;
}

enum code view_certificate(const struct ils *ils, const struct certificate *c, uint8_t method,
                           struct slice host, enum cert_rule *ret_rule)
{
    struct facts facts;
    facts_of(&facts, c);
    return cert_judge(ils, &facts, method, host, ret_rule);
}

bool view_own(const struct ils *ils, size_t which, struct view_own *ret)
{
    memset(ret, 0, sizeof *ret);
    if (which > 1 || ils->cert[which].leaf.n == 0)
        return false;
    const struct own_cert *c = &ils->cert[which];
    ret->leaf = buf_slice(&c->leaf);
    ret->chain = buf_slice(&c->chain);
    ret->key = buf_slice(&c->key);
    memcpy(ret->fingerprint, c->fingerprint, sizeof ret->fingerprint);
    ret->subject = text_slice(c->subject);
    ret->not_before = c->not_before;
    ret->not_after = c->not_after;
    ret->self_signed = c->self_signed;
    ret->made = c->made;
    ret->ends_soon = own_ends_soon(ils, c->not_before, c->not_after);
    if (which == 0)
        return true;
    list_each(node, &ils->peers)
        ret->waiting += own_waits_for(ils, list_entry(node, struct peer, node));
    return true;
}

/* What the other end said of one's own certificate: in use (0), or next (1). */
static enum code said_there(const struct ils *ils, const struct peer *p, size_t which,
                            uint8_t method)
{
    for (size_t i = 0; p->has_ready && i < p->ready.n; i++)
        if (memcmp(p->ready.certificate[i].fingerprint, ils->cert[which].fingerprint,
                   FINGERPRINT_SIZE) == 0)
            return handshake_said(method == METHOD_TLS ? p->ready.certificate[i].tls
                                                       : p->ready.certificate[i].tls_password);
    return CODE_NONE;
}

bool view_own_waiting(const struct ils *ils, size_t i, struct view_cluster *ret)
{
    memset(ret, 0, sizeof *ret);
    list_each(node, &ils->peers) {
        const struct peer *p = list_entry(node, struct peer, node);
        if (!own_waits_for(ils, p) || i-- != 0)
            continue;
        view_peer(ils, p, ret);
        ret->next_code = said_there(ils, p, 1, p->met_method == METHOD_TLS_PASSWORD
                                                   ? METHOD_TLS_PASSWORD : METHOD_TLS);
        return true;
    }
    return false;
}

bool view_ready(const struct ils *ils, size_t i, uint8_t method, struct view_ready *ret)
{
    const struct peer *p = i == 0 ? NULL : view_peer_at(ils, i);
    memset(ret, 0, sizeof *ret);
    if (p == NULL)
        return false;
    const struct announced *a = &p->announced[0];
    ret->known_here = a->judged && a->facts.present;
    if (ret->known_here) {
        ret->here = (enum code)ready_code(ils, a, p, method, &ret->rule);
        ret->fingerprint = slice_make(a->fingerprint, FINGERPRINT_SIZE);
        ret->der = slice_make(a->der.p, certificate_der_size(buf_slice(&a->der)));
    }
    bool met = ready_met(ils, p, method);
    ret->there = said_there(ils, p, 0, method);
    if (ret->there == CODE_NONE && met)
        ret->there = CODE_JOINED;
    ret->known_there = ret->there != CODE_NONE;
    ret->accepts = p->has_ready ? (p->ready.accept >> method & 1) != 0 : met;
    ret->linked = p->link != NULL;
    return true;
}

bool view_password_stretched(const struct ils *ils, uint16_t generation, uint8_t ret[static 32])
{
    const struct password *p = password_find(ils, generation);
    if (p != NULL)
        memcpy(ret, p->stretched, sizeof p->stretched);
    return p != NULL;
}

bool view_password(const struct ils *ils, size_t i, struct view_password *ret)
{
    for (size_t k = 0; k < PASSWORDS_MAX; k++) {
        const struct password *p = &ils->password[k];
        if (!p->held || i-- != 0)
            continue;
        ret->generation = p->generation;
        ret->preferred = p == password_preferred(ils);
        return true;
    }
    return false;
}

bool view_alarm(const struct ils *ils, size_t i, struct alarm_row *ret)
{
    list_each(node, &ils->alarms) {
        const struct alarm_entry *e = list_entry(node, struct alarm_entry, node);
        if (i-- != 0)
            continue;
        *ret = (struct alarm_row){e->alarm, text_slice(e->subject), e->count,
                                  e->first, e->last, e->active};
        return true;
    }
    return false;
}

bool view_verdict(const struct ils *ils, size_t i, struct verdict *ret)
{
    if (i >= ils->verdict_n)
        return false;
    const struct verdict_entry *e =
        &ils->verdict[(ils->verdict_next + VERDICTS_KEPT - 1 - i) % VERDICTS_KEPT];
    *ret = e->verdict;
    ret->host = text_slice(e->host);
    ret->peer_name = text_slice(e->peer_name);
    ret->fqdn = text_slice(e->fqdn);
    ret->name = text_slice(e->name);
    return true;
}

void view_join(const struct ils *ils, struct view_join *ret)
{
    const struct dial *d = &ils->dial;
    const struct peer *hub = d->hub_known ? peer_find(ils, d->hub_key) : NULL;
    memset(ret, 0, sizeof *ret);
    bool gone = ils->role == ROLE_HUB && mesh_home_gone(ils);
    ret->wanted = d->wanted && !gone;
    ret->up = !d->moving && !gone && hub != NULL && hub->link != NULL;
    ret->attempts = d->attempts;
    ret->next = d->link != NULL ? TICK_NEVER : d->next;
    ret->last_code = d->last_code;
}

const struct plan *view_plan(const struct ils *ils)
{
    return ils->plan;
}

const struct routes *view_routes(const struct ils *ils)
{
    return ils->routes;
}

const struct catalog *view_own_catalog(const struct ils *ils)
{
    return ils->own == NULL ? NULL : ils->own->catalog;
}
