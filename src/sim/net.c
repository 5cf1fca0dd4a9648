/* net: see net.h. Each direction of a connection is a queue of bytes with marks that say when they
 * arrive; one job a direction delivers them, in pieces that the seed draws. */
#include "sim/net_inside.h"

#define CHUNK_MAX     65536
#define CONNECT_TRIES 3 /* at 0 and 1 s; at 3 s nobody has answered */

void net_init(struct net *net, struct world *w, uint64_t seed, enum bug bug)
{
    memset(net, 0, sizeof *net);
    net->world = w;
    net->bug = bug;
    net->latency_min = net->latency_max = TICK_MS;
    net->small = 1;
    list_init(&net->conns);
    list_init(&net->questions);
    rand_seed(&net->rand, seed);
}

static struct end **bucket_of(struct net *net, unsigned index, uint32_t link)
{
    return &net->bucket[(index * 61 + (link & ~LINK_ACCEPTED) * 2 + (link >> 31)) % NET_BUCKETS];
}

static void bucket_add(struct end *e)
{
    struct end **at = bucket_of(e->conn->net, e->index, e->link);
    e->next = *at;
    *at = e;
}

static void bucket_remove(struct end *e)
{
    struct end **at = bucket_of(e->conn->net, e->index, e->link);
    while (*at != NULL && *at != e)
        at = &(*at)->next;
    if (*at == e)
        *at = e->next;
}

static void conn_free(struct conn *c)
{
    list_remove(&c->node);
    for (int i = 0; i < 2; i++) {
        struct end *e = &c->end[i];
        bucket_remove(e);
        if (e->watch != NULL)
            c->net->watched(c->net->watcher, NULL, NULL, &e->watch, NULL, slice_make(NULL, 0),
                            false);
        free(e->bytes);
        free(e->mark);
    }
    free(c->tls);
    free(c);
}

void net_done(struct net *net)
{
    list_each_safe(pos, &net->conns)
        conn_free(list_entry(pos, struct conn, node));
    questions_done(net);
}

static struct conn *conn_of(struct net *net, const struct node *n, uint32_t link,
                            struct end **ret_end)
{
    for (struct end *e = *bucket_of(net, n->index, link); e != NULL; e = e->next)
        if (e->node == n && e->link == link && e->open && e->incarnation == n->incarnation) {
            *ret_end = e;
            return e->conn;
        }
    return NULL;
}

/* --- jobs: number = index of the end they are about */

void conn_at(struct conn *c, tick when, void (*run)(struct world *, struct job *), int end)
{
    c->jobs++;
    world_at(c->net->world, when, NULL,
             (struct job){.run = run, .object = c, .number = (uint64_t)end});
}

/* The job is done; a connection that is over and has no job left goes. */
void conn_release(struct conn *c)
{
    c->jobs--;
    if (c->state == CONN_OVER && c->jobs == 0)
        conn_free(c);
}

bool end_hears(const struct end *e)
{
    return e->node != NULL && e->open && e->node->ils != NULL &&
           e->incarnation == e->node->incarnation;
}

void end_down(struct end *e, enum down_reason reason)
{
    e->open = false;
    struct ils_event event = {.type = ILS_EV_DOWN, .link = e->link, .reason = reason};
    node_step(e->node, &event);
}

bool put_off(struct conn *c, struct end *e, struct job *job)
{
    if (e->node == NULL || e->node->paused_until <= c->net->world->now)
        return false;
    conn_at(c, node_goes_on(e->node), job->run, (int)job->number);
    conn_release(c);
    return true;
}

tick path_latency(const struct conn *c)
{
    const struct net *net = c->net;
    return c->latency + net->extra[c->end[0].index] + net->extra[c->end[1].index];
}

static void end_reset_job(struct world *w, struct job *job)
{
    struct conn *c = job->object;
    struct end *e = &c->end[job->number];
    if (put_off(c, e, job))
        return;
    if (end_hears(e))
        end_down(e, DOWN_RESET);
    conn_release(c);
}

/* Both ends hear of a reset; bytes under way are lost. */
void conn_reset(struct conn *c, tick delay)
{
    struct net *net = c->net;
    if (c->state == CONN_OVER)
        return;
    c->state = CONN_OVER;
    c->jobs++; /* stays until both jobs are made */
    for (int i = 0; i < 2; i++) {
        c->end[i].n = 0;
        c->end[i].mark_n = 0;
        if (c->end[i].open)
            conn_at(c, net->world->now + delay + (tick)rand_below(&net->rand, 1000),
                    end_reset_job, i);
    }
    conn_release(c);
}

/* --- bytes */

static void mark_put(struct end *e, struct mark m)
{
    if (e->mark_from + e->mark_n == e->mark_size) {
        if (e->mark_from > 0) {
            memmove(e->mark, e->mark + e->mark_from, e->mark_n * sizeof *e->mark);
            e->mark_from = 0;
        } else {
            e->mark_size = e->mark_size == 0 ? 16 : e->mark_size * 2;
            e->mark = grow(e->mark, e->mark_size * sizeof *e->mark);
        }
    }
    e->mark[e->mark_from + e->mark_n++] = m;
}

static void bytes_put(struct end *e, struct slice s)
{
    if (e->from + e->n + s.n > e->size) {
        if (e->n > 0)
            memmove(e->bytes, e->bytes + e->from, e->n);
        e->from = 0;
        while (e->n + s.n > e->size) {
            e->size = e->size == 0 ? 1024 : e->size * 2;
            e->bytes = grow(e->bytes, e->size);
        }
    }
    memcpy(e->bytes + e->from + e->n, s.p, s.n);
    e->n += s.n;
}

static void deliver_job(struct world *w, struct job *job);
static void room_job(struct world *w, struct job *job);

static void deliver_later(struct conn *c, struct end *from)
{
    if (from->delivering || from->mark_n == 0 || c->state == CONN_OVER)
        return;
    from->delivering = true;
    tick now = c->net->world->now, at = from->mark[from->mark_from].at;
    conn_at(c, at > now ? at : now, deliver_job, from == &c->end[1]);
}

static void room_later(struct conn *c, struct end *e)
{
    if (e->room_due)
        return;
    e->room_due = true;
    conn_at(c, c->net->world->now + (tick)rand_below(&c->net->rand, 500), room_job,
            e == &c->end[1]);
}

static void room_job(struct world *w, struct job *job)
{
    struct conn *c = job->object;
    struct end *e = &c->end[job->number];
    if (put_off(c, e, job))
        return;
    e->room_due = false;
    e->pending = e->n > NET_WINDOW ? e->n - NET_WINDOW : 0;
    if (end_hears(e) && c->state == CONN_STANDS) {
        struct ils_event event = {.type = ILS_EV_ROOM, .link = e->link, .pending = e->pending};
        node_step(e->node, &event);
    }
    conn_release(c);
}

/* How many of the bytes that have arrived one read gives. */
static size_t chunk(struct net *net, struct end *to, size_t arrived)
{
    if (to->tiny > 0) {
        to->tiny--;
        return 1;
    }
    size_t n = arrived < CHUNK_MAX ? arrived : CHUNK_MAX;
    uint64_t draw = rand_below(&net->rand, 8);
    if (n > 1 && draw < net->small)
        return 1 + (size_t)rand_below(&net->rand, n < 64 ? n : 64);
    if (n > 1 && draw == 7)
        return 1 + (size_t)rand_below(&net->rand, n);
    return n;
}

/* Takes n bytes off the front; the marks they fill go too. */
static void bytes_take(struct end *from, size_t n)
{
    from->from += n;
    from->n -= n;
    while (n > 0) {
        struct mark *m = &from->mark[from->mark_from];
        size_t some = m->n < n ? m->n : n;
        m->n -= some;
        n -= some;
        if (m->n == 0) {
            from->mark_from++;
            from->mark_n--;
        }
    }
}

static size_t bytes_arrived(const struct end *from, tick now)
{
    size_t n = 0;
    for (size_t i = 0; i < from->mark_n; i++) {
        const struct mark *m = &from->mark[from->mark_from + i];
        if (m->at > now || m->kind != MARK_BYTES)
            break;
        n += m->n;
    }
    return n;
}

/* The planted bugs of the network: how many bytes of a read of n are taken off the queue. */
static size_t planted(struct net *net, size_t n, size_t arrived)
{
    if (net->bug == BUG_REPEAT_BYTES && n > 1 && rand_below(&net->rand, 2000) == 0)
        return n - 1;
    if (net->bug == BUG_LOSE_BYTES && n < arrived && rand_below(&net->rand, 50) == 0)
        return n + 1;
    return n;
}

static void mark_take(struct end *from)
{
    from->mark_from++;
    from->mark_n--;
}

/* The stream ends here. A stream that somebody on the way ended leaves its sender unaware, until
 * the other end has closed as well. */
static void deliver_end(struct conn *c, struct end *from, struct end *to)
{
    bool unaware = from->open;
    from->n = from->mark_n = 0;
    if (!unaware)
        c->state = CONN_OVER;
    if (end_hears(to))
        end_down(to, DOWN_CLOSED);
    if (unaware)
        end_put(c, to, slice_make(NULL, 0), (struct mark){.kind = MARK_END});
}

static void deliver_bytes(struct conn *c, struct end *from, struct end *to, size_t arrived)
{
    struct net *net = c->net;
    size_t n = chunk(net, to, arrived);
    if (c->reset_after != 0 && n >= c->reset_after)
        n = c->reset_after;
    struct ils_event event = {.type = ILS_EV_DATA, .link = to->link};
    uint8_t *copy = from->node == to->node ? grow_copy(from->bytes + from->from, n) : NULL;
    event.data = slice_make(copy == NULL ? from->bytes + from->from : copy, n);
    bytes_take(from, planted(net, n, arrived));
    if (from->watch != NULL && end_hears(to))
        net->watched(net->watcher, from->node, to->node, &from->watch, to->watch, event.data, true);
    if ((c->tls != NULL) != c->tls_port)
        tls_misread(c, to);
    else if (end_hears(to))
        node_step(to->node, &event);
    free(copy);
    if (from->pending > 0)
        room_later(c, from);
    if (c->reset_after != 0 && (c->reset_after -= n < c->reset_after ? n : c->reset_after) == 0)
        conn_reset(c, 0);
}

static void deliver(struct conn *c, struct end *from, struct end *to, size_t arrived)
{
    struct mark m = from->mark[from->mark_from];
    if (m.kind == MARK_BYTES) {
        deliver_bytes(c, from, to, arrived);
    } else if (m.kind == MARK_END) {
        deliver_end(c, from, to);
    } else {
        mark_take(from);
        tls_mark(c, from, to, m.stage);
    }
}

static void deliver_job(struct world *w, struct job *job)
{
    struct conn *c = job->object;
    struct end *from = &c->end[job->number], *to = other(c, from);
    if (c->state != CONN_OVER && from->mark_n > 0) {
        if (put_off(c, to, job))
            return;
        size_t arrived = bytes_arrived(from, w->now);
        tick when = path_waits(c, from, to, arrived);
        if (when > w->now) {
            conn_at(c, when, deliver_job, (int)job->number);
            conn_release(c);
            return;
        }
        if (!c->deaf)
            deliver(c, from, to, arrived);
    }
    from->delivering = false;
    if (!c->deaf)
        deliver_later(c, from);
    else if (!from->open && !to->open)
        c->state = CONN_OVER;
    conn_release(c);
}

void end_put(struct conn *c, struct end *e, struct slice bytes, struct mark mark)
{
    struct net *net = c->net;
    mark.at = net->world->now + path_latency(c);
    if (net->jitter_max > 0)
        mark.at += (tick)rand_below(&net->rand, (uint64_t)net->jitter_max);
    if (mark.at < e->last)
        mark.at = e->last;
    e->last = mark.at;
    mark.n = bytes.n;
    if (bytes.n > 0)
        bytes_put(e, bytes);
    mark_put(e, mark);
    if (c->state == CONN_STANDS)
        deliver_later(c, e);
}

void net_send(struct net *net, struct node *n, uint32_t link, struct slice bytes)
{
    struct end *e;
    struct conn *c = conn_of(net, n, link, &e);
    uint64_t length = bytes.n;
    log_bytes(&net->world->log, &length, sizeof length);
    log_bytes(&net->world->log, bytes.p, bytes.n);
    net->bytes += bytes.n;
    if (c == NULL || c->state != CONN_STANDS || bytes.n == 0)
        return; /* a reset is on its way to the sender, or it sends before it is connected */
    if (net->watched != NULL && e->secured)
        net->watched(net->watcher, n, other(c, e)->node, &e->watch, other(c, e)->watch, bytes,
                     false);
    end_put(c, e, bytes, (struct mark){.kind = MARK_BYTES});
    room_later(c, e);
}

void net_close(struct net *net, struct node *n, uint32_t link)
{
    struct end *e;
    struct conn *c = conn_of(net, n, link, &e);
    if (c == NULL)
        return;
    e->open = false;
    if (c->deaf && !other(c, e)->open) { /* nothing would tell either that it is over */
        c->state = CONN_OVER;
        c->jobs++;
        conn_release(c);
    } else if (c->state == CONN_STANDS) {
        end_put(c, e, slice_make(NULL, 0), (struct mark){.kind = MARK_END});
    }
}

/* --- connecting */

static void refuse(struct conn *c, enum down_reason reason)
{
    struct end *e = &c->end[0];
    c->state = CONN_OVER;
    if (end_hears(e))
        end_down(e, reason);
}

/* Nobody answers; the number of the job is the reason. */
static void nobody_job(struct world *w, struct job *job)
{
    struct conn *c = job->object;
    if (put_off(c, &c->end[0], job))
        return;
    refuse(c, (enum down_reason)job->number);
    conn_release(c);
}

static void nobody(struct conn *c, enum down_reason reason)
{
    conn_at(c, c->net->world->now, nobody_job, (int)reason);
}

static void connected_job(struct world *w, struct job *job)
{
    struct conn *c = job->object;
    struct end *e = &c->end[0];
    if (put_off(c, e, job))
        return;
    if (c->state == CONN_STANDS && !end_hears(e)) {
        conn_reset(c, path_latency(c)); /* the dialler gave up meanwhile */
    } else if (c->state == CONN_STANDS) {
        struct ils_event event = {.type = ILS_EV_CONNECTED, .link = e->link,
                                  .peer = c->end[1].local, .local = e->local};
        if (c->tls != NULL)
            tls_begin(c);
        node_step(e->node, &event);
    }
    conn_release(c);
}

static void connect_job(struct world *w, struct job *job)
{
    struct conn *c = job->object;
    struct end *from = &c->end[0], *to = &c->end[1];
    struct node *target = w->node[to->index];
    if (path_blocked(c->net, from, to) || path_blocked(c->net, to, from)) {
        int tries = (int)job->number + 1;
        if (tries < CONNECT_TRIES && from->open)
            conn_at(c, w->now + ((tick)TICK_S << job->number), connect_job, tries);
        else
            nobody(c, DOWN_TIMEOUT);
        conn_release(c);
        return;
    }
    if (strcmp(target->ip, to->local.ip) != 0) { /* it has moved meanwhile */
        nobody(c, DOWN_UNREACHABLE);
        conn_release(c);
        return;
    }
    if (target->paused_until > w->now) { /* the kernel accepts, the process hears later */
        conn_at(c, node_goes_on(target), connect_job, (int)job->number);
        conn_release(c);
        return;
    }
    if (target->ils == NULL || !target->listening || !from->open ||
        target->refuses_until > w->now) {
        nobody(c, target->refuses_until > w->now ? DOWN_RESET : DOWN_REFUSED);
        conn_release(c);
        return;
    }
    c->state = CONN_STANDS;
    to->node = target;
    to->incarnation = target->incarnation;
    to->link = LINK_ACCEPTED | ++target->accepted;
    to->open = true;
    bucket_add(to);
    from->stalled_until = to->stalled_until = target->silent_until;
    tick there = w->now + path_latency(c);
    from->last = to->last = there;
    conn_at(c, there, connected_job, 0);
    struct ils_event event = {.type = ILS_EV_ACCEPTED, .link = to->link, .tls = c->tls_port,
                              .peer = from->local, .local = to->local};
    node_step(target, &event);
    conn_release(c);
}

static struct address address_of(const struct node *n, uint16_t port)
{
    struct address a = {.port = port};
    memcpy(a.ip, n->ip, sizeof n->ip);
    return a;
}

void net_open(struct net *net, struct node *n, const struct ils_action *open)
{
    struct conn *c = grow_zero(sizeof *c);
    struct node *target = world_resolve(net->world, open->host);
    c->net = net;
    c->end[0].conn = c->end[1].conn = c;
    list_add(&net->conns, &c->node);
    c->latency = net->latency_min +
        (tick)rand_below(&net->rand, (uint64_t)(net->latency_max - net->latency_min) + 1);
    if (open->tls)
        c->tls = grow_zero(sizeof *c->tls);
    if (open->tls)
        c->tls->invite = open->invite;
    struct end *e = &c->end[0];
    e->node = n;
    e->index = n->index;
    e->incarnation = n->incarnation;
    e->link = open->link;
    e->open = true;
    bucket_add(e);
    n->port = n->port >= 60999 || n->port < 40000 ? 40000 : n->port;
    e->local = address_of(n, ++n->port);
    net->opened++;
    tick now = net->world->now;
    if (target == NULL) {
        bool numeric = open->host.n > 3 && memcmp(open->host.p, "10.", 3) == 0;
        conn_at(c, now + TICK_MS, nobody_job, numeric ? DOWN_UNREACHABLE : DOWN_UNRESOLVED);
        return;
    }
    c->end[1].index = target->index;
    c->end[1].local = address_of(target, open->port);
    c->tls_port = open->port == PORT_TLS_DEFAULT;
    if (open->port == PORT_TLS_DEFAULT || open->port == PORT_PASSWORD_DEFAULT)
        conn_at(c, now + path_latency(c), connect_job, 0);
    else
        conn_at(c, now + path_latency(c), nobody_job, DOWN_REFUSED);
}
