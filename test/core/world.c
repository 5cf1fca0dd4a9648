/* world: see world.h. */
#include "world.h"

#include <stdio.h>

static struct event_queued *push(struct world *w, int node)
{
    if (w->queue_n == w->queue_size) {
        w->queue_size = w->queue_size == 0 ? 256 : w->queue_size * 2;
        w->queue = realloc(w->queue, w->queue_size * sizeof *w->queue);
    }
    struct event_queued *q = &w->queue[w->queue_n++];
    memset(q, 0, sizeof *q);
    q->node = node;
    return q;
}

static void entropy(struct world *w, uint8_t dst[32])
{
    for (int i = 0; i < 32; i++) {
        w->seed = w->seed * UINT64_C(6364136223846793005) + 1442695040888963407u;
        dst[i] = (uint8_t)(w->seed >> 56);
    }
}

static struct wire *wire_of(struct world *w, int node, uint32_t id, int *ret_end)
{
    for (size_t i = 0; i < w->wire_n; i++)
        for (int e = 0; e < 2; e++)
            if (w->wire[i].node[e] == node && w->wire[i].id[e] == id) {
                *ret_end = e;
                return &w->wire[i];
            }
    return NULL;
}

static void address(struct address *a, int node, uint16_t port)
{
    memset(a, 0, sizeof *a);
    memcpy(a->ip, "10.0.0.1", 9);
    a->ip[7] = (char)('1' + node);
    a->port = port;
}

/* The bytes that end e shows from now on. */
static void show(struct world *w, struct wire *wire, int e)
{
    struct view_own own;
    free(wire->der[e]);
    wire->der[e] = NULL;
    wire->der_n[e] = 0;
    if (!view_own(w->node[wire->node[e]].ils, 0, &own))
        return;
    wire->der[e] = malloc(own.leaf.n);
    memcpy(wire->der[e], own.leaf.p, own.leaf.n);
    wire->der_n[e] = own.leaf.n;
}

/* The handshake of TLS succeeds at once, unless an end has nothing to show. */
static void secure(struct world *w, struct wire *wire)
{
    entropy(w, wire->random);
    entropy(w, wire->exporter);
    for (int e = 0; e < 2; e++)
        show(w, wire, e);
    bool fine = wire->der[1] != NULL;
    for (int e = 0; e < 2; e++) {
        struct event_queued *q = push(w, wire->node[e]);
        q->event.type = fine ? ILS_EV_SECURED : ILS_EV_DOWN;
        q->event.link = wire->id[e];
        q->event.reason = e == 0 ? DOWN_ALERT : DOWN_TLS;
        q->event.tls_error.text[0] = slice_of("no shared cipher");
    }
    wire->secured = fine;
    if (!fine)
        wire->node[0] = wire->node[1] = -1;
}

static void wire_free(struct wire *wire)
{
    for (int e = 0; e < 2; e++) {
        free(wire->der[e]);
        free(wire->late[e]);
    }
}

static struct wire *free_wire(struct world *w)
{
    for (size_t k = 0; k < w->wire_n; k++)
        if (w->wire[k].node[0] < 0 && w->wire[k].node[1] < 0) {
            wire_free(&w->wire[k]);
            return &w->wire[k];
        }
    return w->wire_n == WORLD_LINKS ? NULL : &w->wire[w->wire_n++];
}

/* The node that is called "nI" or has that address. */
static int resolve(struct slice host)
{
    struct address a;
    if (host.n == 2 && host.p[0] == 'n' && host.p[1] >= '0' && host.p[1] < '0' + WORLD_NODES)
        return host.p[1] - '0';
    for (int i = 0; i < WORLD_NODES; i++) {
        address(&a, i, 0);
        if (slice_eq(host, slice_of(a.ip)))
            return i;
    }
    return -1;
}

static void do_open(struct world *w, int i, const struct ils_action *a)
{
    int to = resolve(a->host);
    struct node *other = to >= 0 ? &w->node[to] : NULL;
    struct wire *wire = NULL;
    if (other != NULL && other->ils != NULL && other->listening && !w->blocked[i][to] &&
        !w->dark[i][to])
        wire = free_wire(w);
    if (to >= 0 && w->dark[i][to])
        return;
    if (wire == NULL) {
        struct event_queued *q = push(w, i);
        q->event.type = ILS_EV_DOWN;
        q->event.link = a->link;
        q->event.reason = other == NULL       ? DOWN_UNRESOLVED
                          : w->blocked[i][to] ? DOWN_TIMEOUT : DOWN_REFUSED;
        return;
    }
    *wire = (struct wire){{i, to}, {a->link, LINK_ACCEPTED | (uint32_t)++other->next_accept}};
    wire->tls = a->tls;
    wire->invite = a->invite;
    for (int e = 0; e < 2; e++) {
        struct event_queued *q = push(w, wire->node[e]);
        q->event.type = e == 0 ? ILS_EV_CONNECTED : ILS_EV_ACCEPTED;
        q->event.link = wire->id[e];
        q->event.tls = a->tls;
        entropy(w, q->event.entropy);
        address(&q->event.peer, e == 0 ? to : i, e == 0 ? a->port : 30000);
        address(&q->event.local, e == 0 ? i : to, e == 0 ? 30000 : a->port);
    }
    if (a->tls)
        secure(w, wire);
}

/* Each live link's certificate is verified anew. */
static void do_trust(struct world *w, int i)
{
    for (size_t k = 0; k < w->wire_n; k++)
        for (int e = 0; e < 2; e++) {
            if (w->wire[k].node[e] != i || !w->wire[k].secured)
                continue;
            struct event_queued *q = push(w, i);
            q->event.type = ILS_EV_CERTIFICATE;
            q->event.link = w->wire[k].id[e];
        }
}

static void do_verify(struct world *w, int i, const struct ils_action *a)
{
    struct event_queued *q = push(w, i);
    q->event.type = ILS_EV_VERIFIED;
    q->event.question = a->question;
    q->bytes = malloc(a->data.n + 1);
    memcpy(q->bytes, a->data.p, a->data.n);
    q->event.data = slice_make(q->bytes, a->data.n);
}

static void push_data(struct world *w, const struct wire *wire, int end, struct slice data)
{
    struct event_queued *q = push(w, wire->node[end]);
    q->event.type = ILS_EV_DATA;
    q->event.link = wire->id[end];
    q->bytes = malloc(data.n);
    memcpy(q->bytes, data.p, data.n);
    if (w->corrupt)
        q->bytes[data.n / 2] ^= 1;
    q->event.data = slice_make(q->bytes, data.n);
}

/* What a second lets through of what is on the way. */
static void push_late(struct world *w)
{
    for (size_t k = 0; k < w->wire_n; k++)
        for (int e = 0; e < 2; e++) {
            struct wire *wire = &w->wire[k];
            size_t n = wire->late_n[e] < w->slow ? wire->late_n[e] : w->slow;
            if (n == 0 || wire->node[e] < 0)
                continue;
            push_data(w, wire, e, slice_make(wire->late[e], n));
            wire->late_n[e] -= n;
            memmove(wire->late[e], wire->late[e] + n, wire->late_n[e]);
        }
}

static void do_send(struct world *w, int i, const struct ils_action *a)
{
    int end;
    struct wire *wire = wire_of(w, i, a->link, &end);
    if (wire == NULL || wire->node[1 - end] < 0)
        return;
    if (w->slow != 0) {
        size_t n = wire->late_n[1 - end];
        wire->late[1 - end] = realloc(wire->late[1 - end], n + a->data.n);
        memcpy(wire->late[1 - end] + n, a->data.p, a->data.n);
        wire->late_n[1 - end] += a->data.n;
    } else {
        push_data(w, wire, 1 - end, a->data);
    }
    struct event_queued *room = push(w, i);
    room->event.type = ILS_EV_ROOM;
    room->event.link = a->link;
}

static void do_close(struct world *w, int i, const struct ils_action *a)
{
    int end;
    struct wire *wire = wire_of(w, i, a->link, &end);
    if (wire == NULL)
        return;
    wire->node[end] = -1;
    if (wire->node[1 - end] < 0)
        return;
    struct event_queued *q = push(w, wire->node[1 - end]);
    q->event.type = ILS_EV_DOWN;
    q->event.link = wire->id[1 - end];
    q->event.reason = DOWN_CLOSED;
}

static void drop_below(struct node *n, const struct row *r)
{
    for (size_t i = 0; i < n->row_n;) {
        const struct world_row *o = &n->row[i];
        if (o->space != r->space || slice_cmp(slice_make(o->key, o->key_n), r->key) >= 0) {
            i++;
            continue;
        }
        free(o->key);
        free(o->value);
        n->row[i] = n->row[--n->row_n];
    }
}

static void keep_row(struct node *n, const struct row *r)
{
    if (r->remove && r->below) {
        drop_below(n, r);
        return;
    }
    size_t i = 0;
    while (i < n->row_n &&
           (n->row[i].space != r->space || n->row[i].key_n != r->key.n ||
            memcmp(n->row[i].key, r->key.p, r->key.n) != 0))
        i++;
    if (i < n->row_n) {
        free(n->row[i].key);
        free(n->row[i].value);
        n->row[i] = n->row[--n->row_n];
    }
    if (r->remove)
        return;
    assert_true(n->row_n < WORLD_ROWS);
    struct world_row *to = &n->row[n->row_n++];
    *to = (struct world_row){r->space, malloc(r->key.n + 1), malloc(r->value.n + 1), r->key.n,
                             r->value.n};
    memcpy(to->key, r->key.p, r->key.n);
    if (r->value.n != 0)
        memcpy(to->value, r->value.p, r->value.n);
}

static void do_store(struct world *w, int i, const struct ils_action *a)
{
    struct node *n = &w->node[i];
    bool refused = n->full || (n->fails && n->takes-- == 0), own = true;
    n->full = refused && !n->once;
    if (w->stores != NULL)
        refused = !w->stores(w, i, a, &own) || refused;
    for (size_t k = 0; k < a->row_n && !refused && own; k++)
        keep_row(&w->node[i], &a->row[k]);
    struct event_queued *q = push(w, i);
    q->event.type = ILS_EV_STORED;
    q->event.batch = a->batch;
    q->event.failed = refused;
}

static void do_trace(struct node *n, const struct trace *t)
{
    if (n->said_n == WORLD_SAID)
        return;
    struct said *said = &n->said[n->said_n++];
    *said = (struct said){.event = t->event, .code = t->code, .number = t->number[0]};
    memcpy(said->verdict_id, t->verdict_id, VERDICT_ID_SIZE);
    slice_to_text(t->text[0], said->text, sizeof said->text);
}

static void perform(struct world *w, int i, const struct ils_actions *actions)
{
    struct node *n = &w->node[i];
    for (size_t k = 0; k < actions->n; k++) {
        const struct ils_action *a = &actions->action[k];
        switch (a->type) {
        case ILS_DO_LISTEN: n->listening = a->on; break;
        case ILS_DO_OPEN: do_open(w, i, a); break;
        case ILS_DO_SEND: do_send(w, i, a); break;
        case ILS_DO_CLOSE: do_close(w, i, a); break;
        case ILS_DO_STORE: do_store(w, i, a); break;
        case ILS_DO_TRUST: do_trust(w, i); break;
        case ILS_DO_VERIFY: do_verify(w, i, a); break;
        case ILS_DO_TRACE: do_trace(n, &a->trace); break;
        case ILS_DO_VERDICT:
            n->verdict = a->verdict;
            n->verdicts++;
            break;
        case ILS_DO_REPLY:
            n->reply = a->reply;
            snprintf(n->text, sizeof n->text, "%.*s", (int)a->text.n, (const char *)a->text.p);
            n->replied = a->command;
            n->replies++;
            break;
        case ILS_DO_PUBLISH:
        case ILS_DO_READ:
        case ILS_DO_RELOAD:
        case ILS_DO_ALARM: break;
        }
    }
}

static wall clock_of(const struct world *w, int i)
{
    return w->wall + w->now + w->node[i].skew;
}

/* By which its driver verifies. */
static wall date_of(const struct world *w, int i)
{
    return view_date(w->node[i].ils, clock_of(w, i));
}

static void step(struct world *w, int i, struct ils_event *event)
{
    struct node *n = &w->node[i];
    struct ils_actions actions = {0};
    if (n->ils == NULL || n->dead)
        return;
    event->now = w->now;
    event->wall = clock_of(w, i);
    if (ils_step(n->ils, event, &actions) != 0)
        n->dead = true;
    else
        perform(w, i, &actions);
}

/* What the two ends of TLS see of each other. */
static void step_secured(struct world *w, int i, struct ils_event *event)
{
    int e;
    struct pki_memory theirs, mine;
    struct secured s = {0};
    struct certificate own;
    struct wire *wire = wire_of(w, i, event->link, &e);
    if (wire == NULL)
        return;
    s.invite = wire->invite;
    memcpy(s.client_random, wire->random, 32);
    memcpy(s.exporter, wire->exporter, 32);
    if (wire->der[1 - e] != NULL)
        pki_verify(w->node[i].ils, slice_make(wire->der[1 - e], wire->der_n[1 - e]),
                   date_of(w, i), &s.peer, &theirs);
    if (wire->der[e] != NULL && pki_facts(slice_make(wire->der[e], wire->der_n[e]), &own, &mine)) {
        s.spki_mine = own.spki;
        memcpy(s.mine, own.fingerprint, sizeof s.mine);
    }
    s.exporter[0] ^= e == 1 && w->split == SPLIT_EXPORTER;
    mine.spki[7] ^= e == 1 && w->split == SPLIT_KEY;
    s.client_random[31] ^= e == 1 && w->split == SPLIT_RANDOM;
    event->secured = &s;
    step(w, i, event);
}

/* Events that carry a certificate are made when they are delivered: by the trust of the moment. */
static void deliver(struct world *w, int i, struct ils_event *event)
{
    int e;
    struct pki_memory memory;
    struct certificate c = {0};
    struct wire *wire = wire_of(w, i, event->link, &e);
    if (w->node[i].ils == NULL)
        return;
    if (event->type == ILS_EV_SECURED) {
        step_secured(w, i, event);
        return;
    }
    if (event->type == ILS_EV_VERIFIED)
        pki_verify(w->node[i].ils, event->data, date_of(w, i), &c, &memory);
    else if (event->type == ILS_EV_CERTIFICATE && wire != NULL && wire->der[1 - e] != NULL)
        pki_verify(w->node[i].ils, slice_make(wire->der[1 - e], wire->der_n[1 - e]),
                   date_of(w, i), &c, &memory);
    else if (event->type == ILS_EV_CERTIFICATE)
        return;
    event->certificate = &c;
    step(w, i, event);
}

void world_init(struct world *w)
{
    memset(w, 0, sizeof *w);
    w->now = 1;
    w->wall = INT64_C(1700000000000000);
    w->seed = 7;
}

static void free_rows(struct world_row *row, size_t n)
{
    for (size_t k = 0; k < n; k++) {
        free(row[k].key);
        free(row[k].value);
    }
}

static size_t copy_rows(struct world_row *to, const struct world_row *from, size_t n)
{
    for (size_t k = 0; k < n; k++) {
        to[k] = from[k];
        to[k].key = malloc(from[k].key_n + 1);
        to[k].value = malloc(from[k].value_n + 1);
        memcpy(to[k].key, from[k].key, from[k].key_n);
        memcpy(to[k].value, from[k].value, from[k].value_n);
    }
    return n;
}

static void drop_queue(struct world *w)
{
    for (size_t i = w->queue_at; i < w->queue_n; i++)
        free(w->queue[i].bytes);
    w->queue_at = w->queue_n = 0;
}

void world_done(struct world *w)
{
    drop_queue(w);
    for (int i = 0; i < WORLD_NODES; i++) {
        struct node *n = &w->node[i];
        ils_free(n->ils);
        free_rows(n->row, n->row_n);
        free_rows(n->image, n->image_n);
    }
    for (size_t k = 0; k < w->wire_n; k++)
        wire_free(&w->wire[k]);
    free(w->queue);
}

void world_stop(struct world *w, int i)
{
    for (size_t k = 0; k < w->wire_n; k++)
        for (int e = 0; e < 2; e++)
            if (w->wire[k].node[e] == i) {
                w->wire[k].node[e] = -1;
                if (w->wire[k].node[1 - e] < 0)
                    continue;
                struct event_queued *q = push(w, w->wire[k].node[1 - e]);
                q->event.type = ILS_EV_DOWN;
                q->event.link = w->wire[k].id[1 - e];
                q->event.reason = DOWN_RESET;
            }
    for (size_t k = w->queue_at; k < w->queue_n; k++)
        if (w->queue[k].node == i)
            w->queue[k].node = WORLD_NODES; /* nobody */
    ils_free(w->node[i].ils);
    w->node[i].ils = NULL;
    w->node[i].listening = false;
}

void world_image(struct world *w, int i)
{
    struct node *n = &w->node[i];
    free_rows(n->image, n->image_n);
    n->image_n = copy_rows(n->image, n->row, n->row_n);
}

void world_copy(struct world *w, int from, int to)
{
    world_stop(w, to);
    struct node *n = &w->node[to];
    for (size_t k = 0; k < n->row_n; k++) {
        free(n->row[k].key);
        free(n->row[k].value);
    }
    n->row_n = w->node[from].row_n;
    for (size_t k = 0; k < n->row_n; k++) {
        const struct world_row *r = &w->node[from].row[k];
        n->row[k] = *r;
        n->row[k].key = malloc(r->key_n + 1);
        n->row[k].value = malloc(r->value_n + 1);
        memcpy(n->row[k].key, r->key, r->key_n);
        memcpy(n->row[k].value, r->value, r->value_n);
    }
}

void world_restore(struct world *w, int i)
{
    struct node *n = &w->node[i];
    free_rows(n->row, n->row_n);
    n->row_n = copy_rows(n->row, n->image, n->image_n);
}

void world_start(struct world *w, int i, struct mem *mem)
{
    struct node *n = &w->node[i];
    n->world = w;
    n->mem = mem;
    n->dead = false;
    n->ils = ils_new(mem);
    for (uint8_t space = 0; space < ROW_SPACES; space++)
        for (size_t k = 0; k < n->row_n; k++) {
            const struct world_row *r = &n->row[k];
            if (r->space != space)
                continue;
            struct ils_event e = {.type = ILS_EV_ROW};
            e.row = (struct row){r->space, slice_make(r->key, r->key_n),
                                 slice_make(r->value, r->value_n), false};
            step(w, i, &e);
        }
    struct ils_event e = {.type = ILS_EV_START};
    entropy(w, e.entropy);
    e.start.tls_port = 7501;
    e.start.password_port = 7502;
    e.start.version = slice_of("test");
    e.start.built = w->built;
    char name[] = "n0";
    name[1] = (char)('0' + i);
    e.start.advertise = slice_of(name);
    step(w, i, &e);
    world_run(w);
}

/* The next event of the queue; false: it is empty. */
static bool deliver_next(struct world *w)
{
    if (w->queue_at == w->queue_n)
        return false;
    struct event_queued q = w->queue[w->queue_at++];
    int end;
    bool stands = q.event.type != ILS_EV_DATA || wire_of(w, q.node, q.event.link, &end);
    if (q.node < WORLD_NODES && stands)
        deliver(w, q.node, &q.event);
    free(q.bytes);
    return true;
}

void world_steps(struct world *w, size_t n)
{
    while (n-- != 0 && deliver_next(w))
        ;
}

void world_wake(struct world *w, int i)
{
    struct ils_event e = {.type = ILS_EV_DEADLINE};
    step(w, i, &e);
}

void world_run(struct world *w)
{
    for (size_t guard = 0; guard < 200000; guard++) {
        if (deliver_next(w))
            continue;
        w->queue_at = w->queue_n = 0;
        bool woke = false;
        for (int i = 0; i < WORLD_NODES; i++) {
            struct node *n = &w->node[i];
            if (n->ils == NULL || n->dead || ils_deadline(n->ils) > w->now)
                continue;
            world_wake(w, i);
            woke = true;
        }
        if (!woke)
            return;
    }
    fail_msg("the world does not settle");
}

void world_pass(struct world *w, tick t)
{
    tick end = w->now + t;
    while (w->now < end) {
        tick next = end;
        for (int i = 0; i < WORLD_NODES; i++)
            if (w->node[i].ils != NULL && !w->node[i].dead) {
                tick d = ils_deadline(w->node[i].ils);
                next = d < next ? d : next;
            }
        tick second = w->now + TICK_S - w->now % TICK_S;
        next = w->slow != 0 && second < next ? second : next;
        w->now = next > w->now ? next : w->now + 1;
        if (w->slow != 0 && w->now == second)
            push_late(w);
        world_run(w);
    }
}

void world_cut(struct world *w, int a, int b)
{
    for (size_t k = 0; k < w->wire_n; k++) {
        struct wire *wire = &w->wire[k];
        bool both = (wire->node[0] == a && wire->node[1] == b) ||
                    (wire->node[0] == b && wire->node[1] == a);
        for (int e = 0; both && e < 2; e++) {
            struct event_queued *q = push(w, wire->node[e]);
            q->event.type = ILS_EV_DOWN;
            q->event.link = wire->id[e];
            q->event.reason = DOWN_RESET;
        }
        if (both)
            wire->node[0] = wire->node[1] = -1;
    }
}

void world_block(struct world *w, int a, int b, bool on)
{
    w->blocked[a][b] = w->blocked[b][a] = on;
    if (on)
        world_cut(w, a, b);
}

uint64_t world_ask(struct world *w, int i, struct command c)
{
    struct ils_event e = {.type = ILS_EV_COMMAND, .command = &c};
    c.id = ++w->commands;
    c.who = slice_of("test");
    w->node[i].reply = REPLIES;
    step(w, i, &e);
    return c.id;
}

enum reply world_command(struct world *w, int i, struct command c)
{
    world_ask(w, i, c);
    world_run(w);
    return w->node[i].reply;
}

static void common(struct world *w, int i, const char *password)
{
    char id[] = "c0", fqdn[] = "c0.example";
    id[1] = fqdn[1] = (char)('0' + i);
    world_command(w, i, (struct command){.type = COMMAND_INIT, .cluster_id = slice_of(id),
                                         .fqdn = slice_of(fqdn)});
    struct command auth = {.type = COMMAND_AUTH};
    auth.auth = (struct auth){.password = true, .set_tls = true, .set_password = true};
    world_command(w, i, auth);
    struct command add = {.type = COMMAND_PASSWORD_ADD, .generation = 1};
    crypto_hash1(add.stretched, "test password", slice_of(password));
    world_command(w, i, add);
}

void world_hub(struct world *w, int i, const char *password)
{
    common(w, i, password);
    world_command(w, i, (struct command){.type = COMMAND_ROLE, .role = ROLE_HUB});
}

void world_spoke(struct world *w, int i, int hub, const char *password)
{
    char name[] = "n0";
    name[1] = (char)('0' + hub);
    common(w, i, password);
    world_command(w, i, (struct command){.type = COMMAND_JOIN, .host = slice_of(name),
                                         .role = ROLE_SPOKE});
}

enum reply world_certificate(struct world *w, int i, const struct pki *c, bool now)
{
    char id[] = "c0", fqdn[] = "c0.example";
    struct pki_memory memory;
    uint8_t der[PKI_DER_MAX];
    struct view_self self;
    struct command command = {.type = COMMAND_CERTIFICATE, .now = now};
    id[1] = fqdn[1] = (char)('0' + i);
    pki_facts(pki_der(c, der), &command.own.leaf, &memory);
    command.own.key = slice_of("a key");
    view_self(w->node[i].ils, &self);
    if (!self.initialised) {
        command.type = COMMAND_INIT;
        command.cluster_id = slice_of(id);
        command.fqdn = slice_of(fqdn);
    }
    return world_command(w, i, command);
}

enum reply world_trust(struct world *w, int i, struct slice der)
{
    struct trust_item item = pki_item(der);
    return world_command(w, i, (struct command){.type = COMMAND_TRUST_ADD, .trust = &item,
                                                .trust_n = 1});
}

enum reply world_auth(struct world *w, int i, bool tls, bool password, uint8_t accept)
{
    struct command c = {.type = COMMAND_AUTH};
    c.auth = (struct auth){.tls = tls, .password = password, .accept = accept, .set_tls = true,
                           .set_password = true, .set_accept = true};
    return world_command(w, i, c);
}

enum reply world_join(struct world *w, int i, int hub, enum ils_role role)
{
    char name[] = "n0";
    name[1] = (char)('0' + hub);
    return world_command(w, i, (struct command){.type = COMMAND_JOIN, .host = slice_of(name),
                                                .role = role});
}

void world_hush(struct world *w)
{
    for (int i = 0; i < WORLD_NODES; i++)
        w->node[i].said_n = 0;
}

enum reply world_plan(struct world *w, int i, const char *uri, bool put)
{
    struct slice s = slice_of(uri);
    size_t at = slice_find(s, '@');
    struct change change = {.put = put, .kind = ENTRY_URI, .user = slice_make(s.p, at),
                            .domain = slice_make(s.p + at + 1, s.n - at - 1)};
    return world_command(w, i, (struct command){.type = COMMAND_PLAN, .change = &change,
                                                .change_n = 1, .source = slice_of("test")});
}

bool world_said(const struct world *w, int i, enum trace_event event)
{
    for (size_t k = 0; k < w->node[i].said_n; k++)
        if (w->node[i].said[k].event == event)
            return true;
    return false;
}

bool world_answers(const struct world *w, int i, const char *dialled)
{
    struct test_mem t;
    struct arena a;
    struct lookup r;
    test_mem_init(&t, 0);
    arena_init(&a, &t.mem);
    plan_lookup(view_plan(w->node[i].ils), view_routes(w->node[i].ils), &a, slice_of(dialled), &r);
    bool found = r.match_n != 0 && r.result != LOOKUP_BLOCKED;
    arena_done(&a);
    return found;
}
