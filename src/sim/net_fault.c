/* net_fault: what goes wrong on the way, see net.h. */
#include "sim/net_inside.h"

#define FILTERED_WAIT (100 * TICK_MS)

bool path_blocked(const struct net *net, const struct end *from, const struct end *to)
{
    return net->blocked[from->index][to->index] != 0;
}

tick path_waits(const struct conn *c, const struct end *from, const struct end *to, size_t arrived)
{
    const struct net *net = c->net;
    tick now = net->world->now, clogged = net->clogged[from->index][to->index];
    if (path_blocked(net, from, to) ||
        (net->narrow[from->index][to->index] && arrived > NET_NARROW))
        return now + FILTERED_WAIT;
    tick wait = clogged > to->stalled_until ? clogged : to->stalled_until;
    if (wait > now + PATIENT)
        wait = now + PATIENT;
    return wait > now ? wait : now;
}

void net_filter_one(struct net *net, const struct node *from, const struct node *to, bool on)
{
    uint8_t *n = &net->blocked[from->index][to->index];
    if (on && *n < UINT8_MAX)
        ++*n;
    else if (!on && *n > 0 && !(net->bug == BUG_LATE_FOREVER && rand_below(&net->rand, 2) == 0))
        --*n;
}

void net_filter(struct net *net, const struct node *a, const struct node *b, bool on)
{
    net_filter_one(net, a, b, on);
    net_filter_one(net, b, a, on);
}

void net_clog(struct net *net, const struct node *from, const struct node *to, tick until)
{
    net->clogged[from->index][to->index] = until;
}

void net_narrow(struct net *net, const struct node *a, const struct node *b, bool on)
{
    net->narrow[a->index][b->index] = net->narrow[b->index][a->index] = on;
}

void net_heal(struct net *net)
{
    for (size_t i = 0; i < NET_NODES; i++)
        for (size_t k = 0; k < NET_NODES; k++)
            if (net->bug != BUG_LATE_FOREVER || rand_below(&net->rand, 2) == 0)
                net->blocked[i][k] = 0;
    memset(net->narrow, 0, sizeof net->narrow);
    memset(net->clogged, 0, sizeof net->clogged);
    memset(net->extra, 0, sizeof net->extra);
    list_each(pos, &net->conns) {
        struct conn *c = list_entry(pos, struct conn, node);
        c->end[0].stalled_until = c->end[1].stalled_until = 0;
        c->end[0].tiny = c->end[1].tiny = 0;
        c->reset_after = 0;
    }
}

static bool is_between(const struct conn *c, const struct node *a, const struct node *b)
{
    const struct node *x = c->end[0].node, *y = c->end[1].node;
    return c->state == CONN_STANDS && ((x == a && (b == NULL || y == b)) ||
                                       (y == a && (b == NULL || x == b)));
}

size_t net_cut(struct net *net, const struct node *a, const struct node *b)
{
    size_t n = 0;
    list_each_safe(pos, &net->conns) {
        struct conn *c = list_entry(pos, struct conn, node);
        if (!is_between(c, a, b))
            continue;
        conn_reset(c, 0);
        n++;
    }
    return n;
}

size_t net_cut_after(struct net *net, const struct node *a, const struct node *b, size_t bytes)
{
    size_t n = 0;
    list_each(pos, &net->conns) {
        struct conn *c = list_entry(pos, struct conn, node);
        if (!is_between(c, a, b))
            continue;
        c->reset_after = bytes;
        n++;
    }
    return n;
}

size_t net_half_close(struct net *net, const struct node *a, const struct node *b)
{
    size_t n = 0;
    list_each(pos, &net->conns) {
        struct conn *c = list_entry(pos, struct conn, node);
        if (!is_between(c, a, b))
            continue;
        struct end *e = c->end[0].node == a ? &c->end[0] : &c->end[1];
        end_put(c, e, slice_make(NULL, 0), (struct mark){.kind = MARK_END});
        n++;
    }
    return n;
}

size_t net_stall(struct net *net, const struct node *a, const struct node *b, tick until)
{
    size_t n = 0;
    list_each(pos, &net->conns) {
        struct conn *c = list_entry(pos, struct conn, node);
        if (!is_between(c, a, b))
            continue;
        c->end[c->end[0].node == a ? 0 : 1].stalled_until = until;
        n++;
    }
    return n;
}

size_t net_tiny(struct net *net, const struct node *a, const struct node *b, unsigned bytes)
{
    size_t n = 0;
    list_each(pos, &net->conns) {
        struct conn *c = list_entry(pos, struct conn, node);
        if (!is_between(c, a, b))
            continue;
        c->end[c->end[0].node == a ? 0 : 1].tiny = bytes;
        n++;
    }
    return n;
}

void net_gone(struct net *net, struct node *n, bool power)
{
    list_each_safe(pos, &net->conns) {
        struct conn *c = list_entry(pos, struct conn, node);
        bool touched = false;
        for (int i = 0; i < 2; i++)
            if (c->end[i].node == n && c->end[i].open) {
                c->end[i].open = false;
                touched = true;
            }
        if (!touched || c->state != CONN_STANDS)
            continue;
        if (power)
            c->deaf = true;
        else
            conn_reset(c, path_latency(c)); /* may be its end */
    }
}

void net_lost(struct net *net, const struct node *n)
{
    list_each(pos, &net->conns) {
        struct conn *c = list_entry(pos, struct conn, node);
        if (is_between(c, n, NULL))
            c->deaf = true;
    }
}

void net_back(struct net *net, struct node *n)
{
    list_each_safe(pos, &net->conns) {
        struct conn *c = list_entry(pos, struct conn, node);
        if (c->deaf && (c->end[0].node == n || c->end[1].node == n))
            conn_reset(c, (tick)rand_below(&net->rand, 400 * 1000));
    }
}

bool net_asking(const struct net *net)
{
    list_each(pos, &net->conns)
        if (list_entry(pos, struct conn, node)->state == CONN_ASKED)
            return true;
    return false;
}

size_t net_count(const struct net *net, const struct node *a, const struct node *b)
{
    size_t n = 0;
    list_each(pos, &net->conns)
        n += is_between(list_entry(pos, struct conn, node), a, b);
    return n;
}

void net_counts(const struct net *net, uint16_t count[static NET_NODES * NET_NODES])
{
    memset(count, 0, NET_NODES * NET_NODES * sizeof *count);
    list_each(pos, &net->conns) {
        const struct conn *c = list_entry(pos, struct conn, node);
        unsigned a = c->end[0].index, b = c->end[1].index;
        if (c->state == CONN_STANDS)
            count[(a < b ? a : b) * NET_NODES + (a < b ? b : a)]++;
    }
}
