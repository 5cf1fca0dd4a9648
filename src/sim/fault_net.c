/* fault_net: what goes wrong on the way between clusters. */
#include "sim/run.h"

static struct net *net_of(struct run *r)
{
    return &r->world->net;
}

bool fault_cut(struct run *r)
{
    return net_cut(net_of(r), any(r), NULL) != 0;
}

bool fault_reset(struct run *r)
{
    struct node *n = any(r);
    return net_cut_after(net_of(r), n, NULL, 1 + rand_below(&r->rand, 2000)) != 0;
}

bool fault_half_close(struct run *r)
{
    return net_half_close(net_of(r), any(r), NULL) != 0;
}

/* --- filters: number = from * NODES_MAX + to */

static void heal_job(struct world *w, struct job *job)
{
    net_filter_one(&w->net, w->node[job->number / NODES_MAX], w->node[job->number % NODES_MAX],
                   false);
}

static void block(struct run *r, const struct node *from, const struct node *to, tick until)
{
    net_filter_one(net_of(r), from, to, true);
    later(r, until, heal_job, from->index * NODES_MAX + to->index);
}

/* Everybody is on one side or the other. */
static bool divide(struct run *r, bool both_ways)
{
    bool side[NODES_MAX];
    struct world *w = r->world;
    tick until = w->now + a_while(r);
    for (size_t i = 0; i < w->node_n; i++)
        side[i] = rand_below(&r->rand, 2) != 0;
    for (size_t i = 0; i < w->node_n; i++)
        for (size_t k = 0; k < w->node_n; k++)
            if (side[i] != side[k] && (both_ways || side[i]))
                block(r, w->node[i], w->node[k], until);
    return true;
}

bool fault_partition(struct run *r)
{
    return divide(r, true);
}

bool fault_one_way(struct run *r)
{
    struct node *a = any(r);
    struct node *b = any(r);
    if (chance(r, 30))
        return divide(r, false);
    if (a != b)
        block(r, a, b, r->world->now + a_while(r));
    return a != b;
}

bool fault_partial(struct run *r)
{
    struct node *a = any(r);
    struct node *b = any(r);
    if (a == b)
        return false;
    tick until = r->world->now + a_while(r);
    block(r, a, b, until);
    block(r, b, a, until);
    return true;
}

bool fault_isolate(struct run *r)
{
    struct node *n = any(r);
    tick until = r->world->now + a_while(r);
    for (size_t i = 0; i < r->world->node_n; i++) {
        struct node *other = r->world->node[i];
        if (other == n)
            continue;
        block(r, n, other, until);
        block(r, other, n, until);
    }
    return true;
}

static void unheal_job(struct world *w, struct job *job)
{
    net_filter_one(&w->net, w->node[job->number / NODES_MAX], w->node[job->number % NODES_MAX],
                   true);
}

/* A path that is there and not there, some times a minute. */
bool fault_flap(struct run *r)
{
    struct node *a = any(r);
    struct node *b = any(r);
    tick at = r->world->now;
    if (a == b)
        return false;
    for (uint64_t i = 3 + rand_below(&r->rand, 8); i > 0; i--) {
        tick down = at + draw(r, 0, 4 * TICK_S), up = down + 1 + draw(r, 0, 4 * TICK_S);
        later(r, down, unheal_job, a->index * NODES_MAX + b->index);
        later(r, down, unheal_job, b->index * NODES_MAX + a->index);
        later(r, up, heal_job, a->index * NODES_MAX + b->index);
        later(r, up, heal_job, b->index * NODES_MAX + a->index);
        at = up;
    }
    return true;
}

/* --- paths that are late */

bool fault_clog(struct run *r)
{
    struct node *a = any(r);
    struct node *b = any(r);
    tick until = r->world->now + draw(r, 0, 20 * TICK_S);
    net_clog(net_of(r), a, b, until);
    if (chance(r, 50))
        net_clog(net_of(r), b, a, until);
    return a != b;
}

/* Several nodes are clogged one after the other, and released in another order. */
bool fault_swizzle(struct run *r)
{
    struct world *w = r->world;
    for (size_t i = 0; i < w->node_n; i++) {
        if (rand_below(&r->rand, 2) == 0)
            continue;
        tick until = w->now + draw(r, 0, 15 * TICK_S);
        for (size_t k = 0; k < w->node_n; k++) {
            net_clog(&w->net, w->node[i], w->node[k], until);
            net_clog(&w->net, w->node[k], w->node[i], until);
        }
    }
    return true;
}

bool fault_stall(struct run *r)
{
    struct node *n = any(r);
    tick most = chance(r, 20) ? 120 * TICK_S : 20 * TICK_S;
    return net_stall(net_of(r), n, NULL, r->world->now + draw(r, 0, most)) != 0;
}

bool fault_tiny(struct run *r)
{
    return net_tiny(net_of(r), any(r), NULL, 300) != 0;
}

bool fault_slow_path(struct run *r)
{
    struct node *n = any(r);
    tick most = chance(r, 25) ? 3 * TICK_S : 50 * TICK_MS;
    net_of(r)->extra[n->index] = draw(r, 0, most);
    return true;
}

/* Who connects is not heard for a while, and does not hear anything either. */
bool fault_silent(struct run *r)
{
    struct node *n = any(r);
    n->silent_until = r->world->now + draw(r, 0, 15 * TICK_S);
    return true;
}

static void wide_job(struct world *w, struct job *job)
{
    net_narrow(&w->net, w->node[job->number / NODES_MAX], w->node[job->number % NODES_MAX], false);
}

bool fault_narrow(struct run *r)
{
    struct node *a = any(r);
    struct node *b = any(r);
    net_narrow(net_of(r), a, b, true);
    later(r, r->world->now + a_while(r), wide_job, a->index * NODES_MAX + b->index);
    return a != b;
}

bool fault_move(struct run *r)
{
    node_move(any(r));
    return true;
}
