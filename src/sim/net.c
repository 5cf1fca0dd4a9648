/* net: see net.h. Each direction of a connection is a queue of bytes with marks that say when they
 * arrive; one job a direction delivers them, in pieces that the seed draws. */
#include "sim/net.h"

#include "sim/grow.h"
#include "sim/world.h"

#include <assert.h>

#define CHUNK_MAX     65536
#define FILTERED_WAIT (100 * TICK_MS)
#define CONNECT_TRIES 3 /* at 0 and 1 s; at 3 s nobody has answered */

struct mark {
    tick at;
    size_t n;
    bool end; /* the sender closed here */
};

struct end {
    struct node *node;   /* NULL: this end is gone */
    uint64_t incarnation;
    uint32_t link;
    bool open;           /* the core may send, and wants to hear */
    struct address local;
    unsigned index;      /* of the node, also when it is gone */
    /* what this end sent and the other has not read: */
    uint8_t *bytes;
    size_t from, n, size;
    struct mark *mark;
    size_t mark_from, mark_n, mark_size;
    tick last;           /* arrival of the newest byte */
    bool delivering;     /* a job is under way */
    bool room_due;
    size_t pending;      /* as told last */
};

enum conn_state { CONN_ASKED, CONN_STANDS, CONN_OVER };

struct conn {
    struct list node;
    struct net *net;
    enum conn_state state;
    struct end end[2];   /* [0] dialled */
    tick latency;
    bool tls;
    bool deaf;           /* power went at one end: bytes go nowhere */
    unsigned jobs;
};

void net_init(struct net *net, struct world *w, uint64_t seed, enum bug bug)
{
    memset(net, 0, sizeof *net);
    net->world = w;
    net->bug = bug;
    net->latency_min = net->latency_max = TICK_MS;
    net->small = 1;
    list_init(&net->conns);
    rand_seed(&net->rand, seed);
}

static void conn_free(struct conn *c)
{
    list_remove(&c->node);
    for (int i = 0; i < 2; i++) {
        free(c->end[i].bytes);
        free(c->end[i].mark);
    }
    free(c);
}

void net_done(struct net *net)
{
    list_each_safe(pos, &net->conns)
        conn_free(list_entry(pos, struct conn, node));
}

static struct end *other(struct conn *c, const struct end *e)
{
    return e == &c->end[0] ? &c->end[1] : &c->end[0];
}

static struct conn *conn_of(const struct net *net, const struct node *n, uint32_t link,
                            struct end **ret_end)
{
    list_each(pos, &net->conns) {
        struct conn *c = list_entry(pos, struct conn, node);
        for (int i = 0; i < 2; i++) {
            struct end *e = &c->end[i];
            if (e->node == n && e->link == link && e->open && e->incarnation == n->incarnation) {
                *ret_end = e;
                return c;
            }
        }
    }
    return NULL;
}

/* --- jobs: number = index of the end they are about */

static void conn_at(struct conn *c, tick when, void (*run)(struct world *, struct job *), int end)
{
    c->jobs++;
    world_at(c->net->world, when, NULL,
             (struct job){.run = run, .object = c, .number = (uint64_t)end});
}

/* The job is done; a connection that is over and has no job left goes. */
static void conn_release(struct conn *c)
{
    c->jobs--;
    if (c->state == CONN_OVER && c->jobs == 0)
        conn_free(c);
}

static bool end_hears(const struct end *e)
{
    return e->node != NULL && e->open && e->node->ils != NULL &&
           e->incarnation == e->node->incarnation;
}

static void end_down(struct end *e, enum down_reason reason)
{
    e->open = false;
    struct ils_event event = {.type = ILS_EV_DOWN, .link = e->link, .reason = reason};
    node_step(e->node, &event);
}

/* A paused process hears later: true when the job was put off. */
static bool put_off(struct conn *c, struct end *e, struct job *job)
{
    if (e->node == NULL || e->node->paused_until <= c->net->world->now)
        return false;
    conn_at(c, e->node->paused_until, job->run, (int)job->number);
    conn_release(c);
    return true;
}

static bool path_blocked(const struct conn *c, const struct end *from, const struct end *to)
{
    return c->net->blocked[from->index][to->index];
}

static tick path_latency(const struct conn *c)
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
static void conn_reset(struct conn *c, tick delay)
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
static size_t chunk(struct net *net, size_t arrived)
{
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
        if (m->at > now || m->end)
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

static void deliver(struct conn *c, struct end *from, struct end *to)
{
    struct net *net = c->net;
    struct mark *m = &from->mark[from->mark_from];
    if (m->end) {
        c->state = CONN_OVER;
        if (end_hears(to))
            end_down(to, DOWN_CLOSED);
        return;
    }
    size_t arrived = bytes_arrived(from, net->world->now);
    size_t n = chunk(net, arrived);
    struct ils_event event = {.type = ILS_EV_DATA, .link = to->link};
    uint8_t *copy = grow_copy(from->bytes + from->from, n);
    event.data = slice_make(copy, n);
    bytes_take(from, planted(net, n, arrived));
    if (end_hears(to))
        node_step(to->node, &event);
    free(copy);
    if (from->pending > 0)
        room_later(c, from);
}

static void deliver_job(struct world *w, struct job *job)
{
    struct conn *c = job->object;
    struct end *from = &c->end[job->number], *to = other(c, from);
    if (c->state != CONN_OVER && from->mark_n > 0) {
        if (put_off(c, to, job))
            return;
        if (path_blocked(c, from, to)) {
            conn_at(c, w->now + FILTERED_WAIT, deliver_job, (int)job->number);
            conn_release(c);
            return;
        }
        if (!c->deaf)
            deliver(c, from, to);
    }
    from->delivering = false;
    if (!c->deaf)
        deliver_later(c, from);
    conn_release(c);
}

static void end_put(struct conn *c, struct end *e, struct slice bytes, bool end)
{
    struct net *net = c->net;
    tick at = net->world->now + path_latency(c);
    if (net->jitter_max > 0)
        at += (tick)rand_below(&net->rand, (uint64_t)net->jitter_max);
    if (at < e->last)
        at = e->last;
    e->last = at;
    if (bytes.n > 0)
        bytes_put(e, bytes);
    mark_put(e, (struct mark){.at = at, .n = bytes.n, .end = end});
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
    end_put(c, e, bytes, false);
    room_later(c, e);
}

void net_close(struct net *net, struct node *n, uint32_t link)
{
    struct end *e;
    struct conn *c = conn_of(net, n, link, &e);
    if (c == NULL)
        return;
    e->open = false;
    if (c->state == CONN_STANDS)
        end_put(c, e, slice_make(NULL, 0), true);
}

/* --- connecting */

static void refuse(struct conn *c, enum down_reason reason)
{
    struct end *e = &c->end[0];
    c->state = CONN_OVER;
    if (end_hears(e))
        end_down(e, reason);
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
        node_step(e->node, &event);
    }
    conn_release(c);
}

static void connect_job(struct world *w, struct job *job)
{
    struct conn *c = job->object;
    struct end *from = &c->end[0], *to = &c->end[1];
    struct node *target = w->node[to->index];
    if (path_blocked(c, from, to) || path_blocked(c, to, from)) {
        int tries = (int)job->number + 1;
        if (tries < CONNECT_TRIES && from->open)
            conn_at(c, w->now + ((tick)TICK_S << job->number), connect_job, tries);
        else
            refuse(c, DOWN_TIMEOUT);
        conn_release(c);
        return;
    }
    if (target->paused_until > w->now) { /* the kernel accepts, the process hears later */
        conn_at(c, target->paused_until, connect_job, (int)job->number);
        conn_release(c);
        return;
    }
    if (target->ils == NULL || !target->listening || !from->open) {
        refuse(c, DOWN_REFUSED);
        conn_release(c);
        return;
    }
    c->state = CONN_STANDS;
    to->node = target;
    to->incarnation = target->incarnation;
    to->link = LINK_ACCEPTED | ++target->accepted;
    to->open = true;
    tick there = w->now + path_latency(c);
    from->last = to->last = there;
    conn_at(c, there, connected_job, 0);
    struct ils_event event = {.type = ILS_EV_ACCEPTED, .link = to->link, .tls = c->tls,
                              .peer = from->local, .local = to->local};
    node_step(target, &event);
    conn_release(c);
}

/* Nobody is there; the number of the job is the reason. */
static void nobody_job(struct world *w, struct job *job)
{
    struct conn *c = job->object;
    if (put_off(c, &c->end[0], job))
        return;
    refuse(c, (enum down_reason)job->number);
    conn_release(c);
}

static struct address address_of(const struct node *n, uint16_t port)
{
    struct address a = {.port = port};
    memcpy(a.ip, n->ip, sizeof n->ip);
    return a;
}

void net_open(struct net *net, struct node *n, uint32_t link, struct slice host, uint16_t port)
{
    struct conn *c = grow_zero(sizeof *c);
    struct node *target = world_resolve(net->world, host);
    c->net = net;
    list_add(&net->conns, &c->node);
    c->latency = net->latency_min +
        (tick)rand_below(&net->rand, (uint64_t)(net->latency_max - net->latency_min) + 1);
    struct end *e = &c->end[0];
    e->node = n;
    e->index = n->index;
    e->incarnation = n->incarnation;
    e->link = link;
    e->open = true;
    n->port = n->port >= 60999 || n->port < 40000 ? 40000 : n->port;
    e->local = address_of(n, ++n->port);
    net->opened++;
    tick now = net->world->now;
    if (target == NULL) {
        bool numeric = host.n > 3 && memcmp(host.p, "10.", 3) == 0;
        conn_at(c, now + TICK_MS, nobody_job, numeric ? DOWN_UNREACHABLE : DOWN_UNRESOLVED);
        return;
    }
    c->end[1].index = target->index;
    c->end[1].local = address_of(target, port);
    c->tls = port == PORT_TLS_DEFAULT;
    if (port == PORT_TLS_DEFAULT || port == PORT_PASSWORD_DEFAULT)
        conn_at(c, now + path_latency(c), connect_job, 0);
    else
        conn_at(c, now + path_latency(c), nobody_job, DOWN_REFUSED);
}

/* --- faults */

size_t net_cut(struct net *net, const struct node *a, const struct node *b)
{
    size_t n = 0;
    list_each_safe(pos, &net->conns) {
        struct conn *c = list_entry(pos, struct conn, node);
        struct node *x = c->end[0].node, *y = c->end[1].node;
        if (c->state != CONN_STANDS || !((x == a && (b == NULL || y == b)) ||
                                         (y == a && (b == NULL || x == b))))
            continue;
        conn_reset(c, 0);
        n++;
    }
    return n;
}

void net_filter(struct net *net, const struct node *a, const struct node *b, bool on)
{
    if (!on && net->bug == BUG_LATE_FOREVER && rand_below(&net->rand, 2) == 0)
        return;
    net->blocked[a->index][b->index] = net->blocked[b->index][a->index] = on;
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
    list_each(pos, &net->conns) {
        const struct conn *c = list_entry(pos, struct conn, node);
        const struct node *x = c->end[0].node, *y = c->end[1].node;
        if (c->state == CONN_STANDS && ((x == a && y == b) || (x == b && y == a)))
            n++;
    }
    return n;
}
