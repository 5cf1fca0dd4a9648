/* view_mesh: whom this cluster wants to be linked to, for whoever shows it. Reads only. */
#include "core/core.h"

static bool is_home(const struct ils *ils, const struct peer *p)
{
    return ils->role != ROLE_STANDALONE && ils->dial.wanted && !ils->dial.moving &&
           dial_is_hub(ils, p);
}

/* False: p is nobody to be linked to. */
static bool why(const struct ils *ils, const struct peer *p, enum view_contact_why *ret)
{
    if (ils->role == ROLE_SPOKE && is_home(ils, p))
        *ret = CONTACT_HOME;
    else if (mesh_wanted(ils, p))
        *ret = CONTACT_HUB;
    else if (mesh_alternate(ils, p))
        *ret = p->link != NULL ? CONTACT_SERVES : CONTACT_ALTERNATE;
    else
        return false;
    return true;
}

static int64_t seconds(tick t)
{
    return (t + TICK_S / 2) / TICK_S;
}

/* The registration server is dialled by dial.c, everybody else by mesh.c. */
static void attempts(const struct ils *ils, const struct peer *p, struct view_contact *ret)
{
    const struct dial *d = &ils->dial;
    const struct contact *c = &p->contact;
    bool home = is_home(ils, p), under_way = home ? d->link != NULL : c->link != NULL;
    tick next = home ? dial_deadline(ils) : c->next;
    ret->last_code = home ? d->last_code : c->last_code;
    ret->attempts = home ? d->attempts : c->attempts;
    ret->since_s = home && ils->mesh.home_lost != 0 ? seconds(ils->now - ils->mesh.home_lost)
                   : c->since != 0                  ? seconds(ils->now - c->since) : 0;
    ret->next_s = under_way || next == TICK_NEVER ? -1
                  : next > ils->now               ? seconds(next - ils->now) : 0;
}

static void view_one(const struct ils *ils, const struct peer *p, struct view_contact *ret)
{
    bool tls = method_offered(ils) != METHOD_PASSWORD;
    memcpy(ret->peer_id, p->id, PEER_ID_SIZE);
    ret->cluster_id = text_slice(p->cluster_id);
    ret->address = p->host.n != 0 ? text_slice(p->host) : slice_of(p->met_ip);
    ret->port = tls ? p->tls_port : p->port;
    if (is_home(ils, p)) {
        ret->address = text_slice(ils->dial.host);
        ret->port = ils->dial.port != 0 ? ils->dial.port : ret->port;
    }
    ret->linked = p->link != NULL;
    ret->visited = mesh_visited(ils, p) || p->link != NULL;
    ret->draining = p->draining;
    if (p->link == NULL)
        attempts(ils, p, ret);
    if (p->link != NULL || (ret->why == CONTACT_ALTERNATE && ret->visited))
        ret->next_s = -1; /* a visit was all that was wanted */
}

bool view_contact(const struct ils *ils, size_t i, struct view_contact *ret)
{
    memset(ret, 0, sizeof *ret);
    list_each(node, &ils->peers) {
        const struct peer *p = list_entry(node, struct peer, node);
        if (!why(ils, p, &ret->why))
            continue;
        if (i-- == 0) {
            view_one(ils, p, ret);
            return true;
        }
    }
    return false;
}

enum forget_where view_forget(const struct ils *ils, const uint8_t key[static KEY_SIZE],
                              struct slice *ret_hub)
{
    const struct peer *hub;
    enum forget_where where = drop_where(ils, key, &hub);
    *ret_hub = hub == NULL ? slice_make(NULL, 0) : text_slice(hub->cluster_id);
    return where;
}
