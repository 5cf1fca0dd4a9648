/* fault_member: people decide who is in the network, and what is exchanged. */
#include "sim/run.h"

#include "core/view.h"
#include "sim/pki.h"

static struct node *in_role(struct run *r, enum ils_role role)
{
    struct node *n = any_awake(r);
    struct view_self self;
    if (n == NULL)
        return NULL;
    view_self(n->ils, &self);
    return self.initialised && self.role == role && !r->desk[n->index].banned ? n : NULL;
}

static void id_of(const struct node *n, char ret[static 2 * PEER_ID_SIZE + 1])
{
    hex_text(ret, n->peer_id, PEER_ID_SIZE);
}

bool fault_leave(struct run *r)
{
    struct node *n = in_role(r, chance(r, 80) ? ROLE_SPOKE : ROLE_HUB);
    if (n == NULL)
        return false;
    judge_fate(r->judge, n, FATE_LEFT);
    judge_excuse(r->judge, EXCUSE_NETWORK); /* a hub that founds one anew has another */
    op_leave(n);
    return true;
}

/* Who is standalone, for having left or for a backup of that time, joins some hub. */
bool fault_rejoin(struct run *r)
{
    struct node *n = in_role(r, ROLE_STANDALONE);
    struct node *hub = in_role(r, ROLE_HUB);
    if (n == NULL || hub == NULL || r->desk[n->index].command != 0)
        return false;
    judge_fate(r->judge, n, FATE_LIVES);
    op_join(n, hub->host, 0, chance(r, 80) ? ROLE_SPOKE : ROLE_HUB);
    return true;
}

/* A hub's operator gives a cluster up that is down, or gone for good. */
bool fault_forget(struct run *r)
{
    struct node *hub = in_role(r, ROLE_HUB);
    struct node *n = any(r);
    char id[2 * PEER_ID_SIZE + 1];
    if (hub == NULL || n == hub || n->ils != NULL || !n->has_key || r->desk[n->index].banned)
        return false;
    judge_fate(r->judge, n, FATE_FORGOTTEN);
    judge_unsure(r->judge, n);
    id_of(n, id);
    op_forget(hub, id);
    return true;
}

bool fault_ban(struct run *r)
{
    struct node *hub = in_role(r, ROLE_HUB);
    struct node *n = any(r);
    size_t banned = 0;
    char id[2 * PEER_ID_SIZE + 1];
    for (size_t i = 0; i < r->world->node_n; i++)
        banned += r->desk[i].banned;
    if (hub == NULL || n == hub || !n->has_key || r->desk[n->index].copy ||
        r->desk[n->index].banned || 3 * (banned + 1) > r->first_n)
        return false;
    r->desk[n->index].banned = true;
    judge_fate(r->judge, n, FATE_BANNED);
    id_of(n, id);
    op_ban(hub, id);
    return true;
}

bool fault_identity(struct run *r)
{
    struct node *n = in_role(r, ROLE_SPOKE);
    if (n == NULL || r->renewals >= 6) /* a lookup answers with so many clusters only */
        return false;
    r->renewals++;
    operator_renews(r, n);
    return true;
}

static void exchange_job(struct world *w, struct job *job)
{
    struct node *n = w->node[job->number];
    if (node_awake(n))
        op_exchange(n, true);
}

bool fault_exchange(struct run *r)
{
    struct node *n = any_awake(r);
    if (n == NULL)
        return false;
    op_exchange(n, false);
    later(r, r->world->now + a_while(r), exchange_job, n->index);
    return true;
}

/* As the page saves it: all or nothing of it is done. */
bool fault_configure(struct run *r)
{
    struct node *n = in_role(r, chance(r, 50) ? ROLE_HUB : ROLE_SPOKE);
    struct node *hub = in_role(r, ROLE_HUB);
    struct view_self self;
    struct command c = {.fields = 1u << CONFIG_ROLE};
    if (n == NULL)
        return false;
    view_self(n->ils, &self);
    bool flips = chance(r, 30);
    c.role = flips ? (self.role == ROLE_HUB ? ROLE_SPOKE : ROLE_HUB) : self.role;
    if (c.role == ROLE_SPOKE && flips) /* one that is alone leaves its network; a hub again before
                                        * it is in another, it makes one */
        judge_excuse(r->judge, EXCUSE_NETWORK);
    if (hub != NULL && hub != n && chance(r, 50)) {
        c.host = slice_of(hub->host);
        c.fields |= 1u << CONFIG_HOST;
    }
    if (chance(r, 50)) {
        c.minutes = (uint16_t)rand_below(&r->rand, 20); /* 0 is refused, and all of it */
        c.fields |= 1u << CONFIG_MINUTES;
    }
    if (chance(r, 20)) {
        c.fields |= 1u << CONFIG_EXCHANGE;
        later(r, r->world->now + a_while(r), exchange_job, n->index);
    }
    op_configure(n, &c);
    return true;
}

bool fault_sync_every(struct run *r)
{
    struct node *n = any_awake(r);
    if (n == NULL)
        return false;
    op_sync_every(n, (uint16_t)(1 + rand_below(&r->rand, 20)));
    return true;
}
